//! A chunk that is being recorded.

use super::bounds::Bounds;
use super::chunk::{CHUNK_ROWS, CHUNK_TEXT, Chunk, SumPlace, Values};
use super::desc::Suffix;
use super::escape::{push_escaped, unescape};
use super::exemplar::ExemplarRef;
use super::exemplar_column::ExemplarColumn;
use super::labels::LabelNames;
use super::native::NativeHistogram;
use super::native_column::NativeColumn;
use super::quantiles::Quantiles;
use super::timestamp::Timestamp;

/// The labels of a row that is being recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RowLabels<'a> {
    /// In the order of exposition, escaped already.
    Escaped { text: &'a str, lens: &'a [u32], escaped: bool },
    /// The same, with one more escaped value at a place in that order.
    With { text: &'a str, lens: &'a [u32], escaped: bool, place: usize, value: &'a str },
    /// As users give them: raw, in the order of declaration.
    Raw(&'a [&'a str]),
}

/// The numbers of rows that are being recorded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueColumns {
    Floats { suffix: Suffix, values: Vec<f64> },
    Histograms { bounds: Bounds, buckets: Vec<f64>, sums: Vec<f64>, sum_place: SumPlace },
    Summaries { quantiles: Quantiles, estimates: Vec<f64>, counts: Vec<f64>, sums: Vec<f64> },
}

impl ValueColumns {
    /// Counts and sums to come, with estimates of these quantiles.
    pub(crate) fn summaries(quantiles: Quantiles) -> Self {
        Self::Summaries { quantiles, estimates: Vec::new(), counts: Vec::new(), sums: Vec::new() }
    }

    /// Takes the numbers of a chunk; memory is kept where the form stays.
    fn copy_from(&mut self, values: Values<'_>) {
        match (&mut *self, values) {
            (Self::Floats { suffix, values }, Values::Floats { suffix: new, values: from }) => {
                *suffix = new;
                values.clear();
                values.extend_from_slice(from);
            }
            (_, Values::Floats { suffix, values }) => {
                *self = Self::Floats { suffix, values: values.to_owned() };
            }
            (_, Values::Histograms { bounds, buckets, sums, sum_place }) => {
                *self = Self::Histograms {
                    bounds: bounds.clone(),
                    buckets: buckets.to_owned(),
                    sums: sums.to_owned(),
                    sum_place,
                };
            }
            (_, Values::Summaries { quantiles, estimates, counts, sums }) => {
                *self = Self::Summaries {
                    quantiles: quantiles.clone(),
                    estimates: estimates.to_owned(),
                    counts: counts.to_owned(),
                    sums: sums.to_owned(),
                };
            }
        }
    }
}

/// Where a label of a relabelled row comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LabelSource<'a> {
    /// The label at that place of the old names.
    Column(usize),
    /// This text, escaped, in every row.
    Constant(&'a str),
}

/// A chunk that is being recorded; cleared, it keeps its memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    names: LabelNames,
    text: String,
    lens: Vec<u32>,
    escaped: bool,
    rows: usize,
    pub(crate) values: ValueColumns,
    starts: Vec<f64>,
    timestamps: Vec<(u32, Timestamp)>,
    exemplars: ExemplarColumn,
    natives: NativeColumn,
}

impl Columns {
    pub(crate) fn new(names: LabelNames, values: ValueColumns) -> Self {
        Self {
            names,
            text: String::new(),
            lens: Vec::new(),
            escaped: false,
            rows: 0,
            values,
            starts: Vec::new(),
            timestamps: Vec::new(),
            exemplars: ExemplarColumn::default(),
            natives: NativeColumn::default(),
        }
    }

