//! What allocates and what does not: counted per thread, by an allocator of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use narthex::exposition::{self, ContentCoding, Encoding, Format};
use narthex::model::{CounterMetricFamily, EscapingScheme};
use narthex::{
    Collector, CollectorRegistry, Counter, CounterVec, Enum, Gauge, Histogram, HistogramVec, Info,
    NativeOptions, Summary, collector_fn, parser,
};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
#[allow(unsafe_code)] // a global allocator can be written in no other way
// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are those that the system wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates while `f` runs.
fn allocations(f: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

const TRACE: [(&str, &str); 2] =
    [("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"), ("span_id", "00f067aa0ba902b7")];

struct Metrics {
    counter: Counter,
    gauge: Gauge,
    histogram: Histogram,
    summary: Summary,
    status: Enum,
    counters: CounterVec<2>,
    histograms: HistogramVec<1>,
}

/// All of them, each with what else its builder is told.
macro_rules! metrics {
    ($($told:tt)*) => {
        Metrics {
            counter: Counter::builder("c", "h")$($told)*.build()?,
            gauge: Gauge::builder("g", "h")$($told)*.build()?,
            histogram: Histogram::builder("h", "h")$($told)*.build()?,
            summary: Summary::builder("s", "h")$($told)*.build()?,
            status: Enum::builder("e", "h").states(["a", "b"])$($told)*.build()?,
            counters: Counter::builder("cs", "h").labels(["a", "b"])$($told)*.build()?,
            histograms: Histogram::builder("hs", "h").labels(["a"])$($told)*.build()?,
        }
    };
}

impl Metrics {
    fn new() -> narthex::Result<Self> {
        Ok(metrics!())
    }

    /// Everything that an observation can be, once.
    fn observe(&self) {
        self.counter.inc();
        self.counter.inc_by(2_u8);
        self.counter.inc_by(0.5);
        self.counter.inc_by(-1);
        self.counter.inc_by(f64::NAN);
        self.gauge.set(1.5);
        self.gauge.inc();
        self.gauge.dec_by(2);
        self.gauge.set_to_current_time();
        drop(self.gauge.track_inprogress());
        self.histogram.observe(0.3);
        self.histogram.observe_n(7.0, 3);
        self.histogram.observe(f64::NAN);
        self.summary.observe(0.3);
        let _ = self.status.state("b");
        let _ = self.histogram.start_timer().stop();
        drop(self.summary.start_timer());
        let _ = self.gauge.start_timer().discard();
        self.histogram.time(|| ());
        let _ = self.counter.count_errors(|| Err::<(), ()>(()));
        self.counters.labels(["GET", "2\"0\\0\n"]).inc();
        self.counters.labels(("GET", 200)).inc();
        self.counters.labels(("GET", true)).inc_by(2);
        self.histograms.labels(["x"]).observe(0.3);
        let _ = self.histograms.start_timer().stop(["x"]);
    }

    /// The same with traces.
    fn observe_with_exemplars(&self) {
        self.counter.inc_with_exemplar(&TRACE);
        self.counter.inc_by_with_exemplar(0.5, &TRACE);
        self.histogram.observe_with_exemplar(0.3, &TRACE);
        self.counters.labels(("GET", 200)).inc_with_exemplar(&TRACE);
        self.histograms.labels(["x"]).observe_with_exemplar(0.3, &TRACE);
    }
}

#[test]
fn observations_do_not_allocate_after_the_first_touch() -> narthex::Result {
    let metrics = Metrics::new()?;
    metrics.observe();
    assert_eq!(allocations(|| metrics.observe()), 0);
    metrics.observe_with_exemplars();
    assert_eq!(allocations(|| metrics.observe_with_exemplars()), 0);
    assert_eq!(allocations(|| metrics.observe()), 0);
    Ok(())
}

#[test]
fn nor_do_they_in_native_buckets_that_are_there() -> narthex::Result {
    let options = NativeOptions::new().max_buckets(20);
    let native =
        Histogram::builder("h", "h").native(options).buckets([0.5]).labels(["a"]).build()?;
    let observe = || {
        let child = native.labels(["x"]);
        // More than there may be, so that the resolution is halved on the way.
        for n in -40..40 {
            child.observe(n);
        }
        child.observe(f64::NAN);
        child.observe(f64::INFINITY);
        for n in 1..20 {
            child.observe_with_exemplar(n, &TRACE);
        }
    };
    observe();
    assert_eq!(allocations(observe), 0);
    Ok(())
}

#[cfg(feature = "derive")]
#[test]
fn nor_do_they_with_the_labels_of_a_struct() -> narthex::Result {
    #[derive(narthex::LabelSet)]
    struct Closed {
        a: bool,
        b: bool,
    }
    #[derive(narthex::LabelSet)]
    struct Open<'a> {
        a: bool,
        b: &'a str,
        c: u64,
    }
    let closed = Histogram::builder("h", "h").labels_of::<Closed>().build()?;
    let open = Counter::builder("c", "h").labels_of::<Open>().build()?;
    let observe = || {
        closed.labels(Closed { a: true, b: false }).observe(0.3);
        let _ = closed.start_timer().stop(Closed { a: true, b: false });
        open.labels(Open { a: true, b: "2\"0\\0\n", c: u64::MAX }).inc();
    };
    observe();
    assert_eq!(allocations(observe), 0);
    // Once removed, it is looked up by its values.
    closed.clear();
    observe();
    assert_eq!(allocations(observe), 0);
    Ok(())
}

