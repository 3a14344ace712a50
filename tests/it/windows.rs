//! What is recorded in windows, and what sinks are given of it.

use std::future::{self, Future};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use narthex::exposition;
use narthex::sink::{
    Aggregate, ConsoleSink, MemorySink, NullSink, RegistrySink, Sink, SinkFuture, Snapshot,
};
use narthex::window::{MetricsLevel, MetricsManager, MetricsManagerBuilder};
use narthex::{CollectorRegistry, Error, Result};

const SHARD_1: [(&str, &str); 2] = [("stream", "clicks"), ("shard", "1")];
const SHARD_2: [(&str, &str); 2] = [("shard", "2"), ("stream", "clicks")];

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn of(&self, builder: MetricsManagerBuilder) -> MetricsManagerBuilder {
        let clock = self.clone();
        builder.clock(move || Duration::from_secs(clock.0.load(Ordering::Relaxed)))
    }
}

fn detailed() -> MetricsManagerBuilder {
    MetricsManager::builder().level(MetricsLevel::Detailed)
}

fn await_it<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn numbers(aggregate: &Aggregate) -> (u64, f64, f64, f64) {
    (aggregate.count, aggregate.sum, aggregate.min, aggregate.max)
}

/// Names, and what is new, of the last export.
fn last_new(sink: &MemorySink) -> Vec<(String, u64, f64)> {
    let exports = sink.exports();
    let last = exports.last().map_or(&[][..], |last| last);
    last.iter().map(|one| (one.name().to_owned(), one.new().count, one.new().sum)).collect()
}

/// A sink that says what is done with it, and fails or waits when it is told so.
#[derive(Clone, Default)]
struct Told {
    said: Arc<Mutex<Vec<String>>>,
    fails: Arc<AtomicBool>,
    refuses: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
    waits: Arc<AtomicBool>,
}

impl Told {
    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    fn say(&self, what: impl Into<String>) {
        self.said.lock().unwrap().push(what.into());
    }
}

impl Sink for Told {
    fn enter(&self) -> SinkFuture<'_> {
        self.say("enter");
        let refuses = self.refuses.load(Ordering::Relaxed);
        let done = if refuses { Err(Error::collector("no way in")) } else { Ok(()) };
        Box::pin(future::ready(done))
    }

    fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
        Box::pin(async move {
            let count: u64 = snapshots.iter().map(|snapshot| snapshot.new().count).sum();
            self.say(format!("export {count}"));
            if self.waits.load(Ordering::Relaxed) {
                future::pending::<()>().await;
            }
            assert!(!self.panics.load(Ordering::Relaxed), "out of order");
            match self.fails.load(Ordering::Relaxed) {
                true => Err(Error::collector("the line is busy")),
                false => Ok(()),
            }
        })
    }

    fn exit(&self) -> SinkFuture<'_> {
        self.say("exit");
        Box::pin(future::ready(Ok(())))
    }

    fn name(&self) -> &str {
        "told"
    }
}

#[test]
fn the_level_none_does_nothing() {
    let (told, asked) = (Told::default(), Arc::new(AtomicUsize::new(0)));
    let asks = asked.clone();
    let clock = move || {
        asks.fetch_add(1, Ordering::Relaxed);
        Duration::ZERO
    };
    let manager = MetricsManager::builder().sink(told.clone()).clock(clock).build().unwrap();
    assert_eq!(manager.level(), MetricsLevel::None);
    manager.put("bytes", 1.0, &SHARD_1);
    manager.metric("bytes", &SHARD_1).put(1.0);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert_eq!(manager.snapshots(), []);
    manager.start().unwrap().stop().unwrap();
    await_it(manager.run(future::ready(()))).unwrap();
    await_it(manager.flush()).unwrap();
    assert_eq!(told.said(), [""; 0]);
}

