//! How names and values look on a line, in the four escaping schemes.

use std::borrow::Cow;

use super::name::{
    is_legacy_label_char, is_legacy_label_name, is_legacy_metric_char, is_legacy_metric_name,
};

/// How a name that an old Prometheus would not take is written.
///
/// Names that every Prometheus takes stay as they are in all schemes but
/// [`Dots`](Self::Dots), which doubles underscores so that it can be undone.
/// [The specification](https://prometheus.io/docs/instrumenting/escaping_schemes/).
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
        self.escape(name, is_legacy_metric_name(name), is_legacy_metric_char)
    }

    /// A label name in this scheme.
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        // Reserved names are never given by users; escaping leaves them legible.
        self.escape(
            name,
            is_legacy_label_name(name) && !name.starts_with("__"),
            is_legacy_label_char,
        )
    }

    fn escape(self, name: &str, legacy: bool, legal: fn(char) -> bool) -> Cow<'_, str> {
        if name.is_empty() || self == Self::AllowUtf8 || (legacy && self != Self::Dots) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            out.push_str("U__");
        }
        for (place, c) in name.char_indices() {
            let legal = legal(c) && !(place == 0 && c.is_ascii_digit());
            match self {
                Self::Dots if c == '_' => out.push_str("__"),
                Self::Dots if c == '.' => out.push_str("_dot_"),
                Self::Dots if !legal => out.push_str("__"),
                Self::Values if c == '_' => out.push_str("__"),
                Self::Values if !legal => {
                    out.push('_');
                    out.push_str(&format!("{:x}", u32::from(c)));
                    out.push('_');
                }
                Self::Underscores if !legal => out.push('_'),
                _ => out.push(c),
            }
        }
        Cow::Owned(out)
    }
}

/// Whether a metric name must stand in quotes, inside the braces.
pub(crate) fn metric_needs_quotes(name: &str) -> bool {
    !is_legacy_metric_name(name)
}

/// Whether a label name must stand in quotes.
pub(crate) fn label_needs_quotes(name: &str) -> bool {
    !is_legacy_label_name(name) || name.starts_with("__")
}

/// Appends a label value as it stands between quotes; says whether anything was escaped.
///
/// Quoted names and the HELP text of OpenMetrics are escaped alike.
pub(crate) fn push_escaped(out: &mut String, value: &str) -> bool {
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
    from > 0
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
