//! Faults at system calls: a thread watches what the others of its process ask of the kernel.
#![allow(unsafe_code)]

use std::fmt;
use std::io::{self, Error};
use std::mem;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use libc::{c_int, c_long, c_ulong};

/// What happens to the threads that are watched, which count their calls from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Calls are counted.
    None,
    /// The process is killed before this call, of those that change something.
    Kill { at: u64 },
    /// This call fails.
    Once { at: u64, pick: u64 },
    /// This call fails, and each of its kind after it, until faults are lifted.
    Always { at: u64, pick: u64 },
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const NAMES: [c_long; 3] = [libc::SYS_rename, libc::SYS_unlink, libc::SYS_linkat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
const NAMES: [c_long; 3] = [libc::SYS_renameat, libc::SYS_unlinkat, libc::SYS_linkat];

/// Calls that change something, and how they can fail; the last way only once.
const CHANGES: [(c_long, &[c_int]); 10] = [
    (libc::SYS_openat, &[libc::EMFILE, libc::ENOSPC, libc::EIO, libc::ENFILE, libc::EINTR]),
    (libc::SYS_fallocate, &[libc::ENOSPC, libc::EIO, libc::EOPNOTSUPP, libc::EDQUOT, libc::EINTR]),
    (libc::SYS_ftruncate, &[libc::EIO, libc::ENOSPC, libc::EFBIG, libc::EINTR]),
    // Only of files: memory that cannot be had is the end of any process.
    (libc::SYS_mmap, &[libc::ENOMEM, libc::ENODEV, libc::EAGAIN]),
    (NAMES[0], &[libc::EIO, libc::ENOSPC, libc::EACCES]),
    (NAMES[1], &[libc::EIO, libc::EACCES, libc::EBUSY]),
    (NAMES[2], &[libc::EPERM, libc::ENOSPC, libc::EIO, libc::EMLINK]),
    (libc::SYS_fsync, &[libc::EIO, libc::ENOSPC, libc::EINTR]),
    (libc::SYS_fcntl, &[libc::ENOLCK, libc::EMFILE, libc::EIO, libc::EINTR]),
    (libc::SYS_write, &[libc::ENOSPC, libc::EIO, libc::EFBIG, libc::EINTR]),
];

/// Calls that only look, which need not be killed one by one.
const LOOKS: [(c_long, &[c_int]); 3] = [
    (libc::SYS_read, &[libc::EIO, libc::ENOMEM, libc::EINTR]),
    (libc::SYS_statx, &[libc::EIO, libc::ENOMEM, libc::EACCES]),
    (libc::SYS_getdents64, &[libc::EIO, libc::ENOMEM, libc::EINVAL]),
];

static CALLS: AtomicU64 = AtomicU64::new(0);
static LIFTED: AtomicBool = AtomicBool::new(false);

/// Watches this thread and those that it will start; fails where the kernel cannot.
pub(crate) fn watch(fault: Fault) -> io::Result<()> {
    let (to, listener) = mpsc::channel();
    // It is not watched itself, as it began before.
    let watcher = thread::spawn(move || {
        if let Ok(listener) = listener.recv() {
            serve(listener, fault);
        }
    });
    let looks = if matches!(fault, Fault::Kill { .. }) { &[][..] } else { &LOOKS[..] };
    let calls = CHANGES.iter().chain(looks).map(|(call, _)| *call);
    let listener = listen(calls.collect())?;
    to.send(listener).map_err(|_| Error::other("nobody watches"))?;
    drop(watcher);
    Ok(())
}

/// Whether the kernel lets a process watch itself.
pub(crate) fn are_possible() -> bool {
    thread::spawn(|| watch(Fault::None).is_ok()).join().unwrap()
}

/// How many calls there were.
pub(crate) fn calls() -> u64 {
    CALLS.load(Ordering::SeqCst)
}

/// Lets everything succeed from now on.
pub(crate) fn lift() {
    LIFTED.store(true, Ordering::SeqCst);
}

/// Answers every call that is asked about.
fn serve(listener: c_int, fault: Fault) {
    let mut failing: Option<c_int> = None;
    loop {
        // SAFETY: all of its fields are numbers, and the kernel wants them to be 0.
        let mut asked: libc::seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: the kernel fills what `asked` has room for.
        if unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV as _, &mut asked) } != 0 {
            match Error::last_os_error().raw_os_error() {
                // A thread that was interrupted asks again.
                Some(libc::EINTR | libc::ENOENT) if is_of_use(listener) => continue,
                _ => return,
            }
        }
        let now = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
        let lifted = LIFTED.load(Ordering::SeqCst);
        let call = asked.data.nr;
        let errno = match fault {
            Fault::Kill { at } if now == at => {
                // SAFETY: this ends the process.
                unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
                return;
            }
            Fault::Once { at, pick } if now == at && !lifted => errno(call, pick, 0),
            Fault::Always { at, pick } if !lifted => {
                if now == at {
                    failing = Some(call);
                }
                failing.filter(|failing| *failing == call).and_then(|_| errno(call, pick, 1))
            }
            _ => None,
        };
        let answer = libc::seccomp_notif_resp {
            id: asked.id,
            val: 0,
            error: errno.map_or(0, |errno| -errno),
            flags: errno.map_or(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32, |_| 0),
        };
        // SAFETY: the kernel reads `answer`; that nobody waits for it any more is no matter.
        unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND as _, &answer) };
    }
}

