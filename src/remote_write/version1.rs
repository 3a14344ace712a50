//! Remote write 1.0: what a request of 2.0 says, in the older message.
//!
//! [The specification](https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol).

use std::collections::BTreeMap;

use prost::Message;

use super::message::{self, Histogram, Sample, metadata_type};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    metric_type: i32,
    #[prost(string, tag = "2")]
    metric_family_name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

impl WriteRequest {
    /// The same series, without start times.
    pub(super) fn of(request: message::Request) -> Self {
        let symbols = request.symbols;
        let mut families = BTreeMap::new();
        let mut timeseries = Vec::with_capacity(request.timeseries.len());
        for series in request.timeseries {
            let labels = labels(&symbols, &series.labels_refs);
            // A stale marker says of its family no more than its type.
            if let Some(known) = series.metadata.filter(|_| !message::is_stale(&series)) {
                let is_native = !series.histograms.is_empty();
                let name = family_name(&labels, known.metric_type, is_native);
                if !families.contains_key(name) {
                    families.insert(name.to_owned(), known);
                }
            }
            let started = series.samples.into_iter();
            let samples = started.map(|sample| Sample { start_timestamp: 0, ..sample });
            let started = series.histograms.into_iter();
            let histograms = started.map(|histogram| Histogram { start_timestamp: 0, ..histogram });
            let exemplars = series.exemplars.into_iter().map(|exemplar| Exemplar {
                labels: self::labels(&symbols, &exemplar.labels_refs),
                value: exemplar.value,
                timestamp: exemplar.timestamp,
            });
            timeseries.push(TimeSeries {
                samples: samples.collect(),
                exemplars: exemplars.collect(),
                histograms: histograms.collect(),
                labels,
            });
        }
        let metadata = families.into_iter().map(|(metric_family_name, known)| Metadata {
            metric_type: known.metric_type,
            metric_family_name,
            help: symbol(&symbols, known.help_ref),
            unit: symbol(&symbols, known.unit_ref),
        });
        Self { timeseries, metadata: metadata.collect() }
    }
}

fn labels(symbols: &[String], refs: &[u32]) -> Vec<Label> {
    let pairs = refs.chunks_exact(2);
    pairs
        .map(|pair| Label { name: symbol(symbols, pair[0]), value: symbol(symbols, pair[1]) })
        .collect()
}

fn symbol(symbols: &[String], place: u32) -> String {
    symbols.get(place as usize).cloned().unwrap_or_default()
}

/// The name of the family that a series is of, as text 0.0.4 has it: series of buckets, counts and
/// sums bear a suffix more.
fn family_name(labels: &[Label], metric_type: i32, is_native: bool) -> &str {
    let value = |name| labels.iter().find(|label| label.name == name).map(|label| &*label.value);
    let name = value("__name__").unwrap_or_default();
    let suffixes: &[&str] = match metric_type {
        metadata_type::HISTOGRAM if !is_native => &["_bucket", "_count", "_sum"],
        metadata_type::GAUGE_HISTOGRAM if !is_native => &["_bucket", "_gcount", "_gsum"],
        metadata_type::SUMMARY if value("quantile").is_none() => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
