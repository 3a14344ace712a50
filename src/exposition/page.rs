//! Lines on their way out, gathered by copying blocks of a fixed size.
//!
//! A line is made of slices of a few bytes. Copied exactly, each is a call of
//! `memcpy`; copied with what stands behind it, it is two instructions.

use std::borrow::Cow;

use crate::model::number::{NUMBER_SIZE, write_f64};

/// How many bytes are copied at once.
const BLOCK: usize = NUMBER_SIZE;
const SIZE: usize = 8192;
const ROOM: usize = 512;
const BLANKS: &str = "                                                                ";
const _: () = assert!(BLANKS.len() == 2 * BLOCK);

/// The memory of a [`Page`], which is used again.
#[derive(Debug)]
pub(super) struct PageBuffer(Vec<u8>);

impl PageBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; SIZE])
    }
}

/// Text that is gathered before it is appended to the output.
pub(super) struct Page<'a> {
    out: &'a mut String,
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(buffer: &'a mut PageBuffer, out: &'a mut String) -> Self {
        Self { out, bytes: &mut buffer.0, len: 0 }
    }

    /// Appends `len` bytes of `text` from `from` on; quickly if more stand behind them.
    #[inline]
    pub(super) fn push_part(&mut self, text: &str, from: usize, len: usize) {
        let blocks = if len <= BLOCK { BLOCK } else { 2 * BLOCK };
        let to = self.bytes.get_mut(self.len..self.len + blocks);
        let source = text.as_bytes().get(from..from + blocks);
        match (to, source) {
            (Some(to), Some(source)) if len <= BLOCK => {
                to[..BLOCK].copy_from_slice(&source[..BLOCK]);
                self.len += len;
            }
            (Some(to), Some(source)) if len <= 2 * BLOCK => {
                to[..BLOCK].copy_from_slice(&source[..BLOCK]);
                to[BLOCK..2 * BLOCK].copy_from_slice(&source[BLOCK..2 * BLOCK]);
                self.len += len;
            }
            _ => self.push_exactly(text.get(from..from + len).unwrap_or_default()),
        }
    }

    #[inline]
    pub(super) fn push_padded(&mut self, text: &Padded) {
        self.push_part(&text.text, 0, text.len);
    }

    #[inline]
    pub(super) fn push_number(&mut self, value: f64) {
        if self.bytes.len() - self.len < BLOCK {
            self.flush();
        }
        if let Some(to) = self.bytes[self.len..].first_chunk_mut() {
            self.len += write_f64(to, value);
        }
    }

    #[inline]
    pub(super) fn end_line(&mut self) {
        match self.bytes.get_mut(self.len) {
            Some(to) => {
                *to = b'\n';
                self.len += 1;
            }
            None => self.text().push('\n'),
        }
    }

    /// The output, for what is written to it directly.
    pub(super) fn text(&mut self) -> &mut String {
        self.flush();
        self.out
    }

    /// Appends what was gathered to the output.
    pub(super) fn flush(&mut self) {
        let bytes = &self.bytes[..self.len];
        // Only whole texts were gathered, so the bytes are text.
        let text = std::str::from_utf8(bytes)
            .map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        self.out.push_str(&text);
        self.len = 0;
    }

    #[inline(never)]
    fn push_exactly(&mut self, text: &str) {
        if self.bytes.len() - self.len < text.len() {
            self.flush();
        }
        match self.bytes.get_mut(self.len..self.len + text.len()) {
            Some(to) => {
                to.copy_from_slice(text.as_bytes());
                self.len += text.len();
            }
            None => self.out.push_str(text),
        }
    }
}

/// Text with blanks behind it, so that it can be copied in blocks.
#[derive(Debug, Default)]
pub(super) struct Padded {
    text: String,
    len: usize,
}

impl Padded {
    /// Writes it anew.
    pub(super) fn rewrite(&mut self, write: impl FnOnce(&mut String)) {
        self.text.clear();
        // Enough for nearly all, so that longer values rarely allocate.
        self.text.reserve(ROOM);
        write(&mut self.text);
        self.len = self.text.len();
        self.text.push_str(BLANKS);
    }

    /// The text with its blanks, for parts of it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
