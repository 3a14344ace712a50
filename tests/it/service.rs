//! Services: their configuration, shared metrics, and the loop that runs and measures cycles.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use narthex::service::{CycleFailure, MetricsConfig, Runner, RunnerBuilder, ServiceMetrics};
use narthex::{CollectorRegistry, Gauge};

use crate::http_client::get;

const NEVER: Duration = Duration::from_secs(3600);

fn runner(registry: &CollectorRegistry) -> RunnerBuilder {
    let metrics = ServiceMetrics::register(registry).unwrap();
    Runner::builder("crawler", &metrics).stop_at_signals(false).interval(Duration::from_millis(1))
}

fn counter(registry: &CollectorRegistry, name: &str) -> Option<f64> {
    let labels = [("service", "crawler"), ("name", name)];
    registry.get_sample_value("service_counter_total", &labels)
}

fn gauge(registry: &CollectorRegistry, name: &str) -> Option<f64> {
    let labels = [("service", "crawler"), ("name", name)];
    registry.get_sample_value("service_gauge", &labels)
}

fn cycles(registry: &CollectorRegistry) -> Option<f64> {
    registry.get_sample_value("cycle_duration_seconds_count", &[("service", "crawler")])
}

#[test]
fn a_configuration_says_whether_and_where() {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "h").register(&registry).unwrap().set(2);
    let read = |text: &str| serde_json::from_str::<MetricsConfig>(text);

    let silent = read("{}").unwrap();
    assert_eq!(silent, MetricsConfig::default());
    assert!(!silent.is_enabled() && silent.start(&registry).unwrap().is_none());
    assert_eq!((silent.host(), silent.port(), silent.path()), ("127.0.0.1", 8000, "/metrics"));

    let config =
        read(r#"{"enabled": true, "host": "localhost", "port": 0, "path": "/a"}"#).unwrap();
    let server = config.start(&registry).unwrap().unwrap();
    assert!(get(server.local_addr(), "/a").text().ends_with("\ng 2.0\n"));
    let again = serde_json::to_string(&config).unwrap();
    assert_eq!(read(&again).unwrap(), config);

    let taken = config.with_host("127.0.0.1").with_port(server.local_addr().port());
    let taken = if server.local_addr().is_ipv6() { taken.with_host("::1") } else { taken };
    assert!(taken.start(&registry).unwrap_err().is_io());
    for (text, told) in [
        (r#"{"prot": 1}"#, "unknown field `prot`"),
        (r#"{"port": 65536}"#, "65536"),
        (r#"{"host": ""}"#, "the host of metrics is empty"),
        (r#"{"path": "a"}"#, "the metrics path \"a\" does not begin with a slash"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let unchecked = MetricsConfig::new().with_enabled(true).with_path("a");
    assert!(unchecked.start(&registry).unwrap_err().is_invalid_value());
}

#[test]
fn services_share_metrics() {
    let registry = CollectorRegistry::new();
    let metrics = ServiceMetrics::register(&registry).unwrap();
    metrics.set_info([("version", "1.2")]).unwrap();
    metrics.set_gauge("crawler", "depth", 7.5);
    ServiceMetrics::register(&registry).unwrap().inc_counter("crawler", "pages", 3);
    metrics.inc_counter("crawler", "pages", 0.5);
    assert_eq!(registry.get_sample_value("service_info", &[("version", "1.2")]), Some(1.0));
    assert_eq!(gauge(&registry, "depth"), Some(7.5));
    assert_eq!(counter(&registry, "pages"), Some(3.5));

    let taken = CollectorRegistry::new();
    Gauge::builder("service_gauge", "h").register(&taken).unwrap();
    assert!(ServiceMetrics::register(&taken).unwrap_err().is_duplicate());
}

/// Two cycles that are well, and then those that fail, in three ways; the last one stops it.
fn end_of(cycle: u32) -> Result<(), CycleFailure> {
    match cycle {
        0 | 1 => Ok(()),
        2 => Err(io::Error::other("broken").into()),
        3 => Err(CycleFailure::new("timeout", "no answer")),
        4 => panic!("a test"),
        _ => Ok(()),
    }
}

fn check(registry: &CollectorRegistry) {
    assert_eq!(counter(registry, "cycles_success"), Some(3.0));
    assert_eq!(counter(registry, "cycles_failed"), Some(3.0));
    for kind in ["errors_Error", "errors_timeout", "errors_panic"] {
        assert_eq!(counter(registry, kind), Some(1.0), "{kind}");
    }
    assert_eq!(cycles(registry), Some(6.0));
    assert_eq!(gauge(registry, "consecutive_failures"), Some(0.0));
    // After the year 2020.
    assert!(gauge(registry, "last_cycle_timestamp").unwrap() > 1.6e9);
}

#[test]
fn cycles_are_measured_however_they_end() {
    let registry = CollectorRegistry::new();
    let runner = runner(&registry).build().unwrap();
    let (stop, mut cycle) = (runner.stop_handle(), 0);
    runner
        .run_blocking(|| {
            // What is shown is what the cycles before have made.
            let failed = f64::from(cycle).max(2.0) - 2.0;
            assert!(cycle > 4 || gauge(&registry, "consecutive_failures") == Some(failed));
            cycle += 1;
            if cycle == 6 {
                stop.stop();
            }
            end_of(cycle - 1)
        })
        .unwrap();
    check(&registry);
}

#[test]
fn cycles_that_await_are_measured_alike() {
    let registry = CollectorRegistry::new();
    let runner = runner(&registry).build().unwrap();
    let (stop, cycle) = (runner.stop_handle(), AtomicU32::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let run = runner.run(|| async {
        tokio::task::yield_now().await;
        let cycle = cycle.fetch_add(1, Ordering::Relaxed);
        if cycle == 5 {
            stop.stop();
        }
        end_of(cycle)
    });
    runtime.block_on(run).unwrap();
    check(&registry);
}

#[test]
fn it_gives_up_after_so_many_failures_in_a_row() {
    let registry = CollectorRegistry::new();
    let limited = || runner(&registry).max_consecutive_failures(2).build().unwrap();
    // Well, failed, well, failed, failed.
    let mut ends = [true, false, true, false, false].into_iter();
    let mut cycle = || match ends.next() {
        Some(true) => Ok(()),
        Some(false) => Err(CycleFailure::new("timeout", "no answer")),
        None => panic!("it goes on"),
    };
    let error = limited().run_blocking(&mut cycle).unwrap_err();
    assert!(error.is_collector());
    assert_eq!(error.to_string(), "2 cycles of crawler in a row have failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no answer");
    assert_eq!(gauge(&registry, "consecutive_failures"), Some(2.0));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = runtime.block_on(limited().run(|| async { end_of(3) })).unwrap_err();
    assert_eq!(error.to_string(), "2 cycles of crawler in a row have failed");
}

#[test]
fn it_is_stopped_while_it_waits() {
    let registry = CollectorRegistry::new();
    let begun = Instant::now();
    let blocking = runner(&registry).interval(NEVER).build().unwrap();
    let stop = blocking.stop_handle();
    thread::scope(|scope| {
        scope.spawn(|| blocking.run_blocking(|| Ok(())).unwrap());
        while cycles(&registry) != Some(1.0) {
            thread::yield_now();
        }
        stop.stop();
    });
    assert!(stop.is_stopped());

    let awaiting = runner(&registry).interval(NEVER).build().unwrap();
    let stop = awaiting.stop_handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let stops = async {
            while cycles(&registry) != Some(2.0) {
                tokio::task::yield_now().await;
            }
            stop.stop();
        };
        tokio::join!(async { awaiting.run(|| async { Ok(()) }).await.unwrap() }, stops);
    });
    assert!(begun.elapsed() < NEVER);
    // One that was stopped before runs no cycle.
    let stopped = runner(&registry).build().unwrap();
    stopped.stop_handle().stop();
    stopped.run_blocking(|| panic!("it runs")).unwrap();
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let metrics = ServiceMetrics::register(&CollectorRegistry::new()).unwrap();
    assert!(Runner::builder("", &metrics).build().unwrap_err().is_invalid_value());
    let never = Runner::builder("a", &metrics).max_consecutive_failures(0);
    assert!(never.build().unwrap_err().is_invalid_value());
}

#[cfg(unix)]
mod signals {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;
    use crate::http_fixture::address_of_its_own;

    const HOW: &str = "NARTHEX_SERVICE";

    /// Runs until a signal; does nothing unless it is told how.
    #[test]
    fn a_service() {
        let Ok(how) = std::env::var(HOW) else { return };
        let registry = CollectorRegistry::new();
        let host = address_of_its_own(140);
        let config = MetricsConfig::new().with_enabled(true).with_port(0);
        let config = config.with_host(host.trim_end_matches(":0"));
        let server = config.start(&registry).unwrap().unwrap();
        let metrics = ServiceMetrics::register(&registry).unwrap();
        let runner = Runner::builder("crawler", &metrics).interval(NEVER).build().unwrap();
        let (stop, long) = (runner.stop_handle(), how.contains("long"));
        let address = server.local_addr();
        let cycle = || {
            println!("begun {address}");
            while long && !stop.is_stopped() {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        };
        if how.contains("async") {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(runner.run(|| async { cycle() })).unwrap();
        } else {
            runner.run_blocking(cycle).unwrap();
        }
        drop(server);
        println!("done {}", counter(&registry, "cycles_success").unwrap());
    }

    fn start(how: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "service::signals::a_service", "--nocapture"])
            .env(HOW, how)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[test]
    fn a_signal_lets_the_cycle_end_and_the_port_go() {
        for (how, signal) in [
            ("blocking", Signal::TERM),
            ("blocking long", Signal::INT),
            ("async", Signal::INT),
            ("async long", Signal::TERM),
        ] {
            let mut service = start(how);
            let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
            // Before the first line of the test there is the harness's.
            let mut next = |word: &str| {
                let line = lines
                    .by_ref()
                    .map(Result::unwrap)
                    .find_map(|line| line.split_once(word).map(|(_, rest)| rest.trim().to_owned()));
                line.unwrap_or_else(|| panic!("{how}: no line with {word:?}"))
            };
            let address = next("begun ");
            assert!(get(address.parse().unwrap(), "/metrics").text().contains("cycles_success"));
            kill_process(Pid::from_child(&service), signal).unwrap();
            assert_eq!(next("done "), "1", "{how}");
            assert!(service.wait().unwrap().success(), "{how}");
            TcpListener::bind(address).unwrap();
        }
    }
}
