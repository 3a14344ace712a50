//! The keys of entries: JSON as Python's `json.dumps` spells it, read in any spelling.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The label of a histogram's buckets.
pub(crate) const LE: &str = "le";

/// What a key says of its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) metric_name: String,
    pub(crate) sample_name: String,
    /// In the order of the names' code points.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) help: String,
}

impl Key {
    /// Reads an array of exactly the four elements of a key, in any spelling of JSON.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let (metric_name, sample_name, labels, help) = serde_json::from_slice(json).ok()?;
        Some(Self { metric_name, sample_name, labels, help })
    }
}

/// Spells a key to the byte as Python does, so that one series has one entry
/// whichever client reopens the file.
///
/// Labels may come in any order; of two with the same name the last one counts.
pub(crate) fn write(
    metric_name: &str,
    sample_name: &str,
    labels: &[(&str, &str)],
    help: &str,
) -> String {
    let labels: BTreeMap<_, _> = labels.iter().copied().collect();
    let mut out = String::from("[");
    push_string(&mut out, metric_name);
    out.push_str(", ");
    push_string(&mut out, sample_name);
    out.push_str(", {");
    for (place, (name, value)) in labels.into_iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        push_string(&mut out, name);
        out.push_str(": ");
        push_string(&mut out, value);
    }
    out.push_str("}, ");
    push_string(&mut out, help);
    out.push(']');
    out
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_spelled_as_python_spells_them() {
        assert_eq!(
            write("c", "c_total", &[("b", "1"), ("a", "2")], "help"),
            r#"["c", "c_total", {"a": "2", "b": "1"}, "help"]"#
        );
        assert_eq!(
            write("g", "g", &[("l", "\u{1f631}\u{7f}/\u{1f}\u{8}")], "naïve \"\\\n"),
            r#"["g", "g", {"l": "\ud83d\ude31\u007f/\u001f\b"}, "na\u00efve \"\\\n"]"#
        );
        // By code point, not by UTF-16 unit, in which a surrogate comes first.
        assert_eq!(
            write("g", "g", &[("\u{1f600}", "2"), ("\u{ffff}", "1")], ""),
            r#"["g", "g", {"\uffff": "1", "\ud83d\ude00": "2"}, ""]"#
        );
        assert_eq!(
            write("g", "g", &[("a", "1"), ("a", "2")], "h"),
            r#"["g", "g", {"a": "2"}, "h"]"#
        );
    }

    #[test]
    fn any_spelling_is_read_and_nothing_else() {
        let key =
            Key::parse(" [\"c\",\"c_total\",{\"b\":\"\\u00E9\",\"a\":\"é\"} ,\"h\"]".as_bytes());
        let labels = [("a", "é"), ("b", "é")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(
            key,
            Some(Key {
                metric_name: "c".to_owned(),
                sample_name: "c_total".to_owned(),
                labels: labels.into(),
                help: "h".to_owned(),
            })
        );
        for bad in [
            "",
            "[]",
            r#"["c", "c_total", {}]"#,
            r#"["c", "c_total", {}, "h", 1]"#,
            r#"["c", "c_total", ["a"], ["1"]]"#,
            r#"["c", "c_total", {"a": 1}, "h"]"#,
            r#"["c", "c_total", {}, null]"#,
            r#"["c", "c_total", {}, "\ud800"]"#,
            r#"["c", "c_total", {}, "h"] x"#,
        ] {
            assert_eq!(Key::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Key::parse(b"[\"c\", \"\xff\", {}, \"h\"]"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            name in any::<String>(),
            labels in any::<BTreeMap<String, String>>(),
            help in any::<String>(),
        ) {
            let pairs: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let json = write(&name, &name, &pairs, &help);
            prop_assert!(json.is_ascii());
            let expected = Key { metric_name: name.clone(), sample_name: name, labels, help };
            prop_assert_eq!(Key::parse(json.as_bytes()), Some(expected));
        }

        #[test]
        fn no_bytes_make_it_panic(json in any::<Vec<u8>>()) {
            Key::parse(&json);
        }
    }
}
