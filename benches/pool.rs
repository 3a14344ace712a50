//! Writes the files of many workers, and holds their locks until its input ends.
#![allow(missing_docs)] // a program

use std::io::Read;

use narthex::multiprocess::MultiprocessStore;
use narthex::{Counter, Histogram};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` asks every bench to run, with this argument.
    let [dir, kind, workers, series] = args.as_slice() else {
        eprintln!("usage: pool DIR counters|histograms WORKERS SERIES");
        return Ok(());
    };
    let (workers, series): (u64, u64) = (workers.parse()?, series.parse()?);
    let mut stores = Vec::new();
    for _ in 0..workers {
        let store = MultiprocessStore::open(dir)?;
        match kind.as_str() {
            "counters" => {
                let made = Counter::builder("http_requests", "Requests answered.")
                    .labels(["path"])
                    .store(&store)
                    .build()?;
                (0..series).for_each(|n| made.labels([path(n)]).inc_by(n));
            }
            _ => {
                let made = Histogram::builder("http_latency_seconds", "Of answers.")
                    .labels(["path"])
                    .store(&store)
                    .build()?;
                (0..series).for_each(|n| made.labels([path(n)]).observe(0.3));
            }
        }
        stores.push(store);
    }
    println!("written");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn path(n: u64) -> String {
    format!("/api/v1/items/{n}")
}
