//! Threads of the library's own: one that repeats work, and what it stands on.

mod background;
mod work;

#[cfg(feature = "sinks")]
pub(crate) use self::background::Background;
pub(crate) use self::work::Repeated;
#[cfg(any(feature = "bridge", feature = "push", feature = "sinks", feature = "textfile"))]
pub(crate) use self::work::Turn;
