//! The sink that takes everything and keeps nothing.

use crate::sink::export::{Sink, SinkFuture, done};
use crate::sink::snapshot::Snapshot;

/// Takes everything and keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn export<'a>(&'a self, _: &'a [Snapshot]) -> SinkFuture<'a> {
        done(Ok(()))
    }

    fn name(&self) -> &str {
        "null"
    }
}
