//! What a sink is.

use std::any::type_name;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Result;
use crate::sink::event::EventSink;
use crate::sink::snapshot::Snapshot;

/// What a sink does, as it is awaited.
pub type SinkFuture<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

/// What has been done already.
pub(super) fn done(result: Result) -> SinkFuture<'static> {
    Box::pin(std::future::ready(result))
}

/// Takes what was recorded out of the program.
///
/// A [`MetricsManager`](crate::window::MetricsManager) enters it before the first export and leaves
/// it after the last one; exports of one sink never overlap. It must not block where it is polled:
/// other sinks wait there.
///
/// ```
/// use narthex::sink::{Sink, SinkFuture, Snapshot};
///
/// struct Log;
///
/// impl Sink for Log {
///     fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
///         Box::pin(async move {
///             for snapshot in snapshots {
///                 eprintln!("{}: {} more", snapshot.name(), snapshot.new().count);
///             }
///             Ok(())
///         })
///     }
/// }
/// assert!(Log.name().ends_with("Log"));
/// ```
pub trait Sink: Send + Sync {
    /// Makes ready, before the first export.
    ///
    /// # Errors
    /// That it cannot; then nothing is exported to any sink.
    fn enter(&self) -> SinkFuture<'_> {
        done(Ok(()))
    }

    /// Takes these series, by name and dimensions in alphabetical order.
    ///
    /// # Errors
    /// That nothing was taken: [what is new](Snapshot::new) comes again with the next export.
    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a>;

    /// Ends, after the last export.
    ///
    /// # Errors
    /// That something is left undone.
    fn exit(&self) -> SinkFuture<'_> {
        done(Ok(()))
    }

    /// Who hears of each single observation, if anybody.
    fn events(&self) -> Option<&dyn EventSink> {
        None
    }

    /// What errors and self-metrics call it: the name of its type by default.
    fn name(&self) -> &str {
        type_name::<Self>()
    }
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn enter(&self) -> SinkFuture<'_> {
        (**self).enter()
    }

    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        (**self).export(snapshots)
    }

    fn exit(&self) -> SinkFuture<'_> {
        (**self).exit()
    }

    fn events(&self) -> Option<&dyn EventSink> {
        (**self).events()
    }

    fn name(&self) -> &str {
        (**self).name()
    }
}
