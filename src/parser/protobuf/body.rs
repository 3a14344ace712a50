//! The numbers of a metric, whatever its type.

use super::error::DecodeError;
use super::wire::{Field, Fields};
use crate::model::{BucketSpan, Exemplar, MetricType, TimeParts};

/// What the message of a metric's type holds; cleared, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Where it stands, if there is one.
    pub(super) at: Option<usize>,
    /// Of a counter, a gauge, or what has no type.
    pub(super) value: f64,
    /// Of a counter.
    pub(super) exemplar: Option<Exemplar>,
    pub(super) start: Option<TimeParts>,
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) sum: f64,
    /// Buckets or quantiles.
    pub(super) parts: Vec<Part>,
    /// Exemplars of buckets, by the places of those.
    pub(super) exemplars: Vec<(usize, Exemplar)>,
    pub(super) schema: i64,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) zero_count_float: f64,
    pub(super) negative: Side,
    pub(super) positive: Side,
    pub(super) native_exemplars: Vec<Exemplar>,
}

/// A bucket or a quantile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// The upper bound, or which quantile it is.
    pub(super) bound: f64,
    /// Cumulative, or the estimate.
    pub(super) value: f64,
}

/// The buckets of a native histogram on one side of zero.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) spans: Vec<BucketSpan>,
    pub(super) deltas: Vec<i64>,
    pub(super) counts: Vec<f64>,
}

impl Body {
    pub(super) fn clear(&mut self) {
        let kept = std::mem::take(self);
        let (mut parts, mut exemplars) = (kept.parts, kept.exemplars);
        parts.clear();
        exemplars.clear();
        *self = Self { parts, exemplars, ..Self::default() };
    }

    /// Reads the message of a type.
    pub(super) fn read(
        &mut self,
        metric_type: MetricType,
        field: &Field<'_>,
    ) -> Result<(), DecodeError> {
        self.at = Some(field.at);
        match metric_type {
            MetricType::Counter => self.read_counter(field.message("metric.counter")?),
            MetricType::Gauge => {
                self.read_number(field.message("metric.gauge")?, "metric.gauge.value")
            }
            MetricType::Summary => self.read_summary(field.message("metric.summary")?),
            MetricType::Histogram | MetricType::GaugeHistogram => {
                self.read_histogram(field.message("metric.histogram")?)
            }
            _ => self.read_number(field.message("metric.untyped")?, "metric.untyped.value"),
        }
    }

