//! What backslashes mean in quotes and in HELP texts.

use std::borrow::Cow;

/// The text that is meant, and where in `raw` the first escape is that is none.
///
/// A backslash that escapes nothing stands for itself. Quotes are escaped everywhere but in the
/// HELP text of the text format.
pub(super) fn unescape(raw: &str, quotes: bool) -> (Cow<'_, str>, Option<usize>) {
    if !raw.contains('\\') {
        return (Cow::Borrowed(raw), None);
    }
    let mut out = String::with_capacity(raw.len());
    let unknown = for_each_piece(raw, quotes, |piece| match piece {
        Piece::Plain(text) => out.push_str(text),
        Piece::Escape(b'n') => out.push('\n'),
        Piece::Escape(byte) => out.push(char::from(byte)),
        Piece::Backslash => out.push('\\'),
    });
    (Cow::Owned(out), unknown)
}

/// A label value as the model keeps it, each backslash that escaped nothing escaped, and where in
/// `raw` the first of them is.
pub(super) fn canonical(raw: &str) -> (Cow<'_, str>, Option<usize>) {
    let Some(first) = for_each_piece(raw, true, |_| ()) else { return (Cow::Borrowed(raw), None) };
    let mut out = String::with_capacity(raw.len() + 8);
    for_each_piece(raw, true, |piece| match piece {
        Piece::Plain(text) => out.push_str(text),
        Piece::Escape(byte) => out.extend(['\\', char::from(byte)]),
        Piece::Backslash => out.push_str("\\\\"),
    });
    (Cow::Owned(out), Some(first))
}

enum Piece<'a> {
    Plain(&'a str),
    /// A backslash and this, which is a backslash, a quote or an `n`.
    Escape(u8),
    /// A backslash that escapes nothing.
    Backslash,
}

/// Calls `each` with all pieces in turn; says where the first backslash is that escapes nothing.
///
/// Quotes are escaped only with `quotes`.
fn for_each_piece<'a>(
    raw: &'a str,
    quotes: bool,
    mut each: impl FnMut(Piece<'a>),
) -> Option<usize> {
    let mut unknown = None;
    let mut rest = raw;
    while let Some((plain, behind)) = rest.split_once('\\') {
        each(Piece::Plain(plain));
        rest = match behind.as_bytes().first() {
            Some(&byte @ (b'\\' | b'n' | b'"')) if quotes || byte != b'"' => {
                each(Piece::Escape(byte));
                &behind[1..]
            }
            _ => {
                unknown = unknown.or(Some(raw.len() - behind.len() - 1));
                each(Piece::Backslash);
                behind
            }
        };
    }
    each(Piece::Plain(rest));
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        assert_eq!(unescape(r"a\\nb\n\q", true), ("a\\nb\n\\q".into(), Some(7)));
        assert_eq!(unescape("é\\", true), ("é\\".into(), Some(2)));
        assert_eq!(unescape(r#"\"\""#, true), ("\"\"".into(), None));
        assert_eq!(unescape(r#"x\"\q"#, false), ("x\\\"\\q".into(), Some(1)));
    }

    #[test]
    fn what_escapes_nothing_is_escaped() {
        assert_eq!(canonical(r#"\\\n\""#), (r#"\\\n\""#.into(), None));
        assert_eq!(canonical(r"a\zé\\"), (r"a\\zé\\".into(), Some(1)));
    }
}
