//! `narthex compact`: folds the files of dead processes.

use narthex::multiprocess::Compaction;

use crate::options::CompactOptions;
use crate::output::{self, Failure, Outcome};
use crate::progress::Progress;

pub(crate) fn run(options: &CompactOptions) -> Result<Outcome, Failure> {
    output::complain_of_what_is_logged();
    let progress = Progress::of(format!("folding {}", options.dir.display()));
    let compacted = Compaction::new(&options.dir)?.local_numbers(options.local_pids).run()?;
    drop(progress);
    output::print(&format!(
        "{} folded, {} removed that were {} long\n",
        output::count(compacted.processes(), "process", "processes"),
        output::count(compacted.removed_files(), "file", "files"),
        output::bytes(compacted.freed_bytes()),
    ))?;
    if compacted.damaged_files() > 0 {
        output::complain(&format!(
            "{} damaged, kept as *.damaged",
            output::count(compacted.damaged_files(), "file", "files")
        ));
    }
    Ok(Outcome::of(compacted.damaged_files() > 0, options.strict))
}
