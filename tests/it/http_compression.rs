//! What is compressed on its way: to whom, with what, and that nothing else changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex::http::{MetricsHandler, MetricsServer, Request, serve, start_http_server};
use narthex::model::{CounterMetricFamily, GaugeMetricFamily, MetricFamily, MetricType};
use narthex::{Collector, CollectorRegistry, Error, FailurePolicy, Gauge, collector_fn};

use crate::http_client::{Answer, Connection, ask};
use crate::http_fixture::{failing, gauge, registry_of};

/// The codings that there are, the best first.
const CODINGS: &[&str] = &[
    #[cfg(feature = "zstd")]
    "zstd",
    #[cfg(feature = "gzip")]
    "gzip",
];

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

/// Families of one line and of many, with more text than is compressed at once.
fn many() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    for (family, series) in [(0, 1), (1, 500), (2, 3), (3, 8_000), (4, 0), (5, 2)] {
        let collector = collector_fn(move |scrape| {
            let name = format!("family_{family}");
            let mut family = CounterMetricFamily::new(name, "Of some series.")?;
            family = family.with_labels(["path"])?;
            for n in 0..series {
                family.add_metric([format!("/items/{n}")], f64::from(n) * 0.37)?.created(1.5);
            }
            scrape.family(&family)
        });
        registry.register(Arc::new(collector)).unwrap();
    }
    registry
}

fn get(addr: SocketAddr, accept: &str, accept_encoding: &str) -> Answer {
    let headers = [("Accept", accept), ("Accept-Encoding", accept_encoding)];
    ask(addr, "GET", "/metrics", &headers)
}

#[test]
fn every_coding_unpacks_to_what_is_sent_without_one() {
    let server = start_http_server("127.0.0.1:0", &many()).unwrap();
    for accept in ["text/plain", OPENMETRICS] {
        let plain = get(server.local_addr(), accept, "identity");
        assert_eq!(plain.header("content-encoding"), None);
        // 8,506 lines of samples, and as many that say when they began.
        let lines = if accept == OPENMETRICS { 2 * 8_506 + 13 } else { 8_506 + 12 };
        assert_eq!(plain.text().lines().count(), lines);
        for coding in CODINGS {
            let packed = get(server.local_addr(), accept, coding);
            assert_eq!(packed.header("content-encoding"), Some(*coding));
            assert_eq!(packed.header("content-type"), plain.header("content-type"));
            assert!(packed.body.len() * 4 < plain.body.len(), "{}", packed.body.len());
            assert!(packed.decoded() == plain.text(), "{coding} as {accept} is another text");
        }
    }
}

#[test]
fn the_server_for_tokio_packs_as_well() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registry = many();
        let handler = MetricsHandler::new(&registry);
        let plain = handler.respond(&Request::new("GET", "/metrics")).into_body();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, handler, async { drop(stopped.await) }));
        for coding in CODINGS {
            let answer = tokio::task::spawn_blocking(move || get(addr, "text/plain", coding));
            let answer = answer.await.unwrap();
            assert_eq!(answer.header("content-encoding"), Some(*coding));
            assert!(answer.decoded().into_bytes() == plain, "{coding} is another text");
        }
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn the_header_decides() {
    let registry = registry_of([gauge("g", "G", 2.0)]);
    let server = start_http_server("127.0.0.1:0", &registry).unwrap();
    let best = CODINGS.first().copied();
    let gzip = CODINGS.contains(&"gzip").then_some("gzip");
    let zstd = CODINGS.contains(&"zstd").then_some("zstd");
    for (accept_encoding, expected) in [
        ("gzip", gzip),
        ("zstd", zstd),
        ("gzip, zstd", zstd.or(gzip)),
        ("zstd, gzip", zstd.or(gzip)),
        ("zstd;q=0.4, gzip;q=0.5", gzip.or(zstd)),
        ("zstd;q=0.5, gzip;q=0.4", zstd.or(gzip)),
        ("zstd;q=0, gzip", gzip),
        ("gzip;q=0, zstd", zstd),
        ("gzip;q=0, zstd;q=0", None),
        ("*", best),
        ("*;q=0", None),
        ("gzip;q=0, *", zstd),
        ("zstd;q=0, *", gzip),
        // Nothing that there is may be sent: then it is sent as it is.
        ("identity;q=0", None),
        ("identity;q=0, br", None),
        ("identity;q=0, *", best),
        ("identity;q=0, gzip;q=0.1", gzip),
        // As it is, where that is what the client prefers.
        ("identity, gzip;q=0.5, zstd;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5, zstd;q=0.5", best),
        ("gzip;q=0.5, zstd;q=0.5, *", None),
        ("br, deflate", None),
        ("", None),
    ] {
        let answer = get(server.local_addr(), "text/plain", accept_encoding);
        assert_eq!(answer.header("content-encoding"), expected, "for {accept_encoding:?}");
        assert_eq!(answer.decoded(), "# HELP g G\n# TYPE g gauge\ng 2.0\n", "{accept_encoding:?}");
        let vary = if best.is_some() { "Accept, Accept-Encoding" } else { "Accept" };
        assert_eq!(answer.header("vary"), Some(vary));
    }
}