#[cfg(feature = "multiprocess")]
#[test]
fn nor_do_they_where_metrics_live_in_files() -> Result<(), Box<dyn std::error::Error>> {
    use narthex::multiprocess::{GaugeMode, MultiprocessStore};

    let dir = tempfile::tempdir()?;
    let store = MultiprocessStore::open(dir.path())?;
    let metrics = metrics!(.store(&store));
    let newest = Gauge::builder("newest", "h").mode(GaugeMode::MostRecent).store(&store).build()?;
    let last = Enum::builder("last", "h").states(["a", "b"]).mode(GaugeMode::LiveMostRecent);
    let last = last.store(&store).build()?;
    let native = Histogram::builder("native", "h").native(NativeOptions::new().max_buckets(20));
    let native = native.buckets([0.5]).store(&store).build()?;
    let quantiles = Summary::builder("quantiles", "h").objectives([(0.5, 0.01)]);
    let quantiles = quantiles.store(&store).build()?;
    let all = || {
        metrics.observe();
        metrics.observe_with_exemplars();
        newest.set(1);
        let _ = last.state("b");
        // More buckets than there may be.
        for n in -40..40 {
            native.observe_with_exemplar(n, &TRACE);
            quantiles.observe(n);
        }
    };
    all();
    // What was observed before the resolution was halved has had buckets of another width.
    all();
    assert_eq!(allocations(all), 0);
    assert_eq!(store.unfiled(), 0);
    Ok(())
}

/// How often the first scrape and the second one allocate of so many workers
/// with so many series, each of which has an entry in every worker's file.
#[cfg(feature = "multiprocess")]
fn two_scrapes(
    workers: usize,
    series: usize,
    exemplars: bool,
) -> Result<[u64; 2], Box<dyn std::error::Error>> {
    use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore};

    let dir = tempfile::tempdir()?;
    let mut stores = Vec::new();
    for _ in 0..workers {
        let store = MultiprocessStore::open(dir.path())?;
        let counters = Counter::builder("c", "h").labels(["n"]).store(&store).build()?;
        let sums = Gauge::builder("g", "h").labels(["n"]).mode(GaugeMode::Sum);
        let sums = sums.store(&store).build()?;
        for n in 0..series / 2 {
            let traced = if exemplars { &TRACE[..1] } else { &[] };
            counters.labels([format!("{n:04}")]).inc_with_exemplar(traced);
            sums.labels([format!("{n:04}")]).inc();
        }
        stores.push(store);
    }
    let merged = MultiProcessCollector::new(dir.path())?;
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::Underscores);
    let mut text = String::with_capacity(series * 200);
    let counts = [(); 2].map(|()| {
        text.clear();
        allocations(|| {
            exposition::encode_into(&merged, encoding, None, &mut text).expect("a text");
        })
    });
    assert!(text.contains(&format!("c_total{{n=\"0007\"}} {workers}.0")), "{text}");
    Ok(counts)
}

