//! Rows of samples as columns: what formats read, and the buffer that records them.

use std::sync::Arc;

use super::desc::{Desc, MetricType, Suffix};
use super::escape::{push_escaped, unescape};
use super::exemplar::ExemplarRef;
use super::labels::LabelNames;
use super::number::push_f64;
use super::sample::{Sample, SampleLabels};
use super::timestamp::Timestamp;
use crate::error::{Error, ErrorKind, Result};

/// How many rows a chunk of live metrics holds at most.
pub(crate) const CHUNK_ROWS: usize = 128;

/// The upper bounds of a histogram's buckets, the last of them +Inf.
///
/// ```
/// use narthex::model::Bounds;
///
/// let bounds = Bounds::new([0.1, 1.0])?;
/// assert_eq!(bounds.values(), [0.1, 1.0, f64::INFINITY]);
/// assert!(Bounds::new([1.0, 0.1]).unwrap_err().is_invalid_value());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    values: Arc<[f64]>,
    // As the label `le` shows them: rendered once.
    texts: Arc<[Box<str>]>,
}

impl Bounds {
    /// Checks bounds; +Inf is appended if it is missing.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if they are not ascending, one is NaN, or
    /// there is none but +Inf.
    pub fn new(bounds: impl IntoIterator<Item = f64>) -> Result<Self> {
        let mut values: Vec<f64> = bounds.into_iter().collect();
        if values.last() != Some(&f64::INFINITY) {
            values.push(f64::INFINITY);
        }
        let refuse = |message: String| Err(Error::new(ErrorKind::InvalidValue, message));
        if values.iter().any(|bound| bound.is_nan()) {
            return refuse("a bucket bound cannot be NaN".to_owned());
        }
        for pair in values.windows(2) {
            if pair[0] > pair[1] {
                return refuse(format!(
                    "bucket bounds are not sorted: {} before {}",
                    pair[0], pair[1]
                ));
            }
            if pair[0] == pair[1] {
                return refuse(format!("bucket bound {} stands twice", pair[0]));
            }
        }
        if values.len() < 2 {
            return refuse("a histogram needs a bucket besides +Inf".to_owned());
        }
        Ok(Self::from_sorted(values))
    }

    /// Bounds that are known to be ascending and to end with +Inf.
    pub(crate) fn from_sorted(values: Vec<f64>) -> Self {
        let texts = values
            .iter()
            .map(|&bound| {
                let mut text = String::new();
                push_f64(&mut text, bound);
                text.into_boxed_str()
            })
            .collect();
        Self { values: values.into(), texts }
    }

    /// Bounds with the spelling that their source gave them.
    pub(crate) fn with_texts(values: Vec<f64>, texts: Vec<Box<str>>) -> Self {
        Self { values: values.into(), texts: texts.into() }
    }

    /// The bounds, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The bounds as the label `le` shows them.
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}

/// Where the `_sum` of a histogram stands among its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SumPlace {
    /// Nowhere: with a negative bound it need not grow.
    Absent,
    /// Before the buckets, as merged files have it.
    First,
    /// Behind the count.
    Last,
}

/// The numbers of a chunk, a column for each part.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Values<'a> {
    /// One number a row.
    Floats {
        /// What the samples' name ends with.
        suffix: Suffix,
        /// A number for each row.
        values: &'a [f64],
    },
    /// One histogram a row.
    Histograms {
        /// The upper bounds that all rows share.
        bounds: &'a Bounds,
        /// Row after row, a count for each bound; not cumulative.
        buckets: &'a [f64],
        /// A sum for each row; empty if [`SumPlace::Absent`].
        sums: &'a [f64],
        /// Where the sum stands.
        sum_place: SumPlace,
    },
    /// One count and one sum a row.
    Summaries {
        /// A count for each row.
        counts: &'a [f64],
        /// A sum for each row.
        sums: &'a [f64],
    },
}

/// Some rows of a family: their labels, and their numbers in columns.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    names: &'a LabelNames,
    text: &'a str,
    lens: &'a [u32],
    escaped: bool,
    rows: usize,
    values: Values<'a>,
    starts: &'a [f64],
    timestamps: &'a [(u32, Timestamp)],
    exemplars: &'a ExemplarColumn,
}

impl<'a> Chunk<'a> {
    /// The names of the rows' labels.
    pub fn names(&self) -> &'a LabelNames {
        self.names
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether any label value differs from its raw form.
    pub fn has_escapes(&self) -> bool {
        self.escaped
    }

