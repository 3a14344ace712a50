//! Labels: which child a set of values names, and how children come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex::model::NameValidation;
use narthex::{CollectorRegistry, Counter, Gauge, Histogram, LabelValue};

use crate::support::{for_each_sample, lines};

#[test]
fn values_name_the_same_child_in_every_form() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["method", "code"]).build()?;
    vec.labels(["GET", "200"]).inc();
    vec.labels(["GET".to_owned(), "200".to_owned()]).inc();
    vec.labels(("GET", 200)).inc();
    vec.labels(("GET".to_owned(), 200_u64)).inc();
    vec.labels((&"GET", &200_u8)).inc();
    vec.labels_by_name(&[("code", "200"), ("method", "GET")])?.inc();
    vec.labels(["GET", "200"]).handle().inc();
    assert_eq!(lines(&vec), ["c_total{code=\"200\",method=\"GET\"} 7.0"]);
    Ok(())
}

#[test]
fn values_of_many_types_are_written_plainly() -> narthex::Result {
    enum Side {
        Left,
    }
    impl LabelValue for Side {
        type Buffer = ();
        fn text<'a>(&'a self, (): &'a mut ()) -> &'a str {
            match self {
                Self::Left => "left",
            }
        }
    }
    let vec =
        Counter::builder("c", "h").labels(["a", "b", "c", "d", "e", "f", "g", "h"]).build()?;
    vec.labels((i64::MIN, u64::MAX, true, 'ü', Side::Left, "text", -1_i8, String::new())).inc();
    assert_eq!(
        lines(&vec),
        ["c_total{a=\"-9223372036854775808\",b=\"18446744073709551615\",c=\"true\",d=\"ü\",\
          e=\"left\",f=\"text\",g=\"-1\",h=\"\"} 1.0"]
    );
    Ok(())
}

#[test]
fn values_that_look_alike_are_different_children() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["a", "b"]).build()?;
    let pairs = [
        ["ab", "c"],
        ["a", "bc"],
        ["abc", ""],
        ["", "abc"],
        ["x\ny", ""],
        ["x\\ny", ""],
        ["x\\\\ny", ""],
        ["x\\\ny", ""],
        ["xny", ""],
        ["\"", ""],
        ["\\\"", ""],
        ["\\", "\""],
        ["\\\\", ""],
        ["\\", "\\"],
        ["\r", "\0"],
        ["é", "e\u{301}"],
        ["e\u{301}", "é"],
    ];
    for (place, pair) in pairs.iter().enumerate() {
        vec.labels(*pair).inc_by(place as u32 + 1);
    }
    assert_eq!(vec.len(), pairs.len());
    for (place, pair) in pairs.iter().enumerate() {
        assert_eq!(vec.labels(*pair).get(), place as f64 + 1.0, "{pair:?}");
        assert_eq!(
            vec.labels_by_name(&[("b", pair[1]), ("a", pair[0])])?.get(),
            place as f64 + 1.0
        );
    }
    // What is exposed is what was given.
    let mut shown = Vec::new();
    for_each_sample(&vec, &mut |sample| {
        let value = |name| sample.labels().get(name).expect("a label").into_owned();
        shown.push([value("a"), value("b")]);
    });
    assert_eq!(shown, pairs.map(|pair| pair.map(str::to_owned)));
    for pair in &pairs {
        assert!(vec.remove(*pair), "{pair:?}");
    }
    assert!(vec.is_empty());
    Ok(())
}

#[test]
fn values_that_begin_alike_are_told_apart() -> narthex::Result {
    // So many that some have hashes that are alike as far as a table looks at them.
    let vec = Counter::builder("c", "h").labels(["a"]).build()?;
    for character in ["\\", "x", "\n"] {
        (1..600).for_each(|n| vec.labels([character.repeat(n)]).inc_by(n as u32));
        for n in 1..600 {
            assert_eq!(vec.labels([character.repeat(n)]).get(), n as f64);
        }
    }
    assert_eq!(vec.len(), 3 * 599);
    Ok(())
}

#[test]
fn escapes_are_written_as_the_formats_want_them() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["a"]).build()?;
    vec.labels(["back\\slash \"quote\"\nline"]).inc();
    assert_eq!(lines(&vec), ["c_total{a=\"back\\\\slash \\\"quote\\\"\\nline\"} 1.0"]);
    Ok(())
}

