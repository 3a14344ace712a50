//! Recordings that are handed on in batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use narthex::Error;
use narthex::recorder::{BufferedEntry, BufferedRecorder, BufferedRecorderBuilder};

const NEVER: Duration = Duration::from_secs(3600);

/// A backend that keeps the values of batches, and fails or panics when it is told so.
#[derive(Clone, Default)]
struct Kept {
    batches: Arc<Mutex<Vec<Vec<f64>>>>,
    fails: Arc<AtomicBool>,
}

impl Kept {
    fn recorder(&self) -> BufferedRecorderBuilder {
        let kept = self.clone();
        let backend = move |batch: &[BufferedEntry]| {
            if kept.fails.load(Ordering::Relaxed) {
                return Err(Error::collector("not now"));
            }
            let values = batch.iter().map(|entry| entry.value).collect();
            kept.batches.lock().unwrap().push(values);
            Ok(())
        };
        BufferedRecorder::builder(backend).flush_interval(NEVER)
    }

    fn batches(&self) -> Vec<Vec<f64>> {
        self.batches.lock().unwrap().clone()
    }
}

#[test]
fn the_rest_is_handed_on_when_it_is_stopped_or_dropped() {
    let kept = Kept::default();
    let recorder = kept.recorder().start().unwrap();
    recorder.record("a", 1.0, &[]);
    recorder.record("b", 2.0, &[("c", "d")]);
    assert_eq!((recorder.len(), kept.batches().len()), (2, 0));
    recorder.stop().unwrap();
    let recorder = kept.recorder().start().unwrap();
    recorder.record("a", 3.0, &[]);
    drop(recorder);
    assert_eq!(kept.batches(), [vec![1.0, 2.0], vec![3.0]]);
}

#[test]
fn an_entry_has_what_was_recorded() {
    let (tell, told) = mpsc::channel();
    let backend = move |batch: &[BufferedEntry]| {
        tell.send(batch.to_vec()).unwrap();
        Ok(())
    };
    let recorder = BufferedRecorder::builder(backend).flush_interval(NEVER).start().unwrap();
    recorder.record("requests", 1.5, &[("method", "GET"), ("code", "200")]);
    assert_eq!(recorder.flush().unwrap(), 1);
    assert!(recorder.is_empty());
    let [entry] = &told.recv().unwrap()[..] else { panic!() };
    assert_eq!((&*entry.name, entry.value), ("requests", 1.5));
    let labels = [("method", "GET"), ("code", "200")];
    assert_eq!(entry.labels, labels.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_full_batch_is_handed_on_before_the_interval_is_over() {
    let kept = Kept::default();
    let recorder = kept.recorder().flush_at(3).start().unwrap();
    for value in [1.0, 2.0, 3.0] {
        recorder.record("a", value, &[]);
    }
    // For as long as it takes.
    while kept.batches().is_empty() {
        thread::yield_now();
    }
    assert_eq!(kept.batches(), [[1.0, 2.0, 3.0]]);
}

#[test]
fn the_interval_is_enough_too() {
    let kept = Kept::default();
    let recorder = kept.recorder().flush_interval(Duration::from_millis(1)).start().unwrap();
    recorder.record("a", 1.0, &[]);
    while kept.batches().is_empty() {
        thread::yield_now();
    }
    assert_eq!(kept.batches(), [[1.0]]);
}

#[test]
fn what_is_not_taken_comes_again_in_its_order() {
    let kept = Kept::default();
    let recorder = kept.recorder().start().unwrap();
    kept.fails.store(true, Ordering::Relaxed);
    recorder.record("a", 1.0, &[]);
    let error = recorder.flush().unwrap_err().to_string();
    assert_eq!(error, "1 recordings were not taken: not now");
    recorder.record("a", 2.0, &[]);
    kept.fails.store(false, Ordering::Relaxed);
    assert_eq!(recorder.flush().unwrap(), 2);
    assert_eq!(recorder.flush().unwrap(), 0);
    assert_eq!(kept.batches(), [[1.0, 2.0]]);
}

#[test]
fn a_backend_that_panics_has_taken_nothing() {
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let backend = move |_: &[BufferedEntry]| {
        assert!(over.load(Ordering::Relaxed), "no ink");
        Ok(())
    };
    let recorder = BufferedRecorder::builder(backend).flush_interval(NEVER).start().unwrap();
    recorder.record("a", 1.0, &[]);
    let error = recorder.flush().unwrap_err().to_string();
    assert!(error.ends_with("panicked: no ink"), "{error}");
    is_over.store(true, Ordering::Relaxed);
    assert_eq!(recorder.flush().unwrap(), 1);
}

#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let kept = Kept::default();
    let recorder = kept.recorder().flush_at(2).max_buffered(2).start().unwrap();
    kept.fails.store(true, Ordering::Relaxed);
    for value in [1.0, 2.0, 3.0] {
        recorder.record("a", value, &[]);
        // With its batch full, the thread tries in vain.
        let tries = u64::from(value >= 2.0);
        while recorder.failures() < tries || recorder.len() < (value as usize).min(2) {
            thread::yield_now();
        }
    }
    assert_eq!(recorder.dropped(), 1);
    kept.fails.store(false, Ordering::Relaxed);
    assert_eq!(recorder.flush().unwrap(), 2);
    assert_eq!(kept.batches(), [[1.0, 2.0]]);
}

#[test]
fn whoever_records_does_not_wait_for_the_backend() {
    let (begin, begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let backend = move |_: &[BufferedEntry]| {
        begin.send(()).unwrap();
        let _ = may_go_on.lock().unwrap().recv();
        Ok(())
    };
    let builder = BufferedRecorder::builder(backend).flush_interval(NEVER);
    let recorder = builder.flush_at(1).max_buffered(10).start().unwrap();
    recorder.record("a", 1.0, &[]);
    begun.recv().unwrap();
    // The backend waits, and 10 have room beside what it has.
    for _ in 0..11 {
        recorder.record("a", 1.0, &[]);
    }
    assert_eq!((recorder.len(), recorder.dropped()), (10, 1));
    drop(go_on);
    recorder.stop().unwrap();
}

#[test]
fn mistakes_of_construction_are_named() {
    let start = |builder: BufferedRecorderBuilder| builder.start().unwrap_err().to_string();
    let builder = || Kept::default().recorder();
    let told = start(builder().flush_at(0));
    assert_eq!(told, "a batch of 0 recordings of 100000 that may wait");
    let told = start(builder().max_buffered(10));
    assert_eq!(told, "a batch of 1000 recordings of 10 that may wait");
    let told = start(builder().flush_interval(Duration::ZERO));
    assert_eq!(told, "an interval of nothing leaves no time in between");
}
