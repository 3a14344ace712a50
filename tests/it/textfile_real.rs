//! The textfile, read by real node_exporters.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::{fs, path::Path};

use narthex::textfile::write_to_textfile;
use narthex::{CollectorRegistry, Counter, Gauge, Histogram, Info, NativeOptions, Summary};

use crate::real_servers::{Running, get, versions};

fn exporter(program: &Path, files: &Path) -> Running {
    Running::start(|address, _| {
        let mut command = Command::new(program);
        command.arg(format!("--web.listen-address={address}"));
        command.arg(format!("--collector.textfile.directory={}", files.display()));
        command.args(["--collector.disable-defaults", "--collector.textfile"]);
        command.args(["--web.disable-exporter-metrics", "--web.max-requests=0"]);
        command
    })
}

#[test]
fn every_type_and_name_is_shown() {
    for program in versions("usr/bin/prometheus-node-exporter", "--version") {
        let dir = tempfile::tempdir().unwrap();
        let registry = CollectorRegistry::new();
        let help = "A \"word\",\na \\ and \u{e4}.";
        let labels = Counter::builder("mail.sent", help).labels(["to.whom"]);
        labels.register(&registry).unwrap().labels(["ä\"\\\n"]).inc_by(3);
        Gauge::builder("temperature", help).register(&registry).unwrap().set(f64::NAN);
        Summary::builder("work", help).register(&registry).unwrap().observe(2.5);
        let classic = Histogram::builder("wait", help).buckets([1.0]).register(&registry).unwrap();
        classic.observe(0.5);
        let native = Histogram::builder("native", help).native(NativeOptions::new());
        native.register(&registry).unwrap().observe(0.25);
        Info::builder("build", help).register(&registry).unwrap().info([("version", "1")]).unwrap();
        write_to_textfile(dir.path().join("a.prom"), &registry).unwrap();

        let exporter = exporter(&program, dir.path());
        let shown = get(&format!("http://{}/metrics", exporter.address()));
        for line in [
            "node_textfile_scrape_error 0",
            "mail_sent_total{to_whom=\"ä\\\"\\\\\\n\"} 3",
            "temperature NaN",
            "work_sum 2.5",
            "work_count 1",
            "wait_bucket{le=\"1\"} 1",
            "wait_sum 0.5",
            "native_sum 0.25",
            "native_count 1",
            "build_info{version=\"1\"} 1",
            "# HELP temperature A \"word\",\\na \\\\ and ä.",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{program:?}: {line}\n{shown}");
        }
    }
}

#[test]
fn each_scrape_finds_a_whole_file_while_it_is_renewed() {
    for program in versions("usr/bin/prometheus-node-exporter", "--version") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.prom");
        let registry = CollectorRegistry::new();
        let many = Counter::builder("many", "h").labels(["number"]).register(&registry).unwrap();
        (0..500).for_each(|number| many.labels([number.to_string()]).inc());
        Gauge::builder("last", "h").register(&registry).unwrap().set(1);
        write_to_textfile(&path, &registry).unwrap();

        let exporter = exporter(&program, dir.path());
        let url = format!("http://{}/metrics", exporter.address());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    write_to_textfile(&path, &registry).unwrap();
                }
            });
            for _ in 0..50 {
                let shown = get(&url);
                let whole = shown.contains("\nnode_textfile_scrape_error 0\n")
                    && shown.contains("\nlast 1\n");
                done.store(!whole, Ordering::Relaxed);
                assert!(whole, "{shown}\n{}", exporter.log());
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(fs::metadata(&path).is_ok());
    }
}
