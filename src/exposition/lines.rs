//! Chunks of a family as lines: what the text formats have in common.

use super::names::check_labels;
use super::page::{Padded, Page, PageBuffer};
use super::rows::{Exemplars, Row, Rows};
use super::template::{Template, push_label_name};
use crate::error::Result;
use crate::model::chunk::histogram_suffixes;
use crate::model::escape::push_escaped;
use crate::model::number::push_f64;
use crate::model::{
    Bounds, Chunk, Desc, EscapingScheme, ExemplarRef, LabelNames, MetricType, Suffix, SumPlace,
    Timestamp, Values,
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
}

impl Style {
    fn shows(&self, suffix: Suffix) -> bool {
        self.part.shows(suffix) && (suffix != Suffix::Created || self.created)
    }
}

/// What is kept from chunk to chunk, so that no row allocates.
#[derive(Debug)]
pub(super) struct Buffers {
    page: PageBuffer,
    lines: Lines,
}

/// What is prepared for the rows of a chunk.
#[derive(Debug)]
struct Lines {
    escaping: EscapingScheme,
    prepared: Option<(LabelNames, Form)>,
    first: Template,
    second: Template,
    created: Template,
    buckets: Template,
    // Of the row at hand: the labels behind the first value, and around `le`.
    rest: Padded,
    before_le: Padded,
    behind_le: Padded,
    // The bounds back to back, and where each ends.
    bounds: Padded,
    bound_ends: Vec<usize>,
}

/// The values of a chunk, as far as the look of its lines depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Floats(Suffix),
    Histograms,
    Summaries,
}

impl Buffers {
    pub(super) fn new(escaping: EscapingScheme) -> Self {
        let lines = Lines {
            escaping,
            prepared: None,
            first: Template::default(),
            second: Template::default(),
            created: Template::default(),
            buckets: Template::default(),
            rest: Padded::default(),
            before_le: Padded::default(),
            behind_le: Padded::default(),
            bounds: Padded::default(),
            bound_ends: Vec::new(),
        };
        Self { page: PageBuffer::new(), lines }
    }

    /// Forgets the family that lines were prepared for.
    pub(super) fn forget(&mut self) {
        self.lines.prepared = None;
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
        out: &mut String,
    ) -> Result {
        let Self { page, lines } = self;
        let page = &mut Page::new(page, out);
        match chunk.values() {
            Values::Floats { suffix, values } => {
                lines.prepare(desc, chunk.names(), Form::Floats(suffix))?;
                lines.write_floats(desc, chunk, suffix, values, style, page);
            }
            Values::Summaries { counts, sums } => {
                lines.prepare(desc, chunk.names(), Form::Summaries)?;
                lines.write_summaries(chunk, counts, sums, style, page);
            }
            Values::Histograms { bounds, buckets, sums, sum_place } => {
                lines.prepare(desc, chunk.names(), Form::Histograms)?;
                let columns = Histograms { bounds, buckets, sums, sum_place };
                lines.write_histograms(desc, chunk, columns, style, page);
            }
        }
        page.flush();
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
            }
            Form::Histograms => {
                let (count, sum) = histogram_suffixes(desc.metric_type());
                prepare(&mut self.first, count);
                prepare(&mut self.second, sum);
                prepare(&mut self.created, Suffix::Created);
                let place = le_place(names);
                let with_le =
                    names.sorted().take(place).chain(["le"]).chain(names.sorted().skip(place));
                self.buckets.prepare(escaping, family, Suffix::Bucket.as_str(), with_le);
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
        if !shown && !starts {
            return;
        }
        let own = own_label(desc, suffix).and_then(|own| chunk.names().place(own).ok());
        let exemplars = matches!(suffix, Suffix::Total | Suffix::Bucket);
        let mut exemplars = Exemplars::new(chunk.exemplars(), style.openmetrics && exemplars);
        for (row, &value) in Rows::new(chunk).zip(values) {
            if shown {
                self.first.push_line(page, &row);
                self.end_line(page, value, row.timestamp, style, exemplars.at(row.number));
            }
            if let Some(start) = row.start.filter(|_| starts) {
                let shared = row.values().enumerate().filter(|(place, _)| Some(*place) != own);
                self.created.fill(page.text(), 0, shared.map(|(_, value)| value));
                self.end_line(page, start, row.timestamp, style, None);
            }
        }
    }

