//! Small trees, each with one wall broken, prove that the checker would notice.

use crate::rules::{breaches, edges};

/// Breaches of a tree of (path, text below the opening line).
fn broken(files: &[(&str, &str)]) -> Vec<String> {
    breaches(&tree(files))
}

fn tree(files: &[(&str, &str)]) -> Vec<(String, String)> {
    // Those that the imports below lead to, so that they are known as modules.
    let house =
        ["error", "model", "cell", "collector", "registry", "exposition", "parser", "metrics"];
    let mut tree: Vec<(String, String)> = house
        .iter()
        .map(|module| (format!("src/{module}.rs"), "//! A room.\n".to_owned()))
        .filter(|(path, _)| files.iter().all(|(own, _)| own != path))
        .collect();
    tree.extend(
        files.iter().map(|(path, text)| ((*path).to_owned(), format!("//! A room.\n{text}"))),
    );
    tree
}

#[track_caller]
fn assert_breach(files: &[(&str, &str)], expected: &str) {
    assert_eq!(broken(files), [expected]);
}

#[track_caller]
fn assert_whole(files: &[(&str, &str)]) {
    assert_eq!(broken(files), [""; 0]);
}

#[test]
fn a_house_in_order_has_no_breach() {
    assert_whole(&[
        (
            "src/lib.rs",
            "mod error;\npub mod model;\npub use crate::model::Desc;\npub use crate::error::Error;",
        ),
        ("src/error.rs", "pub struct Error;"),
        ("src/model.rs", "use std::fmt;\nuse crate::error::Error;\npub struct Desc;"),
        (
            "src/collector.rs",
            "use crate::{error::Error, model::{self, Desc}};\nfn f() { model::g() }",
        ),
        ("src/metrics.rs", "use crate::{cell::Cell, registry::Registry};"),
        ("src/health.rs", "use crate::slo::Slo; use crate::metrics::Counter;"),
        ("src/slo.rs", "use crate::global::REGISTRY;"),
        ("src/global.rs", "use crate::metrics::Counter;"),
    ]);
}

#[test]
fn the_floors_hold_from_below() {
    for (path, import, own, top) in [
        ("src/error.rs", "model", "error", "model"),
        ("src/model.rs", "collector", "model", "collector"),
        ("src/model.rs", "cell", "model", "cell"),
        ("src/cell.rs", "model", "cell", "model"),
        ("src/collector.rs", "registry", "collector", "registry"),
        ("src/registry.rs", "metrics", "registry", "metrics"),
        ("src/exposition.rs", "registry", "exposition", "registry"),
        ("src/exposition.rs", "metrics", "exposition", "metrics"),
        ("src/parser.rs", "metrics", "parser", "metrics"),
        ("src/metrics.rs", "exposition", "metrics", "exposition"),
        ("src/metrics.rs", "parser", "metrics", "parser"),
        ("src/http.rs", "metrics", "http", "metrics"),
        ("src/http.rs", "global", "http", "global"),
        ("src/global.rs", "slo", "global", "slo"),
    ] {
        let text = format!("use crate::{import}::Thing;");
        assert_breach(&[(path, &text)], &format!("{path}:2: `{own}` must not import `{top}`"));
    }
}

#[test]
fn an_import_is_seen_however_it_is_written() {
    for text in [
        "use crate::metrics::Counter;",
        "use crate::metrics;",
        "use crate::metrics::{self, counter::{Counter, Other as O}};",
        "use crate::{error::Error, metrics::*};",
        "use super::metrics::Counter;",
        "pub(crate) use crate::metrics::Counter;",
        "fn f() -> crate::metrics::Counter { todo() }",
        "fn f() { assert_eq!(1, crate::metrics::g()); }",
        "fn f() { if true { super::metrics::g::<u8>() } }",
        "impl<T> From<T> for X where T: Into<crate::metrics::Counter> {}",
        "macro_rules! m { () => { $crate::metrics::Counter } }",
        "mod inner { use super::super::metrics::Counter; }",
        "#[cfg(any(test, unix))] use crate::metrics::Counter;",
        "#[cfg(not(test))] use crate::metrics::Counter;",
    ] {
        let found = broken(&[("src/registry.rs", text)]);
        assert!(!found.is_empty(), "{text}");
        for breach in found {
            assert_eq!(breach, "src/registry.rs:2: `registry` must not import `metrics`", "{text}");
        }
    }
}

