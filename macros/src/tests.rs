//! What a derive refuses, at which place, and what it advises.

use proc_macro2::TokenStream;
use syn::{DeriveInput, Result};

use crate::{label_set, label_value};

/// Where the error points, as it stands in the source, and what it says.
fn error(by: fn(&DeriveInput) -> Result<TokenStream>, source: &str) -> (String, String) {
    let input = syn::parse_str(source).expect("a struct or an enum");
    let error = by(&input).expect_err("refused");
    (error.span().source_text().expect("a place in the source"), error.to_string())
}

fn assert_refused(
    by: fn(&DeriveInput) -> Result<TokenStream>,
    source: &str,
    place: &str,
    advice: &str,
) {
    let (at, message) = error(by, source);
    assert_eq!(at, place, "{message}");
    assert!(message.contains(advice), "{message:?} is without {advice:?}");
}

#[test]
fn an_enum_of_values_has_variants_without_fields() {
    let refused =
        |source, place, advice| assert_refused(label_value::expand, source, place, advice);
    refused("struct Method { name: String }", "Method", "a struct of labels derives `LabelSet`");
    refused("union Method { a: u8 }", "Method", "is derived for an enum");
    refused("enum Method {}", "Method", "at least one value");
    refused("enum Code { Ok, Other(u16) }", "(u16)", "implement `LabelValue` by hand");
    refused("enum Code { Ok, Other { n: u16 } }", "{ n: u16 }", "implement `LabelValue` by hand");
}

#[test]
fn values_of_one_text_are_refused_at_the_second() {
    let refused =
        |source, place, advice| assert_refused(label_value::expand, source, place, advice);
    refused(
        r#"enum Method { Get, #[label(rename = "get")] Fetch }"#,
        "Fetch",
        r#""get" stands for `Get` already: give one of them a `rename`"#,
    );
    refused(r#"#[label(rename_all = "lowercase")] enum E { InUse, Inuse }"#, "Inuse", "InUse");
}

#[test]
fn attributes_that_say_nothing_are_refused() {
    for by in [label_value::expand, label_set::expand] {
        let body = if std::ptr::fn_addr_eq(by, label_set::expand as fn(&_) -> _) {
            "struct S { field: bool }"
        } else {
            "enum E { Variant }"
        };
        let refused = |attribute: &str, place, advice| {
            assert_refused(by, &format!("{attribute} {body}"), place, advice);
        };
        refused(r#"#[label(rename_all = "Snake")]"#, r#""Snake""#, r#""snake_case""#);
        refused(r#"#[label(rename = "x")]"#, "rename", "at a variant or a field");
        refused("#[label(case = 1)]", "case", "`rename_all = \"…\"`");
        refused("#[label(rename_all)]", ")", "expected `=`");
        refused("#[label(rename_all = 1)]", "1", "expected string literal");
        refused(r#"#[label(crate = "1x")]"#, r#""1x""#, "");
        refused("#[label]", "label", "expected attribute arguments");
    }
    let refused =
        |source, place, advice| assert_refused(label_value::expand, source, place, advice);
    refused("enum E { #[label(skip)] A }", "skip", "`rename = \"…\"`");
    refused(
        r#"enum E { #[label(rename = "a")] #[label(rename = "b")] A }"#,
        r#"rename = "b""#,
        "one `rename` is enough",
    );
}

#[test]
fn a_set_of_labels_has_named_fields() {
    let refused = |source, place, advice| assert_refused(label_set::expand, source, place, advice);
    refused("enum Request { Get }", "Request", "an enum of values derives `LabelValue`");
    refused("struct Request;", "Request", "a named field for each label");
    refused("struct Request {}", "Request", "at least one");
    refused("struct Request(bool);", "Request", "a named field for each label");
    refused("struct Request<T> { a: T }", "T", "name the type of the field");
    refused("struct Request<'a, const N: usize> { a: &'a str }", "const N: usize", "lifetimes");
}

#[test]
fn labels_of_one_name_are_refused_at_the_second() {
    assert_refused(
        label_set::expand,
        r#"struct Request { code: u16, #[label(rename = "code")] status: u16 }"#,
        "status",
        r#""code" stands for `code` already"#,
    );
}
