//! The side file of a process: what Python's files cannot say of its metrics.
//!
//! `docs/side-file-format.md` has it byte by byte.

mod dead;
mod entry_kind;
mod exemplar;
pub(crate) mod fold;
mod handle;
#[cfg(unix)]
mod inherit;
mod known;
#[cfg(all(test, loom))]
mod loom_tests;
mod merge;
mod native;
mod publish;
mod publisher;
mod reader;
mod row_exemplar;
mod row_key;
mod said;
mod starts;
mod waiting;
mod writer;

pub(crate) use self::dead::forget_live;
pub(crate) use self::handle::{ExemplarHome, SharedExemplar, SideHandle, StateHome};
pub(crate) use self::known::KnownSides;
pub(crate) use self::merge::Sides;
pub(crate) use self::native::{NativeSaid, Objectives, join_limits};
pub use self::publisher::Publisher;
pub(crate) use self::said::{NotesInOrder, RowNotes, Said, time_of};
pub(crate) use self::writer::SideWriter;

/// How the name of a side file ends.
pub(crate) const EXTENSION: &str = "narthex";
