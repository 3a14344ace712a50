//! Threads of the library's own: one that repeats work, and what it stands on.

mod background;
mod work;

#[cfg(feature = "sinks")]
pub(crate) use self::background::Background;
#[allow(unused_imports, reason = "who does the same at every turn names none")]
pub(crate) use self::work::{Repeated, Turn};
