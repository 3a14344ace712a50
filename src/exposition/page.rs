//! Lines on their way out, gathered by copying blocks of a fixed size.
//!
//! A line is made of slices of a few bytes. Copied exactly, each is a call of
//! `memcpy`; copied with what stands behind it, it is a few instructions. Blocks are as small as
//! they can be: a store that crosses the middle of a cache's line takes twice as long.

use std::mem;

use super::rows::RowText;
use crate::model::number::{NUMBER_SIZE, write_f64};

/// How long a line that is written in blocks may be before its number, and the room for it.
const LONGEST: usize = 512;
const WINDOW: usize = LONGEST + Block::SIZE;
/// How many zeros are laid out ahead, to be written over while they are at hand. From 2 KiB
/// on, the C library has the processor repeat a byte, which begins slowly.
const AHEAD: usize = 1200;

/// Output that lines are written to.
pub(super) struct Page<'a> {
    sheet: Sheet<'a>,
    aside: &'a mut String,
}

impl<'a> Page<'a> {
    /// Goes on behind `out`; what is not written in blocks is written aside first.
    pub(super) fn new(out: &'a mut Vec<u8>, aside: &'a mut String) -> Self {
        Self { sheet: Sheet::new(out), aside }
    }

    /// Appends lines, each as long as `write` says, until it says nothing.
    #[inline(always)]
    pub(super) fn push_lines(&mut self, write: impl FnMut(Line<'_>) -> Option<usize>) {
        self.sheet.push_lines(write);
    }

    /// Appends what only few lines have.
    #[inline(never)]
    pub(super) fn push_rare(&mut self, write: impl FnOnce(&mut String)) {
        self.aside.clear();
        write(self.aside);
        self.sheet.push_exact(self.aside.as_bytes());
    }
}

/// Output with room behind it, in which lines are laid out.
pub(super) struct Sheet<'a> {
    out: &'a mut Vec<u8>,
    /// How much of the output is written; behind it is room.
    len: usize,
}

impl<'a> Sheet<'a> {
    /// Goes on behind `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { len: out.len(), out }
    }

    /// Appends lines, each as long as `write` says, until it says nothing.
    #[inline(always)]
    pub(super) fn push_lines(&mut self, mut write: impl FnMut(Line<'_>) -> Option<usize>) {
        loop {
            self.lay_out();
            let mut room = self.out.get_mut(self.len..).unwrap_or_default();
            while let Some(to) = room.first_chunk_mut() {
                let Some(len) = write(Line { to, len: 0 }) else { return };
                self.len += len;
                let Some(left) = mem::take(&mut room).get_mut(len..) else { break };
                room = left;
            }
        }
    }

    /// Makes room for a line.
    #[inline(never)]
    fn lay_out(&mut self) {
        if self.out.len() - self.len < WINDOW {
            self.out.resize(self.len + AHEAD, 0);
        }
    }

    /// Appends bytes as they are.
    pub(super) fn push_exact(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.out.get_mut(self.len..end) {
            Some(room) => room.copy_from_slice(bytes),
            None => {
                self.out.truncate(self.len);
                self.out.extend_from_slice(bytes);
            }
        }
        self.len = end;
    }
}

impl Drop for Sheet<'_> {
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
        let room = self.room();
        room[..16].copy_from_slice(&block.bytes[..16]);
        if block.len > 16 {
            room[16..32].copy_from_slice(&block.bytes[16..32]);
            if block.len > 32 {
                room[32..].copy_from_slice(&block.bytes[32..]);
            }
        }
        self.len += block.len;
    }

    /// Appends `len` bytes of a text, from `at` on.
    #[inline(always)]
    pub(super) fn push_part(&mut self, text: RowText<'_>, mut at: usize, len: usize) {
        let end = self.len + len;
        if len <= 8 {
            self.room()[..8].copy_from_slice(text.part::<8>(at));
        } else {
            self.room()[..16].copy_from_slice(text.part::<16>(at));
            while end > self.len + 16 {
                self.len += 16;
                at += 16;
                self.room()[..16].copy_from_slice(text.part::<16>(at));
            }
        }
        self.len = end;
    }

    #[inline(always)]
    pub(super) fn push_scratch(&mut self, scratch: &Scratch) {
        let end = self.len + scratch.len;
        for part in scratch.bytes.chunks_exact(16) {
            self.room()[..16].copy_from_slice(part);
            self.len += 16;
            if self.len >= end {
                break;
            }
        }
        self.len = end;
    }

    /// Appends so many of these bytes.
    #[inline(always)]
    pub(super) fn push_short(&mut self, bytes: &[u8; 16], len: usize) {
        self.room()[..16].copy_from_slice(bytes);
        self.len += len;
    }

    /// Appends a block whose second byte and whose last are these instead.
    #[inline(always)]
    pub(super) fn push_patched(&mut self, block: &Block, second: u8, last: u8) {
        let at = self.len % LONGEST;
        self.push_block(block);
        self.to[at + 1] = second;
        self.to[at + block.last_at()] = last;
    }

    /// Says how long the line is.
    #[inline(always)]
    pub(super) fn finish(self) -> Option<usize> {
        fits(self.len).then_some(self.len)
    }

    /// Appends a number and the end of the line; says how long that is now.
    #[inline(always)]
    pub(super) fn end(mut self, number: &Number) -> Option<usize> {
        let room = self.room();
        room[..16].copy_from_slice(&number.bytes[..16]);
        if number.len > 16 {
            room[16..32].copy_from_slice(&number.bytes[16..]);
        }
        fits(self.len).then_some(self.len + number.len)
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
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::SIZE];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, len: text.len() })
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where its last byte is.
    #[inline(always)]
    fn last_at(&self) -> usize {
        // Said like this, nothing has to be checked.
        self.len.wrapping_sub(1) % Self::SIZE
    }
}

/// A number and the end of its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    bytes: [u8; NUMBER_SIZE],
    len: usize,
}

impl Number {
    pub(super) fn new(value: f64) -> Self {
        let mut bytes = [0; NUMBER_SIZE];
        Self { len: write_f64(&mut bytes, value) + 1, bytes }
    }
}

/// Numbers of some lines, written before the lines are.
///
/// Where a line goes is known when the one before it has ended. Digits take a while, and
/// nothing has to wait for those of the next number.
#[derive(Debug)]
pub(super) struct Numbers([Number; Self::COUNT]);

impl Numbers {
    /// How many there are at once.
    pub(super) const COUNT: usize = 32;

    /// Writes so many of these as there can be.
    #[inline(always)]
    pub(super) fn write(&mut self, values: &[f64], mut shown: impl FnMut(f64) -> f64) -> &[Number] {
        for (number, &value) in self.0.iter_mut().zip(values) {
            number.len = write_f64(&mut number.bytes, shown(value)) + 1;
        }
        &self.0[..values.len().min(Self::COUNT)]
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self([Number { bytes: [0; NUMBER_SIZE], len: 0 }; Self::COUNT])
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
    len < LONGEST
}