#[test]
fn tests_comments_and_strings_are_no_imports() {
    assert_whole(&[
        (
            "src/registry/mod.rs",
            "/// [`Counter`](crate::metrics::Counter)\n// use crate::metrics::Counter;\n#[cfg(test)]\nmod tests;",
        ),
        ("src/registry/tests.rs", "use crate::metrics::Counter;\nuse crate::Error;"),
        (
            "src/collector.rs",
            "const S: &str = \"use crate::metrics::X\";\n#[cfg(test)]\nmod tests { use crate::metrics::Counter; }",
        ),
        (
            "src/parser.rs",
            "#[cfg(all(test, unix))]\nfn f<A, B>() -> crate::metrics::X {}\nfn g() {}",
        ),
        (
            "src/model.rs",
            "use metrics::Counter;\nuse ::metrics::Gauge;\npub(in crate::model) struct X;",
        ),
    ]);
}

#[test]
fn code_behind_a_test_is_code_again() {
    assert_breach(
        &[("src/registry.rs", "#[cfg(test)]\nuse crate::metrics::A;\nuse crate::metrics::B;")],
        "src/registry.rs:4: `registry` must not import `metrics`",
    );
    assert_breach(
        &[("src/registry.rs", "struct S {\n#[cfg(test)] a: Map<u8, u8>,\nb: crate::metrics::B }")],
        "src/registry.rs:4: `registry` must not import `metrics`",
    );
}

#[test]
fn nobody_imports_the_root() {
    let expected = "src/registry.rs:2: nothing imports lib.rs: `crate::Error`";
    assert_breach(&[("src/registry.rs", "use crate::Error;")], expected);
    assert_breach(&[("src/registry.rs", "use super::Error;")], expected);
    assert_breach(&[("src/registry.rs", "fn f() -> crate::Error {}")], expected);
    // A macro is expanded where only the public names of the root can be seen.
    assert_whole(&[("src/registry.rs", "macro_rules! m { () => { $crate::Error } }")]);
}

#[test]
fn the_root_defines_nothing() {
    assert_breach(
        &[("src/lib.rs", "pub mod model;\npub fn f() {}")],
        "src/lib.rs:3: lib.rs names things and defines none: `fn`",
    );
    assert_whole(&[("src/lib.rs", "#[cfg(doctest)]\nstruct Readme;\npub mod model;")]);
}

#[test]
fn a_new_module_has_to_be_given_a_floor() {
    assert_breach(
        &[("src/news/mod.rs", "")],
        "src/news/mod.rs: the module `news` has no floor; add it to FLOORS or UPPER in tests/walls/rules.rs",
    );
    assert_eq!(broken(&[("src/news.rs", ""), ("src/metrics.rs", "use crate::news::A;")]).len(), 2);
}

#[test]
fn circles_are_found_inside_a_module_and_through_others() {
    assert_breach(
        &[
            ("src/model/mod.rs", ""),
            ("src/model/a.rs", "use super::b::B;"),
            ("src/model/b.rs", "use crate::model::c::C;"),
            ("src/model/c.rs", "fn f() { super::a::g() }"),
        ],
        "a circle of imports: model::a -> model::b, model::b -> model::c, model::c -> model::a",
    );
    assert_breach(
        &[("src/slo.rs", "use crate::alert::A;"), ("src/alert.rs", "use crate::slo::S;")],
        "a circle of imports: slo -> alert, alert -> slo",
    );
}

#[test]
fn a_circle_through_a_re_export_is_a_circle() {
    assert_breach(
        &[
            ("src/model/mod.rs", "mod a;\nmod b;\npub use self::a::A;\npub use self::b::B;"),
            ("src/model/a.rs", "use crate::model::B;"),
            ("src/model/b.rs", "use super::A;"),
        ],
        "a circle of imports: model::a -> model::b, model::b -> model::a",
    );
}

