//! Collectors that are cached or awaited.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use narthex::collectors::CachedCollector;
use narthex::model::{GaugeMetricFamily, NO_LABELS};
use narthex::{Collector, CollectorRegistry, Error, Result, Scrape, collector_fn, exposition};

const HOUR: Duration = Duration::from_secs(3600);

/// Tells how often it was asked.
struct Asked<'a>(&'a AtomicU32);

impl Collector for Asked<'_> {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let asked = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let mut family = GaugeMetricFamily::new("asked", "How often.")?;
        family.add_metric(NO_LABELS, f64::from(asked))?;
        scrape.family(&family)
    }
}

#[test]
fn a_cached_collector_is_asked_again_when_its_word_is_too_old() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let cached = CachedCollector::new(Asked(&ASKED), Duration::ZERO);
    assert_eq!(exposition::text::encode(&cached).unwrap().lines().last(), Some("asked 1.0"));
    assert_eq!(exposition::text::encode(&cached).unwrap().lines().last(), Some("asked 2.0"));
}

#[test]
fn a_cached_collector_is_asked_again_when_told_so() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let cached = CachedCollector::new(Asked(&ASKED), HOUR);
    let first = exposition::text::encode(&cached).unwrap();
    assert_eq!(exposition::text::encode(&cached).unwrap(), first);
    cached.invalidate();
    assert_eq!(exposition::text::encode(&cached).unwrap().lines().last(), Some("asked 2.0"));
}

#[test]
fn what_is_being_told_can_be_forgotten_too() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    static CACHED: OnceLock<CachedCollector<Changing>> = OnceLock::new();

    /// Its numbers change while it tells them for the first time.
    struct Changing;

    impl Collector for Changing {
        fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
            Asked(&ASKED).collect(scrape)?;
            if ASKED.load(Ordering::SeqCst) == 1 {
                CACHED.get().unwrap().invalidate();
            }
            Ok(())
        }
    }

    let cached = CACHED.get_or_init(|| CachedCollector::new(Changing, HOUR));
    for expected in ["asked 1.0", "asked 2.0", "asked 2.0"] {
        assert_eq!(exposition::text::encode(cached).unwrap().lines().last(), Some(expected));
    }
}

#[test]
fn a_cached_failure_is_told_and_asked_again() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let cached = CachedCollector::new(
        collector_fn(|scrape| match ASKED.load(Ordering::SeqCst) {
            0 => {
                ASKED.store(1, Ordering::SeqCst);
                Err(Error::collector("not yet"))
            }
            1 => {
                ASKED.store(2, Ordering::SeqCst);
                panic!("nor now")
            }
            _ => Asked(&ASKED).collect(scrape),
        }),
        HOUR,
    );
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(cached)).unwrap();
    assert!(exposition::text::encode(&registry).unwrap_err().is_collector());
    assert!(exposition::text::encode(&registry).unwrap_err().is_collector());
    assert_eq!(registry.get_sample_value("asked", &[]), Some(3.0));
    assert_eq!(registry.get_sample_value("asked", &[]), Some(3.0));
}

#[test]
fn a_scrape_does_not_wait_for_another_that_asks_anew() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let (begun, has_begun) = mpsc::sync_channel(1);
    let (go_on, may_go_on) = mpsc::sync_channel(1);
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let cached = CachedCollector::new(
        collector_fn(move |scrape| {
            if ASKED.load(Ordering::SeqCst) == 1 {
                begun.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            Asked(&ASKED).collect(scrape)
        }),
        HOUR,
    );
    let first = exposition::text::encode(&cached).unwrap();
    cached.invalidate();
    thread::scope(|scope| {
        let slow = scope.spawn(|| exposition::text::encode(&cached).unwrap());
        has_begun.recv().unwrap();
        assert_eq!(exposition::text::encode(&cached).unwrap(), first);
        go_on.send(()).unwrap();
        assert_eq!(slow.join().unwrap().lines().last(), Some("asked 2.0"));
    });
}

#[cfg(feature = "async")]
mod awaited {
    use std::future::pending;
    use std::pin::Pin;

