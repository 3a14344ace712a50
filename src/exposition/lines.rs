//! Chunks of a family as lines: what the text formats have in common.

use super::buckets::BucketLines;
#[cfg(feature = "openmetrics2")]
use super::composite::Composites;
use super::extras::Extras;
use super::names::check_labels;
use super::page::{Numbers, Page};
use super::rows::{Exemplars, Row, Rows, Texts};
use super::template::Template;
use crate::error::Result;
use crate::model::chunk::histogram_suffixes;
use crate::model::number::push_f64;
use crate::model::{
    Bounds, Chunk, Desc, EscapingScheme, ExemplarRef, LabelNames, MetricType, Quantiles, Suffix,
    SumPlace, Values,
};

/// Which samples of a family are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of them, start times directly behind their series.
    All,
    /// All but those that the text format keeps in families of their own.
    Body,
    /// Those of one such family.
    Only(Suffix),
}

impl Part {
    fn shows(self, suffix: Suffix) -> bool {
        match self {
            Self::All => true,
            Self::Body => !matches!(suffix, Suffix::Created | Suffix::GCount | Suffix::GSum),
            Self::Only(one) => one == suffix,
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) part: Part,
    /// Whether start times are shown at all.
    pub(super) created: bool,
    /// Timestamps in seconds, and exemplars.
    pub(super) openmetrics: bool,
    /// Start times on the lines of samples, and exemplars only with their time.
    pub(super) inline: bool,
}

impl Style {
    fn shows(&self, suffix: Suffix) -> bool {
        self.part.shows(suffix) && (suffix != Suffix::Created || self.created)
    }
}

/// What is kept from chunk to chunk, so that no row allocates.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    lines: Lines,
    aside: String,
    #[cfg(feature = "openmetrics2")]
    composites: Composites,
}

/// What is prepared for the rows of a chunk.
#[derive(Debug, Default)]
struct Lines {
    escaping: EscapingScheme,
    prepared: Option<(LabelNames, Form)>,
    first: Template,
    second: Template,
    created: Template,
    buckets: BucketLines,
}

/// The values of a chunk, as far as the look of its lines depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Floats(Suffix),
    Histograms,
    Summaries,
}

impl Buffers {
    /// Names of the families to come are escaped like this.
    pub(super) fn begin(&mut self, escaping: EscapingScheme) {
        self.lines.escaping = escaping;
    }

    /// Forgets the family that lines were prepared for.
    pub(super) fn forget(&mut self) {
        self.lines.prepared = None;
        #[cfg(feature = "openmetrics2")]
        self.composites.forget();
    }

    /// The values of several numbers, and where their lines go.
    #[cfg(feature = "openmetrics2")]
    pub(super) fn composites<'p>(
        &'p mut self,
        out: &'p mut Vec<u8>,
    ) -> (&'p mut Composites, Page<'p>) {
        (&mut self.composites, Page::new(out, &mut self.aside))
    }

    /// Appends the lines before the samples.
    pub(super) fn write_head(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut String)) {
        Page::new(out, &mut self.aside).push_rare(write);
    }

    /// Appends the lines of a chunk.
    ///
    /// # Errors
    /// If two label names are one in this scheme.
    pub(super) fn write(
        &mut self,
        desc: &Desc,
        chunk: &Chunk<'_>,
        style: Style,
        out: &mut Vec<u8>,
    ) -> Result {
        let Self { lines, aside, .. } = self;
        let page = &mut Page::new(out, aside);
        match chunk.values() {
            Values::Floats { suffix, values } => {
                lines.prepare(desc, chunk.names(), Form::Floats(suffix))?;
                lines.write_floats(desc, chunk, suffix, values, style, page);
            }
            Values::Summaries { quantiles, estimates, counts, sums } => {
                lines.prepare(desc, chunk.names(), Form::Summaries)?;
                let columns = Summaries { quantiles, estimates, counts, sums };
                lines.write_summaries(chunk, columns, style, page);
            }
            Values::Histograms { bounds, buckets, sums, sum_place } => {
                lines.prepare(desc, chunk.names(), Form::Histograms)?;
                let columns = Histograms { bounds, buckets, sums, sum_place };
                lines.write_histograms(desc, chunk, columns, style, page);
            }
        }
        Ok(())
    }
}