    /// The numbers.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// The escaped label values of all rows back to back, in the order of exposition.
    pub fn label_text(&self) -> &'a str {
        self.text
    }

    /// The length of each label value in [`label_text`](Self::label_text).
    pub fn label_lens(&self) -> &'a [u32] {
        self.lens
    }

    /// When each row began, in seconds since 1970; NaN where unknown, empty if all are.
    pub fn starts(&self) -> &'a [f64] {
        self.starts
    }

    /// Rows with a timestamp, ascending.
    pub fn timestamps(&self) -> &'a [(u32, Timestamp)] {
        self.timestamps
    }

    /// Exemplars with their slots, ascending: the row, or for histograms the
    /// index of the bucket in its column.
    pub fn exemplars(&self) -> impl Iterator<Item = (usize, ExemplarRef<'a>)> + use<'a> {
        let column = self.exemplars;
        (0..column.entries.len()).map(|place| column.get(place))
    }

    /// The same rows, without saying when they began.
    pub(crate) fn without_starts(&self) -> Self {
        Self { starts: &[], ..*self }
    }

    pub(crate) fn start(&self, row: usize) -> Option<f64> {
        self.starts.get(row).copied().filter(|start| !start.is_nan())
    }

    pub(crate) fn timestamp(&self, row: usize) -> Option<Timestamp> {
        let place = self.timestamps.binary_search_by_key(&row, |(at, _)| *at as usize).ok()?;
        Some(self.timestamps[place].1)
    }

    pub(crate) fn exemplar(&self, slot: usize) -> Option<ExemplarRef<'a>> {
        let entries = &self.exemplars.entries;
        let place = entries.binary_search_by_key(&slot, |entry| entry.slot).ok()?;
        Some(self.exemplars.get(place).1)
    }

    pub(crate) fn for_each_sample(&self, desc: &Desc, each: &mut dyn FnMut(&Sample<'_>)) {
        let width = self.names.len();
        let mut text_at = 0;
        for row in 0..self.rows {
            let lens = &self.lens[row * width..][..width];
            let len: usize = lens.iter().map(|&len| len as usize).sum();
            let labels = SampleLabels::new(
                self.names,
                &self.text[text_at..text_at + len],
                lens,
                self.escaped,
            );
            text_at += len;
            let sample = Sample {
                family: desc.name(),
                suffix: Suffix::None,
                labels,
                value: 0.0,
                timestamp: self.timestamp(row),
                exemplar: None,
                start: self.start(row),
            };
            self.row_samples(row, sample, desc.metric_type(), each);
        }
    }

    fn row_samples(
        &self,
        row: usize,
        sample: Sample<'_>,
        metric_type: MetricType,
        each: &mut dyn FnMut(&Sample<'_>),
    ) {
        match self.values {
            Values::Floats { suffix, values } => {
                each(&Sample {
                    suffix,
                    value: values[row],
                    exemplar: self.exemplar(row),
                    ..sample
                });
            }
            Values::Summaries { counts, sums } => {
                each(&Sample { suffix: Suffix::Count, value: counts[row], ..sample });
                each(&Sample { suffix: Suffix::Sum, value: sums[row], ..sample });
            }
            Values::Histograms { bounds, buckets, sums, sum_place } => {
                let (count_suffix, sum_suffix) = histogram_suffixes(metric_type);
                let sum = |each: &mut dyn FnMut(&Sample<'_>)| {
                    each(&Sample { suffix: sum_suffix, value: sums[row], ..sample });
                };
                if sum_place == SumPlace::First {
                    sum(each);
                }
                let width = bounds.values().len();
                let mut total = 0.0;
                for (place, le) in bounds.texts().iter().enumerate() {
                    let slot = row * width + place;
                    total += buckets[slot];
                    each(&Sample {
                        suffix: Suffix::Bucket,
                        labels: sample.labels.with_extra("le", le),
                        value: total,
                        exemplar: self.exemplar(slot),
                        ..sample
                    });
                }
                each(&Sample { suffix: count_suffix, value: total, ..sample });
                if sum_place == SumPlace::Last {
                    sum(each);
                }
            }
        }
    }
}

/// The names of count and sum, which differ between histograms and gauge histograms.
pub(crate) fn histogram_suffixes(metric_type: MetricType) -> (Suffix, Suffix) {
    match metric_type {
        MetricType::GaugeHistogram => (Suffix::GCount, Suffix::GSum),
        _ => (Suffix::Count, Suffix::Sum),
    }
}

/// Exemplars of a chunk: their texts in one buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExemplarColumn {
    entries: Vec<ExemplarEntry>,
    text: String,
    lens: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ExemplarEntry {
    slot: usize,
    value: f64,
    timestamp: Option<Timestamp>,
    text_end: usize,
    lens_end: usize,
}

impl ExemplarColumn {
    pub(crate) fn push(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        if self.entries.last().is_some_and(|last| last.slot >= slot) {
            self.reorder(slot, exemplar);
            return;
        }
        self.text.push_str(exemplar.text);
        self.lens.extend_from_slice(exemplar.lens);
        self.entries.push(ExemplarEntry {
            slot,
            value: exemplar.value,
            timestamp: exemplar.timestamp,
            text_end: self.text.len(),
            lens_end: self.lens.len(),
        });
    }

    /// The rare case: a histogram was given exemplars in another order than that of its buckets.
    fn reorder(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        let old = std::mem::take(self);
        let all = (0..old.entries.len()).map(|place| old.get(place));
        let (before, after): (Vec<_>, Vec<_>) =
            all.filter(|(have, _)| *have != slot).partition(|(have, _)| *have < slot);
        for (slot, exemplar) in before.into_iter().chain([(slot, exemplar)]).chain(after) {
            self.push(slot, exemplar);
        }
    }

    fn get(&self, place: usize) -> (usize, ExemplarRef<'_>) {
        let entry = self.entries[place];
        let (text_at, lens_at) = match place.checked_sub(1) {
            Some(before) => (self.entries[before].text_end, self.entries[before].lens_end),
            None => (0, 0),
        };
        let exemplar = ExemplarRef {
            text: &self.text[text_at..entry.text_end],
            lens: &self.lens[lens_at..entry.lens_end],
            value: entry.value,
            timestamp: entry.timestamp,
        };
        (entry.slot, exemplar)
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.lens.clear();
    }
}

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
    Summaries { counts: Vec<f64>, sums: Vec<f64> },
}