#[test]
fn a_level_drops_dimensions_before_the_series_is_looked_up() {
    let record = |builder: MetricsManagerBuilder| {
        let manager = builder.build().unwrap();
        manager.put("bytes", 3.0, &SHARD_1);
        manager.put("bytes", 5.0, &SHARD_2);
        manager.put("bytes", 7.0, &[]);
        let shown = |snapshot: &Snapshot| {
            let dimensions: Vec<_> = snapshot.dimensions().collect();
            format!("{}{dimensions:?} {}", snapshot.name(), snapshot.window().sum)
        };
        manager.snapshots().iter().map(shown).collect::<Vec<_>>()
    };
    let summary = || MetricsManager::builder().level(MetricsLevel::Summary);
    assert_eq!(record(summary()), ["bytes[] 15"]);
    assert_eq!(
        record(summary().summary_dimensions(["stream"])),
        ["bytes[] 7", r#"bytes[("stream", "clicks")] 8"#],
    );
    assert_eq!(
        record(detailed()),
        [
            "bytes[] 7",
            r#"bytes[("shard", "1"), ("stream", "clicks")] 3"#,
            r#"bytes[("shard", "2"), ("stream", "clicks")] 5"#,
        ],
    );
}

#[test]
fn dimensions_have_no_order_and_each_name_counts_once() {
    let manager = detailed().build().unwrap();
    manager.put("bytes", 1.0, &[("a", "1"), ("b", "2")]);
    manager.put("bytes", 1.0, &[("b", "2"), ("a", "1")]);
    manager.put("bytes", 1.0, &[("a", "1"), ("b", "2"), ("a", "3")]);
    // Not the same: the values are exchanged.
    manager.put("bytes", 1.0, &[("a", "2"), ("b", "1")]);
    let window = |dimensions| manager.window("bytes", dimensions).map(|window| window.count);
    assert_eq!(window(&[("b", "2"), ("a", "1")]), Some(3));
    assert_eq!(window(&[("a", "2"), ("b", "1")]), Some(1));
    assert_eq!(window(&[("a", "2")]), None);
    assert_eq!(manager.window("byte", &[]), None);
}

#[test]
fn a_window_has_whole_seconds_and_moves_on() {
    let clock = Clock::default();
    let manager = clock.of(detailed()).window_seconds(60).build().unwrap();
    for (second, value) in [(0, 4.0), (30, 2.0), (59, 6.0)] {
        clock.set(second);
        manager.put("bytes", value, &[]);
    }
    let window = || manager.window("bytes", &[]).as_ref().map(numbers);
    assert_eq!(window(), Some((3, 12.0, 2.0, 6.0)));
    let [snapshot] = &manager.snapshots()[..] else { panic!() };
    assert_eq!(numbers(snapshot.window()), (3, 12.0, 2.0, 6.0));
    assert_eq!(snapshot.window().mean(), Some(4.0));
    // The seconds 0 to 59 are sixty.
    let seconds = (snapshot.window_start().as_secs(), snapshot.window_end().as_secs());
    assert_eq!(seconds, (0, 59));
    clock.set(60);
    assert_eq!(window(), Some((2, 8.0, 2.0, 6.0)));
    clock.set(118);
    assert_eq!(window(), Some((1, 6.0, 6.0, 6.0)));
    clock.set(119);
    assert_eq!(window(), None);
}

#[test]
fn windows_overlap_and_what_is_new_is_exported_once() {
    let (clock, sink) = (Clock::default(), MemorySink::new());
    let manager = clock.of(detailed()).sink(sink.clone()).build().unwrap();
    let flush = || await_it(manager.flush()).unwrap();
    flush();
    assert!(sink.exports().is_empty());

    manager.put("bytes", 4.0, &[]);
    flush();
    clock.set(10);
    manager.put("bytes", 2.0, &[]);
    flush();
    let both = |export: &[Snapshot]| (numbers(export[0].window()), numbers(export[0].new()));
    let exports = sink.exports();
    assert_eq!(both(&exports[0]), ((1, 4.0, 4.0, 4.0), (1, 4.0, 4.0, 4.0)));
    assert_eq!(both(&exports[1]), ((2, 6.0, 2.0, 4.0), (1, 2.0, 2.0, 2.0)));

    // Nothing is new, and something is still in the window.
    clock.set(69);
    flush();
    assert_eq!(last_new(&sink), [("bytes".to_owned(), 0, 0.0)]);
    clock.set(70);
    flush();
    assert_eq!(sink.exports().len(), 3);
}

#[test]
fn what_was_observed_before_the_window_is_exported_all_the_same() {
    let (clock, sink) = (Clock::default(), MemorySink::new());
    let manager = clock.of(detailed()).window_seconds(5).sink(sink.clone()).build().unwrap();
    manager.put("bytes", 4.0, &[]);
    clock.set(100);
    await_it(manager.flush()).unwrap();
    assert_eq!(last_new(&sink), [("bytes".to_owned(), 1, 4.0)]);
    assert!(sink.exports()[0][0].window().is_empty());
}

#[test]
fn what_a_sink_did_not_take_it_gets_with_the_next_export() {
    let (told, sink) = (Told::default(), MemorySink::new());
    let manager = detailed().sink(told.clone()).sink(sink.clone()).build().unwrap();
    manager.put("bytes", 1.0, &[]);
    told.fails.store(true, Ordering::Relaxed);
    let error = await_it(manager.flush()).unwrap_err();
    assert_eq!(error.to_string(), "the sink told: the line is busy");
    manager.put("bytes", 2.0, &[]);
    told.fails.store(false, Ordering::Relaxed);
    told.panics.store(true, Ordering::Relaxed);
    let error = await_it(manager.flush()).unwrap_err();
    assert_eq!(error.to_string(), "the sink told: told panicked: out of order");
    manager.put("bytes", 3.0, &[]);
    told.panics.store(false, Ordering::Relaxed);
    await_it(manager.flush()).unwrap();
    let exports = |told: &Told| {
        told.said().into_iter().filter(|said| said.starts_with("export")).collect::<Vec<_>>()
    };
    assert_eq!(exports(&told), ["export 1", "export 2", "export 3"]);
    // The other one did not notice.
    let new = |export: &Vec<Snapshot>| export[0].new().sum;
    assert_eq!(sink.exports().iter().map(new).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);

    let registry = CollectorRegistry::new();
    registry.register(Arc::new(manager)).unwrap();
    let value = |name: &str, sink: &str| registry.get_sample_value(name, &[("sink", sink)]);
    assert_eq!(value("narthex_sink_failures_total", "told"), Some(2.0));
    assert_eq!(value("narthex_sink_exports_total", "told"), Some(1.0));
    assert_eq!(value("narthex_sink_exports_total", "memory"), Some(3.0));
    assert_eq!(value("narthex_sink_failures_total", "memory"), Some(0.0));
}

#[test]
fn a_sink_that_never_answers_keeps_nobody_waiting() {
    let (told, sink) = (Told::default(), MemorySink::new());
    told.waits.store(true, Ordering::Relaxed);
    let manager = detailed()
        .sink(told.clone())
        .sink(sink.clone())
        .export_timeout(Duration::from_millis(10))
        .build()
        .unwrap();
    manager.put("bytes", 1.0, &[]);
    let error = await_it(manager.flush()).unwrap_err();
    assert_eq!(error.to_string(), "the sink told took longer than 10ms");
    assert!(error.is_timed_out());
    assert_eq!(last_new(&sink), [("bytes".to_owned(), 1, 1.0)]);
    // Given up by the caller, nothing is lost either.
    await_it(async {
        tokio::select! {
            biased;
            _ = manager.flush() => panic!("it waits"),
            () = future::ready(()) => {}
        }
    });
    manager.put("bytes", 1.0, &[]);
    told.waits.store(false, Ordering::Relaxed);
    await_it(manager.flush()).unwrap();
    assert_eq!(told.said()[told.said().len() - 3..], ["enter", "export 2", "exit"]);
}

#[test]
fn while_a_sink_waits_others_are_given_theirs_and_recording_goes_on() {
    let (told, sink) = (Told::default(), MemorySink::new());
    told.waits.store(true, Ordering::Relaxed);
    let manager = detailed()
        .sink(told.clone())
        .sink(sink.clone())
        .interval(Duration::from_millis(1))
        .export_timeout(Duration::from_secs(3600))
        .build()
        .unwrap();
    let flushing = manager.start().unwrap();
    for round in 1..=3 {
        manager.put("bytes", 1.0, &[]);
        // For as long as it takes.
        while sink.exports().iter().map(|export| export[0].new().count).sum::<u64>() < round {
            thread::yield_now();
        }
    }
    assert_eq!(told.said(), ["enter", "export 1"]);
    // It would wait for an hour.
    std::mem::forget(flushing);
}

#[test]
fn sinks_are_entered_given_the_rest_and_left() {
    let (told, other) = (Told::default(), Told::default());
    let manager = detailed().sink(told.clone()).sink(other.clone()).build().unwrap();
    let flushing = manager.start().unwrap();
    assert_eq!(told.said(), ["enter"]);
    manager.put("bytes", 1.0, &[]);
    manager.put("bytes", 1.0, &[("stream", "a")]);
    flushing.stop().unwrap();
    for told in [&told, &other] {
        assert_eq!(told.said(), ["enter", "export 2", "exit"]);
    }
    // Entered again, it goes on.
    let flushing = manager.start().unwrap();
    manager.put("bytes", 1.0, &[]);
    told.fails.store(true, Ordering::Relaxed);
    assert_eq!(flushing.stop().unwrap_err().to_string(), "the sink told: the line is busy");
    assert_eq!(told.said()[3..], ["enter", "export 1", "exit"]);
}

#[test]
fn nothing_is_exported_if_a_sink_cannot_be_entered() {
    let (first, second, third) = (Told::default(), Told::default(), Told::default());
    second.refuses.store(true, Ordering::Relaxed);
    let all = [&first, &second, &third].map(Clone::clone);
    let manager = all.into_iter().fold(detailed(), MetricsManagerBuilder::sink).build().unwrap();
    manager.put("bytes", 1.0, &[]);
    // The names are told apart.
    let message = "the sink told 2: no way in";
    assert_eq!(manager.start().unwrap_err().to_string(), message);
    assert_eq!(await_it(manager.run(future::ready(()))).unwrap_err().to_string(), message);
    assert_eq!(first.said(), ["enter", "exit", "enter", "exit"]);
    assert_eq!(second.said(), ["enter", "enter"]);
    assert_eq!(third.said(), [""; 0]);
}

/// No time passes: the test says when a sleep is over.
#[test]
fn flushes_follow_the_sleep_that_is_given() {
    let (clock, sink) = (Clock::default(), MemorySink::new());
    let (slept, sleeps) = tokio::sync::mpsc::unbounded_channel();
    let manager = clock
        .of(detailed())
        .sink(sink.clone())
        .interval(Duration::from_secs(60))
        .export_timeout(Duration::from_secs(5))
        .sleep(move |duration| {
            let (wake, woken) = tokio::sync::oneshot::channel::<()>();
            if duration > Duration::from_secs(5) {
                let _ = slept.send((duration, wake));
            } else {
                // That of a time-out: it never ends.
                std::mem::forget(wake);
            }
            async move { drop(woken.await) }
        })
        .build()
        .unwrap();
    let mut sleeps = sleeps;
    await_it(async {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let test = async {
            for round in 1..=3_u64 {
                let (duration, wake) = sleeps.recv().await.unwrap();
                assert_eq!(duration, Duration::from_secs(60));
                manager.put("bytes", round as f64, &[]);
                assert_eq!(sink.exports().len() as u64, round - 1);
                wake.send(()).unwrap();
            }
            let last = sleeps.recv().await.unwrap();
            manager.put("bytes", 9.0, &[]);
            stop.send(()).unwrap();
            // Or else this one would be over as well.
            last
        };
        let (done, _last) = tokio::join!(manager.run(async { drop(stopped.await) }), test);
        done.unwrap();
    });
    let new = |export: &Vec<Snapshot>| export[0].new().sum;
    assert_eq!(sink.exports().iter().map(new).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 9.0]);
}

