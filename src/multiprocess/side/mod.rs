//! The side file of a process: what Python's files cannot say of its metrics.
//!
//! `docs/side-file-format.md` has it byte by byte.

mod entry_kind;
mod exemplar;
pub(crate) mod fold;
mod merge;
mod publish;
mod reader;
mod said;
mod writer;

pub(crate) use self::merge::Sides;
pub(crate) use self::said::{RowNotes, time_of};
pub(crate) use self::writer::{ExemplarHome, SharedExemplar, SideHandle, SideWriter, StateHome};

/// How the name of a side file ends.
pub(crate) const EXTENSION: &str = "narthex";
