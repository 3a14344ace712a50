//! The grammar that the headers of content negotiation share.
//!
//! [RFC 9110, section 12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2).

use std::borrow::Cow;

/// How much a client wants something, in millionths; zero refuses it.
pub(super) type Quality = u32;

pub(super) const WANTED: Quality = 1_000_000;

/// The entries of a header, or the parts of an entry, without the blanks around them.
///
/// Separators in quotes do not separate.
pub(super) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            let separates = byte == separator && !quoted;
            quoted ^= byte == b'"' && !escaped;
            escaped = byte == b'\\' && quoted && !escaped;
            separates
        });
        let part = match end {
            Some(end) => {
                rest = Some(&text[end + 1..]);
                &text[..end]
            }
            None => {
                rest = None;
                text
            }
        };
        Some(part.trim_matches([' ', '\t']))
    })
}

/// A parameter's name and value, or nothing if it is none.
pub(super) fn parameter(part: &str) -> Option<(&str, Cow<'_, str>)> {
    let (name, value) = part.split_once('=')?;
    let Some(inner) = value.strip_prefix('"') else { return Some((name, value.into())) };
    let inner = inner.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some((name, inner.into()));
    }
    let mut raw = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        raw.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some((name, raw.into()))
}

/// Reads the value of a parameter `q`: a decimal number from 0 to 1.
pub(super) fn quality(text: &str) -> Option<Quality> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = text.parse::<f64>().ok().filter(|value| decimal && *value <= 1.0)?;
    // Rounded up, so that only zero refuses.
    Some((value * f64::from(WANTED)).ceil() as Quality)
}
