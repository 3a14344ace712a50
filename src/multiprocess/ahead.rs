//! Reads files of cells one after the other, and ahead by several threads where there are many.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::crew::Crew;
use super::keys::Keys;
use super::reader::{Entries, Room, read_into};
use super::side::Sides;
use super::walked::Walked;

/// Files that are being read, with memory that those to come use again.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    files: Vec<AheadFile>,
}

#[derive(Debug, Default)]
struct AheadFile {
    walked: Walked,
    /// None if it is still to be read.
    done: Option<io::Result<()>>,
}

impl Ahead {
    /// How many of these files are to be read at a time.
    pub(crate) fn batch(paths: &[PathBuf], keys: &Keys, crew: &Crew) -> usize {
        // Whoever reads ahead learns nothing of keys that were never met.
        let known = paths.iter().take(crew.batch(paths.len()));
        known.take_while(|path| keys.knows(&name(path))).count().max(1)
    }

    /// Begins with files of which nothing was read yet, and reads them if it
    /// has help; those with keys that were never met are left for later.
    pub(crate) fn begin(
        &mut self,
        paths: &[PathBuf],
        keys: &Keys,
        sides: &Sides,
        crew: &mut Crew,
        deadline: Option<Instant>,
    ) {
        self.files.resize_with(self.files.len().max(paths.len()), AheadFile::default);
        self.files.iter_mut().for_each(|file| file.done = None);
        if paths.len() <= 1 {
            return;
        }
        let mut work: Vec<_> = self.files.iter_mut().zip(paths).collect();
        crew.for_each(&mut work, |(file, path), room| {
            if deadline.is_none_or(|deadline| Instant::now() < deadline) {
                file.done = file.read(path, keys, sides, room).transpose();
            }
        });
    }

    /// The entries of the file of that place and path.
    pub(crate) fn get(
        &mut self,
        place: usize,
        path: &Path,
        keys: &mut Keys,
        sides: &Sides,
        crew: &mut Crew,
    ) -> io::Result<&Walked> {
        let file = &mut self.files[place];
        if file.done.is_none() {
            let bytes = read_into(path, crew.room())?;
            let name = name(path);
            let notes = sides.rows(&name);
            if !keys.walk(&name, Entries::of(bytes), notes, &mut file.walked) {
                keys.meet(Entries::of(bytes));
                keys.walk(&name, Entries::of(bytes), notes, &mut file.walked);
            }
        }
        file.done.take().unwrap_or(Ok(())).map(|()| &file.walked)
    }
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

impl AheadFile {
    /// Some if it was read.
    fn read(
        &mut self,
        path: &Path,
        keys: &Keys,
        sides: &Sides,
        room: &mut Room,
    ) -> io::Result<Option<()>> {
        let bytes = read_into(path, room)?;
        let name = name(path);
        let whole = keys.walk(&name, Entries::of(bytes), sides.rows(&name), &mut self.walked);
        Ok(whole.then_some(()))
    }
}
