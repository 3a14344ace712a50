//! Folding: the numbers of dead processes become one file for each kind, exactly once for every reader.
//!
//! The manifest says which generation of folded files counts and whose files
//! it has absorbed; it is replaced in one step, which is the moment of the
//! fold. Whatever stands in the directory besides was written before that
//! moment and does not count yet, or is about to be removed and counts no more.

mod adopt;
mod cells;
mod compaction;
mod disk;
mod figures;
#[cfg(all(test, unix))]
mod fixture;
mod named;
mod protocol;
mod rows;
mod slack;
mod sweep;

pub(crate) use self::compaction::fold_some;
pub use self::compaction::{Compaction, compact};
pub use self::figures::Compacted;
pub(crate) use self::named::claim_named;