#[test]
fn names_say_which_value_is_which() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["b", "a"]).build()?;
    for (labels, message) in [
        (vec![("a", "1")], "\"c\" has 2 labels [\"b\", \"a\"], not 1"),
        (vec![("a", "1"), ("x", "2")], "\"c\" has labels [\"b\", \"a\"], not \"x\""),
        (vec![("a", "1"), ("A", "2")], "\"c\" has labels [\"b\", \"a\"], not \"A\""),
        (vec![("a", "1"), ("a", "2")], "label \"a\" of \"c\" stands twice"),
        (vec![("a", "1"), ("b", "2"), ("b", "2")], "\"c\" has 2 labels [\"b\", \"a\"], not 3"),
    ] {
        let error = vec.labels_by_name(&labels).expect_err("not its labels");
        assert!(error.is_invalid_label());
        assert_eq!(error.to_string(), message);
    }
    assert!(vec.is_empty());
    Ok(())
}

#[test]
fn dynamic_labels_are_counted_when_used() -> narthex::Result {
    let names: Vec<String> = ["b", "a"].map(str::to_owned).into();
    let vec = Counter::builder("c", "h").labels_dyn(names).build()?;
    vec.labels(&["1", "2"])?.inc();
    vec.labels_by_name(&[("a", "2"), ("b", "1")])?.inc();
    assert_eq!(lines(&vec), ["c_total{a=\"2\",b=\"1\"} 2.0"]);
    for values in [&[][..], &["1"], &["1", "2", "3"]] {
        let error = vec.labels(values).expect_err("the wrong number");
        assert!(error.is_invalid_label());
        let message = format!("\"c\" has 2 labels [\"b\", \"a\"], not {}", values.len());
        assert_eq!(error.to_string(), message);
        assert!(vec.remove(values).unwrap_err().is_invalid_label());
    }
    assert!(!vec.remove(&["1", "1"])?);
    assert!(vec.remove(&["1", "2"])?);
    assert!(vec.is_empty());
    vec.labels(&["1", "2"])?;
    assert_eq!(vec.remove_if(|values| values == ["1", "2"]), 1);
    vec.labels(&["1", "2"])?;
    assert_eq!(vec.remove_by_labels(&[("a", "2")])?, 1);
    Ok(())
}

#[test]
fn no_labels_at_all_are_one_child() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels_dyn([] as [&str; 0]).build()?;
    assert_eq!(lines(&vec), [""; 0]);
    vec.labels(&[])?.inc();
    vec.labels(&[])?.inc();
    assert_eq!(lines(&vec), ["c_total 2.0"]);
    Ok(())
}

#[test]
fn label_names_are_checked_when_the_metric_is_built() {
    for (names, message) in [
        (["ok", ""], "a label name cannot be empty"),
        (["ok", "__x"], "label name \"__x\" is reserved: it begins with two underscores"),
        (["ok", "__name__"], "label name \"__name__\" is reserved: it begins with two underscores"),
    ] {
        let error = Counter::builder("c", "h").labels(names).build().expect_err("a bad name");
        assert!(error.is_invalid_label());
        assert_eq!(error.to_string(), format!("counter \"c\": {message}"));
    }
    for (names, message) in [
        (["a", "a"], "label name \"a\" stands twice"),
        (["a.b", "a_b"], "label names \"a.b\" and \"a_b\" are both \"a_b\" when escaped"),
        (["a.b", "a b"], "label names \"a b\" and \"a.b\" are both \"a_b\" when escaped"),
    ] {
        let error = Counter::builder("c", "h").labels(names).build().expect_err("twice");
        assert!(error.is_duplicate(), "{error}");
        assert_eq!(error.to_string(), format!("counter \"c\": {message}"));
        let error = Gauge::builder("c", "h").labels_dyn(names).build().expect_err("twice");
        assert!(error.is_duplicate(), "{error}");
    }
    assert!(Counter::builder("c", "h").labels(["le", "quantile", "pid", "c"]).build().is_ok());
    let legacy = |name: &str| {
        let builder = Counter::builder("c", "h").name_validation(NameValidation::Legacy);
        builder.labels([name]).build().is_ok()
    };
    assert!(legacy("_a1") && !legacy("1a") && !legacy("a:b") && !legacy("é"));
}

