//! What a sink is given: numbers of a series, over its window and since the last time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many observations there were, their sum, and the least and the greatest of them.
///
/// ```
/// use narthex::sink::Aggregate;
///
/// let mut sizes = Aggregate::of(3.0);
/// sizes.merge(&Aggregate::of(1.0));
/// assert_eq!((sizes.count, sizes.sum, sizes.min, sizes.max), (2, 4.0, 1.0, 3.0));
/// assert_eq!(sizes.mean(), Some(2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// How many.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
    /// The least that is a number; +Inf if there is none.
    pub min: f64,
    /// The greatest that is a number; -Inf if there is none.
    pub max: f64,
}

impl Aggregate {
    /// No observation.
    pub const EMPTY: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// One observation.
    pub fn of(value: f64) -> Self {
        let mut one = Self::EMPTY;
        one.add(value);
        one
    }

    /// Adds an observation.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds those of another one.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Whether there is no observation.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum by the count, if there is any observation.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum / self.count as f64)
    }
}

impl Default for Aggregate {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What a series is known by: its name, and the dimensions that are kept, in their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeriesKey {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

/// A series at one time: its window, and what came since the last export.
///
/// Windows of exports that follow one another overlap. A sink that shows what is going on takes
/// [`window`](Self::window); one that adds up takes [`new`](Self::new), where each observation is
/// once.
#[derive(Clone, PartialEq)]
pub struct Snapshot {
    pub(crate) key: Arc<SeriesKey>,
    pub(crate) window: Aggregate,
    pub(crate) new: Aggregate,
    pub(crate) bounds: (Duration, Duration),
}

impl Snapshot {
    /// The name that was recorded.
    pub fn name(&self) -> &str {
        &self.key.name
    }

    /// The dimensions that the level keeps, by their names in alphabetical order.
    pub fn dimensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.key.dimensions.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The observations of the window; none, if what is new is older by now.
    pub fn window(&self) -> &Aggregate {
        &self.window
    }

    /// The observations that this sink was not given yet: since the last export that did not fail.
    /// In snapshots that are not of an export, there are none.
    #[expect(clippy::new_ret_no_self, reason = "what is new, not a new one")]
    pub fn new(&self) -> &Aggregate {
        &self.new
    }

    /// When the window begins, by the clock of the manager.
    pub fn window_start(&self) -> Duration {
        self.bounds.0
    }

    /// When the window ends, which is the time of the snapshot.
    pub fn window_end(&self) -> Duration {
        self.bounds.1
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("name", &self.key.name)
            .field("dimensions", &self.key.dimensions)
            .field("window", &self.window)
            .field("new", &self.new)
            .finish_non_exhaustive()
    }
}
