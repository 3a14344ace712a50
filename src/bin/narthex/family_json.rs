//! Families as JSON, sample after sample, in the shape that README tells.

use std::borrow::Cow;
use std::io::{self, Write};

use narthex::model::{ExemplarRef, Family, MetricFamily, Sample, Suffix, Timestamp};

use crate::formats::Times;
use crate::natives::{Buckets, Native, Natives, labels_of_series, own_label};

/// Writes families as an object with an array of them.
pub(crate) fn write<E>(
    out: &mut dyn Write,
    families: impl Iterator<Item = Result<MetricFamily, E>>,
    times: Times,
) -> io::Result<()> {
    out.write_all(b"{\"families\":[")?;
    for (place, family) in families.flatten().enumerate() {
        out.write_all(if place == 0 { b"\n" } else { b",\n" })?;
        Writer { out, times }.family(&family)?;
    }
    out.write_all(b"]}\n")
}

/// A float as text that reads back as the same one: as Python writes it, but for infinities.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, power) = match exponent.strip_prefix('-') {
                Some(power) => ('-', power),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{power:0>2}")
        }
    }
}

/// A number without a point if it is whole, as counts of native histograms are.
fn whole(value: f64) -> String {
    let text = float(value);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A number of JSON, which has neither infinities nor NaN: those are text.
fn number(value: f64) -> String {
    if value.is_finite() { whole(value) } else { format!("\"{}\"", float(value)) }
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    times: Times,
}

impl Writer<'_> {
    fn family(&mut self, family: &MetricFamily) -> io::Result<()> {
        let desc = family.desc();
        self.key("{", "name")?;
        self.text(desc.name())?;
        self.key(",", "type")?;
        self.text(desc.metric_type().as_str())?;
        self.key(",", "unit")?;
        self.text(desc.unit().unwrap_or_default())?;
        self.key(",", "help")?;
        self.text(desc.help())?;
        self.key(",", "samples")?;
        let own = own_label(desc.metric_type());
        let natives = Natives::of(family);
        let mut samples = Samples { own, natives, start: None, before: "[" };
        let mut result = Ok(());
        family.for_each_sample(&mut |sample| {
            if result.is_ok() {
                result = samples.write(self, sample);
            }
        });
        result?;
        samples.finish(self)
    }

    /// A sample without its end, which may be of more than a number.
    fn sample<'s>(
        &mut self,
        before: &str,
        name: &str,
        labels: impl Iterator<Item = (&'s str, Cow<'s, str>)>,
        value: Option<f64>,
    ) -> io::Result<()> {
        self.out.write_all(before.as_bytes())?;
        self.key("{", "name")?;
        self.text(name)?;
        self.key(",", "labels")?;
        self.labels(labels)?;
        self.key(",", "value")?;
        match value {
            Some(value) => self.float(value),
            None => self.out.write_all(b"null"),
        }
    }

    fn exemplar(&mut self, exemplar: ExemplarRef<'_>) -> io::Result<()> {
        self.key("{", "labels")?;
        self.labels(exemplar.labels().map(|(name, value)| (name, value.into())))?;
        self.key(",", "value")?;
        self.float(exemplar.value())?;
        self.key(",", "timestamp")?;
        match exemplar.timestamp() {
            Some(time) => self.time(time)?,
            None => self.out.write_all(b"null")?,
        }
        self.out.write_all(b"}")
    }

    fn native(&mut self, native: &Native, buckets: &Buckets) -> io::Result<()> {
        self.key("{", "count")?;
        self.float(native.count)?;
        self.key(",", "sum")?;
        self.float(native.sum)?;
        self.key(",", "schema")?;
        write!(self.out, "{}", buckets.schema)?;
        self.key(",", "zero_threshold")?;
        self.float(buckets.zero_threshold)?;
        self.key(",", "zero_count")?;
        self.float(buckets.zero_count)?;
        let sides = [
            ("pos_spans", "pos_deltas", &buckets.positive),
            ("neg_spans", "neg_deltas", &buckets.negative),
        ];
        for (spans, deltas, side) in sides {
            self.key(",", spans)?;
            self.array(side.spans.iter().map(|span| format!("[{},{}]", span.offset, span.length)))?;
            self.key(",", deltas)?;
            self.array(side.deltas().map(number))?;
        }
        if !buckets.exemplars.is_empty() {
            self.key(",", "exemplars")?;
            let mut before = "[";
            for exemplar in &buckets.exemplars {
                self.out.write_all(before.as_bytes())?;
                self.exemplar(exemplar.as_ref())?;
                before = ",";
            }
            self.out.write_all(b"]")?;
        }
        self.key(",", "raw")?;
        let raw = format!(
            r#"{{"count":"{}","sum":"{}","zero_threshold":"{}","zero_count":"{}"}}"#,
            whole(native.count),
            float(native.sum),
            float(buckets.zero_threshold),
            whole(buckets.zero_count),
        );
        self.out.write_all(raw.as_bytes())?;
        self.out.write_all(b"}")
    }

    /// An array of what is JSON already; null if it is empty.
    fn array(&mut self, items: impl Iterator<Item = String>) -> io::Result<()> {
        let items = items.collect::<Vec<_>>().join(",");
        match &*items {
            "" => self.out.write_all(b"null"),
            items => write!(self.out, "[{items}]"),
        }
    }

    fn labels<'s>(
        &mut self,
        labels: impl Iterator<Item = (&'s str, Cow<'s, str>)>,
    ) -> io::Result<()> {
        let mut before = "{";
        for (name, value) in labels {
            self.out.write_all(before.as_bytes())?;
            self.text(name)?;
            self.out.write_all(b":")?;
            self.text(&value)?;
            before = ",";
        }
        self.out.write_all(if before == "{" { b"{}" } else { b"}" })
    }

    fn time(&mut self, time: Timestamp) -> io::Result<()> {
        // Nanoseconds have 127 bits.
        let is_huge = time.as_seconds().abs() > 1e29;
        match self.times {
            Times::Nanoseconds if !is_huge => {
                let nanos = time.as_nanos();
                let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                write!(self.out, "{{\"sec\":\"{seconds}\",\"nsec\":{rest}}}")
            }
            Times::Nanoseconds => {
                write!(self.out, "{{\"float\":\"{}\"}}", float(time.as_seconds()))
            }
            Times::Seconds => {
                // Milliseconds, so that what was a decimal is the float next to it.
                write!(self.out, "{{\"float\":\"{}\"}}", float(time.as_millis() / 1000.0))
            }
        }
    }

    fn float(&mut self, value: f64) -> io::Result<()> {
        write!(self.out, "\"{}\"", float(value))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut self.out, text)?)
    }

    /// A key that needs no escapes, and what stands before it.
    fn key(&mut self, before: &str, key: &str) -> io::Result<()> {
        self.out.write_all(before.as_bytes())?;
        self.out.write_all(b"\"")?;
        self.out.write_all(key.as_bytes())?;
        self.out.write_all(b"\":")
    }
}

