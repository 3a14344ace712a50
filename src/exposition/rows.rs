//! Walks the rows of a chunk, and what only some of them have, side by side.

use crate::model::{Chunk, ExemplarRef, Timestamp};

/// A row of a chunk, without its numbers.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) number: usize,
    /// The escaped label values of this row, and those of the rows behind it.
    pub(super) text: &'a str,
    pub(super) lens: &'a [u32],
    pub(super) start: Option<f64>,
    pub(super) timestamp: Option<Timestamp>,
}

impl<'a> Row<'a> {
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
    text: &'a str,
    lens: &'a [u32],
    starts: &'a [f64],
    timestamps: &'a [(u32, Timestamp)],
}

impl<'a> Rows<'a> {
    pub(super) fn new(chunk: &Chunk<'a>) -> Self {
        Self {
            number: 0,
            rows: chunk.rows(),
            width: chunk.names().len(),
            text: chunk.label_text(),
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
        let (number, text) = (self.number, self.text);
        let (lens, lens_left) = self.lens.split_at_checked(self.width)?;
        let len = lens.iter().map(|&len| len as usize).sum();
        (self.number, self.text, self.lens) = (number + 1, text.get(len..)?, lens_left);
        let timestamp = match self.timestamps {
            [(row, timestamp), left @ ..] if *row as usize == number => {
                self.timestamps = left;
                Some(*timestamp)
            }
            _ => None,
        };
        let start = self.starts.get(number).copied().filter(|start| !start.is_nan());
        Some(Row { number, text, lens, start, timestamp })
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