#[test]
fn head_tells_what_get_would_send() {
    let server = start_http_server("127.0.0.1:0", &many()).unwrap();
    let mut connection = Connection::open(server.local_addr());
    for coding in CODINGS.iter().chain(&["identity"]) {
        let headers = [("Accept-Encoding", *coding)];
        let get = connection.ask("GET", "/metrics", &headers);
        let head = connection.ask("HEAD", "/metrics", &headers);
        let told = |answer: &Answer| {
            let dated = |(name, _): &&(String, String)| name != "date";
            answer.headers.iter().filter(dated).cloned().collect::<Vec<_>>()
        };
        assert_eq!(told(&head), told(&get), "{coding}");
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()));
    }
}

/// A family whose last sample cannot be written with the escaping scheme `dots`: the name of
/// its label is one that is reserved then.
fn half() -> Arc<dyn Collector> {
    Arc::new(collector_fn(|scrape| {
        let mut before = GaugeMetricFamily::new("before", "Whole.")?.with_labels(["n"])?;
        before.add_metric(["1"], 1.0)?;
        scrape.family(&before)?;
        let mut half = MetricFamily::new("half", "Not to be seen.", MetricType::Gauge)?;
        for n in 0..6_000 {
            half.add_sample("half", [("n", n.to_string())], 1.0)?;
        }
        half.add_sample("half", [("énameé", "x")], 1.0)?;
        scrape.family(&half)
    }))
}

#[test]
fn a_family_that_fails_half_way_leaves_nothing_behind() {
    let registry = CollectorRegistry::builder().on_failure(FailurePolicy::Skip).build();
    for collector in [gauge("first", "F", 1.0), half(), failing(), gauge("last", "L", 2.0)] {
        registry.register(collector).unwrap();
    }
    let server = start_http_server("127.0.0.1:0", &registry).unwrap();
    let dots = "text/plain;version=1.0.0;escaping=dots";
    for coding in CODINGS.iter().chain(&["identity"]) {
        let answer = get(server.local_addr(), dots, coding);
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.decoded(),
            "# HELP first F\n# TYPE first gauge\nfirst 1.0\n\
             # HELP before Whole.\n# TYPE before gauge\nbefore{n=\"1\"} 1.0\n\
             # HELP last L\n# TYPE last gauge\nlast 2.0\n",
            "{coding}",
        );
        // With another scheme it is whole.
        let answer = get(server.local_addr(), "text/plain", coding);
        assert_eq!(answer.decoded().lines().count(), 3 * 3 + 2 + 6_001, "{coding}");
    }
}

#[test]
fn a_scrape_that_fails_at_its_end_is_an_error_and_the_next_one_is_whole() {
    let registry = many();
    let plugged_in = Arc::new(AtomicBool::new(false));
    let sensor = plugged_in.clone();
    let collector = collector_fn(move |_| match sensor.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err(Error::collector("the sensor is unplugged")),
    });
    registry.register(Arc::new(collector)).unwrap();
    let server = start_http_server("127.0.0.1:0", &registry).unwrap();
    let mut connection = Connection::open(server.local_addr());
    for coding in CODINGS.iter().chain(&["identity"]) {
        let headers = [("Accept-Encoding", *coding)];
        plugged_in.store(false, Ordering::Relaxed);
        let answer = connection.ask("GET", "/metrics", &headers);
        assert_eq!(answer.status, 500, "{coding}");
        assert_eq!(answer.header("content-encoding"), None);
        assert!(answer.text().contains("the sensor is unplugged"));
        assert!(!answer.text().contains("family_0"));

        plugged_in.store(true, Ordering::Relaxed);
        let answer = connection.ask("GET", "/metrics", &headers);
        assert_eq!(answer.status, 200, "{coding}");
        assert_eq!(answer.decoded().lines().count(), 8_506 + 12, "{coding}");
    }
}

#[test]
fn what_one_scrape_leaves_is_in_no_other() {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "G").register(&registry).unwrap().set(2);
    let long = Gauge::builder("long", "L").labels(["n"]).register(&registry).unwrap();
    (0..5_000).for_each(|n| long.labels((n,)).set(1));
    let server = MetricsServer::builder(&registry).start("127.0.0.1:0").unwrap();
    let mut connections: Vec<_> = (0..8).map(|_| Connection::open(server.local_addr())).collect();
    for round in 0..6 {
        // More at a time than are kept from one scrape to the next.
        for (n, connection) in connections.iter_mut().enumerate() {
            let target = if n % 2 == 0 { "/metrics" } else { "/metrics?name[]=g" };
            let codings = ["identity", "gzip", "zstd"];
            connection.send("GET", target, &[("Accept-Encoding", codings[(n + round) % 3])]);
        }
        for (n, connection) in connections.iter_mut().enumerate() {
            let lines = if n % 2 == 0 { 3 + 2 + 5_000 } else { 3 };
            let text = connection.receive(false).unwrap().decoded();
            assert_eq!(text.lines().count(), lines);
            assert!(text.starts_with("# HELP g G\n# TYPE g gauge\ng 2.0\n"));
        }
    }
}
