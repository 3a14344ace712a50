//! Families of custom collectors, written down for other processes.

use serde_json::{Value, json};

use super::entry_kind::FAMILIES;
use crate::cell::fork::hold_off;
use crate::collector::{Collector, for_each_family};
use crate::error::{Error, Result};
use crate::model::{
    Desc, Exemplar, Family, MetricFamily, MetricName, MetricType, Sample, Suffix, SumPlace,
    Timestamp, Values,
};
use crate::multiprocess::store::MultiprocessStore;

impl MultiprocessStore {
    /// Shows the other processes what a collector tells now, as metrics of
    /// this one: each series with the label `pid`, as long as the process lives.
    ///
    /// This is for collectors whose numbers do not live in files: custom ones,
    /// and those of [`collectors`](crate::collectors). Call it whenever the
    /// numbers are worth showing, from a timer for one. It replaces what a
    /// collector of the same [`name`](Collector::name) has published before. A
    /// family that has the name of one in the files is left out.
    ///
    /// ```
    /// use narthex::model::{GaugeMetricFamily, NO_LABELS};
    /// use narthex::multiprocess::{MultiProcessCollector, MultiprocessStore};
    /// use narthex::{collector_fn, exposition};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let store = MultiprocessStore::builder(dir.path()).identifier("7-a").open()?;
    /// store.publish(&collector_fn(|scrape| {
    ///     let mut threads = GaugeMetricFamily::new("threads", "Of this program.")?;
    ///     threads.add_metric(NO_LABELS, 4.0)?;
    ///     scrape.family(&threads)
    /// }))?;
    /// let text = exposition::text::encode(&MultiProcessCollector::of(&store))?;
    /// assert!(text.ends_with("threads{pid=\"7-a\"} 4.0\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of the collector; [`Error::is_io`] if there is no room for what it
    /// tells. What was published before stays.
    pub fn publish(&self, collector: &dyn Collector) -> Result {
        let mut families = Vec::new();
        for_each_family(collector, &mut |family| {
            families.push(write_down(family));
            Ok(())
        })?;
        let json = Value::from(families).to_string();
        let name = collector.name();
        let _hold_off = hold_off();
        let done =
            self.side().is_some_and(|side| side.put(FAMILIES, name.as_bytes(), json.as_bytes()));
        done.then_some(()).ok_or_else(|| {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Error::io(format!("the families of {name} cannot be published"), error)
        })
    }
}

/// A family that a process has published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub(crate) desc: Desc,
    samples: Vec<PublishedSample>,
}

/// Names and values, as they stand in JSON.
type Labels = Vec<(String, String)>;

// Numbers are text, for JSON has not all of them.
#[derive(Clone, Debug, PartialEq)]
struct PublishedSample {
    name: String,
    labels: Labels,
    value: f64,
    start: Option<f64>,
    timestamp: Option<Timestamp>,
    exemplar: Option<Exemplar>,
}

impl Published {
    /// Adds the samples to a family, each with one more label, or that label
    /// replaced; says how many could not be added.
    pub(crate) fn add_to(&self, family: &mut MetricFamily, label: (&str, &str)) -> u64 {
        let added = self.samples.iter().map(|sample| sample.add_to(family, label));
        added.filter(Result::is_err).count() as u64
    }
}

impl PublishedSample {
    fn add_to(&self, family: &mut MetricFamily, label: (&str, &str)) -> Result {
        let own = self.labels.iter().filter(|(name, _)| *name != label.0);
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut added = family.add_sample(&self.name, own.chain([label]), self.value)?;
        if let Some(start) = self.start {
            added = added.created(start);
        }
        if let Some(timestamp) = self.timestamp {
            added = added.timestamp(timestamp);
        }
        if let Some(exemplar) = &self.exemplar {
            added.exemplar(exemplar.clone())?;
        }
        Ok(())
    }
}

fn write_down(family: &dyn Family) -> Value {
    let desc = family.desc();
    let mut samples = Vec::new();
    family.for_each_chunk(&mut |chunk| {
        // A histogram and a summary have their start time in one of their samples.
        let starting = match chunk.values() {
            Values::Floats { suffix, .. } => suffix,
            Values::Histograms { sum_place: SumPlace::Absent, .. } => Suffix::Count,
            _ => Suffix::Sum,
        };
        chunk.for_each_sample(desc, &mut |sample| {
            let start = sample.start().filter(|_| sample.suffix() == starting);
            samples.push(sample_down(sample, start));
        });
    });
    json!([desc.name(), desc.metric_type().as_str(), desc.help(), desc.unit(), samples])
}

fn sample_down(sample: &Sample<'_>, start: Option<f64>) -> Value {
    let labels: Vec<_> = sample.labels().iter().collect();
    let exemplar = sample.exemplar().map(|exemplar| {
        let labels: Vec<_> = exemplar.labels().collect();
        json!([labels, text(exemplar.value()), exemplar.timestamp().map(seconds)])
    });
    let timestamp = sample.timestamp().map(seconds);
    json!([sample.name(), labels, text(sample.value()), start.map(text), timestamp, exemplar])
}

fn text(number: f64) -> String {
    number.to_string()
}

fn seconds(timestamp: Timestamp) -> String {
    text(timestamp.as_seconds())
}

/// Reads what was published.
pub(super) fn decode(json: &[u8]) -> Option<Vec<Published>> {
    type Told = (String, String, String, Option<String>, Vec<Value>);

    let families: Vec<Told> = serde_json::from_slice(json).ok()?;
    let families = families.into_iter().map(|(name, metric_type, help, unit, samples)| {
        let metric_type = MetricType::parse(&metric_type)?;
        let (name, unit) = (MetricName::new(&name).ok()?, unit.map(Into::into));
        let desc = Desc::from_full_name(name, help.into(), metric_type, unit);
        let samples = samples.into_iter().map(decode_sample).collect::<Option<_>>()?;
        Some(Published { desc, samples })
    });
    families.collect()
}

fn decode_sample(json: Value) -> Option<PublishedSample> {
    type Told = (
        String,
        Labels,
        String,
        Option<String>,
        Option<String>,
        Option<(Labels, String, Option<String>)>,
    );

    let (name, labels, value, start, timestamp, exemplar): Told =
        serde_json::from_value(json).ok()?;
    let exemplar = match exemplar {
        Some((labels, value, timestamp)) => {
            let exemplar = Exemplar::new(labels, value.parse().ok()?).ok()?;
            Some(match timestamp {
                Some(timestamp) => exemplar.with_timestamp(decode_seconds(&timestamp)?),
                None => exemplar,
            })
        }
        None => None,
    };
    Some(PublishedSample {
        name,
        labels,
        value: value.parse().ok()?,
        start: start.map(|start| start.parse().ok()).unwrap_or_default(),
        timestamp: timestamp.and_then(|timestamp| decode_seconds(&timestamp)),
        exemplar,
    })
}

fn decode_seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_seconds(text.parse().ok()?).ok()
}
