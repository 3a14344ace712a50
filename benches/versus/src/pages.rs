//! The same metrics in each library, and how each writes them as text.

use std::sync::Mutex;

use fast_telemetry::PrometheusExport;
use measured::metric::histogram::Thresholds;
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, HistogramVec, MetricGroup};
use narthex::exposition::{ContentCoding, Encoder, Encoding, Format};
use narthex::model::EscapingScheme;
use prometheus_client::metrics::family::Family;

use crate::harness::Who;
use crate::inputs::{BOUNDS_11, LABELS, label_values, observations};
use crate::peers::recorder::{self, Recorder};
use crate::peers::sharded;
use crate::peers::{
    ClientLabels, FAST_TELEMETRY, FASTMETRICS, FastLabels, MEASURED, METRICS, MeasuredLabels,
    MeasuredSet, PROMETHEUS, PROMETHEUS_CLIENT,
};

const NAME: &str = "http_requests_total";
const HELP: &str = "Requests answered.";

/// The amounts that counters show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amounts {
    /// Up to a thousand.
    Small,
    /// Above a million.
    Large,
    /// Thousandths, as of seconds.
    Fractions,
}

impl Amounts {
    fn of(self, n: usize) -> f64 {
        match self {
            Self::Small => (n % 1000 + 1) as f64,
            Self::Large => (1_234_567 + n) as f64,
            Self::Fractions => (n + 1) as f64 * 0.001,
        }
    }
}

/// A registry that is full, and what writes it.
pub struct Page {
    pub who: Who,
    write: Box<Write>,
}

type Write = dyn Fn(&mut dyn FnMut(&[u8])) + Send + Sync;

impl Page {
    /// Writes the text into a buffer that is used again, and lends it to `reader`.
    pub fn write(&self, mut reader: impl FnMut(&[u8])) {
        (self.write)(&mut reader);
    }

    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(|written| text = written.to_vec());
        text
    }

    /// How many lines are samples.
    pub fn samples(&self) -> usize {
        let text = String::from_utf8(self.text()).expect("text");
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
    }

    /// What writes into a `String`.
    fn new(who: Who, encode: impl Fn(&mut String) + Send + Sync + 'static) -> Self {
        let buffer = Mutex::new(String::new());
        let write = move |reader: &mut dyn FnMut(&[u8])| {
            let mut text = buffer.lock().expect("no reader panics");
            text.clear();
            encode(&mut text);
            reader(text.as_bytes());
        };
        Self { who, write: Box::new(write) }
    }

    pub fn of_narthex(registry: narthex::CollectorRegistry) -> Self {
        Self::of_narthex_in(registry, Format::Text004)
    }

    fn of_narthex_in(registry: narthex::CollectorRegistry, format: Format) -> Self {
        let encoding = Encoding::new(format, EscapingScheme::Underscores);
        let kept = Mutex::new((Encoder::new(), Vec::new()));
        let write = move |reader: &mut dyn FnMut(&[u8])| {
            let (encoder, text) = &mut *kept.lock().expect("no reader panics");
            text.clear();
            let plain = ContentCoding::Identity;
            encoder.encode(&registry, encoding, plain, None, text).expect("a scrape");
            reader(text);
        };
        Self { who: Who::Narthex, write: Box::new(write) }
    }

    pub fn of_prometheus(registry: prometheus::Registry) -> Self {
        Self::new(PROMETHEUS, move |text| {
            let families = registry.gather();
            prometheus::TextEncoder::new().encode_utf8(&families, text).expect("a scrape");
        })
    }

    #[cfg(feature = "protobuf")]
    fn of_prometheus_in_protobuf(registry: prometheus::Registry) -> Self {
        use prometheus::Encoder;

        let buffer = Mutex::new(Vec::new());
        let write = move |reader: &mut dyn FnMut(&[u8])| {
            let mut bytes = buffer.lock().expect("no reader panics");
            bytes.clear();
            let families = registry.gather();
            prometheus::ProtobufEncoder::new().encode(&families, &mut *bytes).expect("a scrape");
            reader(&bytes);
        };
        Self { who: PROMETHEUS, write: Box::new(write) }
    }

    pub fn of_prometheus_client(registry: prometheus_client::registry::Registry) -> Self {
        Self::new(PROMETHEUS_CLIENT, move |text| {
            prometheus_client::encoding::text::encode(text, &registry).expect("a scrape");
        })
    }

    pub fn of_metrics(exporter: &metrics_exporter_prometheus::PrometheusRecorder) -> Self {
        let handle = exporter.handle();
        Self::new(METRICS, move |text| *text = handle.render())
    }

    pub fn of_fastmetrics(registry: fastmetrics::registry::Registry) -> Self {
        use fastmetrics::format::text::{self, TextProfile};

        Self::new(FASTMETRICS, move |text| {
            text::encode(text, &registry, TextProfile::PrometheusV0_0_4).expect("a scrape");
        })
    }

    fn of_fast_telemetry(
        metric: impl PrometheusExport + Send + Sync + 'static,
        name: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(FAST_TELEMETRY, move |text| metric.export_prometheus(text, name, help))
    }

    fn of_measured<M>(metrics: M) -> Self
    where
        M: MetricGroup<BufferedTextEncoder> + Send + Sync + 'static,
    {
        let encoder = Mutex::new(BufferedTextEncoder::new());
        let write = move |reader: &mut dyn FnMut(&[u8])| {
            let mut encoder = encoder.lock().expect("no reader panics");
            metrics.collect_group_into(&mut *encoder).expect("a scrape");
            reader(&encoder.finish());
        };
        Self { who: MEASURED, write: Box::new(write) }
    }
}

