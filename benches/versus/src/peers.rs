//! The peers by name, and what they want to know of labels beforehand.

use measured::LabelGroup;
use paracord::ParaCord;
use prometheus_client::encoding::EncodeLabelSet;

use crate::harness::Who;

pub const PROMETHEUS: Who = Who::Peer("prometheus");
pub const PROMETHEUS_CLIENT: Who = Who::Peer("prometheus-client");
pub const METRICS: Who = Who::Peer("metrics");
pub const FASTMETRICS: Who = Who::Peer("fastmetrics");
pub const MEASURED: Who = Who::Peer("measured");
pub const FAST_TELEMETRY: Who = Who::Peer("fast-telemetry");

/// In the order of the columns of a table.
pub const ALL: [&str; 6] =
    ["prometheus", "prometheus-client", "metrics", "fastmetrics", "measured", "fast-telemetry"];

/// The crates that they are.
pub const CRATES: [&str; 7] = [
    "prometheus",
    "prometheus-client",
    "metrics",
    "metrics-exporter-prometheus",
    "fastmetrics",
    "measured",
    "fast-telemetry",
];

/// Labels of `prometheus-client`, which are looked up by owned values.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ClientLabels {
    method: String,
    path: String,
    code: String,
}

/// Labels of `fastmetrics`, which are looked up by owned values.
#[derive(Clone, Debug, Hash, PartialEq, Eq, fastmetrics::derive::LabelSet)]
pub struct FastLabels {
    method: String,
    path: String,
    code: String,
}

/// Labels of `measured`, which interns what it does not know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, LabelGroup)]
#[label(set = MeasuredSet)]
pub struct MeasuredLabels<'a> {
    #[label(dynamic_with = ParaCord, default)]
    method: &'a str,
    #[label(dynamic_with = ParaCord, default)]
    path: &'a str,
    #[label(dynamic_with = ParaCord, default)]
    code: &'a str,
}

impl ClientLabels {
    pub fn new([method, path, code]: &[String; 3]) -> Self {
        Self { method: method.clone(), path: path.clone(), code: code.clone() }
    }
}

impl FastLabels {
    pub fn new([method, path, code]: &[String; 3]) -> Self {
        Self { method: method.clone(), path: path.clone(), code: code.clone() }
    }
}

impl<'a> MeasuredLabels<'a> {
    pub fn new([method, path, code]: &'a [String; 3]) -> Self {
        Self { method, path, code }
    }
}

/// `metrics` through its exporter for Prometheus.
pub mod recorder {
    use metrics::{Key, Label, Level, Metadata};
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

    pub use metrics::Recorder;

    use crate::inputs::LABELS;

    /// What the macros of `metrics` say of the place that measures.
    pub const PLACE: Metadata<'static> = Metadata::new("narthex_versus", Level::INFO, None);

    pub fn new() -> PrometheusRecorder {
        PrometheusBuilder::new().build_recorder()
    }

    pub fn with_buckets(bounds: &[f64]) -> PrometheusRecorder {
        let builder = PrometheusBuilder::new().set_buckets(bounds);
        builder.expect("there are bounds").build_recorder()
    }

    /// The key of a child, of owned values as its macros make it of what is no constant.
    pub fn key(name: &'static str, values: &[String; 3]) -> Key {
        let label = |at: usize| Label::new(LABELS[at], values[at].clone());
        Key::from_parts(name, vec![label(0), label(1), label(2)])
    }
}

/// `fast-telemetry`, which counts whole numbers, apart in each shard.
pub mod sharded {
    use fast_telemetry::{DynamicCounter, DynamicHistogram};

    use crate::harness::cores;
    use crate::inputs::LABELS;

    /// Enough that no two threads of ours share one.
    pub fn shards() -> usize {
        (2 * cores()).next_power_of_two()
    }

    pub fn counters() -> DynamicCounter {
        DynamicCounter::with_max_series(shards(), usize::MAX)
    }

    /// Of whole microseconds.
    pub fn histograms(bounds: &[f64]) -> DynamicHistogram {
        let bounds: Vec<u64> = bounds.iter().copied().map(micros).collect();
        DynamicHistogram::with_limits(&bounds, shards(), usize::MAX)
    }

    pub fn labels(values: &[String; 3]) -> [(&str, &str); 3] {
        std::array::from_fn(|at| (LABELS[at], values[at].as_str()))
    }

    pub fn micros(seconds: f64) -> u64 {
        (seconds * 1e6).round() as u64
    }
}
