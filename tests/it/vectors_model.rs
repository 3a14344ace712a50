//! Holds names, numbers and owned families against what another client makes of them.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, Family, GaugeHistogramMetricFamily,
    GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, LabelName, MetricFamily,
    MetricName, MetricType, NameValidation, StateSetMetricFamily, SummaryMetricFamily, Timestamp,
    UnknownMetricFamily, format_f64, full_name,
};
use narthex::{Error, Result, collector_fn};
use serde_json::Value;

use crate::vectors::{check, family, labels, rows, text};

const UTF8: Encoding = Encoding::new(Format::Text100, EscapingScheme::AllowUtf8);

#[test]
fn float_format() {
    check(&rows("float_format.jsonl"), &[], |row| {
        let bits = u64::from_str_radix(text(&row["bits"]), 16).expect("bits in hex");
        same(format_f64(f64::from_bits(bits)), text(&row["expected"]))
    });
}

#[test]
fn name_escaping() {
    check(&rows("name_escaping.jsonl"), &[], |row| {
        let name = text(&row["input"]);
        for (scheme, expected) in row["metric_name"].as_object().expect("schemes") {
            match EscapingScheme::parse(scheme).expect("a scheme") {
                EscapingScheme::AllowUtf8 => as_name_on_a_line(name, text(expected))?,
                scheme => same(scheme.metric_name(name), text(expected))?,
            }
        }
        for (scheme, expected) in row["label_name"].as_object().expect("schemes") {
            match EscapingScheme::parse(scheme).expect("a scheme") {
                EscapingScheme::AllowUtf8 => as_label_on_a_line(name, text(expected))?,
                scheme => same(scheme.label_name(name), text(expected))?,
            }
        }
        let legacy = MetricName::with_validation(name, NameValidation::Legacy).is_ok();
        same(legacy, row["legacy_metric_name"].as_bool().expect("a flag"))?;
        let legacy = LabelName::with_validation(name, NameValidation::Legacy).is_ok();
        same(legacy, row["legacy_label_name"].as_bool().expect("a flag"))
    });
}

/// With UTF-8 allowed, the vectors have a name as it stands behind HELP.
fn as_name_on_a_line(name: &str, expected: &str) -> std::result::Result<(), String> {
    if name.is_empty() {
        return Ok(());
    }
    let family = MetricFamily::new(name, "h", MetricType::Gauge).map_err(said)?;
    let expected = format!("# HELP {expected} h\n# TYPE {expected} gauge\n");
    same(encoded_as(&family, UTF8)?, expected)
}

/// With UTF-8 allowed, the vectors have a label name as it stands on a line:
/// in quotes where it needs them. Names that are refused stand on none.
fn as_label_on_a_line(name: &str, expected: &str) -> std::result::Result<(), String> {
    if LabelName::new(name).is_err() {
        return Ok(());
    }
    let mut family = MetricFamily::new("m", "h", MetricType::Gauge).map_err(said)?;
    family.add_sample("m", [(name, "v")], 1.0).map_err(said)?;
    let expected = format!("# HELP m h\n# TYPE m gauge\nm{{{expected}=\"v\"}} 1.0\n");
    same(encoded_as(&family, UTF8)?, expected)
}

#[test]
fn value_escaping() {
    check(&rows("value_escaping.jsonl"), &[], |row| {
        let input = text(&row["input"]);
        let mut family = MetricFamily::new("m", input, MetricType::Gauge).map_err(said)?;
        family.add_sample("m", [("l", input)], 1.0).map_err(said)?;
        let value = text(&row["label_value"]);
        let help = text(&row["text_help"]);
        let expected = format!("# HELP m {help}\n# TYPE m gauge\nm{{l=\"{value}\"}} 1.0\n");
        same(encoded(&family, Format::Text004)?, expected)?;
        let help = text(&row["openmetrics_help"]);
        let expected = format!("# HELP m {help}\n# TYPE m gauge\nm{{l=\"{value}\"}} 1.0\n# EOF\n");
        same(encoded(&family, Format::OpenMetrics100)?, expected)
    });
}