    fn read_number(
        &mut self,
        mut fields: Fields<'_>,
        name: &'static str,
    ) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                self.value = field.double(name)?;
            }
        }
        Ok(())
    }

    fn read_counter(&mut self, mut fields: Fields<'_>) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.value = field.double("metric.counter.value")?,
                2 => {
                    let exemplar = field.message("metric.counter.exemplar")?;
                    self.exemplar = Some(read_exemplar(&field, exemplar)?);
                }
                3 => {
                    self.start = Some(read_time(field.message("metric.counter.start_timestamp")?)?)
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_summary(&mut self, mut fields: Fields<'_>) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.count = field.number("metric.summary.sample_count")?,
                2 => self.sum = field.double("metric.summary.sample_sum")?,
                3 => {
                    let mut quantile = field.message("metric.summary.quantile")?;
                    let mut part = Part::default();
                    while let Some(field) = quantile.next()? {
                        match field.number {
                            1 => part.bound = field.double("metric.summary.quantile.quantile")?,
                            2 => part.value = field.double("metric.summary.quantile.value")?,
                            _ => {}
                        }
                    }
                    self.push_part(&field, part, "metric.summary.quantile")?;
                }
                4 => {
                    self.start = Some(read_time(field.message("metric.summary.start_timestamp")?)?)
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_histogram(&mut self, mut fields: Fields<'_>) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.count = field.number("metric.histogram.sample_count")?,
                2 => self.sum = field.double("metric.histogram.sample_sum")?,
                3 => self.read_bucket(&field)?,
                4 => self.count_float = field.double("metric.histogram.sample_count_float")?,
                5 => self.schema = field.signed("metric.histogram.schema")?,
                6 => self.zero_threshold = field.double("metric.histogram.zero_threshold")?,
                7 => self.zero_count = field.number("metric.histogram.zero_count")?,
                8 => self.zero_count_float = field.double("metric.histogram.zero_count_float")?,
                9 => self.negative.read_span(&field, "metric.histogram.negative_span")?,
                10 => {
                    let deltas = &mut self.negative.deltas;
                    field.signed_into(deltas, "metric.histogram.negative_delta")?;
                }
                11 => {
                    let counts = &mut self.negative.counts;
                    field.doubles_into(counts, "metric.histogram.negative_count")?;
                }
                12 => self.positive.read_span(&field, "metric.histogram.positive_span")?,
                13 => {
                    let deltas = &mut self.positive.deltas;
                    field.signed_into(deltas, "metric.histogram.positive_delta")?;
                }
                14 => {
                    let counts = &mut self.positive.counts;
                    field.doubles_into(counts, "metric.histogram.positive_count")?;
                }
                15 => {
                    let start = field.message("metric.histogram.start_timestamp")?;
                    self.start = Some(read_time(start)?);
                }
                16 => {
                    let exemplar = field.message("metric.histogram.exemplars")?;
                    self.native_exemplars.push(read_exemplar(&field, exemplar)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_bucket(&mut self, field: &Field<'_>) -> Result<(), DecodeError> {
        let mut fields = field.message("metric.histogram.bucket")?;
        let (mut part, mut count) = (Part::default(), 0);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => count = field.number("metric.histogram.bucket.cumulative_count")?,
                2 => part.bound = field.double("metric.histogram.bucket.upper_bound")?,
                3 => {
                    let exemplar = field.message("metric.histogram.bucket.exemplar")?;
                    let exemplar = read_exemplar(&field, exemplar)?;
                    let place = self.parts.len();
                    if self.exemplars.last().is_some_and(|(last, _)| *last == place) {
                        self.exemplars.pop();
                    }
                    self.exemplars.push((place, exemplar));
                }
                4 => {
                    part.value = field.double("metric.histogram.bucket.cumulative_count_float")?;
                }
                _ => {}
            }
        }
        // As Prometheus has it, which cannot tell a field that is zero from one that is missing.
        if part.value == 0.0 {
            part.value = count as f64;
        }
        let before = self.parts.last().map_or(0.0, |last| last.value);
        if part.value.is_nan() || part.value < before {
            let expected = "as many observations as in the bucket before, or more";
            let (at, found) = (field.at, format!("{:?}", part.value));
            return Err(DecodeError::new(at, "metric.histogram.bucket", expected, found));
        }
        self.push_part(field, part, "metric.histogram.bucket")
    }

    fn push_part(
        &mut self,
        field: &Field<'_>,
        part: Part,
        name: &'static str,
    ) -> Result<(), DecodeError> {
        if part.bound.is_nan() || self.parts.last().is_some_and(|last| part.bound <= last.bound) {
            let expected = match self.parts.last() {
                Some(last) => format!("one above {:?}, the last", last.bound),
                None => "one that is a number".to_owned(),
            };
            return Err(DecodeError::new(field.at, name, expected, format!("{:?}", part.bound)));
        }
        self.parts.push(part);
        Ok(())
    }
}

impl Side {
    fn read_span(&mut self, field: &Field<'_>, name: &'static str) -> Result<(), DecodeError> {
        let (mut fields, mut span) = (field.message(name)?, BucketSpan::default());
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    span.offset = i32::try_from(field.signed(name)?)
                        .map_err(|_| field.error(name, "an offset of 32 bits"))?;
                }
                2 => {
                    span.length = u32::try_from(field.number(name)?)
                        .map_err(|_| field.error(name, "a length of 32 bits"))?;
                }
                _ => {}
            }
        }
        self.spans.push(span);
        Ok(())
    }
}

/// Reads a label; names are not empty.
pub(super) fn read_label<'a>(
    field: &Field<'a>,
    message: &'static str,
) -> Result<(&'a str, &'a str), DecodeError> {
    let (mut fields, mut name, mut value) = (field.message(message)?, "", "");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.text(message)?,
            2 => value = field.text(message)?,
            _ => {}
        }
    }
    match name {
        "" => Err(DecodeError::new(field.at, message, "a label name", "none")),
        name => Ok((name, value)),
    }
}

fn read_exemplar(field: &Field<'_>, mut fields: Fields<'_>) -> Result<Exemplar, DecodeError> {
    const NAME: &str = "exemplar";
    let (mut labels, mut value, mut time) = (Vec::new(), 0.0, None);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => labels.push(read_label(&field, "exemplar.label")?),
            2 => value = field.double("exemplar.value")?,
            3 => time = Some(read_time(field.message("exemplar.timestamp")?)?),
            _ => {}
        }
    }
    let exemplar = Exemplar::new(labels, value).map_err(|error| {
        DecodeError::new(field.at, NAME, "labels as exemplars have them", error.to_string())
    })?;
    Ok(match time {
        Some(time) => exemplar.with_timestamp(time.timestamp()),
        None => exemplar,
    })
}

fn read_time(mut fields: Fields<'_>) -> Result<TimeParts, DecodeError> {
    const NAME: &str = "timestamp";
    let (at, mut seconds, mut nanos) = (fields.at(), 0, 0);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => seconds = field.number("timestamp.seconds")? as i64,
            2 => {
                nanos = u32::try_from(field.number("timestamp.nanos")?)
                    .ok()
                    .filter(|nanos| *nanos < 1_000_000_000)
                    .ok_or_else(|| field.error("timestamp.nanos", "nanoseconds below 10^9"))?;
            }
            _ => {}
        }
    }
    TimeParts::new(seconds, nanos).ok_or_else(|| {
        let found = format!("{seconds} seconds since 1970");
        DecodeError::new(at, NAME, "a time in the years 1 to 9999", found)
    })
}