#[test]
fn an_export_under_way_is_completed_before_the_end() {
    struct Slow {
        begun: mpsc::Sender<()>,
        go_on: tokio::sync::Semaphore,
        exported: AtomicU64,
    }
    impl Sink for Slow {
        fn export<'a>(&'a self, snapshots: &'a [Snapshot]) -> SinkFuture<'a> {
            Box::pin(async move {
                self.begun.send(()).unwrap();
                self.go_on.acquire().await.unwrap().forget();
                self.exported.fetch_add(snapshots[0].new().count, Ordering::Relaxed);
                Ok(())
            })
        }
    }
    let (begun, is_begun) = mpsc::channel();
    let go_on = tokio::sync::Semaphore::new(0);
    let slow = Arc::new(Slow { begun, go_on, exported: AtomicU64::new(0) });
    let interval = Duration::from_millis(1);
    let manager = detailed().sink(slow.clone()).interval(interval).build().unwrap();
    let flushing = manager.start().unwrap();
    manager.put("bytes", 1.0, &[]);
    is_begun.recv().unwrap();
    manager.put("bytes", 1.0, &[]);
    let stopping = thread::spawn(move || flushing.stop());
    slow.go_on.add_permits(2);
    stopping.join().unwrap().unwrap();
    // Each of them once.
    assert_eq!(slow.exported.load(Ordering::Relaxed), 2);
}