    fn write_summaries(
        &mut self,
        chunk: &Chunk<'_>,
        counts: &[f64],
        sums: &[f64],
        style: Style,
        page: &mut Page<'_>,
    ) {
        for ((row, &count), &sum) in Rows::new(chunk).zip(counts).zip(sums) {
            self.fill_rest(&row);
            let start = row.start.map(|start| (&self.created, Suffix::Created, start));
            let lines = [(&self.first, Suffix::Count, count), (&self.second, Suffix::Sum, sum)];
            for (template, suffix, value) in lines.into_iter().chain(start) {
                self.simple_line(page, template, suffix, value, row.timestamp, style);
            }
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
        let place = le_place(chunk.names());
        // OpenMetrics wants both count and sum, or neither.
        let totals = !style.openmetrics || columns.sum_place != SumPlace::Absent;
        let mut exemplars = Exemplars::new(chunk.exemplars(), style.openmetrics);
        self.fill_bounds(columns.bounds);
        let rows = Rows::new(chunk).zip(columns.buckets.chunks_exact(width.max(1)));
        for (row, buckets) in rows {
            self.fill_rest(&row);
            self.fill_around_le(&row, place);
            let this = &*self;
            let sum = |page: &mut Page<'_>| {
                if let Some(&sum) = columns.sums.get(row.number) {
                    this.simple_line(page, &this.second, sum_suffix, sum, row.timestamp, style);
                }
            };
            if columns.sum_place == SumPlace::First {
                sum(page);
            }
            let mut total = 0.0;
            if style.shows(Suffix::Bucket) {
                let mut bound = 0;
                let slots = row.number * width..;
                for ((&count, &end), slot) in buckets.iter().zip(&this.bound_ends).zip(slots) {
                    total += count;
                    page.push_padded(&this.before_le);
                    page.push_part(this.bounds.text(), bound, end - bound);
                    page.push_padded(&this.behind_le);
                    bound = end;
                    this.end_line(page, total, row.timestamp, style, exemplars.at(slot));
                }
            } else {
                total = buckets.iter().sum();
            }
            if totals {
                this.simple_line(page, &this.first, count_suffix, total, row.timestamp, style);
            }
            if columns.sum_place == SumPlace::Last {
                sum(page);
            }
            if let Some(start) = row.start {
                let created = &this.created;
                this.simple_line(page, created, Suffix::Created, start, row.timestamp, style);
            }
        }
    }

    /// Renders what all lines of a row have behind their first piece.
    fn fill_rest(&mut self, row: &Row<'_>) {
        let mut values = row.values();
        let (rest, template) = (&mut self.rest, &self.first);
        rest.rewrite(|rest| {
            if let Some(first) = values.next() {
                rest.push_str(first);
                template.fill(rest, 1, values);
            }
        });
    }

    /// Renders what the lines of a row's buckets have before and behind the bound.
    fn fill_around_le(&mut self, row: &Row<'_>, place: usize) {
        let template = &self.buckets;
        self.before_le.rewrite(|text| template.fill(text, 0, row.values().take(place)));
        self.behind_le.rewrite(|text| template.fill(text, place + 1, row.values().skip(place)));
    }

    fn fill_bounds(&mut self, bounds: &Bounds) {
        self.bound_ends.clear();
        let ends = &mut self.bound_ends;
        self.bounds.rewrite(|text| {
            for bound in bounds.texts() {
                text.push_str(bound);
                ends.push(text.len());
            }
        });
    }

    /// Appends a line with the labels of the row and no others, if it is to be shown.
    fn simple_line(
        &self,
        page: &mut Page<'_>,
        template: &Template,
        suffix: Suffix,
        value: f64,
        timestamp: Option<Timestamp>,
        style: Style,
    ) {
        if style.shows(suffix) {
            template.push_head(page);
            page.push_padded(&self.rest);
            self.end_line(page, value, timestamp, style, None);
        }
    }

    #[inline]
    fn end_line(
        &self,
        page: &mut Page<'_>,
        value: f64,
        timestamp: Option<Timestamp>,
        style: Style,
        exemplar: Option<ExemplarRef<'_>>,
    ) {
        page.push_number(value);
        if timestamp.is_some() || exemplar.is_some() {
            self.push_extras(page.text(), timestamp, style, exemplar);
        }
        page.end_line();
    }

    /// Appends what few lines have behind their number.
    #[inline(never)]
    fn push_extras(
        &self,
        out: &mut String,
        timestamp: Option<Timestamp>,
        style: Style,
        exemplar: Option<ExemplarRef<'_>>,
    ) {
        if let Some(timestamp) = timestamp {
            out.push(' ');
            if style.openmetrics {
                timestamp.push_openmetrics(out);
            } else {
                timestamp.push_text(out);
            }
        }
        if let Some(exemplar) = exemplar {
            self.push_exemplar(out, exemplar);
        }
    }

    fn push_exemplar(&self, out: &mut String, exemplar: ExemplarRef<'_>) {
        out.push_str(" # {");
        for (place, (name, value)) in exemplar.labels().enumerate() {
            if place > 0 {
                out.push(',');
            }
            push_label_name(out, self.escaping, name);
            out.push_str("=\"");
            push_escaped(out, value);
            out.push('"');
        }
        out.push_str("} ");
        push_f64(out, exemplar.value());
        if let Some(timestamp) = exemplar.timestamp() {
            out.push(' ');
            timestamp.push_openmetrics(out);
        }
    }
}

/// Whether any of these samples would stand in a family of its own in the text format.
pub(super) fn has_sample(desc: &Desc, chunk: &Chunk<'_>, suffix: Suffix) -> bool {
    if chunk.rows() == 0 {
        return false;
    }
    if suffix == Suffix::Created && chunk.starts().iter().any(|start| !start.is_nan()) {
        return true;
    }
    match chunk.values() {
        Values::Floats { suffix: own, .. } => own == suffix,
        Values::Summaries { .. } => false,
        Values::Histograms { sum_place, .. } => {
            let (count, sum) = histogram_suffixes(desc.metric_type());
            suffix == count || (suffix == sum && sum_place != SumPlace::Absent)
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

/// The place of `le` among the sorted labels.
fn le_place(names: &LabelNames) -> usize {
    names.place("le").unwrap_or_else(|place| place)
}

#[derive(Clone, Copy)]
struct Histograms<'a> {
    bounds: &'a Bounds,
    buckets: &'a [f64],
    sums: &'a [f64],
    sum_place: SumPlace,
}
