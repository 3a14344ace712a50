//! Name spaces of the kernel: small disks of one's own, and processes that all have the number 1.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, Error};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::{ptr, thread};

/// A file system in memory that only this thread sees, and what it starts.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Over a directory, for the rest of its life; `options` are those of tmpfs.
    pub(crate) fn mount(path: &Path, options: &str) -> io::Result<Self> {
        unshare(libc::CLONE_NEWNS)?;
        // What is mounted from now on is not to be seen outside.
        mount(c"none", Path::new("/"), None, libc::MS_REC | libc::MS_PRIVATE, "")?;
        mount(c"tmpfs", path, Some(c"tmpfs"), 0, options)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Gives it other options.
    pub(crate) fn resize(&self, options: &str) -> io::Result<()> {
        mount(c"tmpfs", &self.path, Some(c"tmpfs"), libc::MS_REMOUNT, options)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path = as_c(&self.path);
        // SAFETY: the kernel reads the path.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Starts a process that has the number 1 where it lives.
pub(crate) fn spawn_as_first(command: &mut Command) -> io::Result<Child> {
    // A thread can do so once.
    thread::scope(|scope| {
        let spawn = || unshare(libc::CLONE_NEWPID).and_then(|()| command.spawn());
        scope.spawn(spawn).join().unwrap_or_else(|_| Err(Error::other("it has panicked")))
    })
}

fn unshare(what: libc::c_int) -> io::Result<()> {
    // SAFETY: this takes a number alone, and changes what the kernel does for this thread.
    if unsafe { libc::unshare(what) } == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

fn mount(
    source: &std::ffi::CStr,
    target: &Path,
    kind: Option<&std::ffi::CStr>,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    let (target, options) = (as_c(target), CString::new(options).unwrap());
    let kind = kind.map_or(ptr::null(), std::ffi::CStr::as_ptr);
    // SAFETY: the kernel reads the strings, which outlive the call.
    let done = unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, options.as_ptr().cast())
    };
    if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

fn as_c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}
