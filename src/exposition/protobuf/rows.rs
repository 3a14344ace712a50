//! Metrics that are a few numbers: counters, gauges and summaries.

use super::batches::Batch;
use super::labels::Labels;
use super::short::{Short, head};
use super::wire::{lengthy, push_message};
use crate::exposition::page::Sheet;
use crate::exposition::rows::RowText;

/// Room for nearly every row that is not written in blocks.
const RARE_ROOM: usize = 4096;

/// Writes the metrics of some rows, front to back.
pub(super) struct RowWriter<'a> {
    pub(super) labels: &'a Labels,
    pub(super) sheet: Sheet<'a>,
    /// What is not written in blocks is written here first.
    pub(super) rare: &'a mut Vec<u8>,
}

impl RowWriter<'_> {
    /// Appends the metrics of a batch.
    ///
    /// Of a row, `fields` are what stands behind its labels, unless that is something special;
    /// `write` appends anything.
    pub(super) fn write<const N: usize>(
        &mut self,
        batch: &Batch<'_>,
        mut fields: impl FnMut(usize) -> Option<[Short; N]>,
        write: impl Fn(usize, &mut Vec<u8>),
    ) {
        let (width, mut row, mut at, mut lens) = (self.labels.width(), 0, 0, batch.lens);
        while row < batch.rows {
            let rows = batch.first + row..batch.first + batch.rows;
            let text = batch.texts.copied_from(at);
            let (written, len) = self.write_short(text, lens, rows, &mut fields);
            row += written;
            at += len;
            lens = lens.get(written * width..).unwrap_or_default();
            if written == 0 {
                let (here, behind) = lens.split_at_checked(width).unwrap_or_default();
                self.push_rare(batch.texts.from(at), here, |out| write(batch.first + row, out));
                row += 1;
                at += here.iter().map(|&len| len as usize).sum::<usize>();
                lens = behind;
            }
        }
    }

    /// Appends metrics of rows until one is too long for blocks, or special, or text runs out;
    /// says how many, and how long their label values are together.
    #[inline(never)]
    fn write_short<const N: usize>(
        &mut self,
        mut text: &[u8],
        mut lens: &[u32],
        mut rows: std::ops::Range<usize>,
        fields: &mut impl FnMut(usize) -> Option<[Short; N]>,
    ) -> (usize, usize) {
        let Self { labels, sheet, .. } = self;
        let (width, first, all) = (labels.width(), rows.start, text.len());
        sheet.push_lines(|mut line| {
            if rows.is_empty() {
                return None;
            }
            let (row_lens, lens_left) = lens.split_at_checked(width)?;
            let row_text = RowText::new(text)?;
            let fields = fields(rows.start)?;
            let len: usize = fields.iter().map(Short::len).sum();
            let head = head(4, labels.short_len(row_lens)? + len);
            line.push_short(&head.bytes(), head.len());
            let end = labels.push_short(&mut line, row_text, row_lens);
            for field in fields {
                line.push_short(&field.bytes(), field.len());
            }
            let len = line.finish().filter(|_| row_text.has(end))?;
            rows.start += 1;
            (lens, text) = (lens_left, text.get(end..)?);
            Some(len)
        });
        (rows.start - first, all - text.len())
    }

    /// Appends a metric of any length; its label values begin where the text does.
    pub(super) fn push_rare(
        &mut self,
        mut text: &str,
        lens: &[u32],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.rare.clear();
        // At once, so that it does not depend on the longest row how often there is more.
        self.rare.reserve(RARE_ROOM);
        push_message(self.rare, lengthy(4), |out| {
            let values = lens.iter().map(|&len| {
                let (value, behind) = text.split_at_checked(len as usize).unwrap_or_default();
                text = behind;
                value
            });
            self.labels.push(out, values);
            write(out);
        });
        self.sheet.push_exact(self.rare);
    }
}
