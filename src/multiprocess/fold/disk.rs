//! The changes that a fold makes to the directory, one by one, so that tests can stop it between any two.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::multiprocess::manifest::Manifest;
use crate::multiprocess::turn;

pub(super) trait Disk {
    /// Writes a whole file, and waits until the disk has it.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Waits until the disk knows the names of all files.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        turn::step();
        let mut file = File::create(path)?;
        turn::step();
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        turn::step();
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        turn::step();
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// Lets the manifest hold from now on, also if power is lost.
pub(super) fn commit(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> io::Result<()> {
    replace(disk, &Manifest::path(dir), manifest.render().as_bytes())?;
    disk.sync_dir(dir)
}

/// Writes a file under a name that no reader looks at, and gives it its own when it is whole.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut hidden = OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(".new");
    let hidden = path.with_file_name(hidden);
    disk.write(&hidden, bytes)?;
    disk.rename(&hidden, path)
}

/// Does what may have been done already.
pub(super) fn if_there(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
