//! A job that ends: its numbers are sent to a Pushgateway, while it runs and when it is done.
//!
//! `cargo run --example push_batch_job --features push -- localhost:9091`
//!
//! Without an address it shows what it would send.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use narthex::client::{Connection, Retry};
use narthex::push::{PeriodicPush, PushGateway};
use narthex::{CollectorRegistry, Counter, Gauge, Result, exposition};

/// Copies all files, if no name is empty.
fn back_up(names: &[&str], files: &Counter) -> std::result::Result<(), String> {
    for name in names {
        thread::sleep(Duration::from_millis(100));
        if name.is_empty() {
            return Err("a file without a name".to_owned());
        }
        files.inc();
    }
    Ok(())
}

fn main() -> Result {
    let registry = CollectorRegistry::new();
    let files = Counter::builder("backup_files", "Files copied.").register(&registry)?;
    let finished = Gauge::builder("backup_last_success_timestamp", "When all were copied.")
        .unit("seconds")
        .build()?;

    let Some(address) = std::env::args().nth(1) else {
        drop(back_up(&["a", ""], &files));
        print!("{}", exposition::text::encode(&registry)?);
        return Ok(());
    };

    let retry = Retry::default().with_attempts(5);
    let connection = Connection::new().timeout(Duration::from_secs(10)).retry(retry);
    let gateway = PushGateway::builder(address, "backup")
        .grouping_key("instance", "db/1")
        .connection(connection)
        .build()?;

    // What it added replaces what it said before, and leaves other metrics of the group alone: if
    // the job fails, the time of the last success stays.
    let pushes = PeriodicPush::builder(&gateway, &registry)
        .interval(Duration::from_millis(50))
        .replace(false)
        .start()?;
    match back_up(&["a", "b", "c"], &files) {
        Ok(()) => {
            finished.set_to_current_time();
            registry.register(Arc::new(finished))?;
        }
        Err(error) => eprintln!("{error}"),
    }
    // The last values are sent before the program ends.
    pushes.stop()?;
    println!("pushed to {}", gateway.url());
    Ok(())
}
