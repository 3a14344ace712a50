//! Reads OpenMetrics 1.0.0.

use super::groups::{Checked, Fate, Groups};
use super::held::Held;
use crate::model::{Exemplar, MetricFamily, RowLabels, Suffix, Timestamp};
use crate::parser::composite::{Composite, Spelling};
use crate::parser::error::{ParseError, quoted};
use crate::parser::grammar::Grammar;
use crate::parser::histogram::Histograms;
use crate::parser::lines::{Head, Lines};
use crate::parser::number::Placed;
use crate::parser::rules::{
    check_value, has_exemplars, own_label, read_own_label, refuse_own_label,
};

/// What is known of an exposition that is being read.
#[derive(Debug)]
pub(in crate::parser) struct Reader<'a> {
    lines: Lines<'a>,
    groups: Groups,
    composite: Composite,
    histograms: Histograms,
    held: Option<Held>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(input, Grammar::OpenMetrics),
            groups: Groups::default(),
            composite: Composite::default(),
            histograms: Histograms::default(),
            held: None,
        }
    }

    /// Reads lines until a family has ended.
    pub(in crate::parser) fn read_family(&mut self) -> Result<Option<MetricFamily>, ParseError> {
        while let Some(head) = self.lines.next_sample()? {
            self.read_sample(head)?;
        }
        let Lines { doc, draft, taken, .. } = &mut self.lines;
        let Some(mut draft) = draft.take() else { return Ok(None) };
        self.groups.finish(&doc.cursor, draft.metric_type())?;
        self.groups.clear();
        let family = draft.family(&doc.cursor, taken)?;
        if let Some(held) = self.held.take() {
            held.push(&mut self.histograms, family);
        }
        Ok(draft.family)
    }

    fn read_sample(&mut self, Head { at, suffix }: Head) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), .. } = &mut self.lines else { return Ok(()) };
        if suffix == Suffix::None && draft.metric_type().has_buckets() {
            if doc.cursor.peek() == Some(b'{') {
                return self.read_native(at);
            }
            let expected = draft.expected_suffix();
            return Err(doc.cursor.error_finding(at, expected, quoted(&draft.name)));
        }
        let value_at = doc.cursor.at();
        let value = doc.read_number()?;
        let mut rest = Rest { time_at: doc.cursor.at(), ..Rest::default() };
        if doc.cursor.eat(b' ') {
            rest.time_at = doc.cursor.at();
            if doc.cursor.peek() != Some(b'#') {
                rest.time = Some(doc.read_time()?);
            }
            if rest.time.is_none() || doc.cursor.eat(b' ') {
                rest.exemplar_at = doc.cursor.at();
                rest.exemplar = Some(doc.read_exemplar(Grammar::OpenMetrics)?);
            }
        }
        if !doc.cursor.eat(b'\n') {
            return Err(doc.cursor.error("the end of the line"));
        }
        self.add_sample(at, suffix, (value, value_at), &rest)
    }

    /// Reads a native histogram, as other clients write them by experiment.
    fn read_native(&mut self, at: usize) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), taken, .. } = &mut self.lines else { return Ok(()) };
        let (metric_type, value_at) = (draft.metric_type(), doc.cursor.at());
        self.composite.read(&mut doc.cursor, Spelling::Deltas)?;
        let (mut time, mut time_at, mut exemplars) = (None, doc.cursor.at(), Vec::new());
        while doc.cursor.eat(b' ') {
            if doc.cursor.peek() == Some(b'#') {
                exemplars.push(doc.read_exemplar(Grammar::OpenMetrics)?);
            } else if time.is_none() && exemplars.is_empty() {
                time_at = doc.cursor.at();
                time = Some(doc.read_time()?);
            } else {
                return Err(doc.cursor.error("an exemplar"));
            }
        }
        if !doc.cursor.eat(b'\n') {
            return Err(doc.cursor.error("the end of the line"));
        }
        let cursor = &doc.cursor;
        let (Some(count), Some(sum)) = (self.composite.count, self.composite.sum) else {
            return Ok(());
        };
        if self.composite.metric_type() != metric_type {
            return Err(cursor.error_at(value_at, format!("the value of a {metric_type}")));
        }
        let is_natural = |number: f64| number >= 0.0 && number.is_finite() && number.fract() == 0.0;
        let expected = "whole numbers of observations that are not negative";
        for number in [Some(count), self.composite.zero_count].into_iter().flatten() {
            if !is_natural(number.number) {
                return Err(cursor.error_at(number.at, expected));
            }
        }
        for side in &self.composite.sides {
            if !side.counts.iter().copied().all(is_natural) {
                return Err(cursor.error_at(side.at, expected));
            }
        }
        refuse_own_label(cursor, metric_type, &doc.braces)?;
        let labels = &doc.braces.labels;
        let names = doc.known.find(cursor, labels)?;
        let suffix = Suffix::None;
        let sample = Checked { at, suffix, names, labels, own: None, value: count, time, time_at };
        match self.groups.add(cursor, metric_type, &sample)? {
            Fate::First => {}
            Fate::Repeated => return Ok(()),
            Fate::Next => {
                let expected = "a native histogram before the other samples of its metric";
                return Err(cursor.error_at(at, expected));
            }
        }
        let family = draft.family(cursor, taken)?;
        if let Some(held) = self.held.take() {
            held.push(&mut self.histograms, family);
        }
        let Some(native) = self.composite.native(cursor)? else { return Ok(()) };
        let RowLabels::Escaped { text, lens, escaped } = doc.row.fill(cursor, names, labels)?
        else {
            return Ok(());
        };
        self.held = Some(Held {
            names: names.clone(),
            text: text.to_owned(),
            lens: lens.to_owned(),
            escaped,
            native,
            count: count.number,
            sum: sum.number,
            time,
            start: None,
            buckets: Vec::new(),
            exemplars,
        });
        Ok(())
    }

    fn add_sample(
        &mut self,
        at: usize,
        suffix: Suffix,
        (value, value_at): (f64, usize),
        rest: &Rest,
    ) -> Result<(), ParseError> {
        let Lines { doc, draft: Some(draft), taken, .. } = &mut self.lines else { return Ok(()) };
        let cursor = &doc.cursor;
        let metric_type = draft.metric_type();
        check_value(metric_type, suffix, value)
            .map_err(|expected| cursor.error_at(value_at, expected))?;
        let own = match own_label(metric_type, suffix, &draft.name) {
            Some(own) => Some((own, read_own_label(cursor, at, metric_type, own, &doc.braces)?)),
            None => None,
        };
        if own.is_none() {
            refuse_own_label(cursor, metric_type, &doc.braces)?;
        }
        if let Some(exemplar) = &rest.exemplar {
            if !has_exemplars(metric_type, suffix) {
                let expected = "no exemplar, as this is neither a bucket nor a counter's total";
                return Err(cursor.error_at(rest.exemplar_at, expected));
            }
            let bound =
                own.and_then(|(_, bound)| bound).map_or(f64::INFINITY, |bound| bound.number);
            let is_inside = exemplar.as_ref().value() <= bound;
            if suffix == Suffix::Bucket && !is_inside {
                let expected = "an exemplar whose value is in its bucket";
                return Err(cursor.error_at(rest.exemplar_at, expected));
            }
        }
        let labels = &doc.braces.labels;
        let names = doc.known.find(cursor, labels)?;
        let (time, time_at) = (rest.time, rest.time_at);
        let placed = Placed { number: value, at: value_at };
        let sample = Checked { at, suffix, names, labels, own, value: placed, time, time_at };
        let fate = self.groups.add(cursor, metric_type, &sample)?;
        let bound = own.and_then(|(_, bound)| bound).map(|bound| bound.number);
        let row = doc.row.fill(cursor, names, labels)?;
        let family = draft.family(cursor, taken)?;
        match (suffix, fate) {
            (_, Fate::Repeated) => return Ok(()),
            (_, Fate::First) => {
                if let Some(held) = self.held.take() {
                    held.push(&mut self.histograms, family);
                }
            }
            (_, Fate::Next) if self.held.is_some() => {
                if let Some(held) = &mut self.held {
                    held.add(suffix, bound, value, rest.exemplar.as_ref());
                }
                return Ok(());
            }
            (Suffix::Created, Fate::Next) if !value.is_nan() => {
                family.set_last_start(value);
                return Ok(());
            }
            _ => {}
        }
        let columns = family.float_columns(names, suffix);
        columns.push_float(row, value);
        if let Some(time) = rest.time {
            columns.set_timestamp(time, 1);
        }
        if let Some(exemplar) = &rest.exemplar {
            columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
        }
        Ok(())
    }
}

/// What stands behind a sample's value, and where.
#[derive(Debug, Default)]
struct Rest {
    time: Option<Timestamp>,
    time_at: usize,
    exemplar: Option<Exemplar>,
    exemplar_at: usize,
}
