//! Writes the seeds of the readers: `cargo run --example seeds` in this folder.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;

use narthex::model::{CounterMetricFamily, HistogramMetricFamily};
use narthex::multiprocess::{GaugeMode, MultiprocessStore, compact, mark_process_dead};
use narthex::{
    Counter, Enum, Gauge, Histogram, Info, NativeOptions, Summary, collector_fn,
};
use narthex_fuzz::{NAMES, pack};

type Done<T = ()> = Result<T, Box<dyn Error>>;

const MODES: [GaugeMode; 10] = [
    GaugeMode::All,
    GaugeMode::LiveAll,
    GaugeMode::Min,
    GaugeMode::LiveMin,
    GaugeMode::Max,
    GaugeMode::LiveMax,
    GaugeMode::Sum,
    GaugeMode::LiveSum,
    GaugeMode::MostRecent,
    GaugeMode::LiveMostRecent,
];

fn main() -> Done {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut directories: Vec<(&str, fn(&Path) -> Done)> = vec![
        ("rows", rows),
        ("units", units),
        ("infos", infos),
        ("enums", enums),
        ("exemplars", exemplars),
        ("removed", removed),
        ("families", families),
        ("gauges", gauges),
        ("folded", folded),
        ("told", told),
        ("spelled", spelled),
        ("natives", natives),
    ];
    directories.sort_by_key(|(name, _)| *name);
    for (name, fill) in directories {
        let dir = tempfile::tempdir()?;
        fill(dir.path())?;
        // All that can be done to a sound directory is done.
        let row = [&[7][..], &pack(dir.path())?].concat();
        write(&seeds.join("directory"), name, &row)?;
        for file in NAMES {
            let target = match file.rsplit_once('.') {
                Some((_, "db")) => "db_reader",
                Some((_, "narthex")) => "side_reader",
                _ => continue,
            };
            let path = dir.path().join(file);
            // What the second worker says is what the first one says.
            let first = dir.path().join(file.replace('2', "1"));
            let says_more = name == "spelled" || first == path || !first.exists();
            if path.exists() && says_more {
                let content = narthex_fuzz::used(file, fs::read(path)?);
                write(
                    &seeds.join(target),
                    &format!("{name}-{}", file.replace('.', "-")),
                    &content,
                )?;
            }
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Done {
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

/// Calls `tell` as two workers, of which the second has left its lock.
fn workers(dir: &Path, tell: impl Fn(&MultiprocessStore) -> Done) -> Done {
    for name in ["1", "2"] {
        tell(&MultiprocessStore::builder(dir).identifier(name).open()?)?;
    }
    Ok(fs::write(dir.join("2.lock"), "")?)
}

fn rows(dir: &Path) -> Done {
    workers(dir, |store| {
        let jobs = Counter::builder("c", "h").labels(["l"]).store(store).build()?;
        jobs.labels(["a"]).inc();
        jobs.labels(["b"]).inc_by(0.5);
        Summary::builder("s", "h").store(store).build()?.observe(2);
        let waits = Histogram::builder("w", "h").buckets([1.0, 2.5]).store(store).build()?;
        waits.observe(0.25);
        Ok(waits.observe(f64::INFINITY))
    })
}

fn units(dir: &Path) -> Done {
    workers(dir, |store| {
        Counter::builder("read", "h").unit("bytes").store(store).build()?.inc_by(9);
        let time = Gauge::builder("time", "h").unit("seconds").mode(GaugeMode::Sum).store(store);
        Ok(time.build()?.set(-0.0))
    })
}

fn infos(dir: &Path) -> Done {
    workers(dir, |store| {
        let build = Info::builder("build", "h").labels(["l"]).store(store).build()?;
        build.labels(["a"]).info([("version", "1"), ("by", "\"\\\n\u{e9}")])?;
        build.labels(["b"]).info([("of", store.identifier())])?;
        // The second value stands in the other half.
        Ok(build.labels(["b"]).info([("of", "both")])?)
    })
}

fn enums(dir: &Path) -> Done {
    workers(dir, |store| {
        for mode in MODES {
            let name = format!("e_{mode}");
            let state = Enum::builder(name, "h").states(["x", "y", "z"]).mode(mode).store(store);
            state.build()?.state(if store.identifier() == "1" { "y" } else { "z" })?;
        }
        Ok(())
    })
}

fn exemplars(dir: &Path) -> Done {
    workers(dir, |store| {
        let jobs = Counter::builder("c", "h").store(store).build()?;
        jobs.inc_with_exemplar(&[("trace_id", "abc")]);
        jobs.inc_with_exemplar(&[("trace_id", "def"), ("span_id", "1")]);
        let waits = Histogram::builder("w", "h").buckets([1.0]).store(store).build()?;
        waits.observe_with_exemplar(0.5, &[]);
        Ok(waits.observe_with_exemplar(5, &[("trace_id", "\u{e9}")]))
    })
}

fn removed(dir: &Path) -> Done {
    workers(dir, |store| {
        let jobs = Counter::builder("c", "h").labels(["l"]).store(store).build()?;
        jobs.labels(["a"]).inc();
        jobs.labels(["b"]).inc();
        jobs.remove(["a"]);
        jobs.labels(["a"]).inc_by(3);
        let build = Info::builder("build", "h").labels(["l"]).store(store).build()?;
        build.labels(["a"]).info([("version", "1")])?;
        build.remove(["a"]);
        Ok(())
    })
}

fn families(dir: &Path) -> Done {
    workers(dir, |store| {
        let own = collector_fn(|scrape| {
            let mut queue = CounterMetricFamily::new("queue", "h")?.with_labels(["l"])?;
            queue.add_metric(["a"], f64::NAN)?;
            scrape.family(&queue)?;
            let mut sizes = HistogramMetricFamily::new("sizes", "h")?;
            sizes.add_metric(
                narthex::model::NO_LABELS,
                [("1.0", 1.0), ("+Inf", 2.0)],
                Some(3.0),
            )?;
            scrape.family(&sizes)
        });
        store.publish(&own)?;
        Ok(store.publish(&own)?)
    })
}

/// Native histograms and quantiles, whose rows are where those of the target `side_reader` are.
fn natives(dir: &Path) -> Done {
    workers(dir, |store| {
        let options = NativeOptions::new().schema(2).max_buckets(3).max_zero_threshold(0.5);
        let sizes = Histogram::builder("n", "h").buckets([1.0]).native(options);
        let sizes = sizes.store(store).build()?;
        let times = Summary::builder("q", "h").objectives([(0.5, 0.1), (0.9, 0.1)]);
        let times = times.store(store).build()?;
        for value in [0.0, 0.3, -0.7, 1.0, 5.0, 700.0, f64::INFINITY, f64::NAN] {
            sizes.observe(value);
            times.observe(value);
        }
        Ok(())
    })
}

fn gauges(dir: &Path) -> Done {
    workers(dir, |store| {
        for (mode, value) in
            MODES.into_iter().zip([1.0, -2.0, f64::NAN, f64::INFINITY, 1e300].into_iter().cycle())
        {
            let gauge =
                Gauge::builder(format!("g_{mode}"), "h").mode(mode).labels(["l"]).store(store);
            gauge.build()?.labels(["\u{1f525} \"\\"]).set(value);
        }
        Ok(())
    })
}

/// A generation of folded files, and more to fold.
fn folded(dir: &Path) -> Done {
    let tell = |store: &MultiprocessStore| -> Done {
        rows_of(store)?;
        let state = Enum::builder("e", "h").states(["x", "y"]).mode(GaugeMode::Max).store(store);
        Ok(state.build()?.state("y")?)
    };
    // In a thread of its own nothing of it is left when it has ended.
    let first = dir.to_owned();
    thread::spawn(move || {
        let store = MultiprocessStore::builder(&first).identifier("9").open().expect("a store");
        tell(&store).expect("a worker");
    })
    .join()
    .expect("a worker");
    fs::write(dir.join("9.lock"), "")?;
    compact(dir)?;
    workers(dir, rows_of)
}

fn rows_of(store: &MultiprocessStore) -> Done {
    let jobs = Counter::builder("c", "h").unit("bytes").labels(["l"]).store(store).build()?;
    jobs.labels(["a"]).inc_with_exemplar(&[("trace_id", "a")]);
    jobs.labels(["b"]).inc();
    jobs.remove(["b"]);
    let sizes = Histogram::builder("w", "h").buckets([1.0]).store(store).build()?;
    sizes.observe(2);
    Ok(Gauge::builder("g", "h").mode(GaugeMode::Sum).store(store).build()?.set(4))
}

/// A process of another client that somebody says is dead.
fn told(dir: &Path) -> Done {
    let store = MultiprocessStore::builder(dir).identifier("1999999999").open()?;
    Counter::builder("c", "h").store(&store).build()?.inc();
    Gauge::builder("g", "h").mode(GaugeMode::Sum).store(&store).build()?.inc();
    drop(store);
    fs::remove_file(dir.join("1999999999.narthex"))?;
    mark_process_dead(dir, 1_999_999_999)?;
    Ok(())
}

/// Keys as other clients may spell them, and keys that are none; a file of another kind.
fn spelled(dir: &Path) -> Done {
    let cells = |keys: &[&str]| {
        let mut bytes = vec![0; 8];
        for key in keys {
            bytes.extend((key.len() as i32).to_ne_bytes());
            bytes.extend(key.as_bytes());
            bytes.resize(bytes.len() + 8 - bytes.len() % 8, b' ');
            bytes.extend(1.5f64.to_ne_bytes());
            bytes.extend(1e9f64.to_ne_bytes());
        }
        let used = bytes.len() as i32;
        bytes[..4].copy_from_slice(&used.to_ne_bytes());
        bytes
    };
    let keys = [
        r#"["c","c_total",{"a":"\u0041"},"h"]"#,
        r#"[ "c" , "c_total" , { "a" : "A" } , "h" ]"#,
        r#"["c", "c_total", {"b": "\ud83d\ude00", "a": "\"\\\n"}, "h"]"#,
        r#"["w", "w_bucket", {"le": "1.0"}, "h"]"#,
        r#"["w", "w_bucket", {"le": "x"}, "h"]"#,
        r#"["w", "w_sum", {}, null]"#,
        r#"["a.b", "a.b", {"c.d": "1"}, ""]"#,
        r#"["1 2", "", {"": ""}, "h"]"#,
        r#"["c"]"#,
        "{}",
    ];
    for name in ["counter_1.db", "histogram_1.db", "gauge_mostrecent_1.db", "summary_2.db"] {
        fs::write(dir.join(name), cells(&keys))?;
    }
    let mut cut = cells(&keys[..3]);
    cut.truncate(cut.len() - 9);
    fs::write(dir.join("counter_2.db"), cut)?;
    fs::write(dir.join("gauge_all_1.db"), [])?;
    Ok(fs::write(dir.join("cache.db"), "SQLite format 3\0")?)
}
