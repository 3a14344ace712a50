//! Scrapes that come together share a collection, and none is told what is older than itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use narthex::http::MetricsServer;
use narthex::model::{GaugeMetricFamily, NO_LABELS};
use narthex::{CollectorRegistry, collector_fn};

use crate::http_client::Connection;

/// A registry that tells how many collections have begun; each tells that it is asked, and then
/// waits for leave.
fn counted() -> (CollectorRegistry, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (tell_asked, asked) = mpsc::channel();
    let (leave, wait) = mpsc::channel();
    let (begun, wait) = (AtomicU32::new(0), std::sync::Mutex::new(wait));
    let registry = CollectorRegistry::new();
    let collector = collector_fn(move |scrape| {
        let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
        tell_asked.send(()).ok();
        wait.lock().unwrap().recv().ok();
        let mut family = GaugeMetricFamily::new("collection", "C")?;
        family.add_metric(NO_LABELS, f64::from(number))?;
        scrape.family(&family)
    });
    registry.register(Arc::new(collector)).unwrap();
    (registry, asked, leave)
}

fn number(connection: &mut Connection) -> u32 {
    let text = connection.receive(false).unwrap().text();
    let value = text.lines().last().unwrap().strip_prefix("collection ").unwrap();
    value.parse::<f64>().unwrap() as u32
}

/// Waits until so many requests are under way.
fn under_way(server: &MetricsServer, expected: f64) {
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(server.metrics())).unwrap();
    let begun = Instant::now();
    let name = "narthex_metric_handler_requests_in_flight";
    while registry.get_sample_value(name, &[]) != Some(expected) {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn scrapes_that_come_meanwhile_share_the_next_collection() {
    let (registry, asked, leave) = counted();
    let server = MetricsServer::builder(&registry).start("127.0.0.1:0").unwrap();
    let mut clients: Vec<_> = (0..6).map(|_| Connection::open(server.local_addr())).collect();
    clients[0].send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    for client in &mut clients[1..] {
        client.send("GET", "/metrics", &[]);
    }
    under_way(&server, 6.0);
    drop(leave);
    assert_eq!(number(&mut clients[0]), 1);
    let others: Vec<_> = clients[1..].iter_mut().map(number).collect();
    // Each began after it was asked for. There is one, unless the five needed seconds to arrive.
    assert!(others.iter().all(|number| *number >= 2), "{others:?}");
    let collections = 1 + asked.try_iter().count();
    assert!(collections < 6, "{collections}");
    let own = CollectorRegistry::new();
    own.register(Arc::new(server.metrics())).unwrap();
    let value = |name| own.get_sample_value(name, &[]).unwrap();
    let shared = value("narthex_metric_handler_shared_scrapes_total");
    assert_eq!(collections as f64 + shared, 6.0);
    assert_eq!(value("narthex_metric_handler_request_duration_seconds_count"), 6.0);
    assert_eq!(
        own.get_sample_value("narthex_metric_handler_requests_total", &[("code", "200")]),
        Some(6.0)
    );
}

#[test]
fn who_joined_is_answered_though_the_first_is_gone() {
    let (registry, asked, leave) = counted();
    let server = MetricsServer::builder(&registry).start("127.0.0.1:0").unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| Connection::open(server.local_addr())).collect();
    for (client, count) in clients.iter_mut().zip(1..) {
        client.send("GET", "/metrics", &[]);
        under_way(&server, f64::from(count));
    }
    asked.recv().unwrap();
    drop(clients.remove(1));
    drop(leave);
    assert_eq!(number(&mut clients[0]), 1);
    assert!(number(&mut clients[1]) >= 2);
}

#[test]
fn a_collection_that_hangs_keeps_others_waiting_for_a_second_at_most() {
    let (registry, asked, leave) = counted();
    let server = MetricsServer::builder(&registry).start("127.0.0.1:0").unwrap();
    let mut first = Connection::open(server.local_addr());
    first.send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    let mut second = Connection::open(server.local_addr());
    let begun = Instant::now();
    second.send("GET", "/metrics", &[]);
    // It begins though the first has not ended.
    asked.recv().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(900));
    drop(leave);
    assert_eq!((number(&mut first), number(&mut second)), (1, 2));
}

#[test]
fn what_differs_is_collected_apart_and_so_is_everything_if_that_is_wanted() {
    let (registry, asked, leave) = counted();
    let server = MetricsServer::builder(&registry).start("127.0.0.1:0").unwrap();
    let mut clients: Vec<_> = (0..2).map(|_| Connection::open(server.local_addr())).collect();
    let timeout = ("X-Prometheus-Scrape-Timeout-Seconds", "600");
    // Whoever gave a time is not kept waiting by a collection without one, and the other way round.
    for (client, headers) in clients.iter_mut().zip([&[][..], &[timeout]]) {
        client.send("GET", "/metrics", headers);
        asked.recv().unwrap();
    }
    drop(leave);
    assert_eq!(clients.iter_mut().map(number).collect::<Vec<_>>(), [1, 2]);

    let (registry, asked, leave) = counted();
    let builder = MetricsServer::builder(&registry).shared_scrapes(false);
    let server = builder.start("127.0.0.1:0").unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| Connection::open(server.local_addr())).collect();
    for client in &mut clients {
        client.send("GET", "/metrics", &[]);
        asked.recv().unwrap();
    }
    drop(leave);
    assert_eq!(clients.iter_mut().map(number).collect::<Vec<_>>(), [1, 2, 3]);
}
