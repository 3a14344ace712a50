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
    #[cfg(feature = "openmetrics2")]
    OpenMetrics2,
}

impl Grammar {
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::StrictText)
    }

    /// Whether this is OpenMetrics 2.0, which holds its grammar to the letter.
    fn is_newest(self) -> bool {
        #[cfg(feature = "openmetrics2")]
        return self == Self::OpenMetrics2;
        #[cfg(not(feature = "openmetrics2"))]
        return false;
    }

    /// Whether a family has the very name that its samples have.
    pub(super) fn names_families_in_full(self) -> bool {
        self.is_newest()
    }

    /// Whether the name of a family must end with its unit.
    pub(super) fn names_units(self) -> bool {
        !self.is_newest()
    }

    /// Whether metadata without a text counts as if it were not there.
    pub(super) fn takes_empty_for_none(self) -> bool {
        self.is_newest()
    }

    /// Whether quotes may stand in help texts as they are.
    pub(super) fn takes_bare_quotes(self) -> bool {
        !self.is_newest()
    }

    /// Whether spaces may stand behind a comma between labels.
    pub(super) fn takes_spaces_behind_commas(self) -> bool {
        !self.is_newest()
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
        self == Self::StrictText || self.is_newest()
    }

    /// Whether a backslash must escape something.
    pub(super) fn knows_all_escapes(self) -> bool {
        self == Self::StrictText
    }
}
