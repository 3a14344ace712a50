//! Many threads on one metric: none of their amounts is lost, and no reader sees half of one.

use std::cell::RefCell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use narthex::exposition::text;
use narthex::model::format_f64;
use narthex::{CollectorRegistry, Counter, Gauge, Histogram, NativeOptions, Summary};

/// More than have cells of their own, on any machine that has up to 32 cores.
const MANY: usize = 80;

#[test]
fn threads_without_cells_of_their_own_count_too() -> narthex::Result {
    let counter = Counter::builder("c", "").build()?;
    let gauge = Gauge::builder("g", "").build()?;
    let histogram = Histogram::builder("h", "").buckets([1, 2]).build()?;
    let native = Histogram::builder("h", "").native(NativeOptions::new()).build()?;
    let summary = Summary::builder("s", "").build()?;
    let (begin, end) = (Barrier::new(MANY), Barrier::new(MANY));
    thread::scope(|scope| {
        for _ in 0..MANY {
            scope.spawn(|| {
                counter.inc();
                begin.wait();
                for _ in 0..500 {
                    counter.inc();
                    counter.inc_by(0.25);
                    gauge.inc_by(1.5);
                    gauge.dec();
                    histogram.observe(1.5);
                    native.observe(1.5);
                    summary.observe(2);
                }
                // Until here all of them are there at once.
                end.wait();
            });
        }
    });
    let threads = MANY as f64;
    // 500 × 1.25 and the first one.
    assert_eq!(counter.get(), threads * 626.0);
    assert_eq!(gauge.get(), threads * 250.0);
    for observed in [histogram.snapshot(), native.snapshot()] {
        assert_eq!((observed.count(), observed.sum()), (threads * 500.0, threads * 750.0));
    }
    assert_eq!((summary.count(), summary.sum()), (threads * 500.0, threads * 1000.0));
    Ok(())
}

#[test]
fn what_a_thread_has_counted_outlives_it() -> narthex::Result {
    let counter = Counter::builder("c", "").build()?;
    let gauge = Gauge::builder("g", "").build()?;
    let histogram = Histogram::builder("h", "").buckets([1]).build()?;
    for round in 1..=300 {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    counter.inc();
                    gauge.inc();
                    histogram.observe(0.5);
                });
            }
        });
        let twice = f64::from(2 * round);
        let observed = histogram.snapshot();
        let seen = (counter.get(), gauge.get(), observed.count(), observed.sum());
        assert_eq!(seen, (twice, twice, twice, f64::from(round)));
    }
    Ok(())
}

#[test]
fn a_thread_that_is_ending_still_counts() -> narthex::Result {
    struct CountsAtTheEnd(Counter, Histogram);

    impl Drop for CountsAtTheEnd {
        fn drop(&mut self) {
            self.0.inc();
            self.0.inc_by(0.5);
            self.1.observe(1);
        }
    }

    thread_local! {
        static BEFORE: RefCell<Option<CountsAtTheEnd>> = const { RefCell::new(None) };
        static BEHIND: RefCell<Option<CountsAtTheEnd>> = const { RefCell::new(None) };
    }

    let counter = Counter::builder("c", "").build()?;
    let histogram = Histogram::builder("h", "").build()?;
    for _ in 0..20 {
        let (counter, histogram) = (counter.clone(), histogram.clone());
        let counts = move || {
            // One is dropped before what the library keeps of the thread, one after it.
            let last = || Some(CountsAtTheEnd(counter.clone(), histogram.clone()));
            BEFORE.set(last());
            counter.inc();
            BEHIND.set(last());
        };
        thread::spawn(counts).join().expect("a thread");
    }
    // 1 + 2 × 1.5, and two observations, in each of 20 threads.
    assert_eq!(counter.get(), 80.0);
    assert_eq!((histogram.snapshot().count(), histogram.snapshot().sum()), (40.0, 40.0));
    Ok(())
}

#[test]
fn a_series_that_is_made_anew_begins_at_zero_for_every_thread() -> narthex::Result {
    let counters = Counter::builder("c", "").labels(["l"]).build()?;
    let histograms = Histogram::builder("h", "").buckets([1, 2, 3]).labels(["l"]).build()?;
    for round in 0..200 {
        let value = if round % 2 == 0 { "a" } else { "b" };
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    counters.labels([value]).inc_by(1.5);
                    counters.labels([value]).inc();
                    histograms.labels([value]).observe(2.5);
                });
            }
        });
        assert_eq!(counters.labels([value]).get(), 7.5);
        let observed = histograms.labels([value]).snapshot();
        assert_eq!((observed.count(), observed.sum()), (3.0, 7.5));
        assert!(counters.remove([value]) && histograms.remove([value]));
        assert_eq!(counters.labels([value]).get(), 0.0);
        assert_eq!(histograms.labels([value]).snapshot().count(), 0.0);
    }
    Ok(())
}

