//! Every place where a fold can overtake a reader: the reader sees every count once, or begins again.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{fs, thread};

use super::super::disk::RealDisk;
use super::super::fixture::{ALL, Stepped};
use super::*;
use crate::multiprocess::file_kind::FileKind;
use crate::multiprocess::listing::attempt;
use crate::multiprocess::mark_process_dead;
use crate::multiprocess::owner::lock_path;
use crate::multiprocess::reader::{Entry, entries, read, write};

/// A fold in a thread of its own, and how far it has come.
struct Folder {
    arrived: Receiver<()>,
    go: Sender<()>,
    steps: usize,
}

impl Folder {
    /// Lets it do so many steps in all; false if it has ended before.
    fn advance_to(&mut self, steps: usize) -> bool {
        while self.steps < steps {
            if self.go.send(()).is_err() || self.arrived.recv().is_err() {
                return false;
            }
            self.steps += 1;
        }
        true
    }
}

const TOTAL: &[u8] = br#"["c", "c_total", {}, "h"]"#;

fn leave(dir: &Path, identifier: &str, value: f64) {
    let entry = Entry { offset: 0, key: TOTAL, value, timestamp: 0.0 };
    let bytes = write([entry].into_iter()).unwrap();
    fs::write(dir.join(FileKind::Counter.file_name(identifier)), bytes).unwrap();
}

/// A folded generation, two dead of ours, one of Python's, and one of whom nothing is known.
fn populate(dir: &Path) {
    fs::write(lock_path(dir, "3-a"), "").unwrap();
    leave(dir, "3-a", 1.0);
    fold(dir, &RealDisk, ALL).unwrap();
    for (identifier, value) in [("3-b", 2.0), ("7-c", 4.0)] {
        leave(dir, identifier, value);
        fs::write(lock_path(dir, identifier), "").unwrap();
    }
    leave(dir, "1999999999", 8.0);
    mark_process_dead(dir, "1999999999").unwrap();
    leave(dir, "web", 16.0);
}

/// Lets the fold go on from step `from` to step `to` at the pause `at` of a reader.
///
/// None if there is no such pause or step; otherwise what the reader saw, if it is sure of it.
fn overtake(at: usize, from: usize, to: usize) -> Option<Option<f64>> {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let dir = dir.path();
    populate(dir);
    thread::scope(|scope| {
        let (arrived, has_arrived) = channel();
        let (go, told) = channel();
        scope.spawn(move || {
            // Each step when it is told to, and all of them when nobody is there to tell.
            let before = || {
                let _ = arrived.send(());
                let _ = told.recv();
            };
            fold(dir, &Stepped { before, syncs: false }, ALL).unwrap()
        });
        has_arrived.recv().unwrap();
        let mut folder = Folder { arrived: has_arrived, go, steps: 0 };
        if !folder.advance_to(from) {
            return None;
        }
        let state = RefCell::new((0, folder, true));
        let pause = || {
            let (pauses, folder, has_steps) = &mut *state.borrow_mut();
            if *pauses == at {
                *has_steps = folder.advance_to(to);
            }
            *pauses += 1;
        };
        let seen = attempt(dir, &mut { pause }, &mut |listing: &Listing| {
            let mut sum = 0.0;
            for path in listing.counted() {
                pause();
                match read(&path) {
                    Ok(bytes) => {
                        sum += entries(&bytes).0.iter().map(|entry| entry.value).sum::<f64>()
                    }
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
                }
            }
            Ok::<_, io::Error>(sum)
        });
        let (pauses, _, has_steps) = state.into_inner();
        let seen = seen.unwrap();
        // A reader that gives up at once makes no pause at all.
        let happened = pauses > at || (pauses == 0 && from == to);
        (has_steps && happened).then_some(seen)
    })
}

#[test]
fn wherever_a_fold_overtakes_a_reader_every_count_is_seen_once() {
    let (mut sure, mut again) = (0, 0);
    for at in 0.. {
        let before = sure;
        for from in 0.. {
            let mut steps = 0;
            for to in from.. {
                let Some(seen) = overtake(at, from, to) else { break };
                steps += 1;
                match seen {
                    Some(total) => {
                        assert_eq!(total, 31.0, "at pause {at} the fold went from {from} to {to}");
                        sure += 1;
                    }
                    None => again += 1,
                }
            }
            if steps == 0 {
                break;
            }
        }
        if sure == before {
            break;
        }
    }
    println!("{sure} were sure of it, {again} began again");
    assert!(sure > 250 && again > 250, "{sure} were sure, {again} began again");
}
