//! Who gets which format, and whether compressed.

use std::fmt::Write;

use narthex::exposition::{Encoding, Format, accepts_gzip, negotiate};
use narthex::model::EscapingScheme;
use proptest::prelude::*;

use crate::vectors::{check, rows, text};

/// What Prometheus 3 sends, with and without native histograms.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_PROTOBUF: &str = "application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
    application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_1: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OPENMETRICS_1: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

/// How an answer in protobuf begins, before it tells the scheme of escaping.
const PROTOBUF: &str = "application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=";

#[test]
fn prometheus_gets_what_it_wants_most_with_its_names_as_they_are() {
    assert_eq!(
        negotiate(Some(PROMETHEUS)).content_type(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    );
    assert_eq!(
        negotiate(Some(PROMETHEUS_PROTOBUF)).content_type(),
        format!("{PROTOBUF}allow-utf-8")
    );
}

#[test]
fn protobuf_is_for_those_who_name_it() {
    let asked = |rest: &str| {
        let family = "proto=io.prometheus.client.MetricFamily";
        negotiate(Some(&format!("application/vnd.google.protobuf;{family};{rest}"))).content_type()
    };
    let underscores = format!("{PROTOBUF}underscores");
    // Prometheus 2.40 and 1.8 knew no escaping; 3 may be told to want another one.
    for rest in [
        "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
         application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
        "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;\
         escaping=underscores;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4",
        "encoding=\"delimited\"",
        "encoding=delimited,text/plain;version=1.0.0;escaping=allow-utf-8;q=0",
        "encoding=delimited;escaping=underscores,text/plain;version=1.0.0;escaping=values",
        "encoding=delimited;escaping=never-heard-of,text/plain;version=1.0.0;escaping=values",
    ] {
        assert_eq!(asked(rest), underscores, "for {rest:?}");
    }
    assert_eq!(asked("encoding=delimited;escaping=dots"), format!("{PROTOBUF}dots"));
    assert_eq!(
        asked("encoding=delimited;q=0.1,text/plain;version=1.0.0;escaping=values;q=0.05"),
        format!("{PROTOBUF}values")
    );

    // Others have another layout, or are wanted less; wildcards are answered in text.
    for rest in ["encoding=text", "encoding=compact-text", "", "encoding=delimited;q=0"] {
        assert_eq!(asked(rest), TEXT, "for {rest:?}");
    }
    assert_eq!(asked("encoding=delimited;q=0.5,application/openmetrics-text"), OPENMETRICS);
    for accept in [
        "application/vnd.google.protobuf",
        "application/vnd.google.protobuf;encoding=delimited",
        "application/vnd.google.protobuf;proto=some.other.Message;encoding=delimited",
    ] {
        assert_eq!(negotiate(Some(accept)).content_type(), TEXT, "for {accept:?}");
    }
    assert_eq!(negotiate(Some("application/*")).content_type(), OPENMETRICS);
}

#[test]
fn accept_headers_and_what_answers_them() {
    for (accept, content_type) in [
        // Nothing that there is, nothing said, or nothing legible.
        ("", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("image/png", TEXT),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        (",;,;=,\"", TEXT),
        // Qualities.
        (
            "text/plain;version=1.0.0;q=0.1,application/openmetrics-text;version=1.0.0;q=0.2",
            OPENMETRICS_1,
        ),
        ("application/openmetrics-text;q=0.1,text/plain;version=1.0.0;q=1.000", TEXT_1),
        ("application/openmetrics-text;q=0.5,text/plain;version=1.0.0;q=0.5", OPENMETRICS),
        ("text/plain;version=1.0.0;q=0.5,application/openmetrics-text;q=0.5", TEXT_1),
        ("application/openmetrics-text;q=0.0001,text/plain;q=0", OPENMETRICS),
        ("application/openmetrics-text ; q=0.2, text/plain\t;\tq=0.1", OPENMETRICS),
        ("application/openmetrics-text;Q=0,text/plain;version=1.0.0;q=0.1", TEXT_1),
        // A quality that is none makes an entry malformed.
        ("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=-1,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=nan,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=,text/plain;q=0.1", TEXT),
        // Refusals, and everything refused.
        ("*/*,text/plain;q=0", OPENMETRICS),
        ("*/*;q=0.1,text/*;q=0", OPENMETRICS),
        ("*/*;q=0", TEXT),
        ("application/openmetrics-text;q=0,text/plain;q=0,*/*;q=0", TEXT),
        // Wildcards: the closest range decides, and text 0.0.4 is what anything means.
        ("application/*", OPENMETRICS),
        ("application/*;q=0.5,*/*;q=0.1", OPENMETRICS),
        ("*/*,application/openmetrics-text;version=1.0.0;q=0.5", TEXT),
        ("*/*,application/openmetrics-text;version=1.0.0", OPENMETRICS_1),
        ("text/*,*/*;q=0.1", TEXT),
        // Versions are clamped to what there is.
        ("application/openmetrics-text;version=2.0.1", OPENMETRICS_1),
        ("application/openmetrics-text;version=10.0.0", OPENMETRICS_1),
        ("application/openmetrics-text;version=1.1", OPENMETRICS_1),
        ("text/plain;version=3.0.0", TEXT_1),
        ("text/plain;version=99999999999999999999.0.0", TEXT),
        ("application/openmetrics-text;version=1.0.0-rc1,text/plain;version=1.0.0;q=0.1", TEXT_1),
        ("application/openmetrics-text;version=+1.0.0", TEXT),
        ("application/openmetrics-text;version=", TEXT),
        // Case and quotes.
        ("APPLICATION/OpenMetrics-Text;VERSION=1.0.0", OPENMETRICS_1),
        ("text/plain;version=\"1.0.0\"", TEXT_1),
        ("text/plain;version=\"1.\\0.0\"", TEXT_1),
        ("text/plain;x=\"a,b;q=0\\\",c\";version=1.0.0", TEXT_1),
        ("text/plain;version=1.0.0;x=\"never closed, application/openmetrics-text", TEXT_1),
        // Escaping: exact or not at all.
        ("text/plain;version=1.0.0;escaping=DOTS", TEXT_1),
        ("text/plain;version=1.0.0;escaping=\r\nX-Evil: 1", TEXT_1),
        ("application/openmetrics-text;escaping=allow-utf-8", OPENMETRICS),
        ("text/plain;escaping=allow-utf-8", TEXT),
    ] {
        assert_eq!(negotiate(Some(accept)).content_type(), content_type, "for {accept:?}");
    }
    assert_eq!(negotiate(None), Encoding::default());
    assert_eq!(negotiate(None).content_type(), TEXT);
}

const OPENMETRICS_2: &str = match cfg!(feature = "openmetrics2") {
    true => "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=underscores",
    false => OPENMETRICS_1,
};

#[test]
fn openmetrics_2_is_for_those_that_ask_for_it() {
    let (first, second) = (
        "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text;version=2.0.0",
    );
    for (accept, content_type) in [
        (second.to_owned(), OPENMETRICS_2),
        (format!("{second},{first}"), OPENMETRICS_2),
        (format!("{second};q=0.5,{first};q=0.4,text/plain;q=0.3"), OPENMETRICS_2),
        (format!("{second};q=0.4,{first};q=0.5"), OPENMETRICS_1),
        (format!("{second};q=0,{first}"), OPENMETRICS_1),
        ("application/openmetrics-text;version=\"2.0.0\"".to_owned(), OPENMETRICS_2),
        ("application/openmetrics-text".to_owned(), OPENMETRICS),
        ("application/openmetrics-text;version=2".to_owned(), OPENMETRICS_1),
        ("application/openmetrics-text;version=2.0.00".to_owned(), OPENMETRICS_1),
        ("application/*".to_owned(), OPENMETRICS),
        ("text/plain;version=2.0.0".to_owned(), TEXT_1),
        (PROMETHEUS.replace("allow-utf-8", "underscores"), OPENMETRICS_1),
    ] {
        assert_eq!(negotiate(Some(&accept)).content_type(), content_type, "for {accept:?}");
    }
}

#[test]
fn content_types_tell_the_escaping() {
    let spelled = |format, escaping| Encoding::new(format, escaping).content_type();
    assert_eq!(spelled(Format::Text004, EscapingScheme::Underscores), TEXT);
    assert_eq!(
        spelled(Format::Text004, EscapingScheme::AllowUtf8),
        "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
    );
    for scheme in [
        EscapingScheme::AllowUtf8,
        EscapingScheme::Dots,
        EscapingScheme::Underscores,
        EscapingScheme::Values,
    ] {
        let tail = format!("; version=1.0.0; charset=utf-8; escaping={}", scheme.as_str());
        assert_eq!(spelled(Format::Text100, scheme), format!("text/plain{tail}"));
        assert_eq!(
            spelled(Format::OpenMetrics100, scheme),
            format!("application/openmetrics-text{tail}")
        );
    }
}

#[test]
fn accept_encodings() {
    for (accept, gzip) in [
        ("gzip", true),
        ("br, gzip;q=0.8", true),
        ("gzip;q=0", false),
        ("gzip;q=0.000", false),
        ("gzip;q=0.001", true),
        ("*", true),
        ("*;q=0", false),
        ("gzip;q=0,*", false),
        ("*;q=0,gzip", true),
        ("identity;q=1,gzip;q=0.5", false),
        ("identity;q=0.5,gzip;q=0.5", true),
        ("identity,*;q=0.5", false),
        ("gzip;q=bad", false),
        ("gzip;q=bad,*", true),
        ("x=\"gzip", false),
    ] {
        assert_eq!(accepts_gzip(Some(accept)), gzip, "for {accept:?}");
    }
}

#[test]
fn content_negotiation_vectors() {
    let own_way = "media types and parameter names know no case";
    let honoured = "qualities are honoured";
    let clamped = "versions are clamped to what there is";
    let mut on_purpose = vec![
        ("content_negotiation_0021", "a quoted value means what it quotes"),
        ("content_negotiation_0024", own_way),
        ("content_negotiation_0025", own_way),
        ("content_negotiation_0033", clamped),
        ("content_negotiation_0046", honoured),
        ("content_negotiation_0047", honoured),
        ("content_negotiation_0049", "protobuf is there"),
        ("content_negotiation_0056", own_way),
        ("content_negotiation_0058", "a malformed entry is passed over"),
        ("content_negotiation_0059", "a malformed entry is passed over"),
        ("content_negotiation_0066", clamped),
    ];
    if cfg!(not(feature = "openmetrics2")) {
        on_purpose.push(("content_negotiation_0032", "OpenMetrics 2.0 is behind a feature"));
    }
    check(&rows("content_negotiation.jsonl"), &on_purpose, |row| {
        let encoding = negotiate(row["accept"].as_str());
        let mut got = String::new();
        let format = match encoding.format() {
            Format::Text004 | Format::Text100 => "text",
            Format::Protobuf => "protobuf",
            _ => "openmetrics",
        };
        let escaping = encoding.escaping().as_str();
        let _ = write!(got, "{} {format} {escaping}", encoding.content_type());
        let Some(content_type) = row["content_type"].as_str() else {
            return Err(format!("{got}, not an error"));
        };
        let expected =
            format!("{content_type} {} {}", text(&row["format"]), text(&row["escaping"]));
        if got == expected { Ok(()) } else { Err(format!("{got}, not {expected}")) }
    });
}

#[test]
fn gzip_negotiation_vectors() {
    check(
        &rows("gzip_negotiation.jsonl"),
        &[("gzip_negotiation_0008", "a quality of zero refuses")],
        |row| {
            let got = accepts_gzip(row["accept_encoding"].as_str());
            if row["gzip"] == got { Ok(()) } else { Err(format!("{got}")) }
        },
    );
}

/// Pieces that headers are made of, so that odd ones come up often.
fn odd_header() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "text/plain",
        "application/openmetrics-text",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        "encoding=delimited",
        "*/*",
        "*",
        "gzip",
        "identity",
        ";",
        ",",
        "=",
        "q",
        "q=0",
        "q=0.5",
        "q=1",
        "version",
        "version=1.0.0",
        "version=0.0.4",
        "escaping=values",
        "escaping=",
        "\"",
        "\\",
        " ",
        "\t",
        "\r\n",
        "é",
        "\0",
        "1.0.0",
        "..",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_header_gets_an_answer_of_ours(header in odd_header()) {
        let known = [
            Format::Text004,
            Format::Text100,
            Format::OpenMetrics100,
            #[cfg(feature = "openmetrics2")]
            Format::OpenMetrics200,
            Format::Protobuf,
        ].into_iter().flat_map(|format| {
            [
                EscapingScheme::AllowUtf8,
                EscapingScheme::Dots,
                EscapingScheme::Underscores,
                EscapingScheme::Values,
            ].map(|escaping| Encoding::new(format, escaping).content_type())
        });
        let content_type = negotiate(Some(&header)).content_type();
        prop_assert!(known.chain([OPENMETRICS]).any(|known| known == content_type));
        accepts_gzip(Some(&header));
    }

    #[test]
    fn the_better_quality_wins(first in 1u32..=1000, second in 1u32..=1000) {
        prop_assume!(first != second);
        let accept = format!(
            "application/openmetrics-text;q={:.3},text/plain;version=1.0.0;q={:.3}",
            f64::from(first) / 1000.0,
            f64::from(second) / 1000.0,
        );
        let expected = if first > second { OPENMETRICS } else { TEXT_1 };
        prop_assert_eq!(negotiate(Some(&accept)).content_type(), expected);
    }
}
