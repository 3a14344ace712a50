//! Labels as structs, and their values as enums: by derive, and found by number.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use narthex::{
    CollectorRegistry, Counter, CounterVec, CounterVecOf, Gauge, Histogram, HistogramVecOf,
    LabelSet, LabelValue, Summary,
};

use crate::support::lines;

#[derive(Clone, Copy, LabelValue)]
enum Side {
    Left,
    Right,
    TopMost,
}

#[derive(Clone, Copy, LabelSet)]
struct Door {
    open: bool,
    side: Side,
    #[label(rename = "b")]
    full: bool,
}

const SIDES: [Side; 3] = [Side::Left, Side::Right, Side::TopMost];

/// All there are, in the order of their numbers.
fn doors() -> impl Iterator<Item = Door> {
    let bools = [false, true];
    bools.into_iter().flat_map(move |open| {
        SIDES.into_iter().flat_map(move |side| bools.map(|full| Door { open, side, full }))
    })
}

/// With labels that are closed and labels that are not.
#[derive(LabelSet)]
struct Request<'a, 'b> {
    path: &'a str,
    side: Side,
    r#type: &'b String,
    code: u16,
}

#[test]
fn values_are_written_in_the_case_that_was_chosen() {
    // heck's words: at each capital, but within an abbreviation at its last alone.
    macro_rules! values {
        ($case:literal) => {{
            #[derive(LabelValue)]
            #[label(rename_all = $case)]
            #[allow(dead_code)]
            enum Value {
                InUse,
                HTTPError,
                V2,
                #[label(rename = "As Is")]
                Renamed,
            }
            Value::VALUES
        }};
    }
    assert_eq!(values!("snake_case"), ["in_use", "http_error", "v2", "As Is"]);
    assert_eq!(values!("SCREAMING_SNAKE_CASE"), ["IN_USE", "HTTP_ERROR", "V2", "As Is"]);
    assert_eq!(values!("kebab-case"), ["in-use", "http-error", "v2", "As Is"]);
    assert_eq!(values!("SCREAMING-KEBAB-CASE"), ["IN-USE", "HTTP-ERROR", "V2", "As Is"]);
    assert_eq!(values!("PascalCase"), ["InUse", "HttpError", "V2", "As Is"]);
    assert_eq!(values!("camelCase"), ["inUse", "httpError", "v2", "As Is"]);
    assert_eq!(values!("lowercase"), ["inuse", "httperror", "v2", "As Is"]);
    assert_eq!(values!("UPPERCASE"), ["INUSE", "HTTPERROR", "V2", "As Is"]);
    assert_eq!(Side::VALUES, ["left", "right", "top_most"]);
}

#[test]
fn labels_are_named_as_the_fields_or_as_they_are_told() -> narthex::Result {
    #[derive(LabelSet)]
    #[label(rename_all = "camelCase")]
    struct Labels {
        http_code: u16,
        #[label(rename = "a.b")]
        dotted: char,
    }
    let vec = Counter::builder("c", "h").labels_of::<Labels>().build()?;
    vec.labels(Labels { http_code: 200, dotted: 'x' }).inc();
    assert_eq!(lines(&vec), ["c_total{a_b=\"x\",httpCode=\"200\"} 1.0"]);
    assert_eq!(Labels::NAMES, ["httpCode", "a.b"]);
    // A keyword is a name like any other.
    assert_eq!(Request::NAMES, ["path", "side", "type", "code"]);
    Ok(())
}

#[test]
fn a_variant_may_have_a_number_of_its_own() {
    #[derive(LabelValue)]
    #[allow(dead_code)]
    enum Code {
        NotFound = 404,
        Ok = 200,
    }
    assert_eq!((Code::NotFound.index(), Code::Ok.index()), (0, 1));
    assert_eq!(Code::VALUES[Code::Ok.index()], "ok");
}

#[test]
fn the_library_may_have_another_name() -> narthex::Result {
    use narthex as metrics;

    #[derive(metrics::LabelValue)]
    #[label(crate = "metrics", rename_all = "lowercase")]
    enum Only {
        One,
    }
    #[derive(metrics::LabelSet)]
    #[label(crate = "metrics")]
    struct Labels {
        only: Only,
    }
    let vec = Counter::builder("c", "h").labels_of::<Labels>().build()?;
    vec.labels(Labels { only: Only::One }).inc();
    assert_eq!(lines(&vec), ["c_total{only=\"one\"} 1.0"]);
    Ok(())
}