    /// Forgets all rows and takes those of a chunk.
    ///
    /// With `relabel`, the rows get other labels: of each new name in the order
    /// of exposition, where its values come from.
    pub(crate) fn copy_from(
        &mut self,
        chunk: &Chunk<'_>,
        relabel: Option<(&LabelNames, &[LabelSource<'_>])>,
    ) {
        self.clear();
        self.values.copy_from(chunk.values);
        self.rows = chunk.rows;
        self.escaped = chunk.escaped;
        self.starts.extend_from_slice(chunk.starts);
        self.timestamps.extend_from_slice(chunk.timestamps);
        self.exemplars.clone_from(chunk.exemplars);
        self.natives.clone_from(chunk.natives);
        let Some((names, sources)) = relabel else {
            self.names.clone_from(chunk.names);
            self.text.push_str(chunk.text);
            self.lens.extend_from_slice(chunk.lens);
            return;
        };
        self.names.clone_from(names);
        self.escaped |= sources
            .iter()
            .any(|source| matches!(source, LabelSource::Constant(text) if text.contains('\\')));
        let width = chunk.names.len();
        let mut text_at = 0;
        for lens in (0..chunk.rows).map(|row| &chunk.lens[row * width..][..width]) {
            for source in sources {
                let value = match *source {
                    LabelSource::Constant(text) => text,
                    LabelSource::Column(place) => {
                        let before: u32 = lens[..place].iter().sum();
                        &chunk.text[text_at + before as usize..][..lens[place] as usize]
                    }
                };
                self.text.push_str(value);
                self.lens.push(value.len() as u32);
            }
            text_at += lens.iter().sum::<u32>() as usize;
        }
    }

    pub(crate) fn floats(names: LabelNames, suffix: Suffix) -> Self {
        Self::new(names, ValueColumns::Floats { suffix, values: Vec::new() })
    }

    /// Room for a full chunk, so that recording one allocates no more.
    pub(crate) fn reserve_rows(&mut self) {
        self.text.reserve(CHUNK_TEXT);
        self.lens.reserve(CHUNK_ROWS * self.names.len());
        self.starts.reserve(CHUNK_ROWS);
        match &mut self.values {
            ValueColumns::Floats { values, .. } => values.reserve(CHUNK_ROWS),
            ValueColumns::Histograms { bounds, buckets, sums, .. } => {
                // One row more: who adds up what several threads wrote puts each behind the row.
                buckets.reserve((CHUNK_ROWS + 1) * bounds.values().len());
                sums.reserve(CHUNK_ROWS);
            }
            ValueColumns::Summaries { quantiles, estimates, counts, sums } => {
                estimates.reserve(CHUNK_ROWS * quantiles.values().len());
                counts.reserve(CHUNK_ROWS + 1);
                sums.reserve(CHUNK_ROWS);
            }
        }
    }

    /// Room for the exemplars of a chunk, if each row has one of common size.
    pub(crate) fn reserve_exemplars(&mut self) {
        self.exemplars.reserve(CHUNK_ROWS, CHUNK_TEXT);
    }

    /// Forgets all rows; those to come have labels of other names.
    pub(crate) fn begin_anew(&mut self, names: &LabelNames) {
        self.clear();
        self.names.clone_from(names);
        self.lens.reserve(CHUNK_ROWS * names.len());
    }

    pub(crate) fn names(&self) -> &LabelNames {
        &self.names
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many more rows there can be.
    pub(crate) fn rows_left(&self) -> usize {
        CHUNK_ROWS.saturating_sub(self.rows)
    }

    /// Whether a chunk can take so many more rows with so much text; an empty one takes any.
    pub(crate) fn has_room(&self, rows: usize, text_bytes: usize) -> bool {
        self.rows == 0
            || self.rows + rows <= CHUNK_ROWS && self.text.len() + text_bytes <= CHUNK_TEXT
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.escaped = false;
        self.rows = 0;
        self.starts.clear();
        self.timestamps.clear();
        self.exemplars.clear();
        self.natives.clear();
        match &mut self.values {
            ValueColumns::Floats { values, .. } => values.clear(),
            ValueColumns::Histograms { buckets, sums, .. } => {
                buckets.clear();
                sums.clear();
            }
            ValueColumns::Summaries { estimates, counts, sums, .. } => {
                estimates.clear();
                counts.clear();
                sums.clear();
            }
        }
    }

    /// Begins a row; its numbers are pushed onto `values` by the caller.
    ///
    /// Raw labels must be as many as the names.
    pub(crate) fn push_row(&mut self, labels: RowLabels<'_>) {
        match labels {
            RowLabels::Escaped { text, lens, escaped } => {
                self.text.push_str(text);
                self.lens.extend_from_slice(lens);
                self.escaped |= escaped;
            }
            RowLabels::With { text, lens, escaped, place, value } => {
                let at: u32 = lens[..place].iter().sum();
                let (before, after) = text.split_at(at as usize);
                for part in [before, value, after] {
                    self.text.push_str(part);
                }
                self.lens.extend_from_slice(&lens[..place]);
                self.lens.push(value.len() as u32);
                self.lens.extend_from_slice(&lens[place..]);
                self.escaped |= escaped || value.contains('\\');
            }
            RowLabels::Raw(values) => {
                for &place in self.names.declared_at() {
                    let from = self.text.len();
                    self.escaped |= push_escaped(&mut self.text, values[place]);
                    self.lens.push((self.text.len() - from) as u32);
                }
            }
        }
        self.rows += 1;
    }

    /// Begins rows, their numbers to come: `gather` is told how many there can be and how long
    /// the text may become, appends the escaped label values and their lengths, and says how
    /// many rows that is and whether any is escaped.
    pub(crate) fn push_rows(
        &mut self,
        gather: impl FnOnce(usize, usize, &mut String, &mut Vec<u32>) -> (usize, bool),
    ) -> usize {
        let most = self.rows_left();
        let (rows, escaped) = gather(most, CHUNK_TEXT, &mut self.text, &mut self.lens);
        self.rows += rows;
        self.escaped |= escaped;
        rows
    }

    /// Sets when the last rows began, all of those before having it set.
    pub(crate) fn extend_starts(&mut self, starts: impl Iterator<Item = f64>) {
        self.starts.extend(starts);
    }

    /// A row of one number.
    pub(crate) fn push_float(&mut self, labels: RowLabels<'_>, value: f64) {
        self.push_row(labels);
        if let ValueColumns::Floats { values, .. } = &mut self.values {
            values.push(value);
        }
    }

    /// Sets when the last row began.
    pub(crate) fn set_start(&mut self, start: f64) {
        self.starts.resize(self.rows - 1, f64::NAN);
        self.starts.push(start);
    }

    /// Whether the last row has these labels beside its own one, and no start time yet.
    pub(crate) fn awaits_start<N, V>(&self, own: Option<&str>, labels: &[(N, V)]) -> bool
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let Some(row) = self.rows.checked_sub(1) else { return false };
        if self.starts.get(row).is_some_and(|start| !start.is_nan()) {
            return false;
        }
        let values = self.names.sorted().zip(self.values_of_last(1));
        let mut shared = values.filter(|(name, _)| Some(*name) != own);
        let has_own = own.is_some_and(|own| self.names.contains(own));
        labels.len() + usize::from(has_own) == self.names.len()
            && shared.all(|(name, value)| {
                labels.iter().any(|(n, v)| n.as_ref() == name && unescape(value) == v.as_ref())
            })
    }

    /// Of the last `rows` rows, which are buckets, the one that `value` falls into.
    pub(crate) fn bucket_row(&self, rows: usize, value: f64) -> usize {
        let place = self.names.place("le").unwrap_or(0);
        let mut bounds = self.values_of_last(rows).skip(place).step_by(self.names.len().max(1));
        let holds = |le: &str| le.parse::<f64>().is_ok_and(|bound| value <= bound);
        self.rows - rows + bounds.position(holds).unwrap_or(rows - 1)
    }

    /// The escaped label values of the last rows, row after row.
    fn values_of_last(&self, rows: usize) -> impl Iterator<Item = &str> {
        let lens = &self.lens[self.lens.len() - rows * self.names.len()..];
        let len = lens.iter().map(|&len| len as usize).sum::<usize>();
        let mut rest = &self.text[self.text.len() - len..];
        lens.iter().map(move |&len| {
            let (value, tail) = rest.split_at(len as usize);
            rest = tail;
            value
        })
    }

    /// Sets the timestamp of the last rows.
    pub(crate) fn set_timestamp(&mut self, timestamp: Timestamp, rows: usize) {
        let first = (self.rows - rows) as u32;
        while self.timestamps.last().is_some_and(|(at, _)| *at >= first) {
            self.timestamps.pop();
        }
        self.timestamps.extend((first..self.rows as u32).map(|row| (row, timestamp)));
    }

    /// Adds an exemplar to a slot of the last row; the last one of a slot stays.
    pub(crate) fn push_exemplar(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        self.exemplars.push(slot, exemplar);
    }

    /// Makes the last row, which is a histogram, a native one as well.
    pub(crate) fn push_native(&mut self, native: &NativeHistogram) {
        self.natives.push(self.rows - 1, native);
    }

    /// Makes a row, which is a histogram, a native one as well, behind all that are.
    pub(crate) fn push_native_buckets(
        &mut self,
        row: usize,
        schema: i8,
        zero: (f64, f64),
        negative: impl Iterator<Item = (i32, f64)>,
        positive: impl Iterator<Item = (i32, f64)>,
    ) {
        self.natives.push_buckets(row, schema, zero, negative, positive);
    }

    /// Whether the last row is a native histogram.
    pub(crate) fn last_is_native(&self) -> bool {
        self.natives.last_row() == self.rows.checked_sub(1)
    }

    /// Adds an exemplar to the native histogram of the last row that has one.
    pub(crate) fn push_native_exemplar(&mut self, exemplar: ExemplarRef<'_>) {
        self.natives.push_exemplar(exemplar);
    }

    pub(crate) fn chunk(&self) -> Chunk<'_> {
        let values = match &self.values {
            ValueColumns::Floats { suffix, values } => Values::Floats { suffix: *suffix, values },
            ValueColumns::Histograms { bounds, buckets, sums, sum_place } => {
                Values::Histograms { bounds, buckets, sums, sum_place: *sum_place }
            }
            ValueColumns::Summaries { quantiles, estimates, counts, sums } => {
                Values::Summaries { quantiles, estimates, counts, sums }
            }
        };
        Chunk {
            names: &self.names,
            text: &self.text,
            lens: &self.lens,
            escaped: self.escaped,
            rows: self.rows,
            values,
            starts: &self.starts,
            timestamps: &self.timestamps,
            exemplars: &self.exemplars,
            natives: &self.natives,
        }
    }
}
