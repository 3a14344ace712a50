//! Split a metric by labels: handles, label values of any kind, removal.
//!
//! `cargo run --example labels`

use narthex::{CollectorRegistry, Counter, Gauge, Histogram, exposition};

fn main() -> narthex::Result {
    let registry = CollectorRegistry::new();

    // How many labels there are is part of the type: one value too few or too
    // many does not compile.
    let requests = Counter::builder("http_requests", "Requests answered.")
        .labels(["method", "code"])
        .register(&registry)?;
    requests.labels(["GET", "200"]).inc();
    requests.labels(("GET", 404)).inc();

    // Where the values are known beforehand, a handle saves the look-up.
    let posts = requests.labels(["POST", "201"]).handle();
    for _ in 0..3 {
        posts.inc();
    }

    // A timer can wait for its labels until the outcome is known.
    let latency = Histogram::builder("http_latency", "Of answers.")
        .unit("seconds")
        .buckets([0.1, 1.0])
        .labels(["outcome"])
        .register(&registry)?;
    let timer = latency.start_timer();
    let outcome = if "42".parse::<u8>().is_ok() { "parsed" } else { "refused" };
    timer.stop([outcome]);

    // A series that is no longer wanted is removed; whoever holds it can go on.
    let sessions =
        Gauge::builder("sessions", "Open, by user.").labels(["user"]).register(&registry)?;
    sessions.labels(["ada"]).set(2);
    sessions.labels(["bob"]).set(1);
    sessions.remove(["bob"]);

    let text = exposition::text::encode(&registry)?;
    print!("{text}");
    assert!(text.contains("http_requests_total{code=\"404\",method=\"GET\"} 1.0\n"));
    assert!(text.contains("http_requests_total{code=\"201\",method=\"POST\"} 3.0\n"));
    assert!(!text.contains("bob"));
    Ok(())
}
