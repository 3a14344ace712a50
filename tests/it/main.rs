//! The tests of behaviour, in one binary.

mod build_info;
#[cfg(all(feature = "process", target_os = "linux"))]
mod process;
