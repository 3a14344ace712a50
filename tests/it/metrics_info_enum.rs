//! Infos and enums: facts and states.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use narthex::model::NameValidation;
use narthex::{CollectorRegistry, Enum, Info, States};

use crate::support::{lines, openmetrics};

#[test]
fn facts_are_replaced_whole() -> narthex::Result {
    let info = Info::builder("build", "What runs.").build()?;
    assert_eq!(lines(&info), ["build_info 1.0"]);
    info.info([("version", "1.2"), ("arch", "arm")])?;
    assert_eq!(lines(&info), ["build_info{arch=\"arm\",version=\"1.2\"} 1.0"]);
    info.info([("commit".to_owned(), "a\"b\\c\nd".to_owned())])?;
    assert_eq!(lines(&info), ["build_info{commit=\"a\\\"b\\\\c\\nd\"} 1.0"]);
    info.info([] as [(&str, &str); 0])?;
    assert_eq!(lines(&info), ["build_info 1.0"]);
    Ok(())
}

#[test]
fn a_scrape_sees_facts_of_one_time() -> narthex::Result {
    let vec = Info::builder("i", "h").labels(["z"]).build()?;
    // Many, so that some is replaced just when it is shown.
    let infos: Vec<_> = (0..100).map(|z| vec.labels((z,)).handle()).collect();
    let begin = |info: &Info| info.info([("a", "1")]);
    infos.iter().try_for_each(begin)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                infos.iter().try_for_each(|info| info.info([("b", "2"), ("c", "3")]))?;
                infos.iter().try_for_each(begin)?;
            }
            narthex::Result::Ok(())
        });
        let whole = ["i_info{a=\"1\",z=", "i_info{b=\"2\",c=\"3\",z="];
        let is_whole = |line: &String| whole.iter().any(|head| line.starts_with(head));
        let torn = (0..2_000)
            .map(|_| lines(&vec))
            .find(|lines| lines.len() != infos.len() || !lines.iter().all(is_whole));
        done.store(true, Ordering::Relaxed);
        assert_eq!(torn, None);
        writer.join().expect("no panic")
    })
}

#[test]
fn facts_are_held_to_the_rules_of_the_metric() -> narthex::Result {
    let info = Info::builder("build", "h").name_validation(NameValidation::Legacy).build()?;
    assert!(info.info([("git.commit", "4bf92f3")]).unwrap_err().is_invalid_label());
    info.info([("git_commit", "4bf92f3")])
}

#[test]
fn a_fact_cannot_have_the_name_of_a_label() -> narthex::Result {
    let info = Info::builder("build", "h").labels(["part", "a.b"]).build()?;
    let child = info.labels(["core", "x"]).handle();
    child.info([("version", "1")])?;
    let shown = ["build_info{a_b=\"x\",part=\"core\",version=\"1\"} 1.0"];
    assert_eq!(lines(&info), shown);
    let error = child.info([("version", "2"), ("part", "x")]).unwrap_err();
    assert!(error.is_invalid_label());
    assert_eq!(error.to_string(), "fact \"part\" of info \"build\" has the name of a label");
    assert!(child.info([("a_b", "collides when escaped")]).unwrap_err().is_duplicate());
    assert!(child.info([("x", "1"), ("x", "2")]).unwrap_err().is_duplicate());
    assert!(child.info([("__x", "1")]).unwrap_err().is_invalid_label());
    assert!(child.info([("", "1")]).unwrap_err().is_invalid_label());
    // Nothing of that has changed the facts.
    assert_eq!(lines(&info), shown);
    Ok(())
}

#[test]
fn children_may_have_different_facts() -> narthex::Result {
    let info = Info::builder("part", "h").labels(["part"]).build()?;
    info.labels(["a"]).info([("version", "1")])?;
    info.labels(["b"]);
    info.labels(["c"]).info([("license", "MIT")])?;
    info.labels(["d"]).info([("license", "GPL")])?;
    assert_eq!(
        lines(&info),
        [
            "part_info{part=\"a\",version=\"1\"} 1.0",
            "part_info{part=\"b\"} 1.0",
            "part_info{license=\"MIT\",part=\"c\"} 1.0",
            "part_info{license=\"GPL\",part=\"d\"} 1.0",
        ]
    );
    Ok(())
}

