//! The two names of a new file, in buffers that are made beforehand: a forked child allocates nothing.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use super::unique::push_unique;

/// No name of a file is longer.
const LONGEST: usize = 255;

/// Where a new file stands before and after it is published.
#[derive(Debug)]
pub(crate) struct Paths {
    name: String,
    hidden: PathBuf,
    target: PathBuf,
}

impl Paths {
    pub(crate) fn new(dir: &Path) -> Self {
        let path = || {
            let mut path = OsString::with_capacity(dir.as_os_str().len() + 1 + 2 * LONGEST);
            path.push(dir);
            let mut path = PathBuf::from(path);
            path.push("_");
            path
        };
        Self { name: String::with_capacity(2 * LONGEST), hidden: path(), target: path() }
    }

    /// Names the file; `.<name>.<letters>` is what it is called before.
    pub(crate) fn set(&mut self, name: fmt::Arguments<'_>) {
        self.name.clear();
        // A String takes everything.
        let _ = write!(self.name, ".{name}");
        self.target.set_file_name(&self.name[1..]);
        self.name.push('.');
        push_unique(&mut self.name);
        self.hidden.set_file_name(&self.name);
    }

    /// The hidden name, and the one that readers look at.
    pub(crate) fn both(&self) -> (&Path, &Path) {
        (&self.hidden, &self.target)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.target.parent().unwrap_or(&self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hidden_under_its_own_name() {
        let mut paths = Paths::new(Path::new("/run/x"));
        for name in ["counter_12-a.db", "12-a.lock"] {
            paths.set(format_args!("{name}"));
            let (hidden, target) = paths.both();
            assert_eq!(target, Path::new("/run/x").join(name));
            let hidden = hidden.to_str().unwrap();
            let letters = hidden.strip_prefix(&format!("/run/x/.{name}.")).unwrap();
            assert_eq!(letters.len(), 8);
            assert_eq!(paths.dir(), Path::new("/run/x"));
        }
    }
}
