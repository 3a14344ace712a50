//! Lines on their way out, gathered by copying blocks of a fixed size.
//!
//! A line is made of slices of a few bytes. Copied exactly, each is a call of
//! `memcpy`; copied with what stands behind it, it is a few instructions.

use super::rows::RowText;
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

    /// Begins a line.
    #[inline(always)]
    pub(super) fn line(&mut self) -> Option<Line<'_>> {
        if self.out.len() - self.len < WINDOW {
            self.out.resize(self.len + AHEAD, 0);
        }
        let to = self.out.get_mut(self.len..)?.first_chunk_mut()?;
        Some(Line { to, len: 0 })
    }

    /// Keeps as much as was written of a line.
    #[inline(always)]
    pub(super) fn keep(&mut self, len: usize) {
        self.len += len;
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

/// A line that is being written. One that becomes too long is spoilt, which it says in the end.
pub(super) struct Line<'a> {
    to: &'a mut [u8; WINDOW],
    len: usize,
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

    /// Appends `len` bytes of a text, from `at` on.
    #[inline(always)]
    pub(super) fn push_part(&mut self, text: RowText<'_>, mut at: usize, len: usize) {
        let end = self.len + len;
        if len <= 16 {
            self.room()[..16].copy_from_slice(text.part::<16>(at));
        } else {
            while self.len < end {
                self.room()[..32].copy_from_slice(text.part::<32>(at));
                at += 32;
                self.len += 32;
            }
        }
        self.len = end;
    }

    #[inline(always)]
    pub(super) fn push_scratch(&mut self, scratch: &Scratch) {
        let end = self.len + scratch.len;
        for block in scratch.bytes.chunks_exact(Block::SIZE) {
            self.room().copy_from_slice(block);
            self.len += Block::SIZE;
            if self.len >= end {
                break;
            }
        }
        self.len = end;
    }

    /// Appends a number and the end of the line; says how long that is now.
    #[inline(always)]
    pub(super) fn end(mut self, value: f64) -> Option<usize> {
        if !fits(self.len) {
            return None;
        }
        self.len += write_f64(self.room().first_chunk_mut()?, value);
        self.room()[0] = b'\n';
        Some(self.len + 1)
    }

    /// Where to go on.
    #[inline(always)]
    fn room(&mut self) -> &mut [u8] {
        // Said like this, nothing has to be checked.
        let at = self.len % LONGEST;
        &mut self.to[at..at + Block::SIZE]
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
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Begins it anew; it is written like a line.
    #[inline(always)]
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Line<'_>)) {
        let mut line = Line { to: &mut self.bytes, len: 0 };
        write(&mut line);
        self.len = line.len;
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: [0; WINDOW], len: 0 }
    }
}

/// Whether a line that is so long before its number is not too long.
#[inline(always)]
pub(super) fn fits(len: usize) -> bool {
    len < LONGEST - NUMBER_SIZE
}