impl ValueColumns {
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
            (_, Values::Summaries { counts, sums }) => {
                *self = Self::Summaries { counts: counts.to_owned(), sums: sums.to_owned() };
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
    pub(crate) fn reserve_rows(&mut self, text_bytes: usize) {
        self.text.reserve(text_bytes);
        self.lens.reserve(CHUNK_ROWS * self.names.len());
        self.starts.reserve(CHUNK_ROWS);
        match &mut self.values {
            ValueColumns::Floats { values, .. } => values.reserve(CHUNK_ROWS),
            ValueColumns::Histograms { bounds, buckets, sums, .. } => {
                buckets.reserve(CHUNK_ROWS * bounds.values().len());
                sums.reserve(CHUNK_ROWS);
            }
            ValueColumns::Summaries { counts, sums } => {
                counts.reserve(CHUNK_ROWS);
                sums.reserve(CHUNK_ROWS);
            }
        }
    }

    /// Room for the exemplars of a chunk, if each row has one of common size.
    pub(crate) fn reserve_exemplars(&mut self, text_bytes: usize) {
        let column = &mut self.exemplars;
        if column.entries.is_empty() {
            column.entries.reserve(CHUNK_ROWS);
            column.lens.reserve(2 * CHUNK_ROWS);
            column.text.reserve(text_bytes);
        }
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

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.lens.clear();
        self.escaped = false;
        self.rows = 0;
        self.starts.clear();
        self.timestamps.clear();
        self.exemplars.clear();
        match &mut self.values {
            ValueColumns::Floats { values, .. } => values.clear(),
            ValueColumns::Histograms { buckets, sums, .. } => {
                buckets.clear();
                sums.clear();
            }
            ValueColumns::Summaries { counts, sums } => {
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
        self.timestamps.retain(|(at, _)| *at < first);
        self.timestamps.extend((first..self.rows as u32).map(|row| (row, timestamp)));
    }

    /// Adds an exemplar to a slot of the last row; the last one of a slot stays.
    pub(crate) fn push_exemplar(&mut self, slot: usize, exemplar: ExemplarRef<'_>) {
        self.exemplars.push(slot, exemplar);
    }

    pub(crate) fn chunk(&self) -> Chunk<'_> {
        let values = match &self.values {
            ValueColumns::Floats { suffix, values } => Values::Floats { suffix: *suffix, values },
            ValueColumns::Histograms { bounds, buckets, sums, sum_place } => {
                Values::Histograms { bounds, buckets, sums, sum_place: *sum_place }
            }
            ValueColumns::Summaries { counts, sums } => Values::Summaries { counts, sums },
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
        }
    }
}
