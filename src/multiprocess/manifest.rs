//! The manifest of folding: which generation of folded files counts, and whose files it has absorbed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::turn;

/// The manifest's name in the shared directory.
const NAME: &str = "fold.manifest";

/// Its first line.
const VERSION: &str = "narthex folds 1";

/// Its last line, without which it is not whole.
const END: &str = "end";

/// What the manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Of the folded files that count; 0 before the first fold.
    pub(crate) generation: u64,
    /// How often files were renamed, once before and once after: odd while it goes on.
    pub(crate) moves: u64,
    /// Identifiers whose files count no more, though some may still be there.
    pub(crate) absorbed: BTreeSet<String>,
    /// Which of their files were damaged, and are to be kept aside.
    pub(crate) damaged: BTreeSet<String>,
}

impl Manifest {
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join(NAME)
    }

    /// What the directory's manifest says: nothing yet if there is none.
    ///
    /// [`io::ErrorKind::InvalidData`] if it makes no sense.
    pub(crate) fn read(dir: &Path) -> io::Result<Self> {
        turn::step();
        match fs::read_to_string(Self::path(dir)) {
            Ok(text) => Self::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Whether files are being renamed, or were when somebody was killed.
    pub(crate) fn is_moving(&self) -> bool {
        self.moves % 2 == 1
    }

    pub(crate) fn render(&self) -> String {
        let mut text = format!("{VERSION}\ngeneration {}\nmoves {}\n", self.generation, self.moves);
        for (word, names) in [("absorbed", &self.absorbed), ("damaged", &self.damaged)] {
            for name in names {
                text.extend([word, " ", name, "\n"]);
            }
        }
        text.extend([END, "\n"]);
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next() != Some(VERSION) || lines.next_back() != Some(END) {
            return None;
        }
        let mut manifest = Self::default();
        for line in lines {
            let (word, rest) = line.split_once(' ')?;
            match word {
                "generation" => manifest.generation = rest.parse().ok()?,
                "moves" => manifest.moves = rest.parse().ok()?,
                "absorbed" => drop(manifest.absorbed.insert(rest.to_owned())),
                "damaged" => drop(manifest.damaged.insert(rest.to_owned())),
                _ => return None,
            }
        }
        Some(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_half_of_it_is_not() {
        let manifest = Manifest {
            generation: 3,
            moves: 2,
            absorbed: ["12-a", "7-b c"].map(str::to_owned).into(),
            damaged: ["counter_12-a.db".to_owned()].into(),
        };
        let text = manifest.render();
        assert_eq!(Manifest::parse(&text), Some(manifest));
        for end in 0..text.len() {
            assert_eq!(Manifest::parse(&text[..end]), None, "{end}");
        }
        assert_eq!(Manifest::parse("narthex folds 2\ngeneration 1\nmoves 0\nend\n"), None);
    }

    #[test]
    fn a_directory_without_a_manifest_was_never_folded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Manifest::default());
        fs::write(Manifest::path(dir.path()), "generation").unwrap();
        let error = Manifest::read(dir.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
