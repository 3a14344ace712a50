//! Under which identifier a process writes: a forked child has another one than its parent.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::{process, ptr};

use once_cell::sync::OnceCell;

use super::file_kind::FileKind;
use super::owner::Owner;
use super::side;
use super::unique::push_unique;

/// The identifiers that a store has had, in this process and those that it was forked from.
#[derive(Debug)]
pub(crate) struct Identities {
    pub(crate) dir: PathBuf,
    /// The identifier that was given by hand.
    given: Option<String>,
    first: Identity,
}

/// What tells the files of one process from those of others.
#[derive(Debug)]
pub(crate) struct Identity {
    name: String,
    process: u32,
    /// None inside if nobody needs to know whether the process lives: see [`Owner::claim`].
    owner: OnceCell<Option<Owner>>,
    // That of the child. Nothing of the parent's is dropped: somebody may be looking at it.
    next: OnceCell<Box<Self>>,
}

impl Identities {
    pub(crate) fn new(dir: PathBuf, given: Option<String>) -> Self {
        let mut first = Identity::unnamed(0);
        match &given {
            Some(name) => {
                first.process = process::id();
                first.name.clone_from(name);
            }
            None => first.draw(None),
        }
        Self { dir, given, first }
    }

    /// The last one.
    pub(crate) fn current(&self) -> &Identity {
        let mut current = &self.first;
        while let Some(next) = current.next.get() {
            current = next;
        }
        current
    }

    /// Claims the identifier, before the first file that bears it is there.
    pub(crate) fn claim(&self) -> io::Result<&Identity> {
        let current = self.current();
        // One that was given by hand may have been another's.
        let is_given = self.given.is_some() && ptr::eq(current, &self.first);
        current.owner.get_or_try_init(|| match is_given {
            true => Ok(None),
            false => Owner::claim(&self.dir, &current.name),
        })?;
        Ok(current)
    }

    /// Where the side file of this process is to be.
    pub(crate) fn side_path(&self) -> PathBuf {
        self.dir.join(format!("{}.{}", self.current().name, side::EXTENSION))
    }

    /// Where the file of a kind of this process is to be.
    pub(crate) fn path(&self, kind: FileKind) -> PathBuf {
        self.dir.join(kind.file_name(&self.current().name))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Before a `fork`: what [`renew`](Self::renew) needs in the child.
    #[cfg(unix)]
    pub(crate) fn prepare(&self) -> Box<Identity> {
        Box::new(Identity::unnamed(self.given.as_ref().map_or(0, String::len)))
    }

    /// In a forked child: lets go of the parent's identifier, and takes another.
    ///
    /// Files are made before anybody knows of it, by `make`, if there were any.
    #[cfg(unix)]
    pub(crate) fn renew(&self, mut next: Box<Identity>, make: impl FnOnce(&Identity)) {
        let current = self.current();
        if let Some(Some(owner)) = current.owner.get() {
            owner.let_go();
        }
        next.draw(self.given.as_deref());
        make(&next);
        let _ = current.next.set(next);
    }
}

impl Identity {
    fn unnamed(given: usize) -> Self {
        Self {
            name: String::with_capacity(32 + given),
            process: 0,
            owner: OnceCell::new(),
            next: OnceCell::new(),
        }
    }

    /// Becomes one that no other process has.
    fn draw(&mut self, given: Option<&str>) {
        self.process = process::id();
        // A String takes everything.
        let _ = match given {
            Some(given) => write!(self.name, "{given}-"),
            None => write!(self.name, "{}-", self.process),
        };
        push_unique(&mut self.name);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is that of this process: of a `fork` that went past the C library nobody hears.
    pub(crate) fn is_own(&self) -> bool {
        process::id() == self.process
    }

    /// Whether it may have files.
    #[cfg(unix)]
    pub(crate) fn is_claimed(&self) -> bool {
        self.owner.get().is_some()
    }

    /// Takes what [`Owner::claim`] gave.
    #[cfg(unix)]
    pub(crate) fn own(&self, owner: Option<Owner>) {
        let _ = self.owner.set(owner);
    }
}
