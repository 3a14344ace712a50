//! An entry of a catalogue, and its one live instance.

use std::sync::Arc;

use parking_lot::Mutex;

use super::buckets::default_buckets;
use super::kind::MetricKind;
use super::live::{CatalogMetric, Home, Live, Making, make, take};
use super::spec::MetricSpec;
use crate::error::{Error, ErrorKind, Result};

/// An entry of a catalogue.
pub(super) struct Slot {
    pub(super) spec: MetricSpec,
    /// The name of its family.
    pub(super) family: String,
    state: Mutex<State>,
}

struct State {
    live: Arc<dyn Live>,
    /// The bounds of a histogram.
    buckets: Vec<f64>,
    /// Whether anybody was given it.
    is_taken: bool,
}

impl Slot {
    /// An entry that nobody was given yet.
    pub(super) fn new(spec: MetricSpec, family: String, home: &Home) -> Result<Self> {
        let buckets = spec.buckets().or_else(|| default_buckets(spec.unit()));
        let buckets = buckets.unwrap_or_default().to_vec();
        // No file is to have buckets that are not those in the end.
        let memory = Home::default();
        let home = if is_open(&spec) { &memory } else { home };
        let state = Mutex::new(State::new(&spec, &family, buckets, home)?);
        Ok(Self { spec, family, state })
    }

    /// Its metric, with these buckets if they are wanted.
    pub(super) fn give<T: CatalogMetric>(
        &self,
        wanted: Option<Vec<f64>>,
        home: &Home,
    ) -> Result<T> {
        let mut state = self.state.lock();
        let taken = take(&self.spec, &*state.live)?;
        let buckets = wanted.unwrap_or_else(|| state.buckets.clone());
        if !state.is_taken && is_open(&self.spec) {
            // Nobody has observed anything.
            *state = State::new(&self.spec, &self.family, buckets, home)?;
            state.is_taken = true;
            return take(&self.spec, &*state.live);
        }
        if buckets != state.buckets {
            let (name, have) = (self.spec.name(), &state.buckets);
            let message =
                format!("histogram {name:?} has the buckets {have:?}, and not {buckets:?}");
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        state.is_taken = true;
        Ok(taken)
    }

    /// Its metric, so that no lock is held while foreign code runs.
    pub(super) fn live(&self) -> Arc<dyn Live> {
        self.state.lock().live.clone()
    }

    /// The upper bounds of a histogram, without +Inf.
    pub(super) fn buckets(&self) -> Vec<f64> {
        self.state.lock().buckets.clone()
    }
}

impl State {
    fn new(spec: &MetricSpec, family: &str, buckets: Vec<f64>, home: &Home) -> Result<Self> {
        let live = make(&Making { spec, family, buckets: &buckets, home })?.into();
        Ok(Self { live, buckets, is_taken: false })
    }
}

/// Whether whoever asks first may say which buckets it has.
fn is_open(spec: &MetricSpec) -> bool {
    spec.kind() == MetricKind::Histogram && spec.buckets().is_none()
}