/// The samples of a family, on their way out.
struct Samples {
    /// The label that tells samples of one series apart.
    own: Option<&'static str>,
    natives: Natives,
    start: Option<Start>,
    /// What stands before the next one.
    before: &'static str,
}

/// When a series began, which is told behind its last sample.
#[derive(PartialEq)]
struct Start {
    family: String,
    labels: Vec<(String, String)>,
    time: Option<Timestamp>,
    value: f64,
}

impl Samples {
    fn write(&mut self, out: &mut Writer<'_>, sample: &Sample<'_>) -> io::Result<()> {
        let start = sample.start().map(|value| Start {
            family: sample.family().to_owned(),
            labels: labels_of_series(sample, self.own),
            time: sample.timestamp(),
            value,
        });
        if start != self.start {
            self.write_start(out)?;
            self.start = start;
        }
        let (native, has_others) = self.natives.before(sample);
        if let Some((native, buckets)) = native.and_then(|n| Some((n, n.buckets.as_ref()?))) {
            let labels = labels_of_series(sample, self.own);
            let labels = labels.iter().map(|(name, value)| (&**name, (&**value).into()));
            out.sample(self.before, sample.family(), labels, None)?;
            self.before = ",";
            if let Some(time) = sample.timestamp() {
                out.key(",", "timestamp")?;
                out.time(time)?;
            }
            out.key(",", "native_histogram")?;
            out.native(native, buckets)?;
            out.out.write_all(b"}")?;
        }
        if !has_others {
            return Ok(());
        }
        out.sample(self.before, &sample.name(), sample.labels().iter(), Some(sample.value()))?;
        self.before = ",";
        if let Some(time) = sample.timestamp() {
            out.key(",", "timestamp")?;
            out.time(time)?;
        }
        if let Some(exemplar) = sample.exemplar() {
            out.key(",", "exemplar")?;
            out.exemplar(exemplar)?;
        }
        out.out.write_all(b"}")
    }

    fn write_start(&mut self, out: &mut Writer<'_>) -> io::Result<()> {
        let Some(start) = self.start.take() else { return Ok(()) };
        let name = format!("{}{}", start.family, Suffix::Created.as_str());
        let labels = start.labels.iter().map(|(name, value)| (&**name, (&**value).into()));
        out.sample(self.before, &name, labels, Some(start.value))?;
        out.out.write_all(b"}")
    }

