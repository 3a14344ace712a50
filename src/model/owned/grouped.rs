//! Puts samples that were told one by one together: for formats that tell a histogram as one.

use std::collections::HashMap;

use super::MetricFamily;
use crate::model::bounds::Bounds;
use crate::model::chunk::{SumPlace, Values};
use crate::model::columns::{Columns, RowLabels, ValueColumns};
use crate::model::desc::{MetricType, Suffix};
use crate::model::exemplar::Exemplar;
use crate::model::family::Family;
use crate::model::labels::LabelNames;
use crate::model::native::NativeHistogram;
use crate::model::quantiles::Quantiles;
use crate::model::sample::Sample;
use crate::model::timestamp::Timestamp;

impl MetricFamily {
    /// The same histograms or summaries, each as one row; nothing if they are already, or the
    /// family is of another type.
    ///
    /// A count that was not told is that of the last bucket, and a bucket for all is added. What
    /// a summary does not tell is zero.
    ///
    /// ```
    /// use narthex::model::{MetricFamily, Values};
    /// use narthex::parser;
    ///
    /// let text = "# TYPE size summary\n\
    ///     size{quantile=\"0.5\"} 3\n\
    ///     size_count 2\n\
    ///     size_sum 7\n";
    /// let families = parser::text::parse_all(text)?;
    /// let grouped = MetricFamily::grouped(&families[0]).unwrap();
    /// let mut seen = Vec::new();
    /// narthex::model::Family::for_each_chunk(&grouped, &mut |chunk| {
    ///     if let Values::Summaries { estimates, counts, sums, .. } = chunk.values() {
    ///         seen.push((estimates[0], counts[0], sums[0]));
    ///     }
    /// });
    /// assert_eq!(seen, [(3.0, 2.0, 7.0)]);
    /// assert!(MetricFamily::grouped(&grouped).is_none());
    /// # Ok::<(), narthex::parser::ParseError>(())
    /// ```
    pub fn grouped(family: &dyn Family) -> Option<Self> {
        let own = family.desc().metric_type().reserved_label()?;
        let mut loose = false;
        family.for_each_chunk(&mut |chunk| {
            loose |= matches!(chunk.values(), Values::Floats { .. }) && chunk.rows() > 0;
        });
        if !loose {
            return None;
        }
        let mut points = Points { own, places: HashMap::new(), points: Vec::new() };
        family.for_each_sample(&mut |sample| points.add(sample));
        let mut grouped = Self::of(family.desc().clone());
        for mut point in points.points {
            point.parts.sort_by(|one, other| one.at.total_cmp(&other.at));
            grouped.push_point(point);
        }
        Some(grouped)
    }

    fn push_point(&mut self, point: Point) {
        // They were checked when the family was made.
        let Ok(names) = LabelNames::new(&point.names) else { return };
        let values: Vec<&str> = point.values.iter().map(String::as_str).collect();
        let (start, timestamp) = (point.start, point.timestamp);
        let columns = match self.desc.metric_type() {
            MetricType::Summary => self.push_summary(&names, &values, &point),
            _ => self.push_histogram(&names, &values, &point),
        };
        if let Some(start) = start {
            columns.set_start(start);
        }
        if let Some(timestamp) = timestamp {
            columns.set_timestamp(timestamp, 1);
        }
    }

    fn push_summary(&mut self, names: &LabelNames, values: &[&str], point: &Point) -> &mut Columns {
        let ranks = point.parts.iter().map(|part| part.at).collect();
        let texts = point.parts.iter().map(|part| part.text.clone()).collect();
        let ranks = Quantiles::with_texts(ranks, texts);
        let columns = self.columns(
            names,
            |have| matches!(have, ValueColumns::Summaries { quantiles, .. } if *quantiles == ranks),
            || ValueColumns::summaries(ranks.clone()),
        );
        columns.push_row(RowLabels::Raw(values));
        if let ValueColumns::Summaries { estimates, counts, sums, .. } = &mut columns.values {
            estimates.extend(point.parts.iter().map(|part| part.value));
            counts.push(point.count.unwrap_or(0.0));
            sums.push(point.sum.unwrap_or(0.0));
        }
        columns
    }

