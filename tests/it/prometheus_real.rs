//! An application of every type, scraped by real Prometheus servers.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use narthex::{
    CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, NativeOptions, Summary,
    start_http_server,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::real_servers::{Running, get, versions};

/// The factor by which a bucket of the native histogram is wide: 2^(1/8), the widest below 1.1.
const WIDTH: f64 = 1.0905;

fn registry() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    let jobs = Counter::builder("jobs", "h").labels(["kind"]).register(&registry).unwrap();
    jobs.labels(["a\"\\\nä"]).inc_by_with_exemplar(3, &[("trace_id", "abc")]);
    Gauge::builder("depth", "h").register(&registry).unwrap().set(-2.5);
    Gauge::builder("größe.m", "h").register(&registry).unwrap().set(2);
    let classic = Histogram::builder("classic", "h").buckets([0.5]).register(&registry).unwrap();
    let native = Histogram::builder("native", "h").native(NativeOptions::new());
    let native = native.register(&registry).unwrap();
    for _ in 0..100 {
        classic.observe(0.25);
        native.observe(0.3);
    }
    Summary::builder("work", "h").register(&registry).unwrap().observe(2.0);
    Info::builder("build", "h").register(&registry).unwrap().info([("version", "1")]).unwrap();
    let state = Enum::builder("state", "h").states(["on", "off"]).register(&registry).unwrap();
    state.state("off").unwrap();
    registry
}

struct Prometheus(Running);

impl Prometheus {
    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&get(&format!("http://{}/api/v1/{path}", self.0.address()))).unwrap()
    }

    /// The value that a query gives, if it gives one.
    fn query(&self, query: &str) -> Option<f64> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer = self.json(&format!("query?query={query}"));
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Waits until it has scraped without an error.
    fn wait(&self) {
        let begun = Instant::now();
        // Until then, it answers nothing in JSON.
        while !get(&format!("http://{}/-/ready", self.0.address())).contains("Ready") {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", self.0.log());
            thread::sleep(Duration::from_millis(50));
        }
        while self.query("up") != Some(1.0) || self.query("depth").is_none() {
            let targets = self.json("targets");
            let error = &targets["data"]["activeTargets"][0]["lastError"];
            assert!(begun.elapsed() < Duration::from_secs(60), "{error}\n{}", self.0.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn every_type_arrives() {
    for program in versions("usr/bin/prometheus", "--version") {
        let registry = registry();
        let server = start_http_server("127.0.0.1:0", &registry).unwrap();
        let prometheus = Prometheus(Running::start(|address, dir| {
            let config = format!(
                "global: {{scrape_interval: 1s}}\n\
                 scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{}']}}]}}]\n",
                server.local_addr()
            );
            fs::write(dir.join("config.yml"), config).unwrap();
            let mut command = Command::new(&program);
            command.arg(format!("--config.file={}", dir.join("config.yml").display()));
            command.arg(format!("--storage.tsdb.path={}", dir.join("data").display()));
            command.arg(format!("--web.listen-address={address}"));
            command.arg("--enable-feature=native-histograms,exemplar-storage");
            command
        }));
        prometheus.wait();

        let is_3 = prometheus.json("status/buildinfo")["data"]["version"]
            .as_str()
            .unwrap()
            .starts_with('3');
        let size = if is_3 { "{\"größe.m\"}" } else { "gr__e_m" };
        for (query, value) in [
            ("jobs_total{kind=\"a\\\"\\\\\\nä\"}", 3.0),
            ("depth", -2.5),
            (size, 2.0),
            ("classic_bucket{le=\"0.5\"}", 100.0),
            ("classic_sum", 25.0),
            ("histogram_count(native)", 100.0),
            ("work_sum", 2.0),
            ("work_count", 1.0),
            ("build_info{version=\"1\"}", 1.0),
            ("state{state=\"off\"}", 1.0),
        ] {
            assert_eq!(prometheus.query(query), Some(value), "{program:?}: {query}");
        }
        let sum = prometheus.query("histogram_sum(native)").unwrap();
        // A hundred additions round.
        assert!((sum - 30.0).abs() < 1e-9, "{sum}");
        let median = prometheus.query("histogram_quantile(0.5, native)").unwrap();
        assert!((0.3 / WIDTH..=0.3 * WIDTH).contains(&median), "{program:?}: {median}");

        let exemplars = prometheus.json("query_exemplars?query=jobs_total&start=0&end=9999999999");
        let exemplar = &exemplars["data"][0]["exemplars"][0];
        assert_eq!(exemplar["labels"]["trace_id"], "abc", "{program:?}: {exemplars}");
        assert_eq!(exemplar["value"], "3");
    }
}
