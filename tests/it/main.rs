//! What the library does, seen from outside.

mod exposition_openmetrics;
mod exposition_properties;
mod exposition_text;
mod exposition_vectors;
mod negotiate;
mod vectors;
mod vectors_model;
