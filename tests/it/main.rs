//! What the library does, seen from outside.

mod exposition_vectors;
mod negotiate;
mod vectors;
mod vectors_model;
