//! Families as JSON, sample after sample, in the shape that README tells.

use std::borrow::Cow;
use std::io::{self, Write};

use narthex::model::{ExemplarRef, Family, MetricFamily, MetricType, Sample, Suffix, Timestamp};

use crate::formats::Times;

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
        let mut samples = Samples { own: own_label(desc.metric_type()), start: None, before: "[" };
        let mut result = Ok(());
        family.for_each_sample(&mut |sample| {
            if result.is_ok() {
                result = samples.write(self, sample);
            }
        });
        result?;
        samples.finish(self)
    }

    fn sample<'s>(
        &mut self,
        before: &str,
        name: &str,
        labels: impl Iterator<Item = (&'s str, Cow<'s, str>)>,
        value: f64,
    ) -> io::Result<()> {
        self.out.write_all(before.as_bytes())?;
        self.key("{", "name")?;
        self.text(name)?;
        self.key(",", "labels")?;
        self.labels(labels)?;
        self.key(",", "value")?;
        self.float(value)
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
            labels: self.labels_of_series(sample),
            time: sample.timestamp(),
            value,
        });
        if start != self.start {
            self.write_start(out)?;
            self.start = start;
        }
        out.sample(self.before, &sample.name(), sample.labels().iter(), sample.value())?;
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
        out.sample(self.before, &name, labels, start.value)?;
        out.out.write_all(b"}")
    }

    fn finish(mut self, out: &mut Writer<'_>) -> io::Result<()> {
        self.write_start(out)?;
        out.out.write_all(if self.before == "[" { b"[]}" } else { b"]}" })
    }

    fn labels_of_series(&self, sample: &Sample<'_>) -> Vec<(String, String)> {
        let labels = sample.labels().iter().filter(|(name, _)| Some(*name) != self.own);
        labels.map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }
}

/// The label that the type of a family adds to its samples.
fn own_label(metric_type: MetricType) -> Option<&'static str> {
    match metric_type {
        MetricType::GaugeHistogram | MetricType::Histogram => Some("le"),
        MetricType::Summary => Some("quantile"),
        _ => None,
    }
}