/// Whether there is a thread that may ask.
fn is_of_use(listener: c_int) -> bool {
    let mut poll = libc::pollfd { fd: listener, events: libc::POLLIN, revents: 0 };
    // SAFETY: this fills `poll`.
    unsafe { libc::poll(&mut poll, 1, 0) };
    poll.revents & libc::POLLHUP == 0
}

/// One of the ways in which a call can fail, but not one of the last few.
fn errno(call: c_int, pick: u64, without: usize) -> Option<c_int> {
    let known = CHANGES.iter().chain(&LOOKS).find(|(known, _)| *known == c_long::from(call));
    let ways = known.map(|(_, ways)| &ways[..ways.len() - without])?;
    Some(ways[pick as usize % ways.len()])
}

/// Makes this thread ask about these calls from now on.
fn listen(calls: Vec<c_long>) -> io::Result<c_int> {
    let load = |offset: usize| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, offset as u32);
    let is = |number: u32, otherwise| {
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, otherwise, number)
    };
    let end = |with| step(libc::BPF_RET | libc::BPF_K, 0, with);
    let ask = end(libc::SECCOMP_RET_USER_NOTIF);
    let mut program = vec![load(mem::offset_of!(libc::seccomp_data, nr))];
    for call in calls.iter().filter(|call| **call != libc::SYS_mmap) {
        program.extend([is(*call as u32, 1), ask]);
    }
    // Memory that is of no file has -1 as its fifth argument.
    let file_at = mem::offset_of!(libc::seccomp_data, args) + 4 * size_of::<u64>();
    let allow = end(libc::SECCOMP_RET_ALLOW);
    program.extend([is(libc::SYS_mmap as u32, 2), load(file_at), is(u32::MAX, 1), allow, ask]);
    let program =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_slice().as_mut_ptr() };
    // SAFETY: this takes numbers alone.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the kernel copies the program, which lives until it has.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER as c_ulong,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &program,
        )
    };
    if listener < 0 { Err(Error::last_os_error()) } else { Ok(listener as c_int) }
}

/// One step of a filter, which skips so many if it compares and finds a difference.
fn step(code: u32, otherwise: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: otherwise, k }
}

impl Fault {
    /// At which call it begins.
    pub(crate) fn at(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Kill { at } | Self::Once { at, .. } | Self::Always { at, .. } => at,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none 0 0"),
            Self::Kill { at } => write!(f, "kill {at} 0"),
            Self::Once { at, pick } => write!(f, "once {at} {pick}"),
            Self::Always { at, pick } => write!(f, "always {at} {pick}"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(' ');
        let word = words.next();
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(text);
        let (at, pick) = (number()?, number()?);
        match word {
            Some("none") => Ok(Self::None),
            Some("kill") => Ok(Self::Kill { at }),
            Some("once") => Ok(Self::Once { at, pick }),
            Some("always") => Ok(Self::Always { at, pick }),
            _ => Err(text.to_owned()),
        }
    }
}