#[test]
fn a_struct_names_the_same_child_as_its_values() -> narthex::Result {
    let vec: CounterVec<4> =
        Counter::builder("c", "h").labels(["path", "side", "type", "code"]).build()?;
    let kind = "html".to_owned();
    let labels = Request { path: "/", side: Side::Right, r#type: &kind, code: 404 };
    vec.labels(&labels).inc();
    vec.labels(["/", "right", "html", "404"]).inc();
    vec.labels(("/", Side::Right, &kind, 404)).inc();
    assert!(!vec.remove(["/", "left", "html", "404"]));
    assert_eq!(vec.handle(labels).get(), 3.0);
    assert_eq!(lines(&vec), ["c_total{code=\"404\",path=\"/\",side=\"right\",type=\"html\"} 3.0"]);
    Ok(())
}

#[test]
fn what_is_borrowed_need_not_outlive_the_metric() -> narthex::Result {
    let vec: CounterVecOf<Request<'static, 'static>> =
        Counter::builder("c", "h").labels_of::<Request>().build()?;
    for path in ["/a", "/b", "/a"] {
        let (path, kind) = (path.to_owned(), "x\"y".to_owned());
        vec.labels(Request { path: &path, side: Side::Left, r#type: &kind, code: 200 }).inc();
    }
    assert_eq!(
        lines(&vec),
        [
            r#"c_total{code="200",path="/a",side="left",type="x\"y"} 2.0"#,
            r#"c_total{code="200",path="/b",side="left",type="x\"y"} 1.0"#,
        ]
    );
    let kind = "x\"y".to_owned();
    let of = |path| Request { path, side: Side::Left, r#type: &kind, code: 200 };
    assert!(vec.remove(of("/a")));
    assert!(!vec.remove(of("/a")));
    assert_eq!(vec.remove_if(|values| values == ["/b", "left", "x\"y", "200"]), 1);
    assert!(vec.is_empty());
    Ok(())
}

#[test]
fn each_combination_of_closed_labels_is_a_child_of_its_own() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let vec = Counter::builder("c", "h").labels_of::<Door>().register(&registry)?;
    // Twice, so that each is found as new and by its number.
    for _ in 0..2 {
        for (number, labels) in doors().enumerate() {
            assert_eq!(labels.index(), number);
            vec.labels(labels).inc_by(1 << number);
        }
    }
    assert_eq!(vec.len(), 12);
    for (number, labels) in doors().enumerate() {
        let side = ["left", "right", "top_most"][number / 2 % 3];
        let (open, full) = (if number < 6 { "false" } else { "true" }, number % 2 == 1);
        let full = if full { "true" } else { "false" };
        let value = f64::from(2 << number);
        assert_eq!(vec.labels(&labels).get(), value);
        let labels = [("open", open), ("side", side), ("b", full)];
        assert_eq!(registry.get_sample_value("c_total", &labels), Some(value));
    }
    let view = registry.restricted(["c_total"]);
    assert_eq!(lines(&view), lines(&registry));
    Ok(())
}

#[test]
fn children_of_a_struct_stay_in_the_order_in_which_they_were_made() -> narthex::Result {
    #[derive(LabelSet)]
    struct Labels {
        side: Side,
    }
    let vec = Gauge::builder("g", "h").labels_of::<Labels>().build()?;
    vec.labels(Labels { side: Side::TopMost }).set(1);
    vec.labels(Labels { side: Side::Left }).set(2);
    vec.create_all();
    vec.labels(Labels { side: Side::TopMost }).inc();
    assert_eq!(
        lines(&vec),
        ["g{side=\"top_most\"} 2.0", "g{side=\"left\"} 2.0", "g{side=\"right\"} 0.0"]
    );
    Ok(())
}

#[test]
fn all_children_can_be_shown_before_anything_is_counted() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels_of::<Door>().build()?;
    vec.create_all();
    let mut expected = Vec::new();
    for open in ["false", "true"] {
        for side in ["left", "right", "top_most"] {
            for full in ["false", "true"] {
                expected
                    .push(format!("c_total{{b=\"{full}\",open=\"{open}\",side=\"{side}\"}} 0.0"));
            }
        }
    }
    assert_eq!(lines(&vec), expected);
    // Again it makes nothing, and takes nothing back.
    doors().for_each(|labels| vec.labels(labels).inc());
    vec.create_all();
    let ones = expected.iter().map(|line| line.replace("} 0.0", "} 1.0"));
    assert_eq!(lines(&vec), ones.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_removed_child_of_closed_labels_keeps_working_and_is_shown_no_more() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels_of::<Door>().build()?;
    let one = Door { open: true, side: Side::Right, full: false };
    let other = Door { open: false, ..one };
    vec.labels(other).inc_by(7);
    assert!(!vec.remove(one));
    let mut old = Vec::new();
    // As often as one likes, by whatever removes.
    let ways: [&dyn Fn() -> bool; 3] = [
        &|| vec.remove(one),
        &|| vec.remove_if(|values| values == ["true", "right", "false"]) == 1,
        &|| vec.remove_if(|values| values[0] == "true") == 1,
    ];
    for (round, remove) in ways.iter().cycle().take(6).enumerate() {
        let handle = vec.handle(one);
        handle.inc_by(round as u64 + 1);
        vec.labels(one).inc();
        let lent = vec.labels(one);
        assert!(remove());
        assert!(!remove());
        lent.inc();
        handle.inc();
        assert_eq!(handle.get(), round as f64 + 4.0);
        assert_eq!(lines(&vec), ["c_total{b=\"false\",open=\"false\",side=\"right\"} 7.0"]);
        assert_eq!(vec.labels(one).get(), 0.0);
        vec.labels(one).inc();
        vec.labels(one).inc();
        assert_eq!(vec.labels(one).get(), 2.0);
        assert_eq!(vec.len(), 2);
        assert!(vec.remove(one));
        old.push(handle);
    }
    let numbers: Vec<_> = old.iter().map(Counter::get).collect();
    assert_eq!(numbers, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    vec.labels(one).inc();
    vec.clear();
    assert!(vec.is_empty());
    doors().for_each(|labels| vec.labels(labels).inc());
    doors().for_each(|labels| assert_eq!(vec.labels(labels).get(), 1.0));
    assert_eq!(vec.len(), 12);
    Ok(())
}

// A thread that has just found a child must not leave it where later ones look,
// if it was removed meanwhile: what they count would be seen by nobody.
#[test]
fn nothing_is_counted_out_of_sight_after_a_removal() -> narthex::Result {
    for round in 0..200_u64 {
        let vec = Counter::builder("c", "h").labels_of::<Door>().build()?;
        let of = |full| Door { open: true, side: Side::Left, full };
        let begin = AtomicBool::new(false);
        thread::scope(|scope| {
            for full in [false, true] {
                let (vec, begin) = (&vec, &begin);
                scope.spawn(move || {
                    while !begin.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    (0..4).for_each(|_| vec.labels(of(full)).inc());
                });
            }
            begin.store(true, Ordering::Release);
            for _ in 0..round % 8 {
                if round % 2 == 0 {
                    vec.remove(of(false));
                } else {
                    vec.clear();
                }
            }
        });
        for full in [false, true] {
            let before = vec.labels(of(full)).get();
            vec.labels(of(full)).inc();
            let shown = format!("c_total{{b=\"{full}\",open=\"true\",side=\"left\"}} ");
            let line = lines(&vec).into_iter().find(|line| line.starts_with(&shown));
            assert_eq!(line, Some(format!("{shown}{:.1}", before + 1.0)), "round {round}");
        }
    }
    Ok(())
}

#[test]
fn threads_that_find_a_child_first_find_the_same() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels_of::<Door>().build()?;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    doors().for_each(|labels| vec.labels(labels).inc());
                }
            });
        }
    });
    doors().for_each(|labels| assert_eq!(vec.labels(labels).get(), 400.0));
    assert_eq!(vec.len(), 12);
    Ok(())
}

