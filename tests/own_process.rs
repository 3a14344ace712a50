//! The numbers of the own process move as it does. A binary of its own, because
//! other tests would move them too.
#![cfg(all(feature = "process", target_os = "linux"))]

use std::fs::File;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use narthex::collectors::ProcessCollector;
use narthex::for_each_family;

fn own(wanted: &str) -> f64 {
    let mut found = None;
    for_each_family(&ProcessCollector::new(), &mut |family| {
        family.for_each_sample(&mut |sample| {
            if sample.is_named(wanted) {
                found = Some(sample.value());
            }
        });
        Ok(())
    })
    .unwrap();
    found.unwrap_or_else(|| panic!("{wanted} is not told"))
}

// The tests of this file run side by side, hence the margins of a few.
#[test]
fn open_files_are_counted() {
    let before = own("process_open_fds");
    let files: Vec<File> = (0..200).map(|_| File::open("/dev/null").unwrap()).collect();
    let during = own("process_open_fds");
    drop(files);
    let after = own("process_open_fds");
    assert!((190.0..=210.0).contains(&(during - before)), "{before} then {during}");
    assert!((190.0..=210.0).contains(&(during - after)), "{during} then {after}");
}

#[test]
fn threads_are_counted() {
    let before = own("process_threads");
    let barrier = Arc::new(Barrier::new(101));
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            std::thread::spawn(move || barrier.wait())
        })
        .collect();
    let during = own("process_threads");
    barrier.wait();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!((90.0..=110.0).contains(&(during - before)), "{before} then {during}");
}

#[test]
fn memory_that_is_touched_becomes_resident() {
    const BYTES: usize = 256 << 20;
    let (resident, size) =
        (own("process_resident_memory_bytes"), own("process_virtual_memory_bytes"));
    let memory = black_box(vec![1_u8; BYTES]);
    let grown = own("process_resident_memory_bytes") - resident;
    let widened = own("process_virtual_memory_bytes") - size;
    drop(memory);
    let bytes = BYTES as f64;
    // The stacks of the threads next door are small, and mapped but not touched.
    assert!((bytes * 0.9..bytes * 1.1).contains(&grown), "{grown} of {bytes}");
    assert!(widened > bytes * 0.9, "{widened} of {bytes}");
    assert!(own("process_resident_memory_bytes") < resident + bytes * 0.1);
}

#[test]
fn work_takes_processor_time() {
    let before = own("process_cpu_seconds_total");
    let begun = Instant::now();
    // A tick is 10 ms; how soon we are given five of them is up to the machine.
    while own("process_cpu_seconds_total") < before + 0.05 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the time stands still at {before}");
    }
}
