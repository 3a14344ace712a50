//! Measure something, serve it, look at it: the shortest whole program.
//!
//! `cargo run --example quickstart`, then open the address that it prints.
//! Without `--stay` it scrapes itself once and ends.

use std::io::{Read, Write};
use std::net::TcpStream;

use narthex::{Counter, Histogram, REGISTRY, RegisterDefault, start_http_server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Made once and kept; updating them takes nanoseconds and never fails.
    let jobs = Counter::builder("jobs", "Jobs done.").register_default()?;
    let duration = Histogram::builder("job_duration", "How long a job takes.")
        .unit("seconds")
        .register_default()?;

    for job in 1..=3_u64 {
        duration.time(|| (1..=job * 1000).sum::<u64>());
        jobs.inc();
    }

    // A thread of its own serves /metrics until `server` is dropped.
    let server = start_http_server("127.0.0.1:0", &REGISTRY)?;
    println!("metrics on http://{}/metrics", server.local_addr());
    if std::env::args().any(|arg| arg == "--stay") {
        loop {
            std::thread::park();
        }
    }

    let mut stream = TcpStream::connect(server.local_addr())?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    println!("{answer}");
    assert!(answer.contains("jobs_total 3.0"));
    Ok(())
}
