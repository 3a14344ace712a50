//! A server under attack answers every honest scrape, and gives back what the attack took.
#![cfg(all(target_os = "linux", feature = "http"))]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use narthex::http::MetricsServer;
use narthex::{CollectorRegistry, Counter, Gauge};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const IDLE: usize = 1500;
const SLOW_WRITERS: usize = 150;
const SLOW_READERS: usize = 30;
/// More than sockets buffer, uncompressed.
const BIG: usize = 12 << 20;
/// For which nobody waits: how long a scrape took is printed, and is no matter of passing.
const PATIENCE: Duration = Duration::from_secs(60);

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn open(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends, and reads until the server closes; it may do so before it has read everything.
fn provoke(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = open(addr);
    let mut answer = Vec::new();
    if stream.write_all(bytes).is_ok() {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// One honest scrape, on a connection of its own: how long it took.
fn scrape(addr: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = open(addr);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
    assert!(answer.ends_with("\nhonest_total 1.0\n"), "{answer:?}");
    begun.elapsed()
}

/// What is no request, or one that is too large.
fn malformed() -> Vec<Vec<u8>> {
    let head =
        |rest: &str| format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{rest}\r\n\r\n").into_bytes();
    let large = "a".repeat(1 << 20);
    vec![
        vec![0; 4096],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /metrics HTTP/9.9\r\n\r\n".to_vec(),
        format!("GET /{large} HTTP/1.1\r\n\r\n").into_bytes(),
        head(&format!("X-Large: {large}")),
        head(&"X-Many: 1\r\n".repeat(20_000)),
        head("X-Bad\x00Name: 1"),
        head("Content-Length: 18446744073709551616"),
        head("Content-Length: 1\r\nContent-Length: 2"),
        head("Transfer-Encoding: chunked\r\nContent-Length: 3"),
        // A body that claims to be compressed is never unpacked.
        [head("Content-Encoding: gzip\r\nContent-Length: 20"), vec![0x1f; 20]].concat(),
    ]
}

/// All at once, while somebody scrapes; how long those scrapes took.
fn attack(addr: SocketAddr) -> Vec<Duration> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let honest = scope.spawn(|| {
            let mut took = Vec::new();
            while !over.load(Ordering::Relaxed) {
                took.push(scrape(addr));
                thread::sleep(Duration::from_millis(5));
            }
            took
        });
        let mut writers: Vec<_> = (0..SLOW_WRITERS).map(|_| open(addr)).collect();
        let readers: Vec<_> = (0..SLOW_READERS)
            .map(|_| {
                let mut stream = open(addr);
                let _ = stream.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
                stream
            })
            .collect();
        let idle: Vec<_> = (0..IDLE).map(|_| open(addr)).collect();
        let mut answers = Vec::new();
        for round in 0..10 {
            for writer in &mut writers {
                // Who was sent away may fail.
                let _ = writer.write_all(&b"GET /metri"[round..=round]);
            }
            for bytes in malformed() {
                answers.push(provoke(addr, &bytes));
            }
        }
        drop((writers, readers, idle));
        over.store(true, Ordering::Relaxed);
        for answer in answers {
            // Some are requests all the same; none gets anything but a whole answer or none.
            let is_whole = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
            assert!(is_whole || answer.ends_with(b"\nhonest_total 1.0\n"), "{answer:?}");
        }
        honest.join().unwrap()
    })
}

#[test]
fn honest_scrapes_are_answered_and_everything_is_given_back() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (registry, big) = (CollectorRegistry::new(), CollectorRegistry::new());
    Counter::builder("honest", "H").register(&registry).unwrap().inc();
    Gauge::builder("big", "x".repeat(BIG)).register(&big).unwrap();
    let server =
        MetricsServer::builder(&registry).route("/big", &big).start("127.0.0.1:0").unwrap();
    let addr = server.local_addr();
    scrape(addr);
    let before = descriptors();
    let at_rest = resident_kib();

    let mut resident = Vec::new();
    let mut took = Vec::new();
    for _ in 0..3 {
        took.extend(attack(addr));
        let begun = Instant::now();
        // Scrapes are what lets the server see who is gone.
        while descriptors() > before {
            assert!(begun.elapsed() < PATIENCE, "{} of {before}", descriptors());
            thread::sleep(Duration::from_millis(10));
        }
        resident.push(resident_kib());
    }
    took.sort_unstable();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    println!(
        "{} honest scrapes, median {median:?}, longest {longest:?}; descriptors {before} before, \
         {} after; resident {at_rest} KiB before, {resident:?} KiB after each attack",
        took.len(),
        descriptors()
    );
    // What allocators and buffers keep, they keep once. Two attacks that were forgotten would be
    // four times as much.
    assert!(resident[2] < resident[0] + SLOW_READERS * BIG / 1024 / 2, "{resident:?}");
    server.stop();
    assert!(descriptors() < before);
}
