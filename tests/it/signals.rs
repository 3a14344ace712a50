//! A program that is told to end in the middle of a scrape, of a push and of a flush.

use std::fs::{self, OpenOptions};
use std::future;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use narthex::http::MetricsServer;
use narthex::push::{PeriodicPush, PushGateway};
use narthex::service::{Runner, ServiceMetrics};
use narthex::sink::{Sink, SinkFuture, Snapshot};
use narthex::textfile::{PeriodicTextfile, Textfile};
use narthex::window::{MetricsLevel, MetricsManager};
use narthex::{CollectorRegistry, Counter, Error, collector_fn};
use rustix::process::{Pid, Signal, kill_process};

use crate::http_client::get;
use crate::http_fixture::address_of_its_own;
use crate::push_fixture::{OtherEnd, Reply};

const FOLDER: &str = "NARTHEX_SIGNALS_FOLDER";
const GATEWAY: &str = "NARTHEX_SIGNALS_GATEWAY";
const SOON: Duration = Duration::from_millis(1);

/// Waits for the file that lets what is under way go on.
fn wait_for(folder: &Path) {
    while !folder.join("go").exists() {
        thread::sleep(SOON);
    }
}

/// A sink that writes to a file, as soon as it may.
struct Bill {
    folder: PathBuf,
}

impl Sink for Bill {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        println!("exporting now");
        wait_for(&self.folder);
        let sum: f64 = snapshots.iter().map(|snapshot| snapshot.new().sum).sum();
        let path = self.folder.join("bill");
        let bill = OpenOptions::new().append(true).create(true).open(path);
        let written = bill.and_then(|mut bill| writeln!(bill, "{sum}"));
        Box::pin(future::ready(written.map_err(|error| Error::collector(error.to_string()))))
    }
}

/// Does nothing unless it is told where.
#[test]
fn a_program() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    let (scraped, told) = (CollectorRegistry::new(), CollectorRegistry::new());
    let jobs = Counter::builder("jobs", "Done.").register(&told).unwrap();
    scraped.register(Arc::new(jobs.clone())).unwrap();
    let slow = folder.clone();
    let waits = collector_fn(move |_| {
        println!("collecting now");
        wait_for(&slow);
        Ok(())
    });
    scraped.register(Arc::new(waits)).unwrap();

    let server = MetricsServer::builder(&scraped).start(address_of_its_own(160)).unwrap();
    let gateway = PushGateway::builder(std::env::var(GATEWAY).unwrap(), "a").build().unwrap();
    let pushes = PeriodicPush::builder(&gateway, &told).interval(SOON).start().unwrap();
    let file = Textfile::new(folder.join("jobs.prom"));
    let renewed = PeriodicTextfile::builder(&file, &told).interval(SOON).start().unwrap();
    let manager = MetricsManager::builder()
        .level(MetricsLevel::Detailed)
        .sink(Bill { folder })
        .interval(SOON)
        .build()
        .unwrap();
    let flushing = manager.start().unwrap();

    let metrics = ServiceMetrics::register(&told).unwrap();
    let runner = Runner::builder("worker", &metrics).build().unwrap();
    let stop = runner.stop_handle();
    let cycle = || {
        jobs.inc();
        manager.put("jobs", 1.0, &[]);
        println!("serving {}", server.local_addr());
        while !stop.is_stopped() {
            thread::sleep(SOON);
        }
        // What is done last is told as well.
        jobs.inc();
        manager.put("jobs", 1.0, &[]);
        Ok(())
    };
    runner.run_blocking(cycle).unwrap();
    println!("ending now");
    flushing.stop().unwrap();
    pushes.stop().unwrap();
    renewed.stop().unwrap();
    server.stop();
}

/// What the program says, line by line.
struct Said {
    lines: Lines<BufReader<ChildStdout>>,
    before: Vec<String>,
}

impl Said {
    /// What stands behind a word, as soon as it is said.
    fn after(&mut self, word: &str) -> String {
        let behind = |line: &String| line.split_once(word).map(|(_, rest)| rest.to_owned());
        if let Some(rest) = self.before.iter().find_map(behind) {
            return rest;
        }
        for line in self.lines.by_ref().map(Result::unwrap) {
            self.before.push(line.clone());
            if let Some(rest) = behind(&line) {
                return rest;
            }
        }
        panic!("no line with {word:?} among {:?}", self.before);
    }
}

#[test]
fn what_is_under_way_is_completed_and_the_last_values_leave() {
    let folder = tempfile::tempdir().unwrap();
    // The first push is never answered.
    let gateway = OtherEnd::start([Reply::Silence]);
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "signals::a_program", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(GATEWAY, gateway.address())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut said = Said { lines, before: Vec::new() };

    let address = said.after("serving ").parse().unwrap();
    let scrape = thread::spawn(move || get(address, "/metrics"));
    said.after("collecting ");
    said.after("exporting ");
    gateway.wait_for(1);
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    said.after("ending ");
    fs::write(folder.path().join("go"), "").unwrap();

    // Nothing is cut off.
    let answer = scrape.join().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.text().ends_with("\njobs_total 1.0\n"), "{}", answer.text());
    said.lines.for_each(drop);
    assert!(program.wait().unwrap().success());
    // The last values were pushed, and written, and what was flushed was flushed once.
    let last = gateway.got().pop().unwrap();
    assert!(last.text().contains("\njobs_total 2.0\n"), "{}", last.text());
    let file = fs::read_to_string(folder.path().join("jobs.prom")).unwrap();
    assert!(file.contains("\njobs_total 2.0\n"), "{file}");
    let bill = fs::read_to_string(folder.path().join("bill")).unwrap();
    let sums: Vec<f64> = bill.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(sums.iter().sum::<f64>(), 2.0, "{sums:?}");
    // Port and files are free.
    TcpListener::bind(address).unwrap();
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["bill", "go", "jobs.prom"]);
}
