//! The messages of remote write 2.0, `io.prometheus.write.v2`.
//!
//! [Their source](https://github.com/prometheus/prometheus/blob/main/prompb/io/prometheus/write/v2/types.proto).

use prost::{Message, Oneof};

/// Some series; all texts are numbers of `symbols`, whose first is empty.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(string, repeated, tag = "4")]
    pub(super) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(super) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    /// Names and values in turn, sorted by name.
    #[prost(uint32, repeated, tag = "1")]
    pub(super) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(super) histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    pub(super) exemplars: Vec<Exemplar>,
    #[prost(message, optional, tag = "5")]
    pub(super) metadata: Option<Metadata>,
}

/// A number; times are in milliseconds, and a start of 0 is none. Without the start it is also that
/// of remote write 1.0.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
    #[prost(int64, tag = "3")]
    pub(super) start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Exemplar {
    #[prost(uint32, repeated, tag = "1")]
    pub(super) labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    pub(super) value: f64,
    #[prost(int64, tag = "3")]
    pub(super) timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Metadata {
    /// One of `metadata_type`.
    #[prost(int32, tag = "1")]
    pub(super) metric_type: i32,
    #[prost(uint32, tag = "3")]
    pub(super) help_ref: u32,
    #[prost(uint32, tag = "4")]
    pub(super) unit_ref: u32,
}

/// A native histogram. Without the start it is also that of remote write 1.0.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(oneof = "Count", tags = "1, 2")]
    pub(super) count: Option<Count>,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(super) schema: i32,
    #[prost(double, tag = "5")]
    pub(super) zero_threshold: f64,
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub(super) zero_count: Option<ZeroCount>,
    #[prost(message, repeated, tag = "8")]
    pub(super) negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub(super) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub(super) positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    pub(super) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub(super) positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub(super) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(int64, tag = "17")]
    pub(super) start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(super) enum Count {
    #[prost(uint64, tag = "1")]
    Whole(u64),
    #[prost(double, tag = "2")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(super) enum ZeroCount {
    #[prost(uint64, tag = "6")]
    Whole(u64),
    #[prost(double, tag = "7")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Span {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(super) length: u32,
}

/// The NaN that says that a series has ended.
///
/// [The specification](https://prometheus.io/docs/specs/prw/remote_write_spec/#stale-markers).
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Whether a series has nothing but a stale marker.
pub(super) fn is_stale(series: &TimeSeries) -> bool {
    let mut samples = series.samples.iter().map(|sample| sample.value);
    let mut histograms = series.histograms.iter().map(|histogram| histogram.sum);
    samples.all(|value| value.to_bits() == STALE) && histograms.all(|sum| sum.to_bits() == STALE)
}

/// The reset hint of histograms that go up and down.
pub(super) const RESET_HINT_GAUGE: i32 = 3;

/// The types of metadata, the same in both versions.
pub(super) mod metadata_type {
    pub(in crate::remote_write) const COUNTER: i32 = 1;
    pub(in crate::remote_write) const GAUGE: i32 = 2;
    pub(in crate::remote_write) const HISTOGRAM: i32 = 3;
    pub(in crate::remote_write) const GAUGE_HISTOGRAM: i32 = 4;
    pub(in crate::remote_write) const SUMMARY: i32 = 5;
    pub(in crate::remote_write) const INFO: i32 = 6;
    pub(in crate::remote_write) const STATE_SET: i32 = 7;
}