#[test]
fn events_are_heard_at_once_with_the_dimensions_that_are_kept() {
    let (clock, sink) = (Clock::default(), MemorySink::with_events());
    let builder = clock.of(MetricsManager::builder().level(MetricsLevel::Summary));
    let builder = builder.summary_dimensions(["stream"]).sink(NullSink).sink(sink.clone());
    let manager = builder.build().unwrap();
    clock.set(7);
    manager.put("bytes", 3.0, &SHARD_1);
    manager.metric("bytes", &SHARD_2).put(4.0);
    let stream = [("stream".to_owned(), "clicks".to_owned())];
    let recorded = sink.recorded();
    assert_eq!(recorded.iter().map(|event| event.value).collect::<Vec<_>>(), [3.0, 4.0]);
    for event in recorded {
        assert_eq!((&*event.name, event.timestamp), ("bytes", Duration::from_secs(7)));
        assert_eq!(event.dimensions, stream);
    }
    assert!(sink.exports().is_empty());
}

#[test]
fn the_memory_sink_keeps_the_last_ones_and_counts_the_rest() {
    let sink = MemorySink::with_events();
    let manager = detailed().sink(sink.clone()).build().unwrap();
    for round in 0..1030 {
        manager.put("bytes", f64::from(round), &[]);
        await_it(manager.flush()).unwrap();
    }
    assert_eq!((sink.exports().len(), sink.recorded().len()), (1024, 1024));
    assert_eq!((sink.recorded()[0].value, sink.exports()[0][0].new().sum), (6.0, 6.0));
    assert_eq!(sink.dropped(), 12);
    sink.clear();
    assert_eq!((sink.exports().len(), sink.recorded().len(), sink.dropped()), (0, 0, 0));
}

