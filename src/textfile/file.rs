//! One file, which is replaced as a whole.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checked::Checked;
use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{self, Encoding, Format};
use crate::model::{EscapingScheme, Family};

/// What nobody finishes after that time was left behind by somebody who was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// A file that node_exporter reads: it has the metrics of one collector, as text.
///
/// It is replaced as a whole, whatever was at the path, a symbolic link too: whoever reads finds what was there before or what is there now, also
/// when the writer is killed or the power fails, and if something cannot be written, what was there
/// stays. The text is version 0.0.4 with names escaped to underscores, as all versions of
/// node_exporter read it; of native histograms it has sum and count.
///
/// ```
/// use narthex::textfile::Textfile;
/// use narthex::{CollectorRegistry, Gauge};
///
/// let dir = tempfile::tempdir()?;
/// let registry = CollectorRegistry::new();
/// let finished = Gauge::builder("backup_finished_seconds", "When it was.").register(&registry)?;
/// finished.set(1.5);
///
/// // node_exporter reads files that end like this.
/// let file = Textfile::new(dir.path().join("made/when/missing/backup.prom"));
/// file.write(&registry)?;
/// assert_eq!(
///     std::fs::read_to_string(file.path())?,
///     "# HELP backup_finished_seconds When it was.\n\
///      ## TYPE backup_finished_seconds gauge\n\
///      backup_finished_seconds 1.5\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Textfile {
    path: PathBuf,
    temporary_dir: Option<PathBuf>,
    sorts: bool,
}

impl Textfile {
    /// A file at a path, which is to end in `.prom`; its folder is made if there is none.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), temporary_dir: None, sorts: false }
    }

    /// Where the text stands until it is complete: in a folder of the same file system.
    ///
    /// Where nothing is said, it stands beside the file, under a name that begins with a dot and
    /// ends with `.tmp`.
    pub fn temporary_dir(self, path: impl Into<PathBuf>) -> Self {
        Self { temporary_dir: Some(path.into()), ..self }
    }

    /// Whether families stand in the order of their names, and not in that of the registry.
    pub fn sort(self, wanted: bool) -> Self {
        Self { sorts: wanted, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by what a collector tells now.
    ///
    /// # Errors
    /// Those of the collector; [`Error::is_invalid_value`] if a sample has a timestamp, for which
    /// node_exporter would refuse the whole file; [`Error::is_duplicate`] if two names are one when
    /// they are escaped; [`Error::is_io`] if the file cannot be written.
    pub fn write(&self, collector: &dyn Collector) -> Result {
        let encoding = Encoding::new(Format::Text004, EscapingScheme::Underscores);
        let undated = Checked::new(collector, refuse_timestamps);
        let text = exposition::encode(&undated, encoding);
        let mut text = undated.outcome(text)?;
        if self.sorts {
            text = sorted(&text);
        }
        self.replace(&text).map_err(|error| {
            let path = self.path.display();
            Error::io(format!("the textfile {path} cannot be written: {error}"), error)
        })
    }

    /// Replaces the file, once the collectors that await have done so.
    ///
    /// Encoding and writing block the thread that polls it.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn write_async(&self, collector: &dyn Collector) -> Result {
        if let Some(refresh) = collector.refresh() {
            refresh.await?;
        }
        self.write(collector)
    }

    /// Removes the file, if it is there.
    ///
    /// # Errors
    /// [`Error::is_io`] if it cannot be removed.
    pub fn remove(&self) -> Result {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.path.display();
                let message = format!("the textfile {path} cannot be removed: {error}");
                Err(Error::io(message, error))
            }
            _ => Ok(()),
        }
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let name = self.path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let temporary_dir = self.temporary_dir.as_deref().unwrap_or(folder);
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        remove_what_was_left(temporary_dir, &prefix);

        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        // node_exporter is somebody else. The mask of the process counts, as for any file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(temporary_dir)?;
        file.write_all(text.as_bytes())?;
        // Otherwise the name may last longer than the text when the power fails.
        file.as_file().sync_all()?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

const SUFFIX: &str = ".tmp";

/// Of files that a killed process did not finish, nothing else ever would.
fn remove_what_was_left(folder: &Path, prefix: &OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.map(|then| then.elapsed().unwrap_or_default());
            if age.is_ok_and(|age| age > LEFT_BEHIND) {
                // If it cannot be removed, it does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The families in the order of their names.
fn sorted(text: &str) -> String {
    // Each begins with this line, and no other line does: line feeds in texts are escaped.
    const BEGIN: &str = "# HELP ";
    let starts = text.match_indices(BEGIN).map(|(start, _)| start);
    let starts = starts.filter(|&start| start == 0 || text[..start].ends_with('\n'));
    let starts: Vec<_> = starts.chain([text.len()]).collect();
    let mut families: Vec<_> = starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
    families.sort_by_key(|family| family[BEGIN.len()..].split(' ').next());
    families.concat()
}

fn refuse_timestamps(family: &dyn Family) -> Result {
    let mut dated = false;
    family.for_each_chunk(&mut |chunk| dated |= !chunk.timestamps().is_empty());
    if dated {
        let message = format!(
            "{:?} has a timestamp, for which node_exporter would refuse the whole file",
            family.desc().name()
        );
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    Ok(())
}

/// Writes a [`Textfile`]: what a collector tells, in place of what was at the path.
///
/// ```
/// use narthex::textfile::write_to_textfile;
/// use narthex::{CollectorRegistry, Counter};
///
/// let dir = tempfile::tempdir()?;
/// let registry = CollectorRegistry::new();
/// Counter::builder("files", "Copied.").register(&registry)?.inc();
/// write_to_textfile(dir.path().join("backup.prom"), &registry)?;
/// assert!(std::fs::read_to_string(dir.path().join("backup.prom"))?.ends_with("\nfiles_total 1.0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`Textfile::write`].
pub fn write_to_textfile(path: impl Into<PathBuf>, collector: &dyn Collector) -> Result {
    Textfile::new(path).write(collector)
}