#[test]
fn a_failed_build_registers_nothing() -> narthex::Result {
    let registry = CollectorRegistry::new();
    assert!(Histogram::builder("h", "h").labels(["le"]).register(&registry).is_err());
    assert!(Histogram::builder("h", "h").buckets([2.0, 1.0]).register(&registry).is_err());
    assert_eq!(registry.owner_of("h").map(|_| ()), None);
    Histogram::builder("h", "h").register(&registry)?.observe(1);
    Ok(())
}

#[test]
fn a_removed_child_keeps_working_and_is_shown_no_more() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["a"]).build()?;
    let old = vec.labels(["x"]).handle();
    old.inc_by(5);
    assert!(vec.remove(["x"]));
    assert!(!vec.remove(["x"]));
    old.inc();
    assert_eq!(old.get(), 6.0);
    assert_eq!(lines(&vec), [""; 0]);
    // Made anew it begins at zero, and has nothing to do with the old one.
    vec.labels(["x"]).inc();
    old.inc();
    assert_eq!((vec.labels(["x"]).get(), old.get()), (1.0, 7.0));
    assert_eq!(lines(&vec), ["c_total{a=\"x\"} 1.0"]);
    vec.clear();
    assert!(vec.is_empty());
    assert_eq!((vec.labels(["x"]).get(), old.get()), (0.0, 7.0));
    Ok(())
}

#[test]
fn children_stay_in_the_order_in_which_they_were_made() -> narthex::Result {
    let vec = Gauge::builder("g", "h").labels(["a"]).build()?;
    for value in ["c", "a", "d", "b"] {
        vec.labels([value]).set(1);
    }
    vec.remove(["a"]);
    vec.labels(["a"]).set(1);
    let order: Vec<_> = lines(&vec).iter().map(|line| line[5..6].to_owned()).collect();
    assert_eq!(order, ["c", "d", "b", "a"]);
    Ok(())
}

#[test]
fn children_are_removed_by_what_they_are_named() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l", "k"]).build()?;
    let fill = || {
        for values in [["x", "y"], ["x", "z"], ["w", "z"], ["a\"b", "\\"]] {
            vec.labels(values).inc();
        }
    };
    fill();
    assert_eq!(vec.remove_by_labels(&[("k", "z")])?, 2);
    assert_eq!(vec.len(), 2);
    assert_eq!(vec.remove_by_labels(&[("k", "z")])?, 0);
    assert_eq!(vec.remove_by_labels(&[])?, 0);
    assert_eq!(vec.remove_by_labels(&[("k", "\\"), ("l", "a\"b")])?, 1);
    assert_eq!(vec.remove_by_labels(&[("k", "y"), ("l", "w")])?, 0);
    assert!(vec.remove_by_labels(&[("k", "y"), ("m", "y")]).unwrap_err().is_invalid_label());
    assert_eq!(lines(&vec), ["c_total{k=\"y\",l=\"x\"} 1.0"]);
    fill();
    // Raw values, in the order of declaration.
    assert_eq!(vec.remove_if(|[l, k]| *l == "a\"b" && *k == "\\"), 1);
    assert_eq!(vec.remove_if(|_| false), 0);
    assert_eq!(vec.remove_if(|[l, _]| *l == "x"), 2);
    assert_eq!(lines(&vec), ["c_total{k=\"z\",l=\"w\"} 1.0"]);
    Ok(())
}

#[test]
fn what_picks_children_may_use_the_metric() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l"]).build()?;
    vec.labels(["old"]).inc();
    let removed = vec.remove_if(|[value]| {
        // Taken out and made anew in the meantime: it is another child, which stays.
        vec.remove([*value]);
        vec.labels([*value]).inc();
        vec.labels(["new"]).inc();
        true
    });
    assert_eq!(removed, 0);
    assert_eq!(lines(&vec), ["c_total{l=\"old\"} 1.0", "c_total{l=\"new\"} 1.0"]);
    Ok(())
}

