//! Walks the rows of a chunk, and what only some of them have, side by side.

use crate::model::{Chunk, ExemplarRef, Timestamp};

/// How much text of a row can be copied in blocks, and what may be copied with it.
const LONGEST: usize = 256;
const BEHIND: usize = 16;

/// Text from where a row begins, as much of it as its own may be and more.
///
/// A part of it can be copied with what stands behind it, which is a few instructions where
/// exactly copied it would be a call.
#[derive(Clone, Copy)]
pub(super) struct RowText<'a>(&'a [u8; LONGEST + BEHIND]);

impl<'a> RowText<'a> {
    /// That of the row that begins here, if there is enough behind it.
    #[inline(always)]
    pub(super) fn new(text: &'a [u8]) -> Option<Self> {
        text.first_chunk().map(Self)
    }

    /// So many bytes from `at` on. What is said to be too far away is something else.
    #[inline(always)]
    pub(super) fn part<const N: usize>(self, at: usize) -> &'a [u8] {
        // Said like this, nothing has to be checked.
        const { assert!(N <= BEHIND) };
        let at = at % LONGEST;
        &self.0[at..at + N]
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether so much of it is what it is said to be.
    #[inline(always)]
    pub(super) fn has(self, len: usize) -> bool {
        len <= LONGEST
    }
}

/// The escaped label values of all rows of a chunk, row after row, and zeros behind the last.
pub(super) struct Texts<'a> {
    all: &'a str,
    /// Where in it the end of it begins, that stands beside the zeros.
    last_at: usize,
    last: [u8; 2 * (LONGEST + BEHIND)],
}

impl<'a> Texts<'a> {
    pub(super) fn new(chunk: &Chunk<'a>) -> Self {
        Self::of(chunk.label_text())
    }

    /// The same of label values that were taken from their chunk.
    pub(super) fn of(all: &'a str) -> Self {
        let last_at = all.len().saturating_sub(LONGEST + BEHIND);
        let mut last = [0; 2 * (LONGEST + BEHIND)];
        for (to, from) in last.iter_mut().zip(&all.as_bytes()[last_at..]) {
            *to = *from;
        }
        Self { all, last_at, last }
    }

    /// The text of all rows from that one on which begins here.
    pub(super) fn from(&self, at: usize) -> &'a str {
        self.all.get(at..).unwrap_or_default()
    }

    /// The text from here on, which some rows are a [`RowText`] of, and this one certainly.
    pub(super) fn copied_from(&self, at: usize) -> &[u8] {
        if at < self.last_at {
            return &self.all.as_bytes()[at..];
        }
        self.last.get(at - self.last_at..).unwrap_or_default()
    }

    /// The text of the row that begins here.
    pub(super) fn row(&self, at: usize) -> Option<RowText<'_>> {
        RowText::new(self.copied_from(at))
    }
}

/// A row of a chunk, without its numbers.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) number: usize,
    /// The escaped label values of this row, and those of the rows behind it.
    pub(super) text: &'a str,
    pub(super) row_text: Option<RowText<'a>>,
    pub(super) lens: &'a [u32],
    pub(super) start: Option<f64>,
    pub(super) timestamp: Option<Timestamp>,
}

impl<'a> Row<'a> {
    /// One that has nothing but labels.
    pub(super) fn plain(text: &'a str, lens: &'a [u32]) -> Self {
        Self { number: 0, text, row_text: None, lens, start: None, timestamp: None }
    }

    /// The escaped label values, in the order of exposition.
    pub(super) fn values(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = self.text;
        self.lens.iter().map(move |&len| {
            let (value, tail) = rest.split_at_checked(len as usize).unwrap_or_default();
            rest = tail;
            value
        })
    }
}

/// Walks the rows of a chunk.
pub(super) struct Rows<'a> {
    number: usize,
    rows: usize,
    width: usize,
    texts: &'a Texts<'a>,
    at: usize,
    lens: &'a [u32],
    starts: &'a [f64],
    timestamps: &'a [(u32, Timestamp)],
}

impl<'a> Rows<'a> {
    pub(super) fn new(chunk: &Chunk<'a>, texts: &'a Texts<'a>) -> Self {
        Self {
            number: 0,
            rows: chunk.rows(),
            width: chunk.names().len(),
            texts,
            at: 0,
            lens: chunk.label_lens(),
            starts: chunk.starts(),
            timestamps: chunk.timestamps(),
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    #[inline]
    fn next(&mut self) -> Option<Row<'a>> {
        if self.number == self.rows {
            return None;
        }
        let (number, at) = (self.number, self.at);
        let (lens, lens_left) = self.lens.split_at_checked(self.width)?;
        let len: usize = lens.iter().map(|&len| len as usize).sum();
        (self.number, self.at, self.lens) = (number + 1, at + len, lens_left);
        let (text, row_text) = (self.texts.from(at), self.texts.row(at));
        let timestamp = match self.timestamps {
            [(row, timestamp), left @ ..] if *row as usize == number => {
                self.timestamps = left;
                Some(*timestamp)
            }
            _ => None,
        };
        let start = self.starts.get(number).copied().filter(|start| !start.is_nan());
        Some(Row { number, text, row_text, lens, start, timestamp })
    }
}

/// Walks the exemplars of a chunk beside its slots.
pub(super) struct Exemplars<'a, I> {
    next: Option<(usize, ExemplarRef<'a>)>,
    left: I,
}

impl<'a, I: Iterator<Item = (usize, ExemplarRef<'a>)>> Exemplars<'a, I> {
    pub(super) fn new(mut left: I, shown: bool) -> Self {
        Self { next: if shown { left.next() } else { None }, left }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next.is_none()
    }

    #[inline]
    pub(super) fn at(&mut self, slot: usize) -> Option<ExemplarRef<'a>> {
        let (_, exemplar) = self.next.filter(|(at, _)| *at == slot)?;
        self.next = self.left.next();
        Some(exemplar)
    }
}
