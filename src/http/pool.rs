//! What scrapes leave to those that come after them: encoders, and the memory of bodies.

use std::fmt;
use std::mem;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::exposition::Encoder;

/// How many of each are kept: there are as many as scrapes at one time, which are hardly ever more.
const KEPT: usize = 4;

/// The encoders and the memory that no scrape has at the moment.
#[derive(Default)]
pub(super) struct Pool {
    encoders: Mutex<Vec<Encoder>>,
    bodies: Mutex<Vec<Vec<u8>>>,
}

// All that comes back from a scrape that panics is memory, emptied.
impl RefUnwindSafe for Pool {}

impl Pool {
    /// An encoder, which may have memory already.
    pub(super) fn encoder(&self) -> Encoder {
        self.encoders.lock().pop().unwrap_or_default()
    }

    /// Keeps an encoder for the next scrape.
    pub(super) fn give_back(&self, encoder: Encoder) {
        keep(&self.encoders, encoder);
    }

    /// An empty body, whose memory comes back once it is sent.
    pub(super) fn body(self: &Arc<Self>) -> BodyBytes {
        let bytes = self.bodies.lock().pop().unwrap_or_default();
        BodyBytes { bytes, home: Some(Arc::clone(self)) }
    }
}

/// What goes beyond the limit is dropped when the lock is free again.
fn keep<T>(kept: &Mutex<Vec<T>>, one: T) {
    let mut kept = kept.lock();
    if kept.len() < KEPT {
        kept.push(one);
    } else {
        drop(kept);
        drop(one);
    }
}

/// The bytes of a body.
pub(super) struct BodyBytes {
    bytes: Vec<u8>,
    home: Option<Arc<Pool>>,
}

impl BodyBytes {
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes, which do not come back.
    pub(super) fn into_vec(mut self) -> Vec<u8> {
        self.home = None;
        mem::take(&mut self.bytes)
    }
}

impl Drop for BodyBytes {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            self.bytes.clear();
            keep(&home.bodies, mem::take(&mut self.bytes));
        }
    }
}

impl From<Vec<u8>> for BodyBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl AsRef<[u8]> for BodyBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Clone for BodyBytes {
    fn clone(&self) -> Self {
        self.bytes.clone().into()
    }
}

impl PartialEq for BodyBytes {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for BodyBytes {}

impl fmt::Debug for BodyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(f)
    }
}