/// Counters with three labels in each library that has such amounts.
pub fn counters(series: usize, amounts: Amounts) -> Vec<Page> {
    let values = label_values(series);
    let mut pages = vec![
        our_counters(&values, amounts),
        tikv_counters(&values, amounts),
        client_counters(&values, amounts),
    ];
    // The others count whole amounts only.
    if amounts == Amounts::Fractions {
        pages.push(fast_float_counters(&values, amounts));
    } else {
        pages.push(recorded_counters(&values, amounts));
        pages.push(fast_counters(&values, amounts));
        pages.push(measured_counters(&values, amounts));
        pages.push(sharded_counters(&values, amounts));
    }
    pages
}

/// The registry of narthex with counters of three labels.
pub fn our_registry(values: &[[String; 3]], amounts: Amounts) -> narthex::CollectorRegistry {
    let registry = narthex::CollectorRegistry::new();
    let builder = narthex::Counter::builder("http_requests", HELP).labels(LABELS);
    let vec = builder.register(&registry).expect("ours");
    for (n, [method, path, code]) in values.iter().enumerate() {
        vec.labels([method, path, code]).inc_by(amounts.of(n));
    }
    registry
}

pub fn our_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    Page::of_narthex(our_registry(values, amounts))
}

/// Counters in protobuf, in each library that writes it and needs no compiler of it.
#[cfg(feature = "protobuf")]
pub fn counters_in_protobuf(series: usize, amounts: Amounts) -> Vec<Page> {
    let values = label_values(series);
    vec![
        Page::of_narthex_in(our_registry(&values, amounts), Format::Protobuf),
        Page::of_prometheus_in_protobuf(tikv_registry(&values, amounts)),
    ]
}

fn tikv_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    Page::of_prometheus(tikv_registry(values, amounts))
}

fn tikv_registry(values: &[[String; 3]], amounts: Amounts) -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new(NAME, HELP);
    let vec = prometheus::CounterVec::new(options, &LABELS).expect("a counter");
    for (n, [method, path, code]) in values.iter().enumerate() {
        let counter = vec.with_label_values(&[method.as_str(), path.as_str(), code.as_str()]);
        counter.inc_by(amounts.of(n));
    }
    registry.register(Box::new(vec)).expect("a name of its own");
    registry
}

fn client_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    let mut registry = prometheus_client::registry::Registry::default();
    if amounts == Amounts::Fractions {
        type Counter = prometheus_client::metrics::counter::Counter<f64>;
        let family = Family::<ClientLabels, Counter>::default();
        for (n, values) in values.iter().enumerate() {
            family.get_or_create(&ClientLabels::new(values)).inc_by(amounts.of(n));
        }
        registry.register("http_requests", HELP, family);
    } else {
        type Counter = prometheus_client::metrics::counter::Counter<u64>;
        let family = Family::<ClientLabels, Counter>::default();
        for (n, values) in values.iter().enumerate() {
            family.get_or_create(&ClientLabels::new(values)).inc_by(amounts.of(n) as u64);
        }
        registry.register("http_requests", HELP, family);
    }
    Page::of_prometheus_client(registry)
}

fn recorded_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    let exporter = recorder::new();
    for (n, values) in values.iter().enumerate() {
        let counter = exporter.register_counter(&recorder::key(NAME, values), &recorder::PLACE);
        counter.increment(amounts.of(n) as u64);
    }
    Page::of_metrics(&exporter)
}

fn fast_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    use fastmetrics::metrics::{counter::Counter, family::Family};

    let family = Family::<FastLabels, Counter<u64>>::default();
    for (n, values) in values.iter().enumerate() {
        family.with_or_new(&FastLabels::new(values), |c| c.inc_by(amounts.of(n) as u64));
    }
    let mut registry = fastmetrics::registry::Registry::default();
    registry.register("http_requests", HELP, family).expect("a name of its own");
    Page::of_fastmetrics(registry)
}

fn fast_float_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    use fastmetrics::metrics::{counter::Counter, family::Family};

    let family = Family::<FastLabels, Counter<f64>>::default();
    for (n, values) in values.iter().enumerate() {
        family.with_or_new(&FastLabels::new(values), |c| c.inc_by(amounts.of(n)));
    }
    let mut registry = fastmetrics::registry::Registry::default();
    registry.register("http_requests", HELP, family).expect("a name of its own");
    Page::of_fastmetrics(registry)
}

#[derive(MetricGroup)]
struct MeasuredCounters {
    /// Requests answered.
    http_requests_total: CounterVec<MeasuredSet>,
}

