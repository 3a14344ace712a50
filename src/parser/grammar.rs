//! What the grammars of the formats have apart where labels are written.

use super::cursor::Cursor;

/// The grammar of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// The text format as readers take it.
    Text,
    /// The text format as it is specified.
    StrictText,
    OpenMetrics,
}

impl Grammar {
    pub(super) fn is_text(self) -> bool {
        self != Self::OpenMetrics
    }

    /// Steps over blanks where they mean nothing.
    #[inline]
    pub(super) fn skip_blanks(self, cursor: &mut Cursor<'_>) {
        if self.is_text() {
            cursor.skip_blanks();
        }
    }

    /// Whether `{,}` is `{}`.
    pub(super) fn takes_lone_comma(self) -> bool {
        self == Self::Text
    }

    /// Whether a comma may stand behind the last label.
    pub(super) fn takes_last_comma(self) -> bool {
        self.is_text()
    }

    /// Whether the name of a sample must stand before its labels.
    pub(super) fn wants_name_first(self) -> bool {
        self == Self::StrictText
    }

    /// Whether a backslash must escape something.
    pub(super) fn knows_all_escapes(self) -> bool {
        self == Self::StrictText
    }
}
