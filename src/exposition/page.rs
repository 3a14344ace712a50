//! Lines on their way out, gathered by copying blocks of a fixed size.
//!
//! A line is made of slices of a few bytes. Copied exactly, each is a call of
//! `memcpy`; copied with what stands behind it, it is a few instructions.

use crate::model::number::{NUMBER_SIZE, write_f64};

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
        if !fits(longest) {
            return None;
        }
        if self.out.len() - self.len < WINDOW {
            self.out.resize(self.len + AHEAD, 0);
        }
        let to = self.out.get_mut(self.len..)?.first_chunk_mut()?;
        Some(Line { to, len: 0, written: &mut self.len })
    }

    /// Appends what only few lines have.
    #[inline(never)]
    pub(super) fn push_rare(&mut self, write: impl FnOnce(&mut String)) {
        self.aside.clear();
        write(self.aside);
        let end = self.len + self.aside.len();
        match self.out.get_mut(self.len..end) {
            Some(room) => room.copy_from_slice(self.aside.as_bytes()),
            None => {
                self.out.truncate(self.len);
                self.out.extend_from_slice(self.aside.as_bytes());
            }
        }
        self.len = end;
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

    /// Appends the first `len` bytes of `text`; quickly if more stand behind them.
    #[inline(always)]
    pub(super) fn push_part(&mut self, text: &[u8], len: usize) {
        match (text.first_chunk::<16>(), text.first_chunk::<32>()) {
            (Some(text), _) if len <= 16 => self.room()[..16].copy_from_slice(text),
            (_, Some(text)) if len <= 32 => self.room()[..32].copy_from_slice(text),
            _ => copy_exactly(self.to, self.len, text.get(..len)),
        }
        self.len += len;
    }

    #[inline(always)]
    pub(super) fn push_scratch(&mut self, scratch: &Scratch) {
        self.push_part(&scratch.bytes, scratch.len);
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
        self.len += 1;
        self.keep();
    }

    /// Keeps what was written.
    #[inline(always)]
    pub(super) fn keep(self) {
        *self.written += self.len;
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
fn copy_exactly(to: &mut [u8; WINDOW], at: usize, text: Option<&[u8]>) {
    let text = text.unwrap_or_default();
    if let Some(to) = to.get_mut(at..at + text.len()) {
        to.copy_from_slice(text);
    }
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

/// A part of lines that is put together once for all of them.
#[derive(Debug)]
pub(super) struct Scratch {
    bytes: [u8; WINDOW],
    len: usize,
}

impl Scratch {
    /// Begins it anew; it is written like a line.
    #[inline(always)]
    pub(super) fn line(&mut self, longest: usize) -> Option<Line<'_>> {
        self.len = 0;
        fits(longest).then_some(Line { to: &mut self.bytes, len: 0, written: &mut self.len })
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: [0; WINDOW], len: 0 }
    }
}

/// Whether a line that is so long before its number can be written in blocks.
fn fits(longest: usize) -> bool {
    longest + NUMBER_SIZE < LONGEST
}
