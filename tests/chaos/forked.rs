//! Workers that are forked from workers, with all that these have in their memory.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `child` in a process that is forked from this one; if it fails, so does this one.
pub(crate) fn fork(child: impl FnOnce()) {
    // SAFETY: the child runs what it was given and ends, without any destructor of its parent's.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let done = catch_unwind(AssertUnwindSafe(child));
            // SAFETY: these take numbers, and end processes.
            unsafe {
                if done.is_err() {
                    libc::kill(libc::getppid(), libc::SIGABRT);
                }
                libc::_exit(i32::from(done.is_err()))
            }
        }
        _ => {}
    }
}

/// Fails if a process that this one has started has ended in any other way than it may.
pub(crate) fn look_after_children() {
    let mut status = 0;
    // SAFETY: this fills `status`, and waits for nobody.
    while unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } > 0 {
        let killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
        assert!(killed || status == 0, "a child has failed: {status:#x}");
    }
}
