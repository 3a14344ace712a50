//! A pool of worker processes that is scraped as one program.
//!
//! The parent opens one socket and starts workers that all accept on it. Each
//! worker counts into files of a shared directory; the parent merges them and
//! serves the result on another port. A worker that dies is replaced, and
//! nothing that it counted is lost.
//!
//! ```text
//! cargo run --release --example worker_pool -- \
//!     --workers 4 --listen 127.0.0.1:8080 --metrics 127.0.0.1:9100 --dir /dev/shm/pool
//! curl http://127.0.0.1:8080/primes/1000
//! curl http://127.0.0.1:9100/metrics
//! ```

#[cfg(unix)]
mod options;
#[cfg(unix)]
mod parent;
#[cfg(unix)]
mod worker;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The parent starts workers from its own program, told apart by a variable.
    match std::env::var_os(worker::DIRECTORY) {
        Some(dir) => runtime.block_on(worker::run(dir.as_ref())),
        None => match options::Options::parse()? {
            Some(options) => runtime.block_on(parent::run(options)),
            None => Ok(()),
        },
    }
}

#[cfg(not(unix))]
fn main() {
    println!("This example hands a listening socket to its workers, which needs Unix.");
}