#[test]
fn a_handle_of_a_removed_series_keeps_its_number() -> narthex::Result {
    let counters = Counter::builder("c", "").labels(["l"]).build()?;
    let kept = counters.labels(["kept"]).handle();
    kept.inc_by(3);
    assert!(counters.remove(["kept"]));
    for round in 0..50 {
        let others: Vec<_> = (0..20).map(|n| counters.labels((n,)).handle()).collect();
        others.iter().for_each(Counter::inc);
        kept.inc();
        counters.clear();
        assert!(others.iter().all(|other| other.get() == 1.0));
        assert_eq!(kept.get(), f64::from(4 + round));
    }
    Ok(())
}

#[test]
fn a_gauge_gives_back_what_was_set_after_any_history() -> narthex::Result {
    let gauge = Gauge::builder("g", "").build()?;
    for value in [1e300, 0.1, f64::INFINITY, -0.0, f64::MIN_POSITIVE, f64::NEG_INFINITY, 3.0] {
        thread::scope(|scope| {
            scope.spawn(|| gauge.inc_by(1e17));
            scope.spawn(|| gauge.inc_by(0.3));
        });
        gauge.set(value);
        assert_eq!(gauge.get().to_bits(), value.to_bits());
        gauge.inc_by(0.5);
        assert_eq!(gauge.get(), value + 0.5);
        gauge.dec_by(0.5);
        gauge.set(value);
        assert_eq!(gauge.get().to_bits(), value.to_bits());
    }
    Ok(())
}

#[test]
fn a_counter_that_was_reset_has_no_past() -> narthex::Result {
    let counter = Counter::builder("c", "").build()?;
    for amount in [1e17, 0.1, f64::INFINITY, 5.0] {
        thread::scope(|scope| {
            scope.spawn(|| counter.inc_by(amount));
            scope.spawn(|| counter.inc());
        });
        counter.reset();
        assert_eq!(counter.get(), 0.0);
        counter.inc_by(0.1);
        assert_eq!(counter.get(), 0.1);
        counter.inc_by(2);
        assert_eq!(counter.get(), 2.1);
    }
    Ok(())
}

#[test]
fn a_reader_never_sees_half_an_observation() -> narthex::Result {
    let histogram = Histogram::builder("h", "").buckets([0, 1, 2, 3, 4, 5, 6, 7]).build()?;
    let summary = Summary::builder("s", "").build()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for value in [1.0, 5.0, 1.0] {
            let (histogram, summary, done) = (&histogram, &summary, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    // The sum tells how many of each there were: fewer than 2^20 in all.
                    for _ in 0..1000 {
                        histogram.observe(value);
                        summary.observe(1);
                    }
                    thread::yield_now();
                }
            });
        }
        let mut last = 0.0;
        for _ in 0..20_000 {
            let seen = histogram.snapshot();
            // Up to 1, and up to 5, of which the former are a part.
            let (ones, all) = (seen.buckets().nth(1).map_or(0.0, |(_, n)| n), seen.count());
            assert_eq!(seen.sum(), ones + 5.0 * (all - ones));
            let shown = text::encode(&summary).expect("a scrape");
            let of = |name| shown.lines().find_map(|line: &str| line.strip_prefix(name));
            assert_eq!(of("s_sum "), of("s_count "));
            assert!(all >= last);
            last = all;
        }
        done.store(true, Ordering::Relaxed);
    });
    Ok(())
}

#[cfg(all(unix, feature = "multiprocess"))]
mod in_files {
    use std::sync::Arc;
    use std::thread;

    use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
    use narthex::{CollectorRegistry, Counter, Histogram, Summary};

    /// A sample of what another process would see.
    fn seen(store: &MultiprocessStore, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let registry = CollectorRegistry::new();
        registry.register(Arc::new(MultiProcessCollector::new(store.dir()).unwrap())).unwrap();
        registry.get_sample_value(name, labels)
    }