#[test]
fn series_are_limited_and_those_that_say_nothing_are_forgotten() {
    let (clock, sink) = (Clock::default(), MemorySink::new());
    let manager = clock.of(detailed()).max_series(2).sink(sink).build().unwrap();
    let kept = manager.metric("kept", &[]);
    manager.put("first", 1.0, &[]);
    manager.put("second", 1.0, &[]);
    manager.metric("third", &[]).put(1.0);
    assert_eq!(manager.refused(), 2);
    assert!(manager.window("second", &[]).is_none());
    clock.set(60);
    // It is out of the window, but was exported to nobody yet.
    manager.put("second", 1.0, &[]);
    assert_eq!(manager.refused(), 3);
    await_it(manager.flush()).unwrap();
    await_it(manager.flush()).unwrap();
    manager.put("second", 1.0, &[]);
    assert_eq!(manager.refused(), 3);
    assert!(manager.window("second", &[]).is_some());
    // Who has a handle goes on.
    kept.put(5.0);
    assert_eq!(manager.window("kept", &[]).map(|window| window.sum), Some(5.0));

    let registry = CollectorRegistry::new();
    registry.register(Arc::new(manager)).unwrap();
    let value = |name: &str| registry.get_sample_value(name, &[]);
    assert_eq!(value("narthex_window_series"), Some(2.0));
    assert_eq!(value("narthex_window_refused_observations_total"), Some(3.0));
}