#[cfg(feature = "multiprocess")]
#[test]
fn a_merge_allocates_for_series_and_files_and_not_for_entries()
-> Result<(), Box<dyn std::error::Error>> {
    const FEW: usize = 4;
    const MANY: usize = 15;

    // What 11 workers more cost: each has 4 files, with names and paths.
    let more = |series, exemplars| -> Result<[u64; 2], Box<dyn std::error::Error>> {
        let few = two_scrapes(FEW, series, exemplars)?;
        let many = two_scrapes(MANY, series, exemplars)?;
        Ok([many[0] - few[0], many[1] - few[1]])
    };
    for exemplars in [false, true] {
        let (of_20, of_1000) = (more(20, exemplars)?, more(1000, exemplars)?);
        let told = format!("{of_20:?} with 20 series, {of_1000:?} with 1000");
        // On following scrapes that is the same however many series the files have,
        assert_eq!(of_20[1], of_1000[1], "{told}");
        assert!(of_20[1] < (MANY - FEW) as u64 * 60, "{told}");
        // and on the first one, but for exemplars, which side files tell of.
        assert!(exemplars || of_1000[0] == of_20[0], "{told}");
    }
    Ok(())
}

#[test]
fn a_new_thread_does_not_allocate_after_its_first_touch() -> narthex::Result {
    let metrics = Metrics::new()?;
    let all = || {
        metrics.observe();
        metrics.observe_with_exemplars();
    };
    all();
    let inside = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            all();
            allocations(all)
        });
        thread.join().expect("no panic")
    });
    assert_eq!(inside, 0);
    Ok(())
}

#[test]
fn other_children_stay_free_of_allocations_after_a_remove() -> narthex::Result {
    let metrics = Metrics::new()?;
    for code in 0..1000 {
        metrics.counters.labels(("GET", code)).inc();
    }
    let kept = metrics.counters.labels(("GET", 7)).handle();
    assert!(metrics.counters.remove(("GET", 7)));
    assert!(metrics.counters.remove(("GET", 500)));
    let each = || {
        for code in (0..1000).filter(|code| ![7, 500].contains(code)) {
            metrics.counters.labels(("GET", code)).inc();
        }
        kept.inc();
    };
    assert_eq!(allocations(each), 0);
    // The values make a new child.
    metrics.counters.labels(("GET", 7)).inc();
    assert_eq!(allocations(|| metrics.counters.labels(("GET", 7)).inc()), 0);
    assert_eq!(metrics.counters.labels(("GET", 7)).get(), 2.0);
    Ok(())
}

/// Makes a registry of one labelled metric with some children.
type Filled = fn(usize) -> narthex::Result<CollectorRegistry>;

