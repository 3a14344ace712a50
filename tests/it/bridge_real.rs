//! The bridge to Graphite, with real receivers at its other end.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, str};

use narthex::bridge::GraphiteBridge;
use narthex::{CollectorRegistry, Counter, Gauge};

use crate::real_servers::{Running, get, servers, versions};

fn registry() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("depth", "").labels(["zone"]).register(&registry).unwrap();
    gauge.labels(["a b/é"]).set(-4.5);
    let counter = Counter::builder("jobs", "").register(&registry).unwrap();
    counter.inc_by(2_000_000);
    registry
}

/// Asks until the answer is the one that is wanted, for what was sent is stored later.
fn wait_for<T: PartialEq + std::fmt::Debug>(wanted: &T, ask: impl Fn() -> T) {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer == *wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{answer:?} and not {wanted:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn carbon_stores_what_was_sent() {
    let Some(servers) = servers() else { return };
    let bin = servers.join("carbon/bin");
    if !bin.exists() {
        eprintln!("skipped: there is no carbon");
        return;
    }
    let stored = tempfile::tempdir().unwrap();
    let carbon = Running::start(|address, dir| {
        let (host, port) = address.split_once(':').unwrap();
        let at = dir.display();
        let config = format!(
            "[cache]\nUSER =\nSTORAGE_DIR = {at}\nCONF_DIR = {at}\nLOG_DIR = {at}\nPID_DIR = {at}\n\
             LOCAL_DATA_DIR = {stored}\nENABLE_TAGS = False\nMAX_CREATES_PER_MINUTE = inf\n\
             LINE_RECEIVER_INTERFACE = {host}\nLINE_RECEIVER_PORT = {port}\n\
             PICKLE_RECEIVER_INTERFACE = {host}\nPICKLE_RECEIVER_PORT = {pickles}\n\
             CACHE_QUERY_INTERFACE = {host}\nCACHE_QUERY_PORT = {queries}\n",
            stored = stored.path().display(),
            pickles = free_port(),
            queries = free_port(),
        );
        fs::write(dir.join("carbon.conf"), config).unwrap();
        let schemas = "[all]\npattern = .*\nretentions = 1s:1h\n";
        fs::write(dir.join("storage-schemas.conf"), schemas).unwrap();
        let mut command = Command::new(bin.join("python"));
        command.arg(bin.join("carbon-cache.py")).arg("--config").arg(dir.join("carbon.conf"));
        command.args(["--nodaemon", "start"]).env("GRAPHITE_ROOT", dir);
        command
    });
    GraphiteBridge::new(carbon.address()).prefix("shop.web").push(&registry()).unwrap();

    let last = |path: &str| {
        let program = "import sys, whisper
last = [value for value in whisper.fetch(sys.argv[1], 0)[1] if value is not None][-1:]
print(*last)";
        let mut command = Command::new(bin.join("python"));
        command.args(["-c", program]).arg(stored.path().join(path));
        str::from_utf8(&command.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    wait_for(&"-4.5".to_owned(), || last("shop/web/depth/zone/a_b__.wsp"));
    wait_for(&"2000000.0".to_owned(), || last("shop/web/jobs_total.wsp"));
}

#[test]
fn victoriametrics_takes_tags_for_labels() {
    let start = |program: &Path, graphite: u16| {
        Running::start(|address, dir| {
            let mut command = Command::new(program);
            command.arg(format!("-httpListenAddr={address}"));
            command.arg(format!("-graphiteListenAddr=127.0.0.1:{graphite}"));
            command.arg(format!("-storageDataPath={}", dir.join("data").display()));
            command
        })
    };
    for program in versions("usr/bin/victoria-metrics", "-version") {
        let graphite = free_port();
        let victoria = start(&program, graphite);
        let bridge = GraphiteBridge::new(format!("127.0.0.1:{graphite}")).tags(true);
        bridge.push(&registry()).unwrap();
        let base = format!("http://{}", victoria.address());
        let value = |query: &str| {
            get(&format!("{base}/internal/force_flush"));
            let series = get(&format!("{base}/api/v1/export?match={query}"));
            let values = series.split_once("\"values\":[").map(|(_, values)| values.to_owned());
            values.map(|values| values.split(']').next().unwrap_or_default().to_owned())
        };
        wait_for(&Some("-4.5".to_owned()), || value("depth{zone=\"a_b__\"}"));
        wait_for(&Some("2000000".to_owned()), || value("jobs_total"));
    }
}
