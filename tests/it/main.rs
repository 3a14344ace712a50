//! What the library does, seen from outside.

mod exposition_vectors;
#[cfg(feature = "multiprocess")]
mod multiprocess;
mod negotiate;
mod vectors;
mod vectors_model;
