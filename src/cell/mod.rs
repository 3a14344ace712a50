//! Where a number lives: the only unsafe code of the library is in this folder.
#![allow(unsafe_code)]

#[cfg(feature = "multiprocess")]
pub(crate) mod mapped;
