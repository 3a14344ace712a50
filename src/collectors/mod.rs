//! Collectors for what every program has, and wrappers around others.

#[cfg(feature = "async")]
mod awaited;
mod build;
mod cached;
mod platform;
#[cfg(feature = "process")]
mod process;

#[cfg(feature = "async")]
pub use self::awaited::{AsyncCollector, AsyncCollectorFn, AwaitedCollector, async_collector_fn};
pub use self::build::BuildInfoCollector;
pub use self::cached::CachedCollector;
pub use self::platform::PlatformCollector;
#[cfg(feature = "process")]
pub use self::process::ProcessCollector;