#[test]
fn threads_that_record_and_flush_lose_nothing() {
    const EACH: u64 = 20_000;
    let sink = MemorySink::new();
    // A window of a second, so that series come and go.
    let clock = Clock::default();
    let manager = clock.of(detailed()).window_seconds(1).sink(sink.clone()).build().unwrap();
    let exported = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let drain = || {
        await_it(manager.flush()).unwrap();
        let new = |snapshot: &Snapshot| snapshot.new().count;
        let count: u64 = sink.exports().iter().flatten().map(new).sum();
        exported.fetch_add(count, Ordering::Relaxed);
        sink.clear();
    };
    thread::scope(|scope| {
        let recording: Vec<_> = ["a", "b", "c"]
            .map(|name| {
                let (manager, clock) = (&manager, &clock);
                scope.spawn(move || {
                    for round in 0..EACH {
                        clock.set(round / 64);
                        let shard = (round % 50).to_string();
                        manager.put("bytes", 1.0, &[("thread", name), ("shard", &shard)]);
                    }
                })
            })
            .into();
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drain();
            }
        });
        recording.into_iter().for_each(|thread| thread.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
    });
    drain();
    assert_eq!(exported.load(Ordering::Relaxed), 3 * EACH);
}

#[test]
fn a_registry_shows_totals_and_the_last_window() {
    let (clock, sink) = (Clock::default(), RegistrySink::new());
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(sink.clone())).unwrap();
    let manager = clock.of(detailed()).sink(sink).build().unwrap();
    manager.put("bytes", 4.0, &[("stream", "a")]);
    manager.put("bytes", 1.0, &[("stream", "b")]);
    await_it(manager.flush()).unwrap();
    clock.set(60);
    manager.put("bytes", 2.0, &[("stream", "a")]);
    await_it(manager.flush()).unwrap();
    // The second one has an empty window.
    assert_eq!(
        exposition::text::encode(&registry).unwrap(),
        "# HELP bytes Recorded in windows.\n\
         # TYPE bytes summary\n\
         bytes_count{stream=\"a\"} 2.0\n\
         bytes_sum{stream=\"a\"} 6.0\n\
         bytes_count{stream=\"b\"} 1.0\n\
         bytes_sum{stream=\"b\"} 1.0\n\
         # HELP bytes_window_min The least of the last window.\n\
         # TYPE bytes_window_min gauge\n\
         bytes_window_min{stream=\"a\"} 2.0\n\
         # HELP bytes_window_max The greatest of the last window.\n\
         # TYPE bytes_window_max gauge\n\
         bytes_window_max{stream=\"a\"} 2.0\n",
    );
}

#[test]
fn what_a_registry_cannot_show_is_left_out_and_counted() {
    let sink = RegistrySink::with_prefix("recorded_");
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(sink.clone())).unwrap();
    let manager = detailed().sink(sink.clone()).build().unwrap();
    let put = |name, dimensions: &[(&str, &str)]| manager.put(name, 1.0, dimensions);
    for _ in 0..2 {
        put("a", &[]);
        put("b", &[("__name__", "c")]);
        put("b", &[("quantile", "0.5")]);
        // Names that others take: of a sample, and as they look with underscores.
        put("a_count", &[]);
        put("a.window.max", &[]);
        await_it(manager.flush()).unwrap();
    }
    assert_eq!(sink.refused(), 8);
    let text = exposition::text::encode(&registry).unwrap();
    assert!(text.contains("\nrecorded_a_count 2.0\n"), "{text}");
    assert_eq!(text.matches("# TYPE").count(), 3, "{text}");
}

#[test]
fn a_dimension_without_a_value_is_none() {
    let manager = detailed().build().unwrap();
    manager.put("bytes", 1.0, &[("stream", "")]);
    manager.put("bytes", 1.0, &[]);
    assert_eq!(manager.window("bytes", &[]).map(|window| window.count), Some(2));
}

