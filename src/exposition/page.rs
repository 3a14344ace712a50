//! Lines on their way out, gathered by copying blocks of a fixed size.
//!
//! A line is made of slices of a few bytes. Copied exactly, each is a call of
//! `memcpy`; copied with what stands behind it, it is a few instructions.

use crate::model::number::{NUMBER_SIZE, push_f64, write_f64};

/// What a line that is written in blocks may take, and how much room there is for it.
const LONGEST: usize = 512;
const WINDOW: usize = 2 * LONGEST;
/// How many zeros are laid out ahead, to be written over while they are at hand.
const AHEAD: usize = 4 * WINDOW;

/// Output that lines are written to.
pub(super) struct Page<'a> {
    out: &'a mut Vec<u8>,
    /// How much of the output is written; behind it is room.
    len: usize,
    aside: &'a mut String,
}

impl<'a> Page<'a> {
    /// Goes on behind `out`; what is not written in blocks is written aside first.
    pub(super) fn new(out: &'a mut Vec<u8>, aside: &'a mut String) -> Self {
        Self { len: out.len(), out, aside }
    }

    /// Begins a line, unless it may take more than there is room for.
    #[inline(always)]
    pub(super) fn line(&mut self, longest: usize) -> Option<Line<'_>> {
        if longest > LONGEST - NUMBER_SIZE - 1 {
            return None;
        }
        if self.out.len() - self.len < WINDOW {
            self.out.resize(self.len + AHEAD, 0);
        }
        let to = self.out.get_mut(self.len..)?.first_chunk_mut()?;
        Some(Line { to, len: 0, written: &mut self.len })
    }

    /// Appends a line that may be too long for blocks.
    #[inline(never)]
    pub(super) fn write_long(&mut self, labels: impl FnOnce(&mut String), value: f64) {
        self.push_rare(|text| {
            labels(text);
            push_f64(text, value);
            text.push('\n');
        });
    }

    /// Appends what only few lines have.
    #[inline(never)]
    pub(super) fn push_rare(&mut self, write: impl FnOnce(&mut String)) {
        self.aside.clear();
        write(self.aside);
        self.out.truncate(self.len);
        self.out.extend_from_slice(self.aside.as_bytes());
        self.len = self.out.len();
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.len);
    }
}

/// A line that is being written, which counts once it is ended.
pub(super) struct Line<'a> {
    to: &'a mut [u8; WINDOW],
    len: usize,
    written: &'a mut usize,
}

impl Line<'_> {
    #[inline(always)]
    pub(super) fn push_block(&mut self, block: &Block) {
        let (near, far) = block.bytes.split_at(Block::SIZE / 2);
        self.room()[..Block::SIZE / 2].copy_from_slice(near);
        if block.len > Block::SIZE / 2 {
            self.room()[Block::SIZE / 2..].copy_from_slice(far);
        }
        self.len += block.len;
    }

    /// Appends `len` bytes of `text` from `from` on; quickly if more stand behind them.
    #[inline(always)]
    pub(super) fn push_part(&mut self, text: &str, from: usize, len: usize) {
        let source = text.as_bytes();
        if len <= 16 {
            if let Some(source) = source.get(from..from + 16) {
                self.room()[..16].copy_from_slice(source);
                self.len += len;
                return;
            }
        } else if len <= 32 {
            if let Some(source) = source.get(from..from + 32) {
                self.room()[..32].copy_from_slice(source);
                self.len += len;
                return;
            }
        }
        self.len += copy_exactly(self.to, self.len, source.get(from..from + len));
    }

    #[inline(always)]
    pub(super) fn push_padded(&mut self, text: &Padded) {
        self.push_part(&text.text, 0, text.len);
    }

    #[inline(always)]
    pub(super) fn push_number(&mut self, value: f64) {
        if let Some(to) = self.room().first_chunk_mut() {
            self.len += write_f64(to, value);
        }
    }

    /// Ends the line.
    #[inline(always)]
    pub(super) fn end(mut self) {
        self.room()[0] = b'\n';
        *self.written += self.len + 1;
    }

    /// Where to go on.
    #[inline(always)]
    fn room(&mut self) -> &mut [u8] {
        // A line is never longer, which whoever began it has seen to. Said like
        // this, nothing has to be checked.
        let at = self.len % LONGEST;
        &mut self.to[at..at + Block::SIZE]
    }
}

#[inline(never)]
fn copy_exactly(to: &mut [u8; WINDOW], at: usize, source: Option<&[u8]>) -> usize {
    let Some(source) = source else { return 0 };
    if let Some(to) = to.get_mut(at..at + source.len()) {
        to.copy_from_slice(source);
    }
    source.len()
}

/// A short text of a line, at the beginning of as many bytes as are copied at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    bytes: [u8; Self::SIZE],
    len: usize,
}

impl Block {
    const SIZE: usize = 64;

    /// A text as a block, if it is short enough.
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::SIZE];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, len: text.len() })
    }
}

/// Text with blanks behind it, so that it can be copied in blocks.
#[derive(Debug, Default)]
pub(super) struct Padded {
    text: String,
    len: usize,
}

impl Padded {
    const BLANKS: &str = "                                ";
    /// Enough for nearly all, so that longer values rarely allocate.
    const ROOM: usize = 512;

    /// Writes it anew.
    pub(super) fn rewrite(&mut self, write: impl FnOnce(&mut String)) {
        self.text.clear();
        self.text.reserve(Self::ROOM);
        write(&mut self.text);
        self.len = self.text.len();
        self.text.push_str(Self::BLANKS);
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text[..self.len]
    }

    /// The text with its blanks, for parts of it.
    pub(super) fn with_blanks(&self) -> &str {
        &self.text
    }
}
