//! How names and values look on a line, in the four escaping schemes.

use std::borrow::Cow;
use std::fmt::Write;

use super::name::{
    is_legacy_label_char, is_legacy_label_name, is_legacy_metric_char, is_legacy_metric_name,
};

/// How a name that an old Prometheus would not take is written.
///
/// Names that every Prometheus takes stay as they are in all schemes but
/// [`Dots`](Self::Dots), which doubles underscores so that it can be undone.
/// [The specification](https://prometheus.io/docs/instrumenting/escaping_schemes/).
///
/// In text and OpenMetrics 1.0, the name of a sample is escaped together with its suffix, as
/// Python's client does it. With [`Dots`](Self::Dots), and [`Values`](Self::Values) if the name is
/// changed, the suffix is changed, too: the histogram `a.b` has samples named `a_dot_b__bucket`.
/// Prometheus stores them under that name. But readers that find the samples of a family by their
/// suffixes, such as those in [`parser`](crate::parser), take them for others than those of
/// `a_dot_b`, and Go's client writes `a_dot_b_bucket`. Protobuf and OpenMetrics 2.0 have no
/// suffixes, and [`AllowUtf8`](Self::AllowUtf8) and [`Underscores`](Self::Underscores) leave them
/// as they are.
///
/// ```
/// use narthex::model::EscapingScheme;
///
/// assert_eq!(EscapingScheme::Underscores.metric_name("http.status:sum"), "http_status:sum");
/// assert_eq!(EscapingScheme::Dots.metric_name("http.status_sum"), "http_dot_status__sum");
/// assert_eq!(EscapingScheme::Values.metric_name("http.status"), "U__http_2e_status");
/// assert_eq!(EscapingScheme::AllowUtf8.metric_name("http.status"), "http.status");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EscapingScheme {
    /// Names stay as they are; unusual ones are quoted.
    AllowUtf8,
    /// `.` becomes `_dot_`, `_` becomes `__`, anything else that is illegal `__`.
    Dots,
    /// Anything illegal becomes `_`.
    #[default]
    Underscores,
    /// `U__`, then anything illegal as its code point in hex between underscores.
    Values,
}

impl EscapingScheme {
    /// The name of the scheme in headers: `allow-utf-8`, `dots`, `underscores` or `values`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Dots => "dots",
            Self::Underscores => "underscores",
            Self::Values => "values",
        }
    }

    /// The scheme of that name in a header; exact, as the specification spells it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Dots, Self::Underscores, Self::Values]
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
    }

    /// A metric name in this scheme.
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        if self.keeps(is_legacy_metric_name(name)) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        self.push(&mut out, name, "", is_legacy_metric_char);
        Cow::Owned(out)
    }

    /// A label name in this scheme.
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        if self.keeps(is_unreserved_label_name(name)) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        self.push(&mut out, name, "", is_legacy_label_char);
        Cow::Owned(out)
    }

    /// Appends the name of a sample: that of its family, and a suffix.
    pub(crate) fn push_metric_name(self, out: &mut String, family: &str, suffix: &str) {
        if self.keeps(is_legacy_metric_name(family)) {
            out.push_str(family);
            out.push_str(suffix);
        } else {
            self.push(out, family, suffix, is_legacy_metric_char);
        }
    }

    /// Appends a unit as the name of its family ends with it.
    pub(crate) fn push_unit(self, out: &mut String, family: &str, unit: &str) {
        if self.keeps(is_legacy_metric_name(family)) {
            out.push_str(unit);
        } else {
            unit.chars().for_each(|c| self.push_char(out, c, is_legacy_metric_char(c)));
        }
    }

    /// Appends a label name.
    pub(crate) fn push_label_name(self, out: &mut String, name: &str) {
        if self.keeps(is_unreserved_label_name(name)) {
            out.push_str(name);
        } else {
            self.push(out, name, "", is_legacy_label_char);
        }
    }

    fn keeps(self, legacy: bool) -> bool {
        self == Self::AllowUtf8 || (legacy && self != Self::Dots)
    }

    fn push(self, out: &mut String, name: &str, suffix: &str, legal: fn(char) -> bool) {
        if name.is_empty() {
            return;
        }
        if self == Self::Values {
            out.push_str("U__");
        }
        for (place, c) in name.chars().chain(suffix.chars()).enumerate() {
            self.push_char(out, c, legal(c) && !(place == 0 && c.is_ascii_digit()));
        }
    }

    fn push_char(self, out: &mut String, c: char, legal: bool) {
        match self {
            Self::Dots if c == '_' => out.push_str("__"),
            Self::Dots if c == '.' => out.push_str("_dot_"),
            Self::Dots if !legal => out.push_str("__"),
            Self::Values if c == '_' => out.push_str("__"),
            Self::Values if !legal => {
                // Writing to a string cannot fail.
                let _ = write!(out, "_{:x}_", u32::from(c));
            }
            Self::Underscores if !legal => out.push('_'),
            _ => out.push(c),
        }
    }
}

