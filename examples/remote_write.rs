//! A service that nobody scrapes: it sends its metrics to a receiver of remote write by itself.
//!
//! `cargo run --example remote_write --features remote-write,service -- http://localhost:9090/api/v1/write`
//!
//! Prometheus is one if it was started with `--web.enable-remote-write-receiver`. A signal ends it,
//! and the last values leave. Without an address it shows what it would send.

use std::sync::Arc;
use std::time::Duration;

use narthex::client::{Connection, Retry};
use narthex::remote_write::RemoteWrite;
use narthex::service::{Runner, ServiceMetrics};
use narthex::{CollectorRegistry, Histogram, NativeOptions, Result, exposition};

fn main() -> Result {
    let registry = CollectorRegistry::new();
    let metrics = ServiceMetrics::register(&registry)?;
    let sizes = Histogram::builder("mail_size", "Of mails sent.")
        .unit("bytes")
        .native(NativeOptions::default())
        .register(&registry)?;

    let Some(url) = std::env::args().nth(1) else {
        sizes.observe(4096);
        print!("{}", exposition::text::encode(&registry)?);
        return Ok(());
    };

    // It is tried again at first after a second, and every minute when the outage lasts.
    let retry = Retry::default().with_pauses(Duration::from_secs(1), Duration::from_secs(60));
    let writer = RemoteWrite::builder(url, &registry)
        .label("job", "mailer")
        .label("instance", "mailer-1")
        .interval(Duration::from_secs(5))
        .connection(Connection::new().timeout(Duration::from_secs(10)).retry(retry))
        .start()?;
    registry.register(Arc::new(writer.metrics()))?;

    let ran = Runner::builder("mailer", &metrics)
        .interval(Duration::from_millis(100))
        .build()?
        .run_blocking(|| {
            sizes.observe(4096);
            metrics.inc_counter("mailer", "mails_sent", 1);
            Ok(())
        });
    let told = writer.metrics();
    // The last values, and a mark for each series that it has ended.
    writer.stop()?;
    println!("{:?}", told.stats());
    ran
}
