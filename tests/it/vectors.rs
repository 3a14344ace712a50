//! Reads the conformance vectors, where they are at hand, and builds families of them.

use std::path::PathBuf;

use narthex::model::{
    BucketSpan, Exemplar, Family, HistogramMetricFamily, MetricFamily, MetricType, NativeHistogram,
    Timestamp,
};
use narthex::{Collector, Error, Result, collector_fn};
use serde_json::Value;

/// The rows of a file; none if the vectors are not there.
pub(crate) fn rows(file: &str) -> Vec<Value> {
    let shared = std::env::var_os("NARTHEX_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors").join(file);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return Vec::new();
    }
    let text = std::fs::read_to_string(path).expect("a readable file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Holds every row against `judge`, which says what is wrong with it; those in
/// `on_purpose` must differ, each for the reason beside it, and no others may.
pub(crate) fn check(
    rows: &[Value],
    on_purpose: &[(&str, &str)],
    judge: impl Fn(&Value) -> std::result::Result<(), String>,
) {
    let mut wrong = Vec::new();
    for row in rows {
        let id = text(&row["id"]);
        let listed = on_purpose.iter().any(|(listed, _)| *listed == id);
        match judge(row) {
            Ok(()) if listed => wrong.push(format!("{id}: matches, though it is listed")),
            Err(_) if listed => {}
            Ok(()) => {}
            Err(difference) => wrong.push(format!("{id}: {difference}")),
        }
    }
    if !rows.is_empty() {
        for (id, _) in on_purpose {
            if !rows.iter().any(|row| row["id"] == **id) {
                wrong.push(format!("{id}: listed, but there is no such row"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// A float as the vectors spell it.
pub(crate) fn float(value: &Value) -> f64 {
    text(value).parse().expect("a float")
}

/// A collector of all families of a row.
pub(crate) fn collector(row: &Value) -> Result<impl Collector> {
    let families = row["families"].as_array().expect("families");
    let families = families.iter().map(family).collect::<Result<Vec<_>>>()?;
    Ok(collector_fn(move |scrape| {
        families.iter().try_for_each(|family| scrape.family(family as &dyn Family))
    }))
}

/// A family as a vector describes it.
pub(crate) fn family(json: &Value) -> Result<MetricFamily> {
    let metric_type = MetricType::parse(text(&json["type"])).expect("a type");
    let name = text(&json["name"]);
    // A counter of the vectors that still ends with `_total` had it twice.
    let name = match metric_type {
        MetricType::Counter if name.ends_with("_total") => format!("{name}_total"),
        _ => name.to_owned(),
    };
    let samples = json["samples"].as_array().expect("samples");
    if samples.iter().any(|sample| !sample["native_histogram"].is_null()) {
        return native_family(json, samples);
    }
    let family = MetricFamily::new(name, text(&json["help"]), metric_type)?;
    let mut family = family.with_unit(text(&json["unit"]))?;
    for sample in samples {
        let labels = labels(&sample["labels"]);
        let mut added =
            family.add_sample(text(&sample["name"]), labels, float(&sample["value"]))?;
        if let Some(time) = timestamp(&sample["timestamp"])? {
            added = added.timestamp(time);
        }
        if !sample["exemplar"].is_null() {
            added.exemplar(exemplar(&sample["exemplar"])?)?;
        }
    }
    Ok(family)
}

/// A family of native histograms, some of which have other buckets as well.
fn native_family(json: &Value, samples: &[Value]) -> Result<MetricFamily> {
    let name = text(&json["name"]);
    let names: Vec<&str> =
        labels(&samples[0]["labels"]).into_iter().map(|(name, _)| name).collect();
    let mut family = HistogramMetricFamily::new(name, text(&json["help"]))?.with_labels(&names)?;
    for sample in samples.iter().filter(|sample| !sample["native_histogram"].is_null()) {
        if sample["name"] != name {
            return Err(Error::collector("a sample of another name"));
        }
        let own = labels(&sample["labels"]);
        let values: Vec<&str> = own.iter().map(|(_, value)| *value).collect();
        let buckets: Vec<(&str, f64)> = samples
            .iter()
            .filter(|bucket| bucket["name"] == format!("{name}_bucket"))
            .filter(|bucket| own.iter().all(|(name, value)| bucket["labels"][name] == *value))
            .map(|bucket| (text(&bucket["labels"]["le"]), float(&bucket["value"])))
            .collect();
        let native = &sample["native_histogram"];
        let (count, sum) = (float(&native["count"]), float(&native["sum"]));
        let buckets_of = native_histogram(native)?;
        let added = match buckets.is_empty() {
            true => family.add_native(values, count, sum, &buckets_of)?,
            false => family.add_metric(values, buckets, Some(sum))?.native(&buckets_of)?,
        };
        if let Some(time) = timestamp(&sample["timestamp"])? {
            added.timestamp(time);
        }
    }
    Ok(family.into())
}

fn native_histogram(json: &Value) -> Result<NativeHistogram> {
    let spans = |side: &str| {
        let spans = json[side].as_array().into_iter().flatten();
        let number = |value: &Value| value.as_i64().expect("a number");
        let spans = spans.map(|span| BucketSpan {
            offset: number(&span[0]) as i32,
            length: number(&span[1]) as u32,
        });
        spans.collect::<Vec<_>>()
    };
    let counts = |side: &str| {
        let deltas = json[side].as_array().into_iter().flatten();
        let deltas = deltas.map(|delta| delta.as_f64().expect("a number"));
        deltas
            .scan(0.0, |count, delta| {
                *count += delta;
                Some(*count)
            })
            .collect::<Vec<_>>()
    };
    let mut native = NativeHistogram::new(json["schema"].as_i64().expect("a schema") as i8)?
        .zero(float(&json["zero_threshold"]), float(&json["zero_count"]))?
        .positive_spans(spans("pos_spans"), counts("pos_deltas"))?
        .negative_spans(spans("neg_spans"), counts("neg_deltas"))?;
    for told in json["exemplars"].as_array().into_iter().flatten() {
        native = native.exemplar(exemplar(told)?);
    }
    Ok(native)
}

pub(crate) fn labels(json: &Value) -> Vec<(&str, &str)> {
    let labels = json.as_object().expect("labels");
    labels.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

fn exemplar(json: &Value) -> Result<Exemplar> {
    let exemplar = Exemplar::new(labels(&json["labels"]), float(&json["value"]))?;
    Ok(match timestamp(&json["timestamp"])? {
        Some(time) => exemplar.with_timestamp(time),
        None => exemplar,
    })
}

fn timestamp(json: &Value) -> Result<Option<Timestamp>> {
    let huge = |_| Error::collector("these seconds are more than 64 bits can hold");
    if let Some(seconds) = json.get("float") {
        return Timestamp::from_seconds(float(seconds)).map(Some);
    }
    if let Some(seconds) = json.get("int") {
        let seconds = text(seconds).parse().map_err(huge)?;
        return Ok(Some(Timestamp::from_whole_seconds(seconds)));
    }
    if let Some(seconds) = json.get("sec") {
        let seconds = text(seconds).parse().map_err(huge)?;
        let nanos = json["nsec"].as_i64().expect("nanoseconds").unsigned_abs();
        return Timestamp::from_nanos(seconds, nanos as u32).map(Some);
    }
    Ok(None)
}
