//! Requests of remote write, read by messages that were written down from Prometheus' own files.

use narthex::CollectorRegistry;
use narthex::client::{Connection, Retry};
use narthex::remote_write::{RemoteWrite, RemoteWriteBuilder};
use prost::Message;
use std::time::Duration;

use crate::push_fixture::{Got, OtherEnd, Reply};

/// The NaN of stale markers, as Prometheus' `value.StaleNaN` has it.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A series as it came in either version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    /// `name{label="value"}`, labels in the order in which they came.
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
    pub(crate) histograms: Vec<Histogram>,
    pub(crate) exemplars: Vec<(String, f64, i64)>,
    /// Type, help, unit; of 2.0 alone.
    pub(crate) metadata: Option<(i32, String, String)>,
}

/// A request, unpacked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) series: Vec<Series>,
    /// Type, name, help, unit; of 1.0 alone.
    pub(crate) metadata: Vec<(i32, String, String, String)>,
}

#[derive(Clone, PartialEq, Message)]
struct Request1 {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series1>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata1>,
}

#[derive(Clone, PartialEq, Message)]
struct Series1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar1>,
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
struct Exemplar1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata1 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct Request2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<Series2>,
}

#[derive(Clone, PartialEq, Message)]
struct Series2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<Exemplar2>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata2>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
    #[prost(int64, tag = "3")]
    pub(crate) start: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Metadata2 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help: u32,
    #[prost(uint32, tag = "4")]
    unit: u32,
}

/// Counts are one of two each; those of `oneof` are read as plain fields.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub(crate) count_float: Option<f64>,
    #[prost(double, tag = "3")]
    pub(crate) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(crate) schema: i32,
    #[prost(double, tag = "5")]
    pub(crate) zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    pub(crate) zero_count: Option<u64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    pub(crate) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub(crate) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    pub(crate) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub(crate) positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub(crate) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(crate) timestamp: i64,
    #[prost(int64, tag = "17")]
    pub(crate) start: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(sint32, tag = "1")]
    pub(crate) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(crate) length: u32,
}

/// `name{label="value"}`, after looking whether names are sorted and nothing is empty.
fn named(labels: impl IntoIterator<Item = (String, String)>) -> String {
    let labels: Vec<_> = labels.into_iter().collect();
    assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted: {labels:?}");
    let mut metric = String::new();
    let mut shown = Vec::new();
    for (name, value) in labels {
        assert!(!name.is_empty() && !value.is_empty(), "empty: {name:?}={value:?}");
        match &*name {
            "__name__" => metric = value,
            _ => shown.push(format!("{name}={value:?}")),
        }
    }
    if shown.is_empty() { metric } else { format!("{metric}{{{}}}", shown.join(",")) }
}

/// Reads a request, whose headers must be those of its version.
pub(crate) fn read(got: &Got) -> Request {
    assert_eq!((&*got.method, got.header("content-encoding")), ("POST", Some("snappy")));
    assert!(got.header("user-agent").unwrap().starts_with("narthex/"));
    let body = snap::raw::Decoder::new().decompress_vec(&got.body).unwrap();
    let content_type = got.header("content-type").unwrap();
    match (content_type, got.header("x-prometheus-remote-write-version").unwrap()) {
        ("application/x-protobuf", "0.1.0") => version_1(&body),
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0") => {
            version_2(&body)
        }
        other => panic!("{other:?}"),
    }
}

fn version_1(body: &[u8]) -> Request {
    let request = Request1::decode(body).unwrap();
    let pairs = |labels: Vec<Label>| labels.into_iter().map(|label| (label.name, label.value));
    let series = request.timeseries.into_iter().map(|series| Series {
        name: named(pairs(series.labels)),
        samples: series.samples,
        histograms: series.histograms,
        exemplars: series
            .exemplars
            .into_iter()
            .map(|exemplar| (named(pairs(exemplar.labels)), exemplar.value, exemplar.timestamp))
            .collect(),
        metadata: None,
    });
    let metadata = request.metadata.into_iter();
    let metadata = metadata.map(|known| (known.kind, known.name, known.help, known.unit));
    Request { series: series.collect(), metadata: metadata.collect() }
}

fn version_2(body: &[u8]) -> Request {
    let request = Request2::decode(body).unwrap();
    let symbols = request.symbols;
    assert_eq!(symbols[0], "");
    let mut different = symbols.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), symbols.len(), "a symbol stands twice");
    let symbol = |place: u32| symbols[place as usize].clone();
    let pairs = |refs: Vec<u32>| {
        assert_eq!(refs.len() % 2, 0);
        let pairs = refs.chunks(2).map(|pair| (symbol(pair[0]), symbol(pair[1])));
        pairs.collect::<Vec<_>>()
    };
    let series = request.timeseries.into_iter().map(|series| Series {
        name: named(pairs(series.labels)),
        samples: series.samples,
        histograms: series.histograms,
        exemplars: series
            .exemplars
            .into_iter()
            .map(|exemplar| (named(pairs(exemplar.labels)), exemplar.value, exemplar.timestamp))
            .collect(),
        metadata: series.metadata.map(|known| (known.kind, symbol(known.help), symbol(known.unit))),
    });
    Request { series: series.collect(), metadata: Vec::new() }
}

/// The answer of a receiver of 2.0 that took everything.
pub(crate) fn took() -> Reply {
    let header = "X-Prometheus-Remote-Write-Samples-Written: 1".to_owned();
    Reply::Status("204 No Content", vec![header], "")
}

/// A receiver of 2.0 that gives these answers first.
pub(crate) fn receiver(replies: impl IntoIterator<Item = Reply>) -> OtherEnd {
    OtherEnd::start_with(replies, took())
}

/// Sends nothing before it is stopped, and is not patient.
pub(crate) fn to(receiver: &OtherEnd, registry: &CollectorRegistry) -> RemoteWriteBuilder {
    let pauses = Duration::from_millis(1);
    let retry = Retry::never().with_pauses(pauses, pauses);
    RemoteWrite::builder(format!("http://{}/write", receiver.address()), registry)
        .interval(Duration::from_secs(3600))
        .stale_at_end(false)
        .flush_timeout(Duration::from_secs(60))
        .connection(Connection::new().no_proxy().retry(retry))
}
