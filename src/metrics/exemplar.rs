//! The last exemplar of a number, written without allocating.

use once_cell::race::OnceBox;
use parking_lot::Mutex;

#[cfg(feature = "multiprocess")]
use crate::cell::fork::{HoldOff, hold_off, try_hold_off};
use crate::cell::note_refused_observation;
use crate::error::Result;
use crate::model::{Columns, EXEMPLAR_LIMIT, ExemplarRef, Timestamp, check_exemplar_labels};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::{ExemplarHome, SharedExemplar};

/// Room for one exemplar; in memory it takes some when the first one comes, and more
/// only for one that is longer than 128 bytes or has more than four labels.
#[derive(Debug, Default)]
pub(super) struct ExemplarSlot(OnceBox<Slot>);

#[derive(Debug, Default)]
struct Slot {
    stored: Mutex<Stored>,
    #[cfg(feature = "multiprocess")]
    home: Option<ExemplarHome>,
}

#[derive(Debug, Default)]
struct Stored {
    exemplar: KeptExemplar,
    #[cfg(feature = "multiprocess")]
    shared: SharedExemplar,
}

/// An exemplar in memory that is used again; without labels there is none.
#[derive(Debug, Default)]
pub(super) struct KeptExemplar {
    text: String,
    lens: Vec<u32>,
    value: f64,
    timestamp: Option<Timestamp>,
}

impl KeptExemplar {
    /// Puts another one in its place, whose labels were checked.
    pub(super) fn replace(&mut self, labels: &[(&str, &str)], value: f64, seconds: f64) {
        if self.text.capacity() == 0 {
            self.text.reserve(EXEMPLAR_LIMIT);
            self.lens.reserve(8);
        }
        self.text.clear();
        self.lens.clear();
        // Sorted by repeatedly taking the next name: exemplars have one or two labels.
        let mut last = None;
        while let Some((name, text)) =
            labels.iter().filter(|(name, _)| last.is_none_or(|last| *name > last)).min()
        {
            for part in [name, text] {
                self.text.push_str(part);
                self.lens.push(part.len() as u32);
            }
            last = Some(*name);
        }
        self.value = value;
        self.timestamp = Timestamp::from_seconds(seconds).ok();
    }

    pub(super) fn as_ref(&self) -> ExemplarRef<'_> {
        ExemplarRef {
            text: &self.text,
            lens: &self.lens,
            value: self.value,
            timestamp: self.timestamp,
        }
    }
}

impl ExemplarSlot {
    /// A slot whose exemplars other processes see, too.
    #[cfg(feature = "multiprocess")]
    pub(super) fn shared(home: ExemplarHome) -> Self {
        Self(OnceBox::with_value(Box::new(Slot { home: Some(home), ..Slot::default() })))
    }

    /// Keeps an exemplar whose labels were checked.
    pub(super) fn store(&self, labels: &[(&str, &str)], value: f64, seconds: f64) {
        self.0.get_or_init(Box::default).store(labels, value, seconds);
    }

    /// Forgets what it holds.
    pub(super) fn clear(&self) {
        if let Some(slot) = self.0.get() {
            slot.clear();
        }
    }

    #[cfg(feature = "multiprocess")]
    fn is_shared(&self) -> bool {
        self.0.get().is_some_and(|slot| slot.home.is_some())
    }

    #[cfg(not(feature = "multiprocess"))]
    fn is_shared(&self) -> bool {
        false
    }

    #[inline]
    pub(super) fn record(&self, slot: usize, columns: &mut Columns) {
        if let Some(stored) = self.0.get() {
            stored.record(slot, columns);
        }
    }
}

impl Slot {
    /// While another thread reads or writes the slot, or forks, this one goes without:
    /// exemplars are samples, and an observation never waits.
    fn store(&self, labels: &[(&str, &str)], value: f64, seconds: f64) {
        #[cfg(feature = "multiprocess")]
        let hold_off = self.home.as_ref().map(|_| try_hold_off());
        #[cfg(feature = "multiprocess")]
        if let Some(None) = hold_off {
            return;
        }
        let Some(mut stored) = self.stored.try_lock() else { return };
        let stored = &mut *stored;
        stored.exemplar.replace(labels, value, seconds);
        #[cfg(feature = "multiprocess")]
        if let Some(home) = &self.home {
            stored.shared.write(home, stored.exemplar.as_ref());
        }
    }

    fn clear(&self) {
        let _hold_off = self.hold_off();
        let mut stored = self.stored.lock();
        stored.exemplar.lens.clear();
        #[cfg(feature = "multiprocess")]
        if let Some(home) = &self.home {
            stored.shared.clear(home);
        }
    }

    /// Lets no thread fork whose child would find the slot locked, if other
    /// processes see it.
    #[cfg(feature = "multiprocess")]
    fn hold_off(&self) -> Option<HoldOff> {
        self.home.as_ref().map(|_| hold_off())
    }

    #[cfg(not(feature = "multiprocess"))]
    fn hold_off(&self) -> Option<()> {
        None
    }

    #[cold]
    fn record(&self, slot: usize, columns: &mut Columns) {
        let _hold_off = self.hold_off();
        let stored = self.stored.lock();
        if stored.exemplar.lens.is_empty() {
            return;
        }
        columns.reserve_exemplars();
        columns.push_exemplar(slot, stored.exemplar.as_ref());
    }
}

/// Room for the exemplar of each bucket; in memory, none is there before the first one comes.
#[derive(Debug, Default)]
pub(super) struct ExemplarSlots(OnceBox<Box<[ExemplarSlot]>>);

impl ExemplarSlots {
    /// Those of some numbers, if other processes see any of them.
    pub(super) fn if_shared(slots: Vec<ExemplarSlot>) -> Option<Self> {
        let is_shared = slots.iter().any(ExemplarSlot::is_shared);
        is_shared.then(|| Self(OnceBox::with_value(Box::new(slots.into()))))
    }

    /// Keeps an exemplar, whose labels were checked, in one of so many slots.
    pub(super) fn store(
        &self,
        (slot, of): (usize, usize),
        labels: &[(&str, &str)],
        value: f64,
        seconds: f64,
    ) {
        let slots =
            self.0.get_or_init(|| Box::new((0..of).map(|_| ExemplarSlot::default()).collect()));
        slots[slot].store(labels, value, seconds);
    }

    /// Forgets all of them.
    #[cfg(feature = "catalog")]
    pub(super) fn clear(&self) {
        self.0.get().into_iter().flat_map(|slots| slots.iter()).for_each(ExemplarSlot::clear);
    }

    /// Appends the exemplars, of slots from one on.
    pub(super) fn record(&self, first: usize, columns: &mut Columns) {
        for (slot, exemplar) in self.0.get().into_iter().flat_map(|slots| slots.iter().enumerate())
        {
            exemplar.record(first + slot, columns);
        }
    }
}

/// Whether there is something to keep. Labels that are not allowed are counted as refused.
pub(super) fn keeps_exemplar(labels: &[(&str, &str)]) -> bool {
    !labels.is_empty() && check_exemplar(labels).is_ok()
}

/// Refuses labels that an exemplar cannot have, and counts that.
pub(super) fn check_exemplar(labels: &[(&str, &str)]) -> Result {
    check_exemplar_labels(labels).inspect_err(|_| note_refused_observation())
}
