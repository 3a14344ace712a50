//! A line on the terminal while work takes long; nothing where nobody looks.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Work that is done sooner is not talked about.
const SILENT: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(200);

/// Shows that work goes on, until it is dropped.
pub(crate) struct Progress {
    shown: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    done: Arc<Done>,
}

#[derive(Default)]
struct Done {
    files: AtomicUsize,
    all: AtomicUsize,
}

impl Progress {
    /// `doing` is what the line begins with, such as `merging /run/metrics`.
    pub(crate) fn of(doing: String) -> Self {
        let done = Arc::new(Done::default());
        let shown = io::stderr().is_terminal().then(|| {
            let (end, ended) = mpsc::channel();
            let done = Arc::clone(&done);
            (end, thread::spawn(move || show(&doing, &done, &ended)))
        });
        Self { shown, done }
    }

    /// Notes how many files are done, and how many there are.
    pub(crate) fn tell(&self, files: usize, all: usize) {
        self.done.files.store(files, Ordering::Relaxed);
        self.done.all.store(all, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.shown.take() {
            drop(end);
            // The line is cleared before anything else is written.
            let _ = thread.join();
        }
    }
}

fn show(doing: &str, done: &Done, ended: &mpsc::Receiver<()>) {
    let begun = Instant::now();
    let mut pause = SILENT;
    while ended.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
        pause = EVERY;
        let seconds = begun.elapsed().as_secs_f64();
        let all = done.all.load(Ordering::Relaxed);
        let files = match all {
            0 => String::new(),
            _ => format!(": {} of {all} files", done.files.load(Ordering::Relaxed)),
        };
        // Back to the beginning of the line, and what was there is erased.
        let _ = write!(io::stderr().lock(), "\r\x1b[K{doing}{files}, {seconds:.1} s");
    }
    if pause == EVERY {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}
