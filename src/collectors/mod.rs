//! Collectors for what every program has: its process, its platform, its build.

mod build;
mod platform;
#[cfg(feature = "process")]
mod process;

pub use self::build::BuildInfoCollector;
pub use self::platform::PlatformCollector;
#[cfg(feature = "process")]
pub use self::process::ProcessCollector;
