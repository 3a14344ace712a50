//! Metrics as rows of a family.

use super::body::{Body, read_label};
use super::error::DecodeError;
use super::wire::Field;
use crate::model::{
    Bounds, Family, LabelNames, MetricFamily, MetricType, Quantiles, RowLabels, Suffix, Timestamp,
    ValueColumns,
};
use crate::parser::error::quoted;
use crate::parser::series::Keys;

/// How many sets of label names are kept: nearly all metrics of a family share one.
const KEPT: usize = 4;
/// Cannot stand in UTF-8, so it ends whatever text stands before it.
const END: u8 = 0xff;

/// The metric at hand, and what those before it had; kept for its memory.
#[derive(Debug, Default)]
pub(super) struct Series<'a> {
    /// Labels and times of all metrics of the family.
    taken: Keys,
    labels: Vec<(&'a str, &'a str)>,
    values: Vec<&'a str>,
    body: Body,
    known: Vec<(Vec<&'a str>, LabelNames)>,
    last_known: usize,
    /// The bounds or quantiles of the metric before.
    bounds: Option<Bounds>,
    quantiles: Option<Quantiles>,
}

impl<'a> Series<'a> {
    /// Begins a family.
    pub(super) fn begin(&mut self) {
        self.taken.clear();
    }

    /// Reads a metric and adds it.
    pub(super) fn read(
        &mut self,
        metric: &Field<'a>,
        family: &mut MetricFamily,
    ) -> Result<(), DecodeError> {
        let metric_type = family.desc().metric_type();
        let own_field = match metric_type {
            MetricType::Gauge => 2,
            MetricType::Counter => 3,
            MetricType::Summary => 4,
            MetricType::Histogram | MetricType::GaugeHistogram => 7,
            _ => 5,
        };
        self.labels.clear();
        self.body.clear();
        let (mut fields, mut millis) = (metric.message("metric")?, None);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.labels.push(read_label(&field, "metric.label")?),
                6 => millis = Some(field.number("metric.timestamp_ms")? as i64),
                number if number == own_field => self.body.read(metric_type, &field)?,
                _ => {}
            }
        }
        if self.body.at.is_none() {
            let expected = format!("the numbers of a {metric_type}");
            return Err(DecodeError::new(metric.at, "metric", expected, "none"));
        }
        self.add(metric, family, millis)
    }

    fn add(
        &mut self,
        metric: &Field<'a>,
        family: &mut MetricFamily,
        millis: Option<i64>,
    ) -> Result<(), DecodeError> {
        let names = self.names(metric, family)?;
        self.take(metric, &names, millis)?;
        let Self { labels, values, body, bounds, quantiles, .. } = self;
        values.clear();
        values.extend(labels.iter().map(|(_, value)| *value));
        let labels = RowLabels::Raw(values);
        let columns = match family.desc().metric_type() {
            MetricType::Counter => {
                let columns = family.float_columns(&names, Suffix::Total);
                columns.push_float(labels, body.value);
                if let Some(exemplar) = &body.exemplar {
                    columns.push_exemplar(columns.rows() - 1, exemplar.as_ref());
                }
                columns
            }
            MetricType::Summary => {
                let ranks = body.quantiles(quantiles)?;
                let columns = family.columns(
                    &names,
                    |have| matches!(have, ValueColumns::Summaries { quantiles, .. } if quantiles == ranks),
                    || ValueColumns::summaries(ranks.clone()),
                );
                columns.push_row(labels);
                body.push_summary(&mut columns.values);
                columns
            }
            MetricType::Histogram | MetricType::GaugeHistogram => {
                body.push_histogram(family, &names, labels, bounds)?
            }
            _ => {
                let columns = family.float_columns(&names, Suffix::None);
                columns.push_float(labels, body.value);
                columns
            }
        };
        if let Some(start) = body.start {
            columns.set_start(start.as_seconds());
        }
        if let Some(millis) = millis {
            columns.set_timestamp(Timestamp::from_millis(millis), 1);
        }
        Ok(())
    }

    /// The names of the labels, checked.
    fn names(
        &mut self,
        metric: &Field<'a>,
        family: &MetricFamily,
    ) -> Result<LabelNames, DecodeError> {
        let Self { labels, known, last_known, .. } = self;
        let are_names = |(have, _): &(Vec<&str>, LabelNames)| {
            have.len() == labels.len()
                && have.iter().zip(&*labels).all(|(have, (name, _))| have == name)
        };
        if !known.get(*last_known).is_some_and(are_names) {
            *last_known = match known.iter().position(are_names) {
                Some(place) => place,
                None => {
                    let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
                    let checked = LabelNames::new(&names).map_err(|error| {
                        let expected = "label names that can stand together";
                        DecodeError::new(metric.at, "metric.label", expected, error.to_string())
                    })?;
                    known.truncate(KEPT - 1);
                    known.insert(0, (names, checked));
                    0
                }
            };
        }
        let names = known[*last_known].1.clone();
        let reserved = family.desc().metric_type().reserved_label();
        match reserved.filter(|name| names.contains(name)) {
            None => Ok(names),
            Some(name) => {
                let expected = "label names that the type does not keep for itself";
                Err(DecodeError::new(metric.at, "metric.label", expected, quoted(name)))
            }
        }
    }

    /// Notes that there is a series of these labels, at that time.
    fn take(
        &mut self,
        metric: &Field<'a>,
        names: &LabelNames,
        millis: Option<i64>,
    ) -> Result<(), DecodeError> {
        let labels = &self.labels;
        let (_, is_new) = self.taken.add(|out| {
            for (name, value) in names.declared_at().iter().map(|&place| labels[place]) {
                for text in [name, value] {
                    out.extend_from_slice(text.as_bytes());
                    out.push(END);
                }
            }
            if let Some(millis) = millis {
                out.extend_from_slice(&millis.to_le_bytes());
            }
        });
        if is_new {
            return Ok(());
        }
        let expected = "a series that does not stand twice at one time";
        Err(DecodeError::new(metric.at, "metric", expected, format!("{labels:?} again")))
    }
}