    use narthex::collectors::{AwaitedCollector, async_collector_fn};
    use narthex::model::{Desc, MetricFamily, MetricType, NO_LABELS};

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    #[cfg(feature = "http")]
    const SECOND: Duration = Duration::from_secs(1);

    fn told(value: f64) -> Result<Vec<MetricFamily>> {
        let mut family = GaugeMetricFamily::new("told", "What came.")?;
        family.add_metric(NO_LABELS, value)?;
        Ok(vec![family.into()])
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn the_last_good_word_is_kept_over_failures_and_time_outs() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let collector = async_collector_fn(|| async {
            match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 => told(7.0),
                1 => Err(Error::collector("the database is away")),
                2 => pending().await,
                3 => panic!("on the way"),
                _ => told(8.0),
            }
        });
        let registry = CollectorRegistry::builder().self_metrics(true).build();
        registry.register(Arc::new(AwaitedCollector::new(collector, SHORT))).unwrap();
        let value = || registry.get_sample_value("told", &[]);
        let failures = |registry: &CollectorRegistry| {
            let text = exposition::text::encode(registry).unwrap();
            let line = text.lines().find(|l| l.starts_with("narthex_collector_failures_total"));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        };
        block_on(async {
            registry.refresh().await;
            assert_eq!((value(), failures(&registry)), (Some(7.0), Some(0.0)));
            for failed in [1.0, 2.0, 3.0] {
                registry.refresh().await;
                assert_eq!((value(), failures(&registry)), (Some(7.0), Some(failed)));
            }
            registry.refresh().await;
            assert_eq!(value(), Some(8.0));
        });
    }

    #[test]
    fn without_any_good_word_the_scrape_gets_the_error() {
        let collector = AwaitedCollector::new(async_collector_fn(pending), SHORT);
        let registry = CollectorRegistry::new();
        registry.register(Arc::new(collector)).unwrap();
        let never = exposition::text::encode(&registry).unwrap_err();
        assert!(std::error::Error::source(&never).unwrap().to_string().contains("never awaited"));
        block_on(registry.refresh());
        let late = exposition::text::encode(&registry).unwrap_err();
        let cause = std::error::Error::source(&late).unwrap();
        assert!(cause.downcast_ref::<Error>().unwrap().is_timed_out());
    }

    #[test]
    fn all_are_awaited_at_once_also_through_views() {
        // Each would wait for ever if the other were not awaited meanwhile.
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let collector = |name: &'static str| {
            let barrier = barrier.clone();
            async_collector_fn(move || {
                let barrier = barrier.clone();
                async move {
                    barrier.wait().await;
                    let mut family = GaugeMetricFamily::new(name, "Met.")?;
                    family.add_metric(NO_LABELS, 1.0)?;
                    Ok(vec![family.into()])
                }
            })
        };
        let inner = CollectorRegistry::new();
        inner.register(Arc::new(AwaitedCollector::new(collector("a"), HOUR))).unwrap();
        let registry = CollectorRegistry::new();
        registry.register(Arc::new(inner.with_prefix("inner_").unwrap())).unwrap();
        registry.register(Arc::new(AwaitedCollector::new(collector("b"), HOUR))).unwrap();
        block_on(registry.refresh());
        assert_eq!(registry.get_sample_value("inner_a", &[]), Some(1.0));
        assert_eq!(registry.get_sample_value("b", &[]), Some(1.0));
    }

    #[test]
    fn what_is_described_can_be_registered_before_it_is_awaited() {
        let registry = CollectorRegistry::builder().auto_describe(true).build();
        let collector = || async_collector_fn(|| async { told(7.0) });
        let silent = Arc::new(AwaitedCollector::new(collector(), HOUR));
        assert!(registry.register(silent).unwrap_err().is_collector());
        let desc = Desc::new("told", "What came.", MetricType::Gauge).unwrap();
        let described = AwaitedCollector::new(collector().describing([desc]), HOUR);
        registry.register(Arc::new(described)).unwrap();
        assert!(registry.owner_of("told").is_some());
        block_on(registry.refresh());
        assert_eq!(registry.get_sample_value("told", &[]), Some(7.0));
    }

    #[test]
    fn what_is_cached_is_not_awaited() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let collector =
            async_collector_fn(|| async { told(f64::from(ASKED.fetch_add(1, Ordering::SeqCst))) });
        let awaited = AwaitedCollector::new(collector, HOUR);
        let cached = Arc::new(CachedCollector::new(awaited, HOUR));
        let registry = CollectorRegistry::new();
        registry.register(cached.clone()).unwrap();
        for expected in [0.0, 0.0] {
            block_on(registry.refresh());
            assert_eq!(registry.get_sample_value("told", &[]), Some(expected));
        }
        cached.invalidate();
        block_on(registry.refresh());
        assert_eq!(registry.get_sample_value("told", &[]), Some(1.0));
    }

    #[test]
    fn a_panic_before_the_await_costs_no_other() {
        struct Panics;

        impl Collector for Panics {
            fn collect(&self, _: &mut Scrape<'_>) -> Result {
                Ok(())
            }

            fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
                panic!("on the way")
            }
        }

        let registry = CollectorRegistry::builder().self_metrics(true).build();
        registry.register(Arc::new(Panics)).unwrap();
        let awaited = AwaitedCollector::new(async_collector_fn(|| async { told(7.0) }), HOUR);
        registry.register(Arc::new(awaited)).unwrap();
        block_on(registry.refresh());
        assert_eq!(registry.get_sample_value("told", &[]), Some(7.0));
        let failures = exposition::text::encode(&registry).unwrap();
        let failures =
            failures.lines().find(|l| l.contains("failures_total{") && l.contains("Panics"));
        assert!(failures.is_some_and(|line| line.ends_with(" 1.0")), "{failures:?}");
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_served_view_is_awaited_too() {
        use hyper::service::Service;
        use narthex::http::{MetricsHandler, MetricsService};

        type View = fn(CollectorRegistry) -> Arc<dyn Collector>;

        let views: [View; 2] = [
            |registry| Arc::new(registry.with_prefix("a_").unwrap()),
            |registry| Arc::new(registry.restricted(["told"])),
        ];
        for view in views {
            // The names of what is awaited are not known beforehand.
            let registry = CollectorRegistry::builder().collectors_without_names(true).build();
            let awaited = AwaitedCollector::new(async_collector_fn(|| async { told(7.0) }), HOUR);
            registry.register(Arc::new(awaited)).unwrap();
            let handler = MetricsHandler::builder_of(view(registry)).unwrap().build().unwrap();
            let request = hyper::Request::get("/metrics").body(()).unwrap();
            let response = block_on(async { MetricsService::new(handler).call(request).await });
            assert_eq!(response.unwrap().status(), 200);
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn nobody_is_awaited_longer_than_the_scraper_waits() {
        use hyper::service::Service;
        use narthex::http::{MetricsHandler, MetricsService};

        struct Hangs;

        impl Collector for Hangs {
            fn collect(&self, _: &mut Scrape<'_>) -> Result {
                Ok(())
            }

            fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
                Some(Box::pin(pending()))
            }
        }

        let registry = CollectorRegistry::new();
        registry.register(Arc::new(Hangs)).unwrap();
        let service = MetricsService::new(MetricsHandler::new(&registry));
        let request = hyper::Request::get("/metrics")
            .header("X-Prometheus-Scrape-Timeout-Seconds", "2")
            .body(())
            .unwrap();
        let answer =
            block_on(async { tokio::time::timeout(10 * SECOND, service.call(request)).await });
        // The rest of the scrape is not lost to it.
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }

    #[cfg(feature = "http")]
    #[test]
    fn the_http_server_awaits_before_it_scrapes() {
        use std::io::{Read, Write};

        static ASKED: AtomicU32 = AtomicU32::new(0);
        let collector = async_collector_fn(|| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            told(f64::from(ASKED.fetch_add(1, Ordering::SeqCst)))
        });
        let registry = CollectorRegistry::new();
        registry.register(Arc::new(AwaitedCollector::new(collector, HOUR))).unwrap();
        let server = narthex::start_http_server("127.0.0.1:0", &registry).unwrap();
        for expected in ["told 0.0\n", "told 1.0\n"] {
            let mut stream = std::net::TcpStream::connect(server.local_addr()).unwrap();
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.ends_with(expected), "{answer}");
        }
    }
}
