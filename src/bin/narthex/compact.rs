//! `narthex compact`: folds the files of dead processes.

use narthex::exposition;
use narthex::multiprocess::{Compaction, MultiProcessCollector};

use crate::merge;
use crate::options::CompactOptions;
use crate::output::{self, Failure, Outcome};
use crate::progress::Progress;

pub(crate) fn run(options: &CompactOptions) -> Result<Outcome, Failure> {
    let progress = Progress::of(format!("folding {}", options.dir.display()));
    let compacted = Compaction::new(&options.dir)?.local_numbers(options.local_pids).run()?;
    drop(progress);
    output::print(
        format!(
            "{} folded, {} removed that were {} long\n",
            output::count(compacted.processes(), "process", "processes"),
            output::count(compacted.removed_files(), "file", "files"),
            output::bytes(compacted.freed_bytes()),
        )
        .as_bytes(),
    )?;
    for file in compacted.damaged_files() {
        let damage = output::damage(file.path(), file.reason(), file.offset());
        output::complain(&format!("{damage}; kept as *.damaged"));
    }
    let stays_damaged = complain_of_what_stays(options)?;
    let damaged = stays_damaged || !compacted.damaged_files().is_empty();
    Ok(Outcome::of(damaged, options.strict))
}

/// Tells what is damaged of the files that were not folded, or by folding; true if anything is.
fn complain_of_what_stays(options: &CompactOptions) -> Result<bool, Failure> {
    let merged = MultiProcessCollector::new(&options.dir)?.folding(false);
    let progress = Progress::of(format!("checking {}", options.dir.display()));
    exposition::text::encode(&merged)?;
    drop(progress);
    merge::complain_of(&merged)
}
