//! A service: a configured metrics server, shared metrics, and a cycle until a signal.
//!
//! `cargo run --example service --features service`

use std::time::Duration;

use narthex::service::{MetricsConfig, Runner, ServiceMetrics};
use narthex::{REGISTRY, Result};

fn main() -> Result {
    // A program reads this from its own configuration, by serde.
    let config = MetricsConfig::new().with_enabled(true).with_port(0);
    let server = config.start(&REGISTRY)?;
    if let Some(server) = &server {
        println!("metrics on http://{}{}", server.local_addr(), config.path());
    }

    let metrics = ServiceMetrics::register(&REGISTRY)?;
    metrics.set_info([("version", env!("CARGO_PKG_VERSION"))])?;
    let mut waiting = 3.0;
    Runner::builder("mailer", &metrics)
        .interval(Duration::from_secs(1))
        .max_consecutive_failures(5)
        .build()?
        .run_blocking(|| {
            let sent: u32 = "2".parse()?;
            waiting += 1.0 - f64::from(sent);
            metrics.inc_counter("mailer", "mails_sent", sent);
            metrics.set_gauge("mailer", "mails_waiting", waiting);
            Ok(())
        })?;
    println!("stopped, with the last cycle done");
    Ok(())
}