const TYPES: &[(&str, Filled)] = &[
    ("counter", |children| {
        let registry = CollectorRegistry::new();
        let metric = Counter::builder("m", "h").labels(["l", "k"]).register(&registry)?;
        each(children, |value| metric.labels([value, "k"]).inc());
        Ok(registry)
    }),
    ("counter with exemplars", |children| {
        let registry = CollectorRegistry::new();
        let metric = Counter::builder("m", "h").labels(["l"]).register(&registry)?;
        each(children, |value| metric.labels([value]).inc_with_exemplar(&TRACE[..1]));
        Ok(registry)
    }),
    ("gauge", |children| {
        let registry = CollectorRegistry::new();
        let metric = Gauge::builder("m", "h").labels(["l"]).register(&registry)?;
        each(children, |value| metric.labels([value]).set(1));
        Ok(registry)
    }),
    ("summary", |children| {
        let registry = CollectorRegistry::new();
        let metric = Summary::builder("m", "h").labels(["l"]).register(&registry)?;
        each(children, |value| metric.labels([value]).observe(1));
        Ok(registry)
    }),
    ("histogram", |children| {
        let registry = CollectorRegistry::new();
        let metric = Histogram::builder("m", "h").labels(["z"]).register(&registry)?;
        each(children, |value| metric.labels([value]).observe(1));
        Ok(registry)
    }),
    ("histogram with exemplars", |children| {
        let registry = CollectorRegistry::new();
        let metric = Histogram::builder("m", "h").labels(["z"]).register(&registry)?;
        each(children, |value| metric.labels([value]).observe_with_exemplar(1, &TRACE[..1]));
        Ok(registry)
    }),
    ("info", |children| {
        let registry = CollectorRegistry::new();
        let metric = Info::builder("m", "h").labels(["l"]).register(&registry)?;
        each(children, |value| {
            metric.labels([value]).info([("version", "1.2.3"), ("a", "b")]).expect("facts");
        });
        Ok(registry)
    }),
    ("info without facts", |children| {
        let registry = CollectorRegistry::new();
        let metric = Info::builder("m", "h").labels(["l"]).register(&registry)?;
        each(children, |value| {
            metric.labels([value]);
        });
        Ok(registry)
    }),
    ("enum", |children| {
        let registry = CollectorRegistry::new();
        let states = ["idle", "running", "stopping", "stopped", "broken"];
        let metric = Enum::builder("m", "h").labels(["l"]).states(states).register(&registry)?;
        each(children, |value| metric.labels([value]).state("running").expect("a state"));
        Ok(registry)
    }),
];

/// Values of one length, so that nothing but the number of children differs.
fn each(children: usize, f: impl Fn(&str)) {
    (0..children).for_each(|child| f(&format!("value-{child:08}")));
}

