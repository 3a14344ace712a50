//! `narthex merge`: prints what the files of a directory come to.

use std::mem;

use narthex::multiprocess::{MultiProcessCollector, inspect};

use crate::options::MergeOptions;
use crate::output::{self, Failure, Outcome};
use crate::progress::Progress;

pub(crate) fn run(options: &MergeOptions) -> Result<Outcome, Failure> {
    let merged = MultiProcessCollector::new(&options.dir)?.folding(false);
    let progress = Progress::of(format!("merging {}", options.dir.display()));
    let text = options.format.write(&merged, options.escaping.into(), false)?;
    drop(progress);
    let damaged = complain_of(&merged)?;
    // The process is about to end, and all that it remembers with it.
    mem::forget(merged);
    output::print(&text)?;
    Ok(Outcome::of(damaged, options.strict))
}

/// Tells what of the directory the merge had to leave out; true if there was anything.
pub(crate) fn complain_of(merged: &MultiProcessCollector) -> Result<bool, Failure> {
    let files = merged.damaged_files();
    for file in &files {
        output::complain(&output::damage(file.path(), file.reason(), file.offset()));
    }
    let skipped = merged.skipped_entries();
    if skipped == 0 && merged.disagreements().is_empty() {
        return Ok(!files.is_empty());
    }
    // The merge counts them; where they are is looked for only now.
    let progress = Progress::of("looking for what is damaged".to_owned());
    let report = inspect::inspect_dir_with(merged.dir(), |done, all| progress.tell(done, all))?;
    drop(progress);
    for disagreement in report.disagreements() {
        output::complain(&output::disagreement(disagreement));
    }
    let mut found = 0;
    for file in report.files() {
        for entry in file.skipped() {
            output::complain(&output::skipped(file.path(), entry.reason(), entry.offset()));
            found += 1;
        }
    }
    if let Some(clashing) = skipped.checked_sub(found).filter(|clashing| *clashing > 0) {
        output::complain(&format!(
            "{}: {clashing} series of families whose names clash with those of others",
            merged.dir().display()
        ));
    }
    // Of files that were being written to, that may have been for a moment.
    Ok(!files.is_empty() || skipped > 0 || !report.disagreements().is_empty())
}
