//! Where what was recorded in [windows](crate::window) goes: to a registry, a console, StatsD, or
//! whatever implements [`Sink`].

mod console;
mod event;
mod export;
mod memory;
mod null;
mod registry;
mod snapshot;
#[cfg(feature = "bridge")]
mod statsd;
mod totals;

pub use self::console::ConsoleSink;
pub use self::event::{EventSink, MetricEvent};
pub use self::export::{Sink, SinkFuture};
pub use self::memory::{MemorySink, RecordedEvent};
pub use self::null::NullSink;
pub use self::registry::RegistrySink;
pub use self::snapshot::{Aggregate, Snapshot};
#[cfg(feature = "bridge")]
pub use self::statsd::StatsdSink;

pub(crate) use self::snapshot::SeriesKey;