impl Lines {
    fn prepare(&mut self, desc: &Desc, names: &LabelNames, form: Form) -> Result {
        if self.prepared.as_ref().is_some_and(|(have, of)| *of == form && have == names) {
            return Ok(());
        }
        self.prepared = None;
        check_labels(self.escaping, names)?;
        let (escaping, family) = (self.escaping, desc.name());
        let prepare = |template: &mut Template, suffix: Suffix| {
            template.prepare(escaping, family, suffix.as_str(), names.sorted());
        };
        match form {
            Form::Floats(suffix) => {
                prepare(&mut self.first, suffix);
                let own = own_label(desc, suffix);
                let shared = names.sorted().filter(|name| Some(*name) != own);
                self.created.prepare(escaping, family, Suffix::Created.as_str(), shared);
            }
            Form::Summaries => {
                prepare(&mut self.first, Suffix::Count);
                prepare(&mut self.second, Suffix::Sum);
                prepare(&mut self.created, Suffix::Created);
                self.buckets.prepare(escaping, family, Suffix::None, names, "quantile");
            }
            Form::Histograms => {
                let (count, sum) = histogram_suffixes(desc.metric_type());
                prepare(&mut self.first, count);
                prepare(&mut self.second, sum);
                prepare(&mut self.created, Suffix::Created);
                self.buckets.prepare(escaping, family, Suffix::Bucket, names, "le");
            }
        }
        self.prepared = Some((names.clone(), form));
        Ok(())
    }

    fn write_floats(
        &self,
        desc: &Desc,
        chunk: &Chunk<'_>,
        suffix: Suffix,
        values: &[f64],
        style: Style,
        page: &mut Page<'_>,
    ) {
        let shown = style.shows(suffix);
        let starts = style.shows(Suffix::Created) && !chunk.starts().is_empty();
        let apart = starts && !style.inline;
        if !shown && !apart {
            return;
        }
        let exemplars = matches!(suffix, Suffix::Total | Suffix::Bucket);
        let mut exemplars = Exemplars::new(chunk.exemplars(), style.openmetrics && exemplars);
        let plain = exemplars.is_empty() && chunk.timestamps().is_empty();
        if shown && !starts && plain && self.first.blocks().is_some() {
            return self.write_plain(chunk, values, style, page);
        }
        let own = own_label(desc, suffix).and_then(|own| chunk.names().place(own).ok());
        let texts = Texts::new(chunk);
        for (row, &value) in Rows::new(chunk, &texts).zip(values) {
            if shown {
                let exemplar = exemplars.at(row.number);
                let exemplar = exemplar.filter(|it| !style.inline || it.timestamp().is_some());
                self.first.write_row(page, &row, value, &self.extras(&row, exemplar, style));
            }
            let Some(start) = row.start.filter(|_| apart) else { continue };
            let extras = self.extras(&row, None, style);
            if own.is_none() {
                self.created.write_row(page, &row, start, &extras);
            } else {
                let shared = row.values().enumerate().filter(|(place, _)| Some(*place) != own);
                page.push_rare(|text| {
                    self.created.fill(text, 0, shared.map(|(_, value)| value));
                    push_f64(text, start);
                    extras.push(text);
                });
            }
        }
    }

    /// Appends rows that have a number and nothing behind it, as nearly all have.
    fn write_plain(&self, chunk: &Chunk<'_>, values: &[f64], style: Style, page: &mut Page<'_>) {
        let (texts, width) = (Texts::new(chunk), chunk.names().len());
        let (mut lens, mut at, mut numbers) = (chunk.label_lens(), 0, Numbers::default());
        for values in values.chunks(Numbers::COUNT) {
            let (numbers, mut row) = (numbers.write(values, |value| value), 0);
            while let Some(&value) = values.get(row) {
                let text = texts.copied_from(at);
                let (mut rows, mut len) = self.first.write_plain(page, text, lens, &numbers[row..]);
                if rows == 0 {
                    let row = Row::plain(texts.from(at), lens.get(..width).unwrap_or_default());
                    self.first.write_row(page, &row, value, &self.extras(&row, None, style));
                    (rows, len) = (1, row.lens.iter().map(|&len| len as usize).sum());
                }
                row += rows;
                at += len;
                lens = lens.get(rows * width..).unwrap_or_default();
            }
        }
    }

    fn write_summaries(
        &mut self,
        chunk: &Chunk<'_>,
        columns: Summaries<'_>,
        style: Style,
        page: &mut Page<'_>,
    ) {
        let Summaries { quantiles, estimates, counts, sums } = columns;
        self.buckets.prepare_bounds(quantiles.texts());
        let texts = Texts::new(chunk);
        let width = quantiles.values().len();
        for ((row, &count), &sum) in Rows::new(chunk, &texts).zip(counts).zip(sums) {
            if width > 0 && style.shows(Suffix::None) {
                let estimates = estimates.get(row.number * width..).unwrap_or_default();
                let estimates = estimates.get(..width).unwrap_or_default();
                self.write_quantiles(page, quantiles, &row, estimates, style);
            }
            self.write_single(page, &self.first, Suffix::Count, &row, count, style);
            self.write_single(page, &self.second, Suffix::Sum, &row, sum, style);
            self.write_start(page, &row, style);
        }
    }

