//! A producer records by name, and what it recorded goes to the console, to a registry, and to a sink
//! of its own.
//!
//! `cargo run --example sinks --features sinks`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex::recorder::BufferedRecorder;
use narthex::sink::{ConsoleSink, RegistrySink, Sink, SinkFuture, Snapshot};
use narthex::window::{MetricsLevel, MetricsManager};
use narthex::{CollectorRegistry, Result, exposition};

/// What a bill is written by: each record counts once.
#[derive(Default)]
struct Bill {
    records: AtomicU64,
}

impl Sink for Bill {
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        Box::pin(async move {
            // A real one would await its answer here.
            let sent = snapshots.iter().filter(|snapshot| snapshot.name() == "record_bytes");
            let new = sent.map(|snapshot| snapshot.new().count).sum();
            self.records.fetch_add(new, Ordering::Relaxed);
            Ok(())
        })
    }
}

fn main() -> Result {
    let registry = CollectorRegistry::new();
    let (bill, shown) = (Arc::new(Bill::default()), RegistrySink::new());
    registry.register(Arc::new(shown.clone()))?;
    let manager = MetricsManager::builder()
        .level(MetricsLevel::Summary)
        .summary_dimensions(["stream"])
        .sink(ConsoleSink::stdout())
        .sink(shown)
        .sink(bill.clone())
        .build()?;
    // How the sinks fare is told as well.
    registry.register(Arc::new(manager.clone()))?;

    let flushing = manager.start()?;
    // Where even looking for the series takes too long: batches, on another thread.
    let recorded = manager.clone();
    let batches = BufferedRecorder::builder(move |batch| {
        batch.iter().for_each(|entry| recorded.put(&entry.name, entry.value, &[]));
        Ok(())
    })
    .start()?;

    for shard in ["0", "1", "2"] {
        manager.put("record_bytes", 512.0, &[("stream", "clicks"), ("shard", shard)]);
        batches.record("retries", 1.0, &[]);
    }

    // What is left is handed on before the program ends.
    batches.stop()?;
    flushing.stop()?;
    println!("{} records are billed", bill.records.load(Ordering::Relaxed));
    print!("{}", exposition::text::encode(&registry)?);
    Ok(())
}