#[test]
fn a_parent_may_be_the_front_door_of_its_children_or_their_user() {
    // The door: the child uses what the parent defines, and the parent only re-exports.
    assert_whole(&[
        ("src/model/mod.rs", "mod a;\npub use self::a::A;\npub struct Shared;"),
        ("src/model/a.rs", "use super::Shared;"),
    ]);
    // The user: the parent works with the child, which knows nothing of it.
    assert_whole(&[
        ("src/model/mod.rs", "mod a;\nuse self::a::A;\nfn f() { a::g() }"),
        ("src/model/a.rs", ""),
    ]);
    // Both at once is a circle, however the parent writes it.
    for import in
        ["use self::a::A;", "use a::A;", "fn f() { a::g() }", "use self::a;\nfn f() { a::g() }"]
    {
        assert_breach(
            &[
                ("src/model/mod.rs", &format!("mod a;\n{import}\npub struct Shared;")),
                ("src/model/a.rs", "use super::Shared;"),
            ],
            "a circle of imports: model -> model::a, model::a -> model",
        );
    }
}

#[test]
fn a_parent_that_is_listed_may_be_both() {
    let parent = "mod a;\nmod b;\nuse self::a::A;\npub struct Shared;";
    assert_whole(&[("src/registry/mod.rs", parent), ("src/registry/a.rs", "use super::Shared;")]);
    // Its children among themselves, and the children of others, are not excused.
    assert_breach(
        &[
            ("src/registry/mod.rs", parent),
            ("src/registry/a.rs", "use super::Shared;\nuse super::b::B;"),
            ("src/registry/b.rs", "use super::a::A;"),
        ],
        "a circle of imports: registry::a -> registry::b, registry::b -> registry::a",
    );
}

#[test]
fn an_import_leads_to_the_file_that_defines() {
    let edges = edges(&tree(&[
        ("src/model/mod.rs", "mod a;\npub use self::a::A as Renamed;"),
        ("src/model/a.rs", "pub struct A;"),
        ("src/collector.rs", "use crate::model::Renamed;"),
    ]));
    assert_eq!(
        edges.into_iter().collect::<Vec<_>>(),
        [("collector".to_owned(), "model::a".to_owned())]
    );
}

#[test]
fn unsafe_lives_in_cells_alone() {
    let text = "fn f() {\n    unsafe { g() }\n}";
    assert_breach(
        &[("src/model.rs", text)],
        "src/model.rs:3: `unsafe` has its place in src/cell/ alone",
    );
    assert_whole(&[("src/cell/slab.rs", text)]);
    assert_whole(&[("src/model.rs", "// unsafe\n#[cfg(test)]\nmod tests { unsafe fn f() {} }")]);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut tree = tree(&[]);
    tree[0].1 = "use std::fmt;\n//! Late.\n".to_owned();
    let found = breaches(&tree);
    assert_eq!(found[0], "src/error.rs:1: a file opens with a `//!` line that says what it is for");
}

#[test]
fn rooms_are_small_without_their_tests() {
    let lines = "fn f() {}\n".repeat(450);
    assert_breach(
        &[("src/model.rs", &lines)],
        "src/model.rs: 451 lines without tests, and a room has 450 at most",
    );
    let lines = "fn f() {}\n".repeat(449);
    assert_whole(&[("src/model.rs", &lines)]);
    let with_tests = format!("{lines}#[cfg(test)]\nmod tests {{\n{lines}}}\n");
    assert_whole(&[("src/model.rs", &with_tests)]);
}

#[test]
fn nothing_is_left_behind() {
    for leftover in ["TO_DO", "FIX_ME", "to_do!", "db_g!", "unimplemen_ted!", "#[ig_nore]"] {
        let leftover = leftover.replace('_', "");
        let found = broken(&[("src/model.rs", &format!("// {leftover}"))]);
        let expected = leftover.trim_end_matches(']');
        assert_eq!(found, [format!("src/model.rs:2: {expected} is left behind")]);
    }
}

#[test]
fn globs_are_not_re_exported() {
    assert_breach(
        &[("src/collector.rs", "pub use crate::model::*;")],
        "src/collector.rs:2: a glob re-export",
    );
}