#[test]
fn an_info_has_no_unit() {
    assert!(Info::builder("i", "h").unit("bytes").build().unwrap_err().is_invalid_name());
}

#[test]
fn an_enum_is_in_one_of_its_states() -> narthex::Result {
    let registry = CollectorRegistry::new();
    let task = Enum::builder("task", "h").states(["idle", "a\"b", "down"]).register(&registry)?;
    assert_eq!(task.get(), "idle");
    task.state("a\"b")?;
    assert_eq!(task.get(), "a\"b");
    assert_eq!(
        openmetrics(&registry),
        "# HELP task h\n# TYPE task stateset\n\
         task{task=\"idle\"} 0.0\ntask{task=\"a\\\"b\"} 1.0\ntask{task=\"down\"} 0.0\n# EOF\n"
    );
    let error = task.state("asleep").unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(
        error.to_string(),
        "enum \"task\" has the states [\"idle\", \"a\\\"b\", \"down\"], not \"asleep\""
    );
    assert_eq!(task.get(), "a\"b");
    Ok(())
}

#[test]
fn states_are_some_and_each_once() {
    let error = Enum::builder("e", "h").build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), "enum \"e\" has no states");
    let error = Enum::builder("e", "h").states(["a", "b", "a"]).build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), "state \"a\" of enum \"e\" stands twice");
    assert!(Enum::builder("e", "h").states(["a"]).unit("s").build().unwrap_err().is_invalid_name());
}

#[test]
fn the_name_of_an_enum_is_a_label_of_its_own() -> narthex::Result {
    let builder = || Enum::builder("e", "h").namespace("ns").states(["a"]);
    let error = builder().labels(["ns_e"]).build().unwrap_err();
    assert!(error.is_invalid_label());
    assert_eq!(error.to_string(), "label name \"ns_e\" is reserved in enum \"ns_e\"");
    assert!(builder().labels(["ns.e"]).build().unwrap_err().is_duplicate());
    // It stands among the others in their order.
    let vec = builder().labels(["z", "a"]).build()?;
    vec.labels(["1", "2"]);
    assert_eq!(lines(&vec), ["ns_e{a=\"2\",ns_e=\"a\",z=\"1\"} 1.0"]);
    Ok(())
}

#[test]
fn children_have_states_of_their_own() -> narthex::Result {
    let vec = Enum::builder("e", "h").states(["on", "off"]).labels(["z"]).build()?;
    vec.labels(["1"]).state("off")?;
    vec.labels(["2"]).state("on")?;
    assert_eq!(
        lines(&vec),
        [
            "e{e=\"on\",z=\"1\"} 0.0",
            "e{e=\"off\",z=\"1\"} 1.0",
            "e{e=\"on\",z=\"2\"} 1.0",
            "e{e=\"off\",z=\"2\"} 0.0",
        ]
    );
    Ok(())
}

#[derive(Clone, Copy)]
enum Task {
    Idle,
    Running,
}

impl States for Task {
    const STATES: &'static [&'static str] = &["idle", "running"];

    fn index(&self) -> usize {
        *self as usize
    }
}

#[test]
fn states_are_those_of_a_rust_enum() -> narthex::Result {
    let task = Enum::builder("task", "h").states_of::<Task>().build()?;
    assert_eq!(task.get(), "idle");
    task.set(&Task::Running);
    assert_eq!(lines(&task), ["task{task=\"idle\"} 0.0", "task{task=\"running\"} 1.0"]);
    task.set(&Task::Idle);
    assert_eq!(task.get(), "idle");
    Ok(())
}

#[test]
fn a_state_of_another_type_changes_nothing() -> narthex::Result {
    struct Broken;
    impl States for Broken {
        const STATES: &'static [&'static str] = &["broken"];
        fn index(&self) -> usize {
            99
        }
    }
    let other = Enum::builder("task", "h").states(["idle", "stopped"]).build()?;
    other.state("stopped")?;
    other.set(&Task::Running);
    other.set(&Broken);
    assert_eq!(other.get(), "stopped");
    Ok(())
}
