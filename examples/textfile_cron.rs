//! A job that cron starts: what it did stands in a file that node_exporter reads.
//!
//! `cargo run --example textfile_cron --features textfile -- /var/lib/node_exporter/backup.prom`
//!
//! Without a path, the file is in a folder for temporary files.

use std::env;

use narthex::textfile::Textfile;
use narthex::{CollectorRegistry, Counter, Gauge, Result};

fn main() -> Result {
    let registry = CollectorRegistry::new();
    let files = Counter::builder("backup_files", "Files copied.").register(&registry)?;
    let duration = Gauge::builder("backup_duration", "How long the last backup took.")
        .unit("seconds")
        .register(&registry)?;
    let finished = Gauge::builder("backup_finished_timestamp", "When the last backup was done.")
        .unit("seconds")
        .register(&registry)?;

    duration.time(|| {
        for _ in 0..3 {
            files.inc();
        }
    });
    finished.set_to_current_time();

    let path =
        env::args_os().nth(1).map_or_else(|| env::temp_dir().join("backup.prom"), Into::into);
    let file = Textfile::new(path).sort(true);
    file.write(&registry)?;
    println!("{}:", file.path().display());
    print!("{}", std::fs::read_to_string(file.path()).unwrap_or_default());
    Ok(())
}