#[test]
fn name_validation() {
    let mut rows = rows("name_validation.jsonl");
    rows.retain(|row| row["kind"] != "metric_with_label");
    let on_purpose = [
        ("name_validation_0024", "a label name cannot be empty"),
        ("name_validation_0045", "a line break is no legacy character"),
    ];
    check(&rows, &on_purpose, |row| {
        let input = text(&row["input"]);
        let valid = |validation| match text(&row["kind"]) {
            "metric_name" => MetricName::with_validation(input, validation).is_ok(),
            _ => LabelName::with_validation(input, validation).is_ok(),
        };
        same(valid(NameValidation::Utf8), row["utf8"]["valid"].as_bool().expect("a flag"))?;
        same(valid(NameValidation::Legacy), row["legacy"]["valid"].as_bool().expect("a flag"))
    });
}

#[test]
fn exemplar_validation() {
    check(&rows("exemplar_validation.jsonl"), &[], |row| {
        let valid = Exemplar::new(labels(&row["labels"]), 1.0).is_ok();
        same(valid, row["utf8"]["valid"].as_bool().expect("a flag"))
    });
}

#[test]
fn full_names() {
    check(&rows("full_name.jsonl"), &[], |row| {
        let metric_type = MetricType::parse(text(&row["type"])).expect("a type");
        let part = |name: &str| text(&row[name]).to_owned();
        let name = full_name(
            metric_type,
            &part("name"),
            &part("namespace"),
            &part("subsystem"),
            &part("unit"),
        );
        let name = name.ok().map(|name| name.as_str().to_owned());
        same(name.as_deref(), row["full_name"].as_str())
    });
}

/// Mistakes of an interface with optional arguments, which do not compile here.
const CANNOT_BE_SAID: [(&str, &str); 5] = [
    ("family_constructors_0003", "a value comes with its labels, of which there are none"),
    ("family_constructors_0015", "a value comes with its labels, of which there are none"),
    ("family_constructors_0043", "count and sum are one call"),
    ("family_constructors_0044", "count and sum are one call"),
    ("family_constructors_0050", "buckets and sum are one call"),
];

#[test]
fn family_constructors() {
    let mut rows = rows("family_constructors.jsonl");
    rows.retain(|row| !CANNOT_BE_SAID.iter().any(|(id, _)| row["id"] == **id));
    let counted = "as many values as names are asked for";
    let on_purpose = [
        ("family_constructors_0008", counted),
        ("family_constructors_0009", counted),
        ("family_constructors_0020", counted),
        ("family_constructors_0032", counted),
        ("family_constructors_0055", "the last bucket has to be +Inf"),
    ];
    check(&rows, &on_purpose, |row| {
        if row["class"] == "Metric" {
            let metric_type = MetricType::parse(text(&row["args"]["typ"]));
            return same(metric_type.map(MetricType::as_str), row["type"].as_str());
        }
        match (construct(row), &row["family"]) {
            (Ok(built), Value::Null) => Err(format!("{built:?}, not an error")),
            (Err(_), Value::Null) => Ok(()),
            (Err(error), _) => Err(error.to_string()),
            (Ok(built), expected) => {
                let expected = family(expected).map_err(said)?;
                same(built.desc().metric_type(), expected.desc().metric_type())?;
                let format = Format::OpenMetrics100;
                same(encoded(&built, format)?, encoded(&expected, format)?)
            }
        }
    });
}

fn seconds(json: &Value) -> Option<Timestamp> {
    match json.as_i64() {
        Some(whole) => Some(Timestamp::from_whole_seconds(whole)),
        None => json.as_f64().and_then(|seconds| Timestamp::from_seconds(seconds).ok()),
    }
}