    fn finish(mut self, out: &mut Writer<'_>) -> io::Result<()> {
        self.write_start(out)?;
        out.out.write_all(if self.before == "[" { b"[]}" } else { b"]}" })
    }
}

#[cfg(test)]
mod tests {
    use narthex::model::{BucketSpan, Exemplar, HistogramMetricFamily, NativeHistogram};
    use serde_json::{Value, json};

    use super::*;

    fn told(family: HistogramMetricFamily) -> Value {
        let mut out = Vec::new();
        let families = [narthex::Result::Ok(family.into())];
        write(&mut out, families.into_iter(), Times::Nanoseconds).unwrap();
        let mut told: Value = serde_json::from_slice(&out).unwrap();
        told["families"][0]["samples"].take()
    }

    /// What Python's parser reads of `positive_spans:[0:2,1:2],negative_spans:[0:2,1:2]`,
    /// `positive_deltas:[2,1,-3,3],negative_deltas:[2,1,-2,3]`.
    fn example() -> NativeHistogram {
        let spans =
            || [(0, 2), (1, 2)].map(|(offset, length)| BucketSpan { offset, length }).into();
        let native = NativeHistogram::new(0).unwrap().zero(0.001, 4.0).unwrap();
        let native = native.positive_spans(spans(), vec![2.0, 3.0, 0.0, 3.0]).unwrap();
        native.negative_spans(spans(), vec![2.0, 3.0, 1.0, 4.0]).unwrap()
    }

    fn example_told() -> Value {
        json!({
            "count": "24.0", "sum": "100.0", "schema": 0, "zero_threshold": "0.001",
            "zero_count": "4.0", "pos_spans": [[0, 2], [1, 2]], "neg_spans": [[0, 2], [1, 2]],
            "pos_deltas": [2, 1, -3, 3], "neg_deltas": [2, 1, -2, 3],
            "raw": { "count": "24", "sum": "100.0", "zero_threshold": "0.001", "zero_count": "4" },
        })
    }

    #[test]
    fn a_native_histogram_stands_for_itself() {
        let mut family = HistogramMetricFamily::new("h", "").unwrap().with_labels(["x"]).unwrap();
        family.add_native(["a"], 24.0, 100.0, &example()).unwrap().created(5.0);
        let bare = NativeHistogram::new(3).unwrap();
        let exemplar = Exemplar::new([("t", "1")], 0.5).unwrap();
        family.add_native(["b"], 0.0, 0.0, &bare).unwrap().exemplar(exemplar).unwrap();
        assert_eq!(
            told(family),
            json!([
                { "name": "h", "labels": { "x": "a" }, "value": null,
                    "native_histogram": example_told() },
                { "name": "h_created", "labels": { "x": "a" }, "value": "5.0" },
                { "name": "h", "labels": { "x": "b" }, "value": null, "native_histogram": {
                    "count": "0.0", "sum": "0.0", "schema": 3, "zero_threshold": "0.0",
                    "zero_count": "0.0", "pos_spans": null, "neg_spans": null, "pos_deltas": null,
                    "neg_deltas": null,
                    "exemplars": [{ "labels": { "t": "1" }, "value": "0.5", "timestamp": null }],
                    "raw": { "count": "0", "sum": "0.0", "zero_threshold": "0.0", "zero_count": "0" },
                } },
            ])
        );
    }

    #[test]
    fn a_histogram_with_buckets_of_both_kinds_has_both() {
        let mut family = HistogramMetricFamily::new("h", "").unwrap();
        let buckets = [(0.001, 4.0), (f64::INFINITY, 24.0)];
        let added = family.add_metric(narthex::model::NO_LABELS, buckets, Some(100.0)).unwrap();
        added.native(&example()).unwrap().created(1.5);
        assert_eq!(
            told(family),
            json!([
                { "name": "h", "labels": {}, "value": null, "native_histogram": example_told() },
                { "name": "h_bucket", "labels": { "le": "0.001" }, "value": "4.0" },
                { "name": "h_bucket", "labels": { "le": "+Inf" }, "value": "24.0" },
                { "name": "h_count", "labels": {}, "value": "24.0" },
                { "name": "h_sum", "labels": {}, "value": "100.0" },
                { "name": "h_created", "labels": {}, "value": "1.5" },
            ])
        );
    }

    #[test]
    fn floats_are_spelled_as_the_vectors_spell_them() {
        // As Python's repr, but for what is not finite.
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (123456789012345.0, "123456789012345.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (2.938735877055719e-39, "2.938735877055719e-39"),
            (1.2345678901234568e29, "1.2345678901234568e+29"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float(value), text);
        }
    }
}
