//! A counter that lives in a file which processes share.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use narthex::multiprocess::MultiprocessStore;

use super::limits;
use crate::harness::{Apart, Candidate, Lost, Who};
use crate::run::{Heading, Run};

pub const INC: Heading = Heading { name: "counter inc in a shared file", unit: "ns an inc" };

pub fn inc(run: &mut Run) -> Result<(), Lost> {
    if !run.wants_among_threads(INC, "") {
        return Ok(());
    }
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    let dir = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() };
    let dir = dir.expect("a directory of our own");
    let store = MultiprocessStore::open(dir.path()).expect("a store");
    let filed = narthex::Counter::builder("c", "h").store(&store).build().expect("a counter");
    let ours = narthex::Counter::builder("c", "h").build().expect("a counter");
    let shared = Apart(AtomicU64::new(0));
    let fraction = Apart(AtomicU64::new(0));
    let candidates = [
        Candidate::new(Who::Narthex, |_| black_box(&filed).inc())
            .shows(|done| filed.get() == done.all as f64),
        limits::fetch_add(&shared.0),
        limits::exchange_float(&fraction.0, 1.0),
        Candidate::new(Who::Limit("narthex in memory"), |_| black_box(&ours).inc()),
    ];
    run.among_threads(INC, "", &candidates)
}
