//! Reads OpenMetrics 2.0.

use super::metrics::{Checked, Metrics};
use super::value;
use crate::model::{
    Columns, Exemplar, MetricFamily, MetricType, Quantiles, Timestamp, ValueColumns, format_f64,
};
use crate::parser::composite::{Composite, Spelling};
use crate::parser::draft::Draft;
use crate::parser::error::ParseError;
use crate::parser::grammar::Grammar;
use crate::parser::histogram::{Histograms, push_exemplar};
use crate::parser::lines::{Head, Lines};
use crate::parser::number::{float, is_spelled_infinite};
use crate::parser::rules::{check_value, read_own_label, refuse_own_label};

/// What is known of an exposition that is being read.
#[derive(Debug)]
pub(in crate::parser) struct Reader<'a> {
    lines: Lines<'a>,
    metrics: Metrics,
    // Of the sample at hand, kept for their memory:
    composite: Composite,
    exemplars: Vec<Exemplar>,
    histograms: Histograms,
    quantiles: Option<Quantiles>,
}

/// What stands behind a sample's value, and where.
#[derive(Debug)]
struct Rest {
    time: Option<Timestamp>,
    time_at: usize,
    start: Option<f64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(input, Grammar::OpenMetrics2),
            metrics: Metrics::default(),
            composite: Composite::default(),
            exemplars: Vec::new(),
            histograms: Histograms::default(),
            quantiles: None,
        }
    }

    /// Reads lines until a family has ended.
    pub(in crate::parser) fn read_family(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        while let Some(head) = self.lines.next_sample()? {
            self.read_sample(&head)?;
        }
        let Lines { doc, draft, taken, .. } = &mut self.lines;
        let Some(mut draft) = draft.take() else { return Ok(None) };
        self.metrics.clear();
        draft.family(&doc.cursor, taken)?;
        Ok(draft.family)
    }

    fn read_sample(&mut self, head: &Head) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), .. } = &mut self.lines else { return Ok(()) };
        let is_composite = doc.cursor.peek() == Some(b'{');
        let at = doc.cursor.at();
        let mut number = 0.0;
        if is_composite {
            self.composite.read(&mut doc.cursor, Spelling::Counts)?;
            // What has no type, and no sample yet, is what its first sample is.
            if draft.metric_type() == MetricType::Unknown && draft.family.is_none() {
                draft.metric_type = Some(self.composite.metric_type());
            }
        } else {
            let token = doc.cursor.word();
            let read = float(token).filter(|it| !it.is_infinite() || is_spelled_infinite(token));
            let error = || doc.cursor.error_at_word(at, "a number that a float can hold", token);
            number = read.ok_or_else(error)?;
        }
        let metric_type = draft.metric_type();
        let has_composites = metric_type.has_buckets() || metric_type == MetricType::Summary;
        let fits = is_composite == has_composites
            && (!is_composite || self.composite.metric_type() == metric_type);
        if !fits {
            let expected = match has_composites {
                true => format!("the fields of a {metric_type} between braces"),
                false => format!("a number, {}", draft.shown_type()),
            };
            return Err(doc.cursor.error_at(at, expected));
        }
        if is_composite {
            value::check(&doc.cursor, metric_type, &self.composite)?;
        } else {
            check_value(metric_type, head.suffix, number)
                .map_err(|expected| doc.cursor.error_at(at, expected))?;
        }
        let rest = self.read_rest(metric_type)?;
        match is_composite {
            true => self.add_composite(head, metric_type, &rest),
            false => self.add_number(head, metric_type, number, &rest),
        }
    }

    fn read_rest(&mut self, metric_type: MetricType) -> Result<Rest, ParseError> {
        self.exemplars.clear();
        let Lines { doc, draft, .. } = &mut self.lines;
        let mut rest = Rest { time: None, time_at: doc.cursor.at(), start: None };
        while doc.cursor.eat(b' ') {
            match doc.cursor.peek() {
                Some(b'#') => {
                    self.read_exemplars(metric_type);
                    return Ok(rest);
                }
                Some(b's') if rest.start.is_none() => {
                    let at = doc.cursor.at();
                    if !metric_type.has_start_time() {
                        let shown = draft.as_ref().map(Draft::shown_type).unwrap_or_default();
                        let expected = format!("no start time, {shown}");
                        return Err(doc.cursor.error_at(at, expected));
                    }
                    if !doc.cursor.eat_text("st@") {
                        return Err(doc.cursor.error("st@ before a start time"));
                    }
                    let at = doc.cursor.at();
                    let token = doc.cursor.word();
                    let start = float(token).filter(|start| start.is_finite());
                    let error = || doc.cursor.error_at_word(at, "a start time in seconds", token);
                    rest.start = Some(start.ok_or_else(error)?);
                }
                _ if rest.time.is_none() && rest.start.is_none() => {
                    rest.time_at = doc.cursor.at();
                    rest.time = Some(doc.read_time()?);
                }
                _ => return Err(doc.cursor.error("a start time or an exemplar")),
            }
        }
        match doc.cursor.eat(b'\n') {
            true => Ok(rest),
            false => Err(doc.cursor.error("an exemplar or the end of the line")),
        }
    }

    /// Reads exemplars up to the end of the line; from the first one on that is none, they are
    /// passed over.
    fn read_exemplars(&mut self, metric_type: MetricType) {
        let doc = &mut self.lines.doc;
        while let Ok(exemplar) = doc.read_exemplar(Grammar::OpenMetrics2) {
            if exemplar.as_ref().timestamp().is_none() {
                break;
            }
            let is_last = doc.cursor.peek() == Some(b'\n');
            if !is_last && !doc.cursor.eat(b' ') {
                break;
            }
            self.exemplars.push(exemplar);
            if is_last {
                break;
            }
        }
        if !metric_type.has_buckets() && metric_type != MetricType::Counter {
            self.exemplars.clear();
        }
        doc.cursor.rest_of_line();
    }

    fn add_number(
        &mut self,
        head: &Head,
        metric_type: MetricType,
        value: f64,
        rest: &Rest,
    ) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), taken, .. } = &mut self.lines else { return Ok(()) };
        let (cursor, labels) = (&doc.cursor, &doc.braces.labels);
        let state = (metric_type == MetricType::StateSet).then_some(&*draft.name);
        if let Some(state) = state {
            read_own_label(cursor, head.at, metric_type, state, &doc.braces)?;
        }
        let names = doc.known.find(cursor, labels)?;
        let Rest { time, time_at, start } = *rest;
        let sample = Checked { at: head.at, names, labels, state, time, time_at };
        if !self.metrics.add(cursor, &sample)? {
            return Ok(());
        }
        let row = doc.row.fill(cursor, names, labels)?;
        let family = draft.family(cursor, taken)?;
        let columns = family.float_columns(names, head.suffix);
        columns.push_float(row, value);
        finish_row(columns, time, start);
        if let Some(exemplar) = self.exemplars.last() {
            columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
        }
        Ok(())
    }

    fn add_composite(
        &mut self,
        head: &Head,
        metric_type: MetricType,
        rest: &Rest,
    ) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), taken, .. } = &mut self.lines else { return Ok(()) };
        let (cursor, labels) = (&doc.cursor, &doc.braces.labels);
        refuse_own_label(cursor, metric_type, &doc.braces)?;
        let names = doc.known.find(cursor, labels)?;
        let Rest { time, time_at, start } = *rest;
        let sample = Checked { at: head.at, names, labels, state: None, time, time_at };
        if !self.metrics.add(cursor, &sample)? {
            return Ok(());
        }
        let row = doc.row.fill(cursor, names, labels)?;
        let family = draft.family(cursor, taken)?;
        let composite = &mut self.composite;
        let (Some(count), Some(sum)) = (composite.count, composite.sum) else { return Ok(()) };
        let (count, sum) = (count.number, sum.number);
        let native = composite.native(cursor)?;
        let points = composite.points.iter().map(|(at, value)| (at.number, value.number));
        if metric_type == MetricType::Summary {
            let ranks = points.clone().map(|(rank, _)| rank);
            let ranks = match self.quantiles.take() {
                Some(last) if last.values().iter().copied().eq(ranks.clone()) => last,
                _ => {
                    let texts = ranks.clone().map(|rank| format_f64(rank).into()).collect();
                    Quantiles::with_texts(ranks.collect(), texts)
                }
            };
            let columns = family.columns(
                names,
                |values| {
                    matches!(values, ValueColumns::Summaries { quantiles, .. } if *quantiles == ranks)
                },
                || ValueColumns::summaries(ranks.clone()),
            );
            columns.push_row(row);
            if let ValueColumns::Summaries { estimates, counts, sums, .. } = &mut columns.values {
                estimates.extend(points.map(|(_, estimate)| estimate));
                counts.push(count);
                sums.push(sum);
            }
            finish_row(columns, time, start);
            self.quantiles = Some(ranks);
            return Ok(());
        }
        let endless = [(f64::INFINITY, count)].into_iter();
        let pushed = match composite.points.is_empty() {
            true => self.histograms.push(family, names, row, endless, sum),
            false => self.histograms.push(family, names, row, points, sum),
        };
        let Some(columns) = pushed else {
            return Err(cursor.error_at(head.at, "a histogram whose counts are numbers"));
        };
        if let Some(native) = native {
            columns.push_native(&native);
        }
        finish_row(columns, time, start);
        for exemplar in &self.exemplars {
            push_exemplar(columns, exemplar.as_ref());
        }
        Ok(())
    }
}

fn finish_row(columns: &mut Columns, time: Option<Timestamp>, start: Option<f64>) {
    if let Some(start) = start {
        columns.set_start(start);
    }
    if let Some(time) = time {
        columns.set_timestamp(time, 1);
    }
}
