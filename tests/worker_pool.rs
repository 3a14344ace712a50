//! The worker pool of the examples under load, while its workers are killed.
//!
//! `NARTHEX_POOL_SECONDS` makes it longer than its few seconds, and with
//! `NARTHEX_POOL_METRICS` as its address a Prometheus can scrape it meanwhile.
#![cfg(all(unix, feature = "http", feature = "multiprocess"))]

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const CLIENTS: usize = 4;
const SCRAPES_EVERY: Duration = Duration::from_millis(100);
const KILLS_EVERY: Duration = Duration::from_millis(400);

#[test]
fn no_count_is_lost_when_workers_are_killed() {
    let seconds = std::env::var("NARTHEX_POOL_SECONDS").map_or(5, |s| s.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let metrics = std::env::var("NARTHEX_POOL_METRICS");
    let pool = Pool::start(dir.path(), metrics.as_deref().unwrap_or("127.0.0.1:0"));
    let load = Arc::new(Load::new());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (load, addr) = (load.clone(), pool.listen);
            thread::spawn(move || load.run(addr))
        })
        .collect();
    let killer = {
        let (load, alive) = (load.clone(), pool.alive.clone());
        thread::spawn(move || kill_at_random(&load, &alive))
    };

    let mut before = BTreeMap::new();
    let mut scrapes = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let answered = load.answered.load(Ordering::SeqCst);
        let now = requests_total(pool.metrics);
        let started = load.started.load(Ordering::SeqCst);
        for (series, value) in &before {
            let later = now.get(series).copied().unwrap_or(-1.0);
            assert!(later >= *value, "{series} fell from {value} to {later}");
        }
        // Counted before it is answered, and at most once.
        let merged = now.values().sum::<f64>();
        assert!(answered as f64 <= merged, "{answered} answered, {merged} merged");
        assert!(merged <= started as f64, "{merged} merged, {started} begun");
        before = now;
        scrapes += 1;
        thread::sleep((SCRAPES_EVERY * scrapes).saturating_sub(begun.elapsed()));
    }
    load.done.store(true, Ordering::SeqCst);
    let kills = killer.join().unwrap();
    clients.into_iter().for_each(|client| client.join().unwrap());

    let answered = load.answered.load(Ordering::SeqCst);
    let failures = load.failures.lock().unwrap();
    let merged = requests_total(pool.metrics).values().sum::<f64>();
    println!(
        "{} kills, {scrapes} scrapes, {answered} answered, {merged} merged, {} failed",
        kills.len(),
        failures.len()
    );
    assert!(kills.len() as u64 >= seconds, "{} kills", kills.len());
    assert!(answered as f64 <= merged && merged <= (answered + failures.len() as u64) as f64);
    for (from, to, error) in &*failures {
        let at_a_kill = kills.iter().any(|(begun, ended)| from <= ended && begun <= to);
        assert!(at_a_kill, "a request failed though no worker was killed: {error}");
    }
    drop(failures);
    pool.end();
}

#[test]
fn it_ends_cleanly_and_frees_its_ports() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::start(dir.path(), "127.0.0.1:0");
    let (listen, metrics) = (pool.listen, pool.metrics);
    assert!(get(listen, "/").unwrap().contains("says hello"));
    pool.end();
    assert!(TcpStream::connect(listen).is_err());
    assert!(TcpStream::connect(metrics).is_err());
}

/// The example, running, with what it said of itself.
struct Pool {
    child: Child,
    listen: SocketAddr,
    metrics: SocketAddr,
    alive: Arc<Mutex<HashSet<i32>>>,
}

impl Pool {
    fn start(dir: &Path, metrics: &str) -> Self {
        let mut child = Command::new(example())
            .args(["--workers", "4", "--listen", "127.0.0.1:0", "--metrics", metrics])
            .arg("--dir")
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let alive = Arc::new(Mutex::new(HashSet::new()));
        let (told, addresses) = mpsc::channel();
        let noted = alive.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let words: Vec<_> = line.split_whitespace().collect();
                match words[..] {
                    ["worker", pid, "started"] => {
                        noted.lock().unwrap().insert(pid.parse().unwrap());
                    }
                    ["worker", pid, "died", ..] => {
                        noted.lock().unwrap().remove(&pid.parse().unwrap());
                    }
                    [.., url] if url.starts_with("http://") => {
                        let addr = url["http://".len()..].split('/').next().unwrap();
                        told.send(addr.parse().unwrap()).unwrap();
                    }
                    _ => {}
                }
            }
        });
        let patience = Duration::from_secs(60);
        let listen = addresses.recv_timeout(patience).unwrap();
        let metrics = addresses.recv_timeout(patience).unwrap();
        let pool = Self { child, listen, metrics, alive };
        get(pool.listen, "/").unwrap();
        pool
    }

    /// Ends it as an operator would.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Only if a test failed before it could end the pool.
        let _ = self.child.kill();
    }
}

/// What the clients saw.
struct Load {
    started: AtomicU64,
    answered: AtomicU64,
    failures: Mutex<Vec<(Instant, Instant, io::Error)>>,
    done: AtomicBool,
}

impl Load {
    /// One request is counted already: the one that showed the pool to be ready.
    fn new() -> Self {
        Self {
            started: AtomicU64::new(1),
            answered: AtomicU64::new(1),
            failures: Mutex::default(),
            done: AtomicBool::new(false),
        }
    }

    fn run(&self, addr: SocketAddr) {
        while !self.done.load(Ordering::SeqCst) {
            let from = Instant::now();
            self.started.fetch_add(1, Ordering::SeqCst);
            match get(addr, "/primes/2000") {
                Ok(_) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => {
                    self.failures.lock().unwrap().push((from, Instant::now(), error));
                }
            }
        }
    }
}

/// Kills workers until the load is done; gives the moments of each kill.
fn kill_at_random(load: &Load, alive: &Mutex<HashSet<i32>>) -> Vec<(Instant, Instant)> {
    let mut kills = Vec::new();
    while !load.done.load(Ordering::SeqCst) {
        thread::sleep(KILLS_EVERY);
        let random = RandomState::new().build_hasher().finish() as usize;
        let victim = {
            let alive = alive.lock().unwrap();
            alive.iter().copied().nth(random % alive.len().max(1))
        };
        if let Some(pid) = victim.and_then(Pid::from_raw) {
            let begun = Instant::now();
            if kill_process(pid, Signal::KILL).is_ok() {
                alive.lock().unwrap().remove(&pid.as_raw_nonzero().get());
                // The kernel closes the connections a moment later.
                kills.push((begun, Instant::now() + Duration::from_millis(100)));
            }
        }
    }
    kills
}

/// Every series of the pool's main counter, as the merged metrics show it.
fn requests_total(metrics: SocketAddr) -> BTreeMap<String, f64> {
    let answer = get(metrics, "/metrics").unwrap();
    let samples = answer.lines().filter(|line| line.starts_with("http_requests_total"));
    samples
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn get(addr: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: pool\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(answer)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("answered {answer:?}")))
    }
}

/// The example's program, built if only this test was.
fn example() -> PathBuf {
    static BUILT: std::sync::Once = std::sync::Once::new();
    let deps = std::env::current_exe().unwrap();
    let profile = deps.parent().unwrap().parent().unwrap();
    BUILT.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", "worker_pool"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(build.status().unwrap().success());
    });
    profile.join("examples/worker_pool")
}