fn construct(row: &Value) -> Result<MetricFamily> {
    let args = &row["args"];
    let (name, help) = (text(&args["name"]), text(&args["documentation"]));
    let unit = args["unit"].as_str().unwrap_or_default();
    let names: Vec<&str> = strings(&args["labels"]);

    // What the constructor was given is the first series, without labels.
    let given = ["value", "count_value", "buckets"].iter().any(|key| args.get(key).is_some());
    let direct = given.then(|| Call {
        labels: Vec::new(),
        numbers: ["value", "count_value", "buckets", "sum_value", "gsum_value"]
            .iter()
            .filter_map(|key| args.get(key))
            .collect(),
        timestamp: None,
        created: None,
    });
    let calls = row["add_metric"].as_array().into_iter().flatten().map(|call| Call {
        labels: strings(&call["args"][0]),
        numbers: call["args"].as_array().expect("arguments").iter().skip(1).collect(),
        timestamp: seconds(&call["kwargs"]["timestamp"]),
        created: call["kwargs"]["created"].as_f64(),
    });
    let calls = direct.into_iter().chain(calls);

    macro_rules! build {
        ($class:ident, |$family:ident, $call:ident| $add:expr) => {{
            let mut $family = $class::new(name, help)?.with_unit(unit)?.with_labels(names)?;
            for $call in calls {
                let mut added = $add?;
                if let Some(timestamp) = $call.timestamp {
                    added = added.timestamp(timestamp);
                }
                if let Some(seconds) = $call.created {
                    added.created(seconds);
                }
            }
            Ok($family.into())
        }};
    }
    match text(&row["class"]) {
        "CounterMetricFamily" => build!(CounterMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.number(0)?)
        }),
        "GaugeMetricFamily" => build!(GaugeMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.number(0)?)
        }),
        "UnknownMetricFamily" => build!(UnknownMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.number(0)?)
        }),
        "SummaryMetricFamily" => build!(SummaryMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.number(0)?, call.number(1)?)
        }),
        "HistogramMetricFamily" => build!(HistogramMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.buckets(), call.number(1).ok())
        }),
        "GaugeHistogramMetricFamily" => build!(GaugeHistogramMetricFamily, |family, call| {
            family.add_metric(&call.labels, call.buckets(), call.number(1)?)
        }),
        "InfoMetricFamily" => build!(InfoMetricFamily, |family, call| {
            family.add_metric(&call.labels, labels(call.numbers[0]))
        }),
        "StateSetMetricFamily" => build!(StateSetMetricFamily, |family, call| {
            let states = call.numbers[0].as_object().expect("states");
            let states = states.iter().map(|(name, set)| (name, set.as_bool().expect("a flag")));
            family.add_metric(&call.labels, states)
        }),
        class => panic!("no such class: {class}"),
    }
}

struct Call<'a> {
    labels: Vec<&'a str>,
    numbers: Vec<&'a Value>,
    timestamp: Option<Timestamp>,
    created: Option<f64>,
}

impl Call<'_> {
    fn number(&self, place: usize) -> Result<f64> {
        let number = self.numbers.get(place).and_then(|value| value.as_f64());
        number.ok_or_else(|| Error::collector("this number was not given"))
    }

    fn buckets(&self) -> Vec<(&str, f64)> {
        let buckets = self.numbers[0].as_array().expect("buckets");
        buckets.iter().map(|pair| (text(&pair[0]), pair[1].as_f64().expect("a count"))).collect()
    }
}

fn strings(json: &Value) -> Vec<&str> {
    json.as_array().into_iter().flatten().map(text).collect()
}

fn encoded(family: &MetricFamily, format: Format) -> std::result::Result<String, String> {
    encoded_as(family, Encoding::new(format, EscapingScheme::Underscores))
}

fn encoded_as(family: &MetricFamily, encoding: Encoding) -> std::result::Result<String, String> {
    let family = family.clone();
    let collector = collector_fn(move |scrape| scrape.family(&family));
    exposition::encode(&collector, encoding).map_err(said)
}

fn said(error: Error) -> String {
    error.to_string()
}

fn same<T, U>(got: T, expected: U) -> std::result::Result<(), String>
where
    T: PartialEq<U> + std::fmt::Debug,
    U: std::fmt::Debug,
{
    if got == expected { Ok(()) } else { Err(format!("{got:?}, not {expected:?}")) }
}
