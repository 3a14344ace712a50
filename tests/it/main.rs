//! The library through its public names.

#[cfg(feature = "multiprocess")]
mod multiprocess;
