//! The server on a thread of its own: its life, and what clients see of it.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use narthex::http::{MetricsServer, start_http_server};

use crate::http_client::{Connection, get};
use crate::http_fixture::{
    address_of_its_own, both, failing, gauge, registry, registry_of, waiting,
};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn it_serves_stops_and_frees_its_port() {
    let server = start_http_server(address_of_its_own(1), &registry()).unwrap();
    let addr = server.local_addr();
    assert_ne!(addr.port(), 0);
    assert_eq!(get(addr, "/metrics").text(), both());
    server.stop();
    server.stop();

    let again = start_http_server(addr, &registry()).unwrap();
    assert_eq!(again.local_addr(), addr);
    assert_eq!(get(addr, "/metrics").text(), both());
    drop(again);
    TcpListener::bind(addr).unwrap();
}

#[test]
fn it_can_be_stopped_by_several_threads_at_once() {
    let server = start_http_server(address_of_its_own(2), &registry()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                server.stop();
                assert!(TcpStream::connect(server.local_addr()).is_err());
            });
        }
    });
    TcpListener::bind(server.local_addr()).unwrap();
}

#[test]
fn a_detached_server_goes_on() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let addr = server.local_addr();
    server.detach();
    assert_eq!(get(addr, "/metrics").status, 200);
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = start_http_server(addr, &registry()).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("cannot listen on {addr}"));
    let source = std::error::Error::source(&error).unwrap();
    let source: &std::io::Error = source.downcast_ref().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn an_address_that_does_not_resolve_is_an_error() {
    let error = start_http_server("no port here", &registry()).unwrap_err();
    assert!(error.is_io());
}

#[test]
fn a_socket_that_is_bound_already_will_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = MetricsServer::builder(&registry()).start_on(listener).unwrap();
    assert_eq!(server.local_addr(), addr);
    assert_eq!(get(addr, "/metrics").text(), both());
}

#[test]
fn ipv6_is_served() {
    // A machine may have no IPv6 at all.
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let server = start_http_server("[::1]:0", &registry()).unwrap();
    assert!(server.local_addr().is_ipv6());
    assert_eq!(get(server.local_addr(), "/metrics").text(), both());
}

#[test]
fn it_can_be_started_and_stopped_inside_of_an_async_program() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
        assert_eq!(get(server.local_addr(), "/metrics").status, 200);
        server.stop();
    });
}

#[test]
fn a_scrape_under_way_is_finished_at_stop() {
    let (slow, asked, leave) = waiting();
    let server = MetricsServer::builder(&registry_of([slow]))
        .grace_period(LONG)
        .start(address_of_its_own(3))
        .unwrap();
    let mut connection = Connection::open(server.local_addr());
    connection.send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    let stop = || server.stop();
    let addr = server.local_addr();
    thread::scope(move |scope| {
        // Moved in here, so that the collector goes on if this panics.
        let leave = leave;
        let stopping = scope.spawn(stop);
        // Its port is free though the scrape goes on.
        let begun = Instant::now();
        while let Err(error) = TcpListener::bind(addr) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!stopping.is_finished());
        leave.send(()).unwrap();
    });
    let answer = connection.receive(false).unwrap();
    assert_eq!(answer.text(), "# HELP slow Slow.\n# TYPE slow gauge\nslow 1.0\n");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(connection.is_closed());
}

#[test]
fn a_scrape_that_hangs_does_not_keep_it_from_stopping() {
    let (slow, asked, _leave) = waiting();
    let server = MetricsServer::builder(&registry_of([slow]))
        .grace_period(Duration::from_millis(50))
        .start(address_of_its_own(4))
        .unwrap();
    let mut connection = Connection::open(server.local_addr());
    connection.send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    server.stop();
    assert!(connection.is_closed());
    TcpListener::bind(server.local_addr()).unwrap();
}

#[test]
fn idle_connections_do_not_delay_the_stop() {
    let server =
        MetricsServer::builder(&registry()).grace_period(LONG).start("127.0.0.1:0").unwrap();
    let mut fresh = Connection::open(server.local_addr());
    let mut used = Connection::open(server.local_addr());
    assert_eq!(used.ask("GET", "/metrics", &[]).status, 200);
    server.stop();
    assert!(fresh.is_closed());
    assert!(used.is_closed());
}

#[test]
fn one_connection_serves_many_requests() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut connection = Connection::open(server.local_addr());
    for _ in 0..3 {
        assert_eq!(connection.ask("GET", "/metrics", &[]).text(), both());
        // An answer to HEAD has no body, or the next one would be garbled.
        let head = connection.ask("HEAD", "/metrics", &[]);
        assert_eq!(head.header("content-length"), Some(&*both().len().to_string()));
        assert_eq!(connection.ask("GET", "/", &[]).status, 200);
        assert_eq!(connection.ask("HEAD", "/nowhere", &[]).status, 404);
        assert_eq!(connection.ask("OPTIONS", "*", &[]).status, 200);
    }
}

