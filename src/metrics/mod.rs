//! What users hold: metrics, whole or split by labels.

mod amount;
mod bucket_index;
mod builder;
mod children;
mod counter;
mod enumeration;
mod exemplar;
mod gauge;
mod handle;
mod histogram;
mod histogram_snapshot;
mod home;
mod info;
mod instrument;
mod label_hash;
mod label_set;
mod label_text;
mod label_values;
mod late_timer;
mod native;
mod native_exemplars;
#[cfg(feature = "multiprocess")]
mod native_home;
mod stopwatch;
mod summary;
mod timer;
mod vec;
mod vec_of;

pub use self::amount::Amount;
pub use self::builder::{Built, MetricBuilder};
pub use self::counter::{Counter, CounterVec, CounterVecDyn, CounterVecOf, ErrorGuard};
pub use self::enumeration::{Enum, EnumVec, EnumVecDyn, EnumVecOf, States};
pub use self::gauge::{Gauge, GaugeVec, GaugeVecDyn, GaugeVecOf, InProgress};
pub use self::histogram::{
    DEFAULT_BUCKETS, Histogram, HistogramVec, HistogramVecDyn, HistogramVecOf, exponential_buckets,
    linear_buckets,
};
pub use self::histogram_snapshot::HistogramSnapshot;
pub use self::info::{Info, InfoVec, InfoVecDyn, InfoVecOf};
pub use self::instrument::Instrument;
pub use self::label_set::{LabelArray, LabelSet};
pub use self::label_values::{LabelValue, LabelValues};
pub use self::late_timer::LateTimer;
pub use self::native::{NativeOptions, NativeSnapshot};
pub use self::summary::{Summary, SummaryVec, SummaryVecDyn, SummaryVecOf};
pub use self::timer::{Observer, TimedFuture, Timer};
pub use self::vec::{Child, MetricVec, MetricVecDyn};
pub use self::vec_of::MetricVecOf;