#[test]
fn many_children_are_all_shown_once() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l"]).build()?;
    // Long values end a chunk early, short ones fill it.
    let value = |child: usize| format!("{child}-{}", "x".repeat(child % 700));
    for child in 0..1000 {
        vec.labels([value(child)]).inc_by(child as u32);
    }
    let mut shown = Vec::new();
    for_each_sample(&vec, &mut |sample| {
        shown.push((sample.labels().get("l").expect("l").into_owned(), sample.value()));
    });
    let expected: Vec<_> = (0..1000).map(|child| (value(child), child as f64)).collect();
    assert_eq!(shown, expected);
    Ok(())
}

#[test]
fn a_child_that_is_made_anew_during_a_scrape_is_shown_once() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l"]).build()?;
    (0..1000).for_each(|child| vec.labels((child,)).inc());
    let mut shown = Vec::new();
    for_each_sample(&vec, &mut |sample| {
        let name = sample.labels().get("l").expect("l").into_owned();
        if shown.len() < 2000 {
            vec.remove([&name]);
            vec.labels([&name]).inc();
        }
        shown.push(name);
    });
    assert_eq!(shown, (0..1000).map(|child| child.to_string()).collect::<Vec<_>>());
    assert_eq!(vec.len(), 1000);
    Ok(())
}

#[test]
fn threads_make_the_same_child_once() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["a", "b"]).build()?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..5000 {
                    vec.labels((round % 97, "x")).inc();
                    vec.labels(["same", "x"]).inc();
                }
            });
        }
    });
    assert_eq!(vec.len(), 98);
    assert_eq!(vec.labels(["same", "x"]).get(), 20_000.0);
    let all: f64 = (0..97).map(|value| vec.labels((value, "x")).get()).sum();
    assert_eq!(all, 20_000.0);
    Ok(())
}

#[test]
fn children_come_and_go_while_others_count_and_scrape() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let vec = Counter::builder("c", "h").labels(["l"]).register(&registry)?;
    let done = AtomicBool::new(false);
    let kept: Vec<_> = (0..4).map(|n| vec.labels((format!("kept-{n}"),)).handle()).collect();
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| {
            let mut round = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let name = format!("churn-{}", round % 300);
                vec.labels([&name]).inc();
                match round % 3 {
                    0 => drop(vec.remove([&name])),
                    1 => drop(vec.remove_if(|[value]| *value == name)),
                    _ => {}
                }
                round += 1;
            }
        });
        let scrape = scope.spawn(|| {
            let mut last = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                let mut seen = BTreeMap::new();
                for_each_sample(&registry, &mut |sample| {
                    let name = sample.labels().get("l").expect("l").into_owned();
                    assert_eq!(seen.insert(name.clone(), sample.value()), None, "{name} twice");
                });
                for n in 0..4 {
                    let name = format!("kept-{n}");
                    let total = seen.get(&name).copied().expect("a kept child");
                    let before = last.insert(name, total).unwrap_or(0.0);
                    assert!(total >= before);
                }
            }
        });
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let (vec, kept) = (&vec, &kept);
                scope.spawn(move || {
                    for _ in 0..5000 {
                        kept[n].inc();
                        vec.labels((format!("kept-{n}"),)).inc();
                        vec.labels(["kept-0"]).inc();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        done.store(true, Ordering::Relaxed);
        churn.join().expect("the churn");
        scrape.join().expect("the scrapes");
    });
    let totals: Vec<_> = kept.iter().map(Counter::get).collect();
    // 10000 of its own each, and 4 × 5000 from everybody for the first.
    assert_eq!(totals, [30_000.0, 10_000.0, 10_000.0, 10_000.0]);
    Ok(())
}

#[test]
fn a_handle_is_a_family_of_one() -> narthex::Result {
    let vec = Counter::builder("c", "h").labels(["l"]).build()?;
    let handle = vec.labels(["a"]).handle();
    vec.labels(["b"]).inc();
    handle.inc();
    assert_eq!(lines(&handle), ["c_total{l=\"a\"} 1.0"]);
    assert!(format!("{handle:?}").contains("l: \"a\""));
    assert!(format!("{vec:?}").contains("children: 2"));
    Ok(())
}