#[test]
fn a_client_that_closes_its_half_is_answered() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut connection = Connection::open(server.local_addr());
    connection.send_raw(b"GET /metrics HTTP/1.0\r\n\r\n");
    connection.stream().shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.stream().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{}", both())), "{answer}");
}

#[test]
fn a_post_with_a_body_is_refused() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut connection = Connection::open(server.local_addr());
    connection.send_raw(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    let answer = connection.receive(false).unwrap();
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[test]
fn what_is_not_http_is_refused() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut connection = Connection::open(server.local_addr());
    connection.send_raw(b"\x16\x03\x01\x02\x00\x01\r\n\r\n");
    let mut answer = Vec::new();
    // The rest of what was sent may be left unread, which some systems report.
    let _ = connection.stream().read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(get(server.local_addr(), "/metrics").status, 200);
}

#[test]
fn slow_clients_keep_nobody_waiting_and_are_cut_off() {
    let server = MetricsServer::builder(&registry())
        .request_timeout(Duration::from_secs(1))
        .start("127.0.0.1:0")
        .unwrap();
    let mut slow: Vec<_> = (0..20).map(|_| Connection::open(server.local_addr())).collect();
    for connection in &mut slow {
        connection.send_raw(b"GET /metrics HTTP/1.1\r\nX-Slow: ");
    }
    assert_eq!(get(server.local_addr(), "/metrics").text(), both());
    for connection in &mut slow {
        let mut rest = Vec::new();
        // What it had sent may be left unread, which some systems report.
        let end = connection.stream().read_to_end(&mut rest).map_err(|error| error.kind());
        assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)), "{end:?}");
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{rest:?}");
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    // More than any socket buffers, uncompressed.
    let help: &'static str = Box::leak("x".repeat(32 << 20).into_boxed_str());
    let server = MetricsServer::builder(&registry_of([gauge("big", help, 1.0)]))
        .write_timeout(Duration::from_millis(100))
        .max_connections(1)
        .start("127.0.0.1:0")
        .unwrap();
    let mut lazy = Connection::open(server.local_addr());
    lazy.send("GET", "/metrics", &[]);
    // The only connection that is allowed is taken until the lazy one is cut off.
    assert_eq!(get(server.local_addr(), "/favicon.ico").status, 200);
}

#[test]
fn a_slow_collector_keeps_nobody_else_waiting() {
    let (slow, asked, leave) = waiting();
    let server = MetricsServer::builder(&registry_of([slow])).start("127.0.0.1:0").unwrap();
    let addr = server.local_addr();
    let mut first = Connection::open(addr);
    first.send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    assert_eq!(get(addr, "/").status, 200);
    assert_eq!(get(addr, "/nowhere").status, 404);
    let mut second = Connection::open(addr);
    second.send("GET", "/metrics", &[]);
    drop(leave);
    assert_eq!(first.receive(false).unwrap().status, 200);
    assert_eq!(second.receive(false).unwrap().status, 200);
}

#[test]
fn scrapes_beyond_the_limit_are_refused() {
    let (slow, asked, leave) = waiting();
    let server = MetricsServer::builder(&registry_of([slow]))
        .max_concurrent_scrapes(1)
        .start("127.0.0.1:0")
        .unwrap();
    let mut first = Connection::open(server.local_addr());
    first.send("GET", "/metrics", &[]);
    asked.recv().unwrap();
    let refused = get(server.local_addr(), "/metrics");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(leave);
    assert_eq!(first.receive(false).unwrap().status, 200);
    assert_eq!(first.ask("GET", "/metrics", &[]).status, 200);
}

#[test]
fn a_hundred_scrapes_at_once_are_all_answered() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut connections: Vec<_> = (0..100).map(|_| Connection::open(server.local_addr())).collect();
    for connection in &mut connections {
        connection.send("GET", "/metrics", &[]);
    }
    for connection in &mut connections {
        assert_eq!(connection.receive(false).unwrap().text(), both());
    }
}

#[test]
fn a_failing_collector_is_told_to_the_scraper() {
    let server =
        start_http_server("127.0.0.1:0", &registry_of([gauge("g", "G", 2.0), failing()])).unwrap();
    let answer = get(server.local_addr(), "/metrics");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = answer.text();
    assert!(text.contains("the sensor sent no number"), "{text}");
    assert!(text.ends_with("caused by: invalid float literal\n"), "{text}");
    assert!(!text.contains("g 2.0"), "{text}");
    // The server lives on.
    assert_eq!(get(server.local_addr(), "/").status, 200);
}

#[cfg(feature = "gzip")]
#[test]
fn what_is_compressed_unpacks_to_the_same() {
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let answer = crate::http_client::ask(
        server.local_addr(),
        "GET",
        "/metrics",
        &[("Accept-Encoding", "gzip")],
    );
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.decoded(), both());
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));

    let plain =
        MetricsServer::builder(&registry()).compression(false).start("127.0.0.1:0").unwrap();
    let answer = crate::http_client::ask(
        plain.local_addr(),
        "GET",
        "/metrics",
        &[("Accept-Encoding", "gzip")],
    );
    assert_eq!(answer.text(), both());
    assert_eq!(answer.header("vary"), Some("Accept"));
}