fn measured_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    let http_requests_total = CounterVec::with_label_set(MeasuredSet::default());
    for (n, values) in values.iter().enumerate() {
        http_requests_total.inc_by(MeasuredLabels::new(values), amounts.of(n) as u64);
    }
    Page::of_measured(MeasuredCounters { http_requests_total })
}

fn sharded_counters(values: &[[String; 3]], amounts: Amounts) -> Page {
    let counters = sharded::counters();
    for (n, values) in values.iter().enumerate() {
        counters.add(&sharded::labels(values), amounts.of(n) as isize);
    }
    Page::of_fast_telemetry(counters, NAME, HELP)
}

/// Lines of a histogram with 11 bounds: those, infinity, the sum and the count.
pub const HISTOGRAM_LINES: usize = 14;

/// Histograms with three labels and 11 bounds in each library, observed some times each.
pub fn histograms(series: usize) -> Vec<Page> {
    let values = label_values(series);
    let observed = observations();
    let observed = |n: usize| observed[n * 10..n * 10 + 10].iter().copied();
    vec![
        our_histograms(&values, observed),
        tikv_histograms(&values, observed),
        client_histograms(&values, observed),
        recorded_histograms(&values, observed),
        fast_histograms(&values, observed),
        measured_histograms(&values, observed),
        sharded_histograms(&values, observed),
    ]
}

const LATENCY: &str = "http_latency_seconds";
const LATENCY_HELP: &str = "How long answers take.";

fn our_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    let registry = narthex::CollectorRegistry::new();
    let builder = narthex::Histogram::builder(LATENCY, LATENCY_HELP).buckets(BOUNDS_11);
    let vec = builder.labels(LABELS).register(&registry).expect("ours");
    for (n, [method, path, code]) in values.iter().enumerate() {
        observed(n).for_each(|value| vec.labels([method, path, code]).observe(value));
    }
    Page::of_narthex(registry)
}

fn tikv_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    let registry = prometheus::Registry::new();
    let options = prometheus::HistogramOpts::new(LATENCY, LATENCY_HELP).buckets(BOUNDS_11.into());
    let vec = prometheus::HistogramVec::new(options, &LABELS).expect("a histogram");
    for (n, [method, path, code]) in values.iter().enumerate() {
        let histogram = vec.with_label_values(&[method.as_str(), path.as_str(), code.as_str()]);
        observed(n).for_each(|value| histogram.observe(value));
    }
    registry.register(Box::new(vec)).expect("a name of its own");
    Page::of_prometheus(registry)
}

fn client_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    use prometheus_client::metrics::histogram::Histogram;

    let make = || Histogram::new(BOUNDS_11);
    let family = Family::<ClientLabels, Histogram>::new_with_constructor(make);
    for (n, values) in values.iter().enumerate() {
        let histogram = family.get_or_create(&ClientLabels::new(values));
        observed(n).for_each(|value| histogram.observe(value));
    }
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register(LATENCY, LATENCY_HELP, family);
    Page::of_prometheus_client(registry)
}

fn recorded_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    let exporter = recorder::with_buckets(&BOUNDS_11);
    for (n, values) in values.iter().enumerate() {
        let key = recorder::key(LATENCY, values);
        let histogram = exporter.register_histogram(&key, &recorder::PLACE);
        observed(n).for_each(|value| histogram.record(value));
    }
    Page::of_metrics(&exporter)
}

fn fast_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    use fastmetrics::metrics::{family::Family, histogram::Histogram};

    let family = Family::<FastLabels, Histogram>::new(|| Histogram::new(BOUNDS_11));
    for (n, values) in values.iter().enumerate() {
        let observe = |histogram: &Histogram| observed(n).for_each(|v| histogram.observe(v));
        family.with_or_new(&FastLabels::new(values), observe);
    }
    let mut registry = fastmetrics::registry::Registry::default();
    registry.register(LATENCY, LATENCY_HELP, family).expect("a name of its own");
    Page::of_fastmetrics(registry)
}

#[derive(MetricGroup)]
struct MeasuredHistograms {
    /// How long answers take.
    http_latency_seconds: HistogramVec<MeasuredSet, 11>,
}

fn measured_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    let bounds = Thresholds::with_buckets(BOUNDS_11);
    let vec = HistogramVec::with_label_set_and_metadata(MeasuredSet::default(), bounds);
    for (n, values) in values.iter().enumerate() {
        observed(n).for_each(|value| vec.observe(MeasuredLabels::new(values), value));
    }
    Page::of_measured(MeasuredHistograms { http_latency_seconds: vec })
}

fn sharded_histograms<I: Iterator<Item = f64>>(
    values: &[[String; 3]],
    observed: impl Fn(usize) -> I,
) -> Page {
    let histograms = sharded::histograms(&BOUNDS_11);
    for (n, values) in values.iter().enumerate() {
        let labels = sharded::labels(values);
        observed(n).for_each(|value| histograms.record(&labels, sharded::micros(value)));
    }
    Page::of_fast_telemetry(histograms, LATENCY, LATENCY_HELP)
}