#[test]
fn closed_labels_with_too_many_values_are_refused() {
    #[derive(LabelValue)]
    #[allow(dead_code)]
    #[rustfmt::skip]
    enum Hex { N0, N1, N2, N3, N4, N5, N6, N7, N8, N9, A, B, C, D, E, F }
    // 16 to the fourth are 65536.
    #[derive(LabelSet)]
    struct Most {
        a: Hex,
        b: Hex,
        c: Hex,
        d: Hex,
    }
    #[derive(LabelSet)]
    struct TooMany {
        a: Hex,
        b: Hex,
        #[label(rename = "see")]
        c: Hex,
        d: Hex,
        e: bool,
    }
    #[derive(LabelSet)]
    struct ManyAndAText {
        many: Many,
        text: String,
    }
    struct Many;
    impl LabelValue for Many {
        type Buffer = ();
        const VALUES: &'static [&'static str] = &[""; 1 << 20];
        fn text<'a>(&'a self, (): &'a mut ()) -> &'a str {
            ""
        }
    }
    assert!(Counter::builder("c", "h").labels_of::<Most>().build().is_ok());
    let error = Counter::builder("c", "h").labels_of::<TooMany>().build().expect_err("too many");
    assert!(error.is_invalid_label());
    assert_eq!(
        error.to_string(),
        "counter \"c\": the closed labels \"a\" (16 values), \"b\" (16 values), \"see\" (16 values), \
         \"d\" (16 values), \"e\" (2 values) make 131072 children, and 65536 are the most: let one \
         of them be a text"
    );
    assert!(Counter::builder("c", "h").labels_of::<ManyAndAText>().build().is_ok());
}