    fn write_quantiles(
        &mut self,
        page: &mut Page<'_>,
        quantiles: &Quantiles,
        row: &Row<'_>,
        estimates: &[f64],
        style: Style,
    ) {
        let plain = row.timestamp.is_none();
        if plain && self.buckets.write_plain(page, row, estimates, |value| value).is_some() {
            return;
        }
        for (&estimate, quantile) in estimates.iter().zip(quantiles.texts()) {
            let extras = self.extras(row, None, style);
            page.push_rare(|text| {
                self.buckets.fill(text, row, quantile);
                push_f64(text, estimate);
                extras.push(text);
            });
        }
    }

    fn write_histograms(
        &mut self,
        desc: &Desc,
        chunk: &Chunk<'_>,
        columns: Histograms<'_>,
        style: Style,
        page: &mut Page<'_>,
    ) {
        let (count_suffix, sum_suffix) = histogram_suffixes(desc.metric_type());
        let width = columns.bounds.values().len();
        // OpenMetrics wants both count and sum, or neither.
        let totals = !style.openmetrics || columns.sum_place != SumPlace::Absent;
        let mut exemplars = Exemplars::new(chunk.exemplars(), style.openmetrics);
        self.buckets.prepare_bounds(columns.bounds.texts());
        let texts = Texts::new(chunk);
        let rows = Rows::new(chunk, &texts).zip(columns.buckets.chunks_exact(width.max(1)));
        for (row, counts) in rows {
            if columns.sum_place == SumPlace::First {
                self.write_sum(page, &columns, sum_suffix, &row, style);
            }
            let total = if style.shows(Suffix::Bucket) {
                self.write_buckets(page, columns.bounds, &row, counts, &mut exemplars, style)
            } else {
                counts.iter().sum()
            };
            if totals {
                self.write_single(page, &self.first, count_suffix, &row, total, style);
            }
            if columns.sum_place == SumPlace::Last {
                self.write_sum(page, &columns, sum_suffix, &row, style);
            }
            self.write_start(page, &row, style);
        }
    }

    /// Appends the buckets of a row; says how many it counts.
    fn write_buckets<'e>(
        &mut self,
        page: &mut Page<'_>,
        bounds: &Bounds,
        row: &Row<'_>,
        counts: &[f64],
        exemplars: &mut Exemplars<'e, impl Iterator<Item = (usize, ExemplarRef<'e>)>>,
        style: Style,
    ) -> f64 {
        let mut total = 0.0;
        if exemplars.is_empty() && row.timestamp.is_none() {
            let plain = self.buckets.write_plain(page, row, counts, |count| {
                total += count;
                total
            });
            if plain.is_some() {
                return total;
            }
        }
        let slots = row.number * counts.len()..;
        for ((slot, &count), bound) in slots.zip(counts).zip(bounds.texts()) {
            total += count;
            let extras = self.extras(row, exemplars.at(slot), style);
            page.push_rare(|text| {
                self.buckets.fill(text, row, bound);
                push_f64(text, total);
                extras.push(text);
            });
        }
        total
    }

    fn write_sum(
        &self,
        page: &mut Page<'_>,
        columns: &Histograms<'_>,
        suffix: Suffix,
        row: &Row<'_>,
        style: Style,
    ) {
        if let Some(&sum) = columns.sums.get(row.number) {
            self.write_single(page, &self.second, suffix, row, sum, style);
        }
    }

    /// Appends a line with the labels of the row and no others, if it is to be shown.
    fn write_single(
        &self,
        page: &mut Page<'_>,
        template: &Template,
        suffix: Suffix,
        row: &Row<'_>,
        value: f64,
        style: Style,
    ) {
        if style.shows(suffix) {
            template.write_row(page, row, value, &self.extras(row, None, style));
        }
    }

    fn write_start(&self, page: &mut Page<'_>, row: &Row<'_>, style: Style) {
        if let Some(start) = row.start {
            self.write_single(page, &self.created, Suffix::Created, row, start, style);
        }
    }

    fn extras<'e>(
        &self,
        row: &Row<'_>,
        exemplar: Option<ExemplarRef<'e>>,
        style: Style,
    ) -> Extras<'e> {
        Extras {
            timestamp: row.timestamp,
            start: row.start.filter(|_| style.inline && style.created),
            exemplar,
            openmetrics: style.openmetrics,
            escaping: self.escaping,
        }
    }
}

/// The label that tells the samples of one series apart, which its start time does not have.
fn own_label(desc: &Desc, suffix: Suffix) -> Option<&'static str> {
    match (desc.metric_type(), suffix) {
        (_, Suffix::Bucket) => Some("le"),
        (MetricType::Summary, Suffix::None) => Some("quantile"),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Summaries<'a> {
    quantiles: &'a Quantiles,
    estimates: &'a [f64],
    counts: &'a [f64],
    sums: &'a [f64],
}

#[derive(Clone, Copy)]
struct Histograms<'a> {
    bounds: &'a Bounds,
    buckets: &'a [f64],
    sums: &'a [f64],
    sum_place: SumPlace,
}
