//! A trainer whose metrics are declared once: counted, shown as a page, and left in a file.
//!
//! `cargo run --example catalog --features catalog`

use narthex::{Result, exposition, textfile};

narthex::catalog! {
    /// What the trainer measures.
    pub static METRICS: TrainerMetrics {
        /// Steps done.
        steps: Counter = "train.steps",
        /// Loss of the last step.
        loss: Gauge = "train.loss",
        /// How long a step takes.
        step: Histogram = "train.step" { unit: "milliseconds" },
        /// Bytes that were read.
        read: Counter["source"] = "io.read" { unit: "bytes" },
        /// What it does.
        phase: Enum = "train.phase" { states: &["idle", "training", "done"] },
    }
}

fn train() -> Result {
    METRICS.phase.state("training")?;
    for step in 1..=3 {
        METRICS.read.labels(["disk"]).inc_by(4096);
        METRICS.step.observe(40 + step);
        METRICS.loss.set(1.0 / f64::from(step));
        METRICS.steps.inc();
    }
    METRICS.phase.state("done")
}

fn main() -> Result {
    train()?;
    println!("{}", METRICS.to_markdown());
    print!("{}", exposition::text::encode(METRICS.catalog())?);

    // By a name that is known only now.
    let name = ["train", "stpes"].join(".");
    if let Err(error) = METRICS.counter(&name) {
        println!("\n{error}");
    }

    // Where node_exporter looks, if the environment says so.
    let folder = std::env::temp_dir().join("narthex-catalog");
    let path = textfile::path_from_env("TRAINER_METRICS_DIR", folder, "trainer.prom");
    METRICS.write_textfile(&path)?;
    println!("written to {}", path.display());
    Ok(())
}