/// Whether a metric name must stand in quotes, inside the braces.
pub(crate) fn metric_needs_quotes(name: &str) -> bool {
    !is_legacy_metric_name(name)
}

/// Whether a label name must stand in quotes.
pub(crate) fn label_needs_quotes(name: &str) -> bool {
    !is_unreserved_label_name(name)
}

fn is_unreserved_label_name(name: &str) -> bool {
    is_legacy_label_name(name) && !name.starts_with("__")
}

/// Whether two label names are one in the underscores scheme; does not allocate.
pub(crate) fn one_in_underscores(first: &str, second: &str) -> bool {
    fn escaped(name: &str) -> impl Iterator<Item = char> {
        name.chars().enumerate().map(|(place, c)| {
            let legal = is_legacy_label_char(c) && !(place == 0 && c.is_ascii_digit());
            if legal { c } else { '_' }
        })
    }
    escaped(first).eq(escaped(second))
}

/// Appends a label value as it stands between quotes; says whether anything was escaped.
///
/// Quoted names and the HELP text of OpenMetrics are escaped alike.
pub(crate) fn push_escaped(out: &mut String, value: &str) -> bool {
    if !needs_escape(value) {
        out.push_str(value);
        return false;
    }
    let mut from = 0;
    for (place, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => continue,
        };
        out.push_str(&value[from..place]);
        out.push_str(escape);
        from = place + 1;
    }
    out.push_str(&value[from..]);
    true
}

/// The highest bit of each of eight bytes that is escaped in label values, and perhaps of bytes
/// above the first one.
#[inline]
pub(crate) fn escaped_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);

    // A byte of zeros, once the one that is looked for is taken from all of them.
    let marks = |byte: u8| {
        let zero = word ^ (ONES * u64::from(byte));
        zero.wrapping_sub(ONES) & !zero & (ONES << 7)
    };
    marks(b'"') | marks(b'\\') | marks(b'\n')
}

/// Whether a label value differs from its escaped form.
pub(crate) fn needs_escape(value: &str) -> bool {
    let value = value.as_bytes();
    let Some(last) = value.last_chunk() else {
        return value.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'"'));
    };
    let (mut rest, mut found) = (value, escaped_bytes(u64::from_ne_bytes(*last)));
    while let Some((word, behind)) = rest.split_first_chunk() {
        found |= escaped_bytes(u64::from_ne_bytes(*word));
        rest = behind;
    }
    found != 0
}

/// Appends the HELP text of the text format, which leaves quotes alone.
pub(crate) fn push_text_help(out: &mut String, help: &str) {
    let mut from = 0;
    for (place, byte) in help.bytes().enumerate() {
        let escape = match byte {
            b'\\' => "\\\\",
            b'\n' => "\\n",
            _ => continue,
        };
        out.push_str(&help[from..place]);
        out.push_str(escape);
        from = place + 1;
    }
    out.push_str(&help[from..]);
}

/// The raw form of an escaped label value.
pub(crate) fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
