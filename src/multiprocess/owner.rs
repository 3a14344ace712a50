//! Whose files are whose, and whether the owner still lives.

#[cfg(unix)]
use std::fs::{File, OpenOptions};
#[cfg(unix)]
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process;
use std::{fs, io};

#[cfg(unix)]
use once_cell::sync::OnceCell;

#[cfg(unix)]
use super::paths::Paths;
#[cfg(unix)]
use super::turn;

/// How often a lock file is made that somebody else removes.
#[cfg(unix)]
const CLAIMS: usize = 1000;

/// What is known of the process that wrote some files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// It holds its lock.
    Alive,
    /// It has left its lock.
    Dead,
    /// It left no lock to tell by, as Python's.
    Unknown,
}

impl Liveness {
    /// In a word: `alive`, `dead` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// This process as the owner of the files of one identifier.
///
/// It ends with the process, however that ends, or when it is dropped.
#[derive(Debug)]
pub(crate) struct Owner {
    #[cfg(unix)]
    held: super::held::Held,
}

impl Owner {
    /// Claims the identifier, before the first file that bears it is there.
    ///
    /// None where files cannot be locked: then nobody will know that the owner is dead.
    #[cfg(unix)]
    pub(crate) fn claim(dir: &Path, identifier: &str) -> io::Result<Option<Self>> {
        Self::claim_with(&mut Paths::new(dir), boot(), identifier)
    }

    /// The same, and allocates nothing.
    #[cfg(unix)]
    pub(crate) fn claim_with(
        paths: &mut Paths,
        boot: &str,
        identifier: &str,
    ) -> io::Result<Option<Self>> {
        use super::held::Held;

        // Whoever folds may take a lock file that is not locked yet for a leftover; whoever is slow,
        // beside somebody who folds all the time, meets that again and again.
        for _ in 0..CLAIMS {
            paths.set(format_args!("{identifier}.lock"));
            let (hidden, target) = paths.both();
            let mut options = OpenOptions::new();
            turn::step();
            let file = options.read(true).write(true).create_new(true).open(hidden)?;
            turn::step();
            let claimed = match Held::on_new(file) {
                Ok(held) => {
                    turn::step();
                    let written = held.with_file(|file| write_birth_certificate(file, boot));
                    written.and_then(|()| fs::rename(hidden, target)).map(|()| Some(held))
                }
                Err(error) if cannot_lock(&error) => Ok(None),
                Err(error) => Err(error),
            };
            match claimed {
                Ok(Some(held)) => return Ok(Some(Self { held })),
                Err(error) if error.kind() == io::ErrorKind::NotFound && paths.dir().exists() => {}
                done => {
                    // Nobody looks at it, so that it stays does no harm.
                    let _ = fs::remove_file(hidden);
                    return done.map(|_| None);
                }
            }
        }
        Ok(None)
    }

    /// In a forked child: it is its parent's.
    #[cfg(unix)]
    pub(crate) fn let_go(&self) {
        self.held.let_go();
    }

    #[cfg(not(unix))]
    pub(crate) fn claim(_: &Path, _: &str) -> io::Result<Option<Self>> {
        Ok(None)
    }
}

/// Whether the owner of the files of an identifier lives.
#[cfg(unix)]
pub(crate) fn liveness(dir: &Path, identifier: &str) -> Liveness {
    turn::step();
    match super::held::is_locked(&lock_path(dir, identifier)) {
        Ok(true) => Liveness::Alive,
        Ok(false) => Liveness::Dead,
        Err(_) => Liveness::Unknown,
    }
}

#[cfg(not(unix))]
pub(crate) fn liveness(_: &Path, _: &str) -> Liveness {
    Liveness::Unknown
}

/// Whether this machine, as this process sees it, has a process of that number.
#[cfg(unix)]
pub(crate) fn process_exists(number: &str) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    let Some(pid) = number.parse().ok().and_then(Pid::from_raw) else { return true };
    test_kill_process(pid) != Err(Errno::SRCH)
}

#[cfg(not(unix))]
pub(crate) fn process_exists(_: &str) -> bool {
    true
}

pub(crate) fn lock_path(dir: &Path, identifier: &str) -> PathBuf {
    dir.join(format!("{identifier}.lock"))
}

/// Which numbering of processes this one is part of; empty where there is but one.
pub(crate) fn numbering() -> String {
    fs::read_link("/proc/self/ns/pid").map_or_else(|_| String::new(), |ns| ns.display().to_string())
}

/// Which start of the machine this is.
#[cfg(unix)]
pub(crate) fn boot() -> &'static str {
    static BOOT: OnceCell<String> = OnceCell::new();
    BOOT.get_or_init(|| {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        boot.trim().to_owned()
    })
}

/// Says who holds the lock, for people who look at the file.
#[cfg(unix)]
fn write_birth_certificate(mut file: &File, boot: &str) -> io::Result<()> {
    let mut bytes = [0; 1024];
    let stat = File::open("/proc/self/stat").and_then(|mut stat| stat.read(&mut bytes));
    let stat = std::str::from_utf8(&bytes[..stat.unwrap_or(0)]).unwrap_or_default();
    // The name, in parentheses, may hold anything; the start is the 20th field behind it.
    let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19));
    let start = start.unwrap_or_default();
    writeln!(file, "pid {}\nboot {boot}\nstart {start}", process::id())
}

/// Whether it says that files cannot be locked there at all.
#[cfg(unix)]
pub(crate) fn cannot_lock(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let unable = [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::INVAL];
    Errno::from_io_error(error).is_some_and(|errno| unable.contains(&errno))
}

#[cfg(not(unix))]
pub(crate) fn cannot_lock(_: &io::Error) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(liveness(dir.path(), "7-a"), Liveness::Unknown);
        let first = Owner::claim(dir.path(), "7-a").unwrap().unwrap();
        let second = Owner::claim(dir.path(), "7-b").unwrap().unwrap();
        assert_eq!(liveness(dir.path(), "7-a"), Liveness::Alive);
        drop(first);
        assert_eq!(liveness(dir.path(), "7-a"), Liveness::Dead);
        assert_eq!(liveness(dir.path(), "7-b"), Liveness::Alive);
        drop(second);
        let told = fs::read_to_string(lock_path(dir.path(), "7-b")).unwrap();
        assert!(told.starts_with(&format!("pid {}\nboot ", process::id())), "{told}");
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_number_belongs_to_a_process_or_does_not() {
        assert!(process_exists(&process::id().to_string()));
        assert!(process_exists("1"));
        // Above the greatest number that Linux gives, which is 2^22.
        assert!(!process_exists("2000000000"));
        // No number of a process: nothing is known.
        assert!(process_exists("x") && process_exists("0") && process_exists("99999999999"));
    }
}