    fn push_histogram(
        &mut self,
        names: &LabelNames,
        values: &[&str],
        point: &Point,
    ) -> &mut Columns {
        let mut ends: Vec<f64> = point.parts.iter().map(|part| part.at).collect();
        let mut texts: Vec<_> = point.parts.iter().map(|part| part.text.clone()).collect();
        let mut totals: Vec<f64> = point.parts.iter().map(|part| part.value).collect();
        if ends.last() != Some(&f64::INFINITY) {
            let all = point.count.or(totals.last().copied()).unwrap_or(0.0);
            ends.push(f64::INFINITY);
            texts.push("+Inf".into());
            totals.push(all);
        }
        let bounds = Bounds::with_texts(ends, texts);
        let place = if point.sum.is_some() { SumPlace::Last } else { SumPlace::Absent };
        let columns = self.columns(
            names,
            |have| {
                matches!(have, ValueColumns::Histograms { bounds: have, sum_place, .. }
                    if *have == bounds && *sum_place == place)
            },
            || ValueColumns::Histograms {
                bounds: bounds.clone(),
                buckets: Vec::new(),
                sums: Vec::new(),
                sum_place: place,
            },
        );
        columns.push_row(RowLabels::Raw(values));
        if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
            let mut below = 0.0;
            for total in totals {
                buckets.push(total - below);
                below = total;
            }
            sums.extend(point.sum);
        }
        let first = (columns.rows() - 1) * bounds.values().len();
        for (slot, part) in (first..).zip(&point.parts) {
            if let Some(exemplar) = &part.exemplar {
                columns.push_exemplar(slot, exemplar.as_ref());
            }
        }
        if let Some(native) = &point.native {
            columns.push_native(native);
        }
        columns
    }
}

type Labels = Vec<(String, String)>;

/// What was told of one series at one time.
struct Point {
    names: Vec<String>,
    values: Vec<String>,
    timestamp: Option<Timestamp>,
    /// Buckets or quantiles.
    parts: Vec<Part>,
    count: Option<f64>,
    sum: Option<f64>,
    start: Option<f64>,
    native: Option<NativeHistogram>,
}

struct Part {
    at: f64,
    text: Box<str>,
    value: f64,
    exemplar: Option<Exemplar>,
}

struct Points {
    /// The label that tells the samples of a point apart.
    own: &'static str,
    /// Where the point of these labels and of this time, as the bits of its seconds, stands.
    places: HashMap<(Labels, Option<u64>), usize>,
    points: Vec<Point>,
}

impl Points {
    fn add(&mut self, sample: &Sample<'_>) {
        let own = sample.labels().get(self.own);
        let labels = sample.labels().iter().filter(|(name, _)| *name != self.own);
        let labels: Labels =
            labels.map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        let timestamp = sample.timestamp();
        let next = self.points.len();
        let time = timestamp.map(|timestamp| timestamp.as_seconds().to_bits());
        let place = *self.places.entry((labels.clone(), time)).or_insert(next);
        if place == next {
            let (names, values) = labels.into_iter().unzip();
            let (parts, count, sum, start, native) = (Vec::new(), None, None, None, None);
            self.points.push(Point { names, values, timestamp, parts, count, sum, start, native });
        }
        let point = &mut self.points[place];
        point.start = point.start.or(sample.start());
        match sample.suffix() {
            Suffix::Count | Suffix::GCount => {
                point.count = Some(sample.value());
                point.native = sample.native().map(|native| native.to_owned());
            }
            Suffix::Sum | Suffix::GSum => point.sum = Some(sample.value()),
            Suffix::Created => point.start = Some(sample.value()),
            _ => {
                // The label was checked when the sample was added.
                let Some((text, Ok(at))) = own.map(|text| (text.clone(), text.parse())) else {
                    return;
                };
                let exemplar = sample.exemplar().map(|exemplar| exemplar.to_owned());
                let text = text.into_owned().into_boxed_str();
                point.parts.push(Part { at, text, value: sample.value(), exemplar });
            }
        }
    }
}
