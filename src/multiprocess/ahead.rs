//! Reads files of cells one after the other, and ahead by several threads where there are many.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::crew::{Crew, has_help};
use super::keys::Keys;
use super::reader::{Entries, Room, read_into};
use super::side::Sides;
use super::walked::Walked;

/// Files that were read, whose memory those to come use again.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    spare: Vec<AheadFile>,
}

#[derive(Debug, Default)]
struct AheadFile {
    walked: Walked,
    /// None if it has keys that were never met.
    read: Option<io::Result<()>>,
}

impl Ahead {
    /// Reads files, and has each taken in its turn; keys that were never met are met.
    ///
    /// # Errors
    /// Of `take`, after which no file is taken.
    pub(crate) fn for_each<E>(
        &mut self,
        mut paths: &[PathBuf],
        keys: &mut Keys,
        sides: &Sides,
        crew: &mut Crew,
        mut take: impl FnMut(&Path, io::Result<&Walked>, &Keys) -> Result<(), E>,
    ) -> Result<(), E> {
        // Where files have keys of their own, it is not worth much to read ahead.
        let (mut alone, mut patience) = (0_usize, 1);
        while !paths.is_empty() {
            // Whoever reads ahead learns nothing of keys that were never met.
            let known = paths.iter().take_while(|path| alone == 0 && keys.knows(&name(path)));
            let known = Some(known.count()).filter(|known| has_help(*known)).unwrap_or(0);
            let (mut taken, mut outcome) = (0, Ok(()));
            let read = |place: usize, file: &mut AheadFile, room: &mut Room| {
                file.read(&paths[place], keys, sides, room);
            };
            crew.in_turn(known, &mut self.spare, read, |place, file| {
                let Some(read) = file.read.take() else { return ControlFlow::Break(()) };
                outcome = take(&paths[place], read.map(|()| &file.walked), keys);
                taken += 1;
                if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            outcome?;
            paths = &paths[taken..];
            if let Some((first, rest)) = paths.split_first() {
                let mut file = self.spare.pop().unwrap_or_default();
                let read = file.meet(first, keys, sides, crew.room());
                take(first, read.map(|()| &file.walked), keys)?;
                self.spare.push(file);
                paths = rest;
            }
            if taken < known {
                alone = patience;
                patience *= 2;
            } else {
                alone = alone.saturating_sub(1);
            }
        }
        Ok(())
    }
}

impl AheadFile {
    fn read(&mut self, path: &Path, keys: &Keys, sides: &Sides, room: &mut Room) {
        let name = name(path);
        self.read = match read_into(path, room) {
            Ok(bytes) => keys
                .walk(&name, Entries::of(bytes), sides.rows(&name), &mut self.walked)
                .then_some(Ok(())),
            Err(error) => Some(Err(error)),
        };
    }

    fn meet(
        &mut self,
        path: &Path,
        keys: &mut Keys,
        sides: &Sides,
        room: &mut Room,
    ) -> io::Result<()> {
        let bytes = read_into(path, room)?;
        let name = name(path);
        let notes = sides.rows(&name);
        if !keys.walk(&name, Entries::of(bytes), notes, &mut self.walked) {
            keys.meet(Entries::of(bytes));
            keys.walk(&name, Entries::of(bytes), notes, &mut self.walked);
        }
        keys.expect(&name, self.walked.order());
        Ok(())
    }
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}
