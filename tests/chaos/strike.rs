//! A signal to oneself after some nanoseconds, which can come between any two instructions.
#![allow(unsafe_code)]

use std::fmt;
use std::mem;
use std::ptr;
use std::str::FromStr;

/// What befalls a process in the midst of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    /// It is killed, or stopped.
    pub(crate) kills: bool,
    /// Before this of its counts.
    pub(crate) at: u64,
    pub(crate) nanos: u32,
}

impl Strike {
    /// Lets the kernel do it; afterwards the process goes on, but not for long.
    pub(crate) fn arm(self) {
        // SAFETY: all of its fields are numbers or pointers that may be null.
        let mut event: libc::sigevent = unsafe { mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = if self.kills { libc::SIGKILL } else { libc::SIGSTOP };
        let mut timer: libc::timer_t = ptr::null_mut();
        // SAFETY: as for `event`.
        let mut when: libc::itimerspec = unsafe { mem::zeroed() };
        when.it_value.tv_nsec = i64::from(self.nanos.max(1)) as _;
        // SAFETY: the kernel reads `event` and `when`, and fills `timer`.
        let done = unsafe {
            libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) == 0
                && libc::timer_settime(timer, 0, &when, ptr::null_mut()) == 0
        };
        assert!(done, "{}", std::io::Error::last_os_error());
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", u8::from(self.kills), self.at, self.nanos)
    }
}

impl FromStr for Strike {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split(' ').map(|word| word.parse::<u64>());
        let mut number = || words.next().unwrap_or(Ok(0));
        Ok(Self { kills: number()? == 1, at: number()?, nanos: number()? as u32 })
    }
}
