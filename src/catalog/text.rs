//! Text that is put together while a program is compiled.

/// How many bytes a text has at most; what is longer is cut off.
pub(super) const MOST: usize = 640;

/// How many bytes of a name are told at most, so that what is said of it has room.
const TOLD: usize = 200;

/// A text of [`MOST`] bytes at most.
#[derive(Clone, Copy)]
pub(super) struct Text {
    bytes: [u8; MOST],
    len: usize,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; MOST], len: 0 }
    }

    pub(super) const fn push(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.push_byte(bytes[at]);
            at += 1;
        }
    }

    /// Appends a name, or its beginning if it is long.
    pub(super) const fn push_begin(&mut self, name: &str) {
        if name.len() <= TOLD {
            self.push(name);
            return;
        }
        let bytes = name.as_bytes();
        let mut end = TOLD;
        while is_continued(bytes[end]) {
            end -= 1;
        }
        let mut at = 0;
        while at < end {
            self.push_byte(bytes[at]);
            at += 1;
        }
        self.push("…");
    }

    pub(super) const fn push_byte(&mut self, byte: u8) {
        if self.len < MOST {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
    }

    /// Takes bytes away from the end.
    pub(super) const fn shorten_by(&mut self, bytes: usize) {
        self.len -= bytes;
    }

    /// Writes over the byte at a place.
    pub(super) const fn put(&mut self, place: usize, byte: u8) {
        self.bytes[place] = byte;
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.as_bytes()) {
            Ok(text) => text,
            // It was cut off within a character.
            Err(_) => "a name is too long",
        }
    }
}

/// Whether a byte goes on with a character of UTF-8.
const fn is_continued(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

pub(super) const fn is_same(first: &[u8], second: &[u8]) -> bool {
    first.len() == second.len() && ends_with(first, second)
}

pub(super) const fn ends_with(text: &[u8], end: &[u8]) -> bool {
    if text.len() < end.len() {
        return false;
    }
    let (mut at, before) = (end.len(), text.len() - end.len());
    // From behind, where names differ first if they are of one length.
    while at > 0 {
        at -= 1;
        if text[before + at] != end[at] {
            return false;
        }
    }
    true
}

/// A name as [`EscapingScheme::Underscores`](crate::model::EscapingScheme::Underscores) writes
/// it; colons are for metrics alone.
pub(super) const fn underscored(name: &[u8], allows_colons: bool) -> Text {
    let mut text = Text::new();
    let mut at = 0;
    while at < name.len() {
        let byte = name[at];
        // The first byte of a character stands for all of it.
        if !is_continued(byte) {
            let legal = byte.is_ascii_alphabetic()
                || byte == b'_'
                || (byte.is_ascii_digit() && at > 0)
                || (byte == b':' && allows_colons);
            text.push_byte(if legal { byte } else { b'_' });
        }
        at += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EscapingScheme;

    #[test]
    fn names_are_escaped_as_registries_and_formats_do_it() {
        for name in ["a", "a.b", "0a", "a:b", "größe.x", "_", "日本", "a b-c", "_0.9"] {
            let metric = EscapingScheme::Underscores.metric_name(name);
            assert_eq!(underscored(name.as_bytes(), true).as_str(), metric);
            let label = EscapingScheme::Underscores.label_name(name);
            assert_eq!(underscored(name.as_bytes(), false).as_str(), label);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_off() {
        let mut text = Text::new();
        (0..MOST).for_each(|_| text.push("a"));
        text.push("b");
        assert_eq!(text.as_str(), "a".repeat(MOST));
        text.shorten_by(1);
        text.push("é");
        assert_eq!(text.as_str(), "a name is too long");
    }

    #[test]
    fn of_a_long_name_the_beginning_is_told() {
        let told = |name: &str| {
            let mut text = Text::new();
            text.push_begin(name);
            text.as_str().to_owned()
        };
        assert_eq!(told(&"a".repeat(200)), "a".repeat(200));
        assert_eq!(told(&"a".repeat(201)), "a".repeat(200) + "…");
        // The 200th byte is within the 67th character.
        assert_eq!(told(&"日".repeat(70)), "日".repeat(66) + "…");
    }
}