#[test]
fn labels_of_a_struct_are_checked_like_all_others() {
    #[derive(LabelSet)]
    struct Bucket {
        le: bool,
    }
    #[derive(LabelSet)]
    struct Alike {
        #[label(rename = "a.b")]
        dotted: bool,
        a_b: bool,
    }
    #[derive(LabelSet)]
    struct Unnamed {
        #[label(rename = "")]
        nothing: bool,
    }
    let error = Histogram::builder("h", "h").labels_of::<Bucket>().build().expect_err("reserved");
    assert!(error.is_invalid_label(), "{error}");
    let error = Counter::builder("c", "h").labels_of::<Alike>().build().expect_err("twice");
    assert!(error.is_duplicate(), "{error}");
    let error = Counter::builder("c", "h").labels_of::<Unnamed>().build().expect_err("empty");
    assert!(error.is_invalid_label(), "{error}");
}

#[test]
fn the_same_metric_of_a_struct_is_had_from_several_places() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let builder = || Counter::builder("c", "h").labels_of::<Door>();
    let labels = Door { open: true, side: Side::Left, full: true };
    builder().get_or_register(&registry)?.labels(labels).inc();
    builder().get_or_register(&registry)?.labels(labels).inc();
    assert_eq!(builder().get_or_register(&registry)?.labels(labels).get(), 2.0);
    assert!(builder().register(&registry).unwrap_err().is_duplicate());
    // The same names, but of no struct.
    let other = Counter::builder("c", "h").labels(["open", "side", "b"]);
    assert!(other.get_or_register(&registry).unwrap_err().is_duplicate());
    Ok(())
}

static LATENCY: LazyLock<HistogramVecOf<Door>> = LazyLock::new(|| {
    Histogram::builder("h", "h").labels_of::<Door>().build().expect("names that are allowed")
});

#[test]
fn labels_of_a_struct_can_be_chosen_late() {
    let timer = LATENCY.start_timer();
    let labels = Door { open: true, side: Side::Left, full: true };
    let took = timer.stop(labels);
    assert_eq!(LATENCY.labels(labels).snapshot().count(), 1.0);
    assert_eq!(LATENCY.labels(labels).snapshot().sum(), took.as_secs_f64());
    let timer = LATENCY.start_timer().labels(&labels);
    assert_eq!(LATENCY.labels(labels).snapshot().count(), 1.0);
    drop(timer);
    assert_eq!(LATENCY.labels(labels).snapshot().count(), 2.0);
    drop(LATENCY.start_timer());
    assert_eq!(LATENCY.len(), 1);
}

#[test]
fn a_handle_of_closed_labels_goes_to_other_threads() -> narthex::Result {
    let vec = Summary::builder("s", "h").labels_of::<Door>().build()?;
    let labels = Door { open: false, side: Side::Right, full: true };
    let (handle, of_child) = (vec.handle(labels), vec.labels(labels).handle());
    thread::spawn(move || handle.observe(2)).join().expect("no panic");
    thread::spawn(move || of_child.observe(3)).join().expect("no panic");
    assert_eq!(vec.labels(labels).sum(), 5.0);
    Ok(())
}

#[test]
fn a_metric_of_a_struct_may_be_used_wherever_another_is() {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    fn assert_shared<T: Clone + Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
    assert_shared::<CounterVecOf<Door>>();
    assert_shared::<HistogramVecOf<Request<'static, 'static>>>();
    // What is borrowed for a look-up may be of any thread.
    assert_shared::<CounterVecOf<NotShared>>();

    #[derive(LabelSet)]
    struct NotShared {
        text: NotSent,
    }
    struct NotSent(std::rc::Rc<str>);
    impl LabelValue for NotSent {
        type Buffer = ();
        fn text<'a>(&'a self, (): &'a mut ()) -> &'a str {
            &self.0
        }
    }
}

#[cfg(feature = "multiprocess")]
#[test]
fn closed_labels_live_in_files_too() -> Result<(), Box<dyn std::error::Error>> {
    use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};

    let dir = tempfile::tempdir()?;
    let one = Door { open: true, side: Side::Left, full: true };
    let other = Door { side: Side::Right, ..one };
    for _ in 0..2 {
        let store = MultiprocessStore::open(dir.path())?;
        let vec = Counter::builder("c", "h").labels_of::<Door>().store(&store).build()?;
        vec.labels(one).inc();
        vec.labels(other).inc();
        vec.labels(one).inc();
    }
    let registry = CollectorRegistry::new();
    registry.register(std::sync::Arc::new(MultiProcessCollector::new(dir.path())?))?;
    let value = |side| {
        registry.get_sample_value("c_total", &[("open", "true"), ("side", side), ("b", "true")])
    };
    assert_eq!((value("left"), value("right")), (Some(4.0), Some(2.0)));
    Ok(())
}