#[test]
fn a_scrape_allocates_as_often_for_ten_children_as_for_ten_thousand() -> narthex::Result {
    let underscores = EscapingScheme::Underscores;
    let encodings = [
        Encoding::new(Format::Text004, underscores),
        Encoding::new(Format::Text004, underscores).with_created(true),
        Encoding::new(Format::OpenMetrics100, underscores),
        Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8),
        Encoding::new(Format::Protobuf, underscores),
        #[cfg(feature = "openmetrics2")]
        Encoding::new(Format::OpenMetrics200, underscores),
    ];
    let mut differing = Vec::new();
    for (kind, filled) in TYPES {
        let (few, many) = (filled(10)?, filled(10_000)?);
        for encoding in encodings {
            let (few, many) = (scrape(&few, encoding), scrape(&many, encoding));
            if few != many {
                differing.push(format!("{kind} in {encoding:?}: {few} and {many}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    Ok(())
}

/// How often a scrape into a buffer that had one before allocates.
fn scrape(registry: &dyn Collector, encoding: Encoding) -> u64 {
    let mut out = Vec::new();
    let encode = |out: &mut Vec<u8>| {
        let plain = ContentCoding::Identity;
        exposition::Encoder::new().encode(registry, encoding, plain, None, out).expect("a scrape")
    };
    let length = encode(&mut out);
    out.clear();
    let count = allocations(|| {
        encode(&mut out);
    });
    assert_eq!(out.len(), length);
    count
}

/// A collector of one owned family, which was recorded beforehand.
fn recorded(series: usize) -> narthex::Result<impl Collector> {
    let mut family = CounterMetricFamily::new("m", "h")?.with_labels(["l", "k"])?;
    for n in 0..series {
        family.add_metric([&*format!("value-{n:08}"), "k"], n as f64 * 0.25)?.created(1.5);
    }
    Ok(collector_fn(move |scrape| scrape.family(&family)))
}

/// All codings that there are.
const CODINGS: &[ContentCoding] = &[
    ContentCoding::Identity,
    #[cfg(feature = "gzip")]
    ContentCoding::Gzip,
    #[cfg(feature = "zstd")]
    ContentCoding::Zstd,
];

#[test]
fn an_encoder_allocates_once_and_not_for_series() -> narthex::Result {
    let (few, many) = (recorded(10)?, recorded(100_000)?);
    let formats = [
        Format::Text004,
        Format::OpenMetrics100,
        #[cfg(feature = "openmetrics2")]
        Format::OpenMetrics200,
        Format::Protobuf,
    ];
    for (format, &coding) in
        formats.iter().flat_map(|format| CODINGS.iter().map(move |c| (format, c)))
    {
        let encoding = Encoding::new(*format, EscapingScheme::Underscores);
        let counts = |collector: &dyn Collector| {
            let mut encoder = exposition::Encoder::new();
            let mut out = Vec::with_capacity(20_000_000);
            [(); 3].map(|()| {
                out.clear();
                allocations(|| {
                    encoder.encode(collector, encoding, coding, None, &mut out).expect("a scrape");
                })
            })
        };
        let (few, many) = (counts(&few), counts(&many));
        let told = format!("{format:?}, {coding:?}: {few:?} and {many:?}");
        // The text that is still to be compressed grows by doubling, from 2 KiB to 16 MiB.
        let doublings = if coding == ContentCoding::Identity { 0 } else { 13 };
        assert!(few[0] <= 25, "{told}");
        assert!(many[0] <= few[0] + doublings, "{told}");
        assert_eq!((&few[1..], &many[1..]), (&[0, 0][..], &[0, 0][..]), "{told}");
    }
    Ok(())
}

#[test]
fn a_parser_allocates_as_its_columns_double_and_not_for_series() -> narthex::Result {
    let counts = |series: usize| -> narthex::Result<[u64; 4]> {
        let text = exposition::text::encode(&recorded(series)?)?;
        let openmetrics = exposition::openmetrics::encode(&recorded(series)?)?;
        let protobuf = exposition::protobuf::encode(&recorded(series)?)?;
        let read = |read: usize| assert_eq!(read, 1);
        Ok([
            allocations(|| read(parser::text::parse(&text).flatten().count())),
            allocations(|| read(parser::text::parse_strict(&text).flatten().count())),
            allocations(|| read(parser::openmetrics::parse(&openmetrics).flatten().count())),
            allocations(|| read(parser::protobuf::parse(&protobuf).flatten().count())),
        ])
    };
    let (few, many) = (counts(10)?, counts(100_000)?);
    let told = format!("{few:?} and {many:?}");
    assert!(few.iter().all(|count| *count <= 60), "{told}");
    // Ten thousand times the series are fourteen doublings: of label values, their lengths and
    // numbers; of what finds series again, keys and a table; and of where each stands that is read
    // strictly, or when it began.
    for ((few, many), growing) in few.iter().zip(many).zip([3, 6, 6, 6]) {
        assert!(many <= few + 14 * growing, "{told}");
    }
    Ok(())
}

#[cfg(feature = "http")]
#[test]
fn a_scrape_over_http_allocates_as_often_for_ten_series_as_for_a_hundred_thousand()
-> narthex::Result {
    use narthex::http::{MetricsHandler, Request};

    let handler = |series| {
        let registry = CollectorRegistry::new();
        registry.register(std::sync::Arc::new(recorded(series)?))?;
        narthex::Result::Ok(MetricsHandler::new(&registry))
    };
    let (few, many) = (handler(10)?, handler(100_000)?);
    for coding in CODINGS {
        let following = |handler: &MetricsHandler| {
            let scrape = || {
                let request = Request::new("GET", "/metrics");
                let request = request.with_header("accept-encoding", coding.as_str());
                drop(handler.respond(&request));
            };
            scrape();
            [(); 2].map(|()| allocations(scrape))
        };
        let (few, many) = (following(&few), following(&many));
        assert_eq!(few, many, "{coding:?}");
        assert!(few[0] <= 24, "{coding:?}: {few:?}");
    }
    Ok(())
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}
