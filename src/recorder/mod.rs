//! Recordings that are handed on in batches.

mod buffer;

pub use self::buffer::{BufferedEntry, BufferedRecorder, BufferedRecorderBuilder};
