//! The points at which a process looks at the shared directory or changes it, one step at a time.
//!
//! Outside of tests nothing happens at them. A test gives the turn to another
//! process there, so as to go through every order of steps.

#[cfg(unix)]
use std::time::Duration;

#[cfg(test)]
use super::explorer;

/// The next step is about to be made.
#[inline]
pub(crate) fn step() {
    #[cfg(test)]
    explorer::step();
}

/// The next step can be made when another process has made one.
#[cfg(unix)]
pub(crate) fn pause(time: Duration) {
    #[cfg(test)]
    if explorer::pause() {
        return;
    }
    std::thread::sleep(time);
}