    #[test]
    fn what_threads_count_apart_is_one_number_that_goes_as_one() -> narthex::Result {
        let dir = tempfile::tempdir().unwrap();
        let store = MultiprocessStore::open(dir.path())?;
        let counters = Counter::builder("c", "h").labels(["l"]).store(&store).build()?;
        let histograms =
            Histogram::builder("h", "h").buckets([1, 2]).labels(["l"]).store(&store).build()?;
        let summary = Summary::builder("s", "h").store(&store).build()?;
        let count = || {
            thread::scope(|scope| {
                for thread in 0..5 {
                    let (counters, histograms, summary) = (&counters, &histograms, &summary);
                    scope.spawn(move || {
                        for _ in 0..100 {
                            counters.labels(["a"]).inc();
                            counters.labels(["b"]).inc_by(0.5);
                            histograms.labels(["a"]).observe(f64::from(thread));
                            summary.observe(2);
                        }
                    });
                }
            });
        };
        count();
        let all = [
            ("c_total", vec![("l", "a")], 500.0),
            ("c_total", vec![("l", "b")], 250.0),
            // Of 0 to 4, two are up to 1 and one more up to 2; they come to 10.
            ("h_bucket", vec![("l", "a"), ("le", "1.0")], 200.0),
            ("h_bucket", vec![("l", "a"), ("le", "2.0")], 300.0),
            ("h_count", vec![("l", "a")], 500.0),
            ("h_sum", vec![("l", "a")], 1000.0),
            ("s_count", vec![], 500.0),
            ("s_sum", vec![], 1000.0),
        ];
        for (name, labels, value) in &all {
            assert_eq!(seen(&store, name, labels), Some(*value), "{name} {labels:?}");
        }
        assert!(seen(&store, "c_created", &[("l", "a")]).is_some_and(|start| start > 1e9));

        assert!(counters.remove(["a"]) && histograms.remove(["a"]));
        assert_eq!(seen(&store, "c_total", &[("l", "a")]), None);
        assert_eq!(seen(&store, "h_count", &[("l", "a")]), None);
        assert_eq!(seen(&store, "c_total", &[("l", "b")]), Some(250.0));
        counters.labels(["b"]).reset();
        assert_eq!(seen(&store, "c_total", &[("l", "b")]), Some(0.0));
        count();
        assert_eq!(seen(&store, "c_total", &[("l", "a")]), Some(500.0));
        assert_eq!(seen(&store, "c_total", &[("l", "b")]), Some(250.0));
        assert_eq!(seen(&store, "h_sum", &[("l", "a")]), Some(1000.0));
        assert_eq!(seen(&store, "s_count", &[]), Some(1000.0));
        Ok(())
    }
}

#[test]
fn a_scrape_of_many_children_shows_what_all_threads_added_to_each() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let sent = Counter::builder("sent", "Some whole.").labels(["n"]).register(&registry)?;
    let level = Gauge::builder("level", "Up and down.").labels(["n"]).register(&registry)?;
    let children: Vec<_> = (0..1500_u32).map(|n| n.to_string()).collect();
    let add = |thread: u32| {
        // The second thread comes to a half of them only.
        for (n, child) in (0..).zip(&children).filter(|(n, _)| n % 2 == 0 || thread == 0) {
            let fraction = if n % 3 == 0 { 0.5 } else { 0.0 };
            sent.labels([child]).inc_by(f64::from(n + thread) + fraction);
            level.labels([child]).inc_by(1.5);
        }
    };
    add(0);
    thread::scope(|scope| scope.spawn(|| add(1)).join()).expect("no panic");
    sent.labels(["6"]).reset();
    sent.remove(["8"]);
    level.labels(["7"]).set_function(|| 0.25);

    let mut expected = Vec::new();
    for n in 0..1500_u32 {
        let threads = if n % 2 == 0 { 2.0 } else { 1.0 };
        let fraction = if n % 3 == 0 { 0.5 } else { 0.0 };
        let whole = f64::from(n) * threads + (threads - 1.0);
        match n {
            8 => {}
            6 => expected.push(("sent_total", n, 0.0)),
            _ => expected.push(("sent_total", n, whole + fraction * threads)),
        }
    }
    for n in 0..1500_u32 {
        let threads = if n % 2 == 0 { 2.0 } else { 1.0 };
        expected.push(("level", n, if n == 7 { 0.25 } else { 1.5 * threads }));
    }
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(name, n, value)| format!("{name}{{n=\"{n}\"}} {}", format_f64(value)))
        .collect();
    let text = text::encode(&registry)?;
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, expected);
    Ok(())
}
