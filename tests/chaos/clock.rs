//! A wall clock that a process can set for itself: the one that its C library has gives way to this.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI64, Ordering};

/// By how many seconds the clock is ahead.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Sets the wall clock of this process ahead of that of the machine, or back.
pub(crate) fn set(seconds_ahead: i64) {
    AHEAD.store(seconds_ahead, Ordering::Relaxed);
}

/// What the standard library asks for the time, of which programs have but one.
// SAFETY: it does what the function of that name promises; a program's own goes
// before that of a shared library.
#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    // SAFETY: the caller says that `time` can be written to.
    let done = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: as above, and the kernel has just filled it.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::Relaxed) };
    }
    done
}

#[cfg(target_pointer_width = "64")]
#[test]
fn the_clock_can_be_set() {
    use std::time::{Duration, SystemTime};

    let before = SystemTime::now();
    set(-3600);
    let back = before.duration_since(SystemTime::now()).unwrap();
    set(0);
    assert!(back > Duration::from_secs(3500) && back <= Duration::from_secs(3600), "{back:?}");
    assert!(SystemTime::now() >= before);
}