#[test]
fn a_sink_that_fails_leaves_room_for_what_others_are_given() {
    let (clock, told, sink) = (Clock::default(), Told::default(), MemorySink::new());
    told.fails.store(true, Ordering::Relaxed);
    let builder = clock.of(detailed()).window_seconds(1).max_series(10);
    let manager = builder.sink(told.clone()).sink(sink.clone()).build().unwrap();
    for round in 0..50 {
        clock.set(round);
        manager.put("bytes", 1.0, &[("round", &round.to_string())]);
        await_it(manager.flush()).unwrap_err();
    }
    let new = |export: &Vec<Snapshot>| export.iter().map(|one| one.new().count).sum::<u64>();
    assert_eq!(sink.exports().iter().map(new).sum::<u64>(), 50);
    assert_eq!(manager.refused(), 0);
    // What the other one did not take is counted, or still waits.
    told.fails.store(false, Ordering::Relaxed);
    await_it(manager.flush()).unwrap();
    let registry = CollectorRegistry::new();
    registry.register(Arc::new(manager)).unwrap();
    let dropped = |sink: &str| {
        let name = "narthex_sink_dropped_observations_total";
        registry.get_sample_value(name, &[("sink", sink)])
    };
    let said = told.said();
    let last = said.iter().rfind(|said| said.starts_with("export ")).unwrap();
    let taken: f64 = last["export ".len()..].parse().unwrap();
    assert_eq!(dropped("told").map(|dropped| dropped + taken), Some(50.0));
    assert_eq!(dropped("memory"), Some(0.0));
}

#[test]
fn sinks_that_are_used_twice_are_entered_once() {
    let told = Told::default();
    let manager = detailed().sink(told.clone()).build().unwrap();
    let (first, second) = (manager.start().unwrap(), manager.start().unwrap());
    manager.put("bytes", 1.0, &[]);
    await_it(manager.flush()).unwrap();
    manager.put("bytes", 1.0, &[]);
    first.stop().unwrap();
    manager.put("bytes", 1.0, &[]);
    second.stop().unwrap();
    assert_eq!(told.said(), ["enter", "export 1", "export 1", "export 1", "exit"]);
}

#[test]
fn the_console_has_a_line_for_each_series() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (lines, clock) = (Lines::default(), Clock::default());
    let manager = clock.of(detailed()).sink(ConsoleSink::to(lines.clone())).build().unwrap();
    manager.put("late", 1.0, &[]);
    clock.set(60);
    manager.put("bytes", 2.5, &[("stream", "a \"b\""), ("shard", "1")]);
    await_it(manager.flush()).unwrap();
    assert_eq!(
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap(),
        "bytes{shard=\"1\",stream=\"a \\\"b\\\"\"} count=1 sum=2.5 min=2.5 max=2.5 new=1\n\
         late count=0 new=1\n",
    );
}

#[cfg(feature = "bridge")]
#[test]
fn statsd_is_told_what_is_new() {
    use std::net::UdpSocket;

    use narthex::bridge::{StatsdBridge, StatsdDialect};
    use narthex::sink::StatsdSink;

    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let told = || {
        let mut datagram = [0; 1432];
        let len = server.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..len]).into_owned()
    };
    let address = server.local_addr().unwrap().to_string();
    let bridge = StatsdBridge::builder(address).dialect(StatsdDialect::Dog).build().unwrap();
    let manager = detailed().sink(StatsdSink::new(bridge)).build().unwrap();
    manager.put("bytes", 4.0, &[("stream", "a")]);
    manager.put("bytes", 2.0, &[("stream", "a")]);
    await_it(manager.flush()).unwrap();
    assert_eq!(
        told(),
        "bytes_count:2|c|#stream:a\nbytes_sum:6|c|#stream:a\n\
         bytes_window_min:2|g|#stream:a\nbytes_window_max:4|g|#stream:a",
    );
    manager.put("bytes", 1.0, &[("stream", "a")]);
    await_it(manager.flush()).unwrap();
    assert!(told().starts_with("bytes_count:1|c|#stream:a\nbytes_sum:1|c|#stream:a\n"));
}

#[test]
fn mistakes_of_construction_are_named() {
    let refused = |builder: MetricsManagerBuilder| builder.build().unwrap_err().to_string();
    assert_eq!(refused(detailed().window_seconds(0)), "the window of a manager has no second");
    assert_eq!(
        refused(detailed().interval(Duration::ZERO)),
        "an interval of nothing leaves no time in between",
    );
    assert_eq!(refused(detailed().max_series(0)), "a manager without series can record nothing",);
    assert_eq!("DETAILED".parse::<MetricsLevel>().unwrap(), MetricsLevel::Detailed);
    let level: Result<MetricsLevel> = "some".parse();
    assert_eq!(
        level.unwrap_err().to_string(),
        "the level \"some\" is not none, summary or detailed",
    );
}
