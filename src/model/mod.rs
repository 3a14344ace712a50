//! What is said about the world: names, labels, samples and families.
//!
//! Both wings of the library stand on this module and meet nowhere else: the
//! instruments hand out families, the formats read them.

pub(crate) mod bounds;
pub(crate) mod chunk;
pub(crate) mod columns;
pub(crate) mod desc;
mod digits;
pub(crate) mod escape;
pub(crate) mod exemplar;
pub(crate) mod exemplar_column;
pub(crate) mod family;
pub(crate) mod labels;
pub(crate) mod name;
pub(crate) mod native;
mod native_column;
pub(crate) mod number;
pub(crate) mod owned;
pub(crate) mod quantiles;
pub(crate) mod sample;
pub(crate) mod timestamp;

pub use self::bounds::Bounds;
pub use self::chunk::{Chunk, SumPlace, Values};
pub(crate) use self::columns::{Columns, LabelSource, RowLabels, ValueColumns};
pub use self::desc::{Desc, MetricType, Suffix, full_name};
pub use self::escape::EscapingScheme;
pub(crate) use self::exemplar::check_exemplar_labels;
pub use self::exemplar::{EXEMPLAR_LIMIT, Exemplar, ExemplarRef};
pub use self::family::Family;
pub(crate) use self::family::Sealed;
pub use self::labels::LabelNames;
pub use self::name::{LabelName, MetricName, NameValidation};
pub use self::native::{BucketSpan, NativeBuckets, NativeHistogram};
pub use self::native_column::NativeHistogramRef;
pub use self::number::format_f64;
pub use self::owned::{
    Added, BucketBound, CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, MetricFamily, NO_LABELS, StateSetMetricFamily,
    SummaryMetricFamily, UnknownMetricFamily,
};
pub use self::quantiles::Quantiles;
pub use self::sample::{Sample, SampleLabels};
pub(crate) use self::timestamp::TimeParts;
pub use self::timestamp::Timestamp;
