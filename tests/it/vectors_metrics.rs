//! Holds the built-in metrics against what another client does with the same calls.

use std::sync::Arc;

use narthex::model::{Desc, MetricType, format_f64};
use narthex::{
    Built, Collector, CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Instrument,
    MetricBuilder, MetricVecDyn, Summary, collector_fn, for_each_family,
};
use serde_json::{Value, json};

use crate::vectors::{check, float, labels, rows, text};

type Outcome<T = ()> = Result<T, String>;

#[test]
fn programs() {
    let mut rows = rows("metric_programs.jsonl");
    if cfg!(not(feature = "multiprocess")) {
        rows.retain(|row| row["constructor"]["multiprocess_mode"].is_null());
    }
    check(
        &rows,
        &[
            ("metric_programs_0004", "NaN is refused"),
            ("metric_programs_0009", "a bad exemplar is found before anything changes"),
            ("metric_programs_0010", "a bad exemplar is found before anything changes"),
            ("metric_programs_0044", "a label name cannot stand twice"),
            ("metric_programs_0045", "a label name cannot stand twice"),
            ("metric_programs_0087", "a bad exemplar is found before anything changes"),
            ("metric_programs_0097", "a bound cannot stand twice"),
            ("metric_programs_0101", "a bound is a number"),
            ("metric_programs_0103", "a bound cannot stand twice"),
        ],
        run,
    );
}

#[test]
fn registry_names() {
    check(&rows("registry_names.jsonl"), &[], |row| {
        let desc = |json: &Value| {
            let metric_type = MetricType::parse(text(&json["type"])).expect("a type");
            // The rows have the names of families, of which a counter's loses one `_total`.
            let name = match (metric_type, text(&json["name"])) {
                (MetricType::Counter, name) => format!("{name}_total"),
                (_, name) => name.to_owned(),
            };
            Desc::new(name, "h", metric_type).map_err(said)
        };
        let texts = |json: &Value| -> Vec<String> {
            let mut texts: Vec<_> =
                json.as_array().map_or(Vec::new(), |all| all.iter().map(text).collect());
            texts.sort_unstable();
            texts.into_iter().map(str::to_owned).collect()
        };
        if row["kind"] == "claimed_names" {
            let mut claims = desc(row)?.claims();
            claims.sort_unstable();
            return same(claims, texts(&row["claims"]));
        }
        let registry = CollectorRegistry::new();
        let register = |json: &Value| -> Outcome<Vec<String>> {
            let collector = collector_fn(|_| Ok(())).describing([desc(json)?]);
            Ok(match registry.register(Arc::new(collector)) {
                Ok(_) => Vec::new(),
                Err(error) => error.duplicates().to_vec(),
            })
        };
        same(register(&row["first"])?, Vec::new())?;
        let duplicates = register(&row["second"])?;
        same(!duplicates.is_empty(), row["conflict"] == true)?;
        if row["duplicates"].is_null() {
            return Ok(());
        }
        same(duplicates, texts(&row["duplicates"]))
    });
}

#[test]
fn metrics_with_a_label() {
    let mut rows = rows("name_validation.jsonl");
    rows.retain(|row| row["kind"] == "metric_with_label");
    check(&rows, &[], |row| {
        let constructor = json!({
            "type": row["metric_type"],
            "name": "m",
            "documentation": "h",
            "labelnames": [row["input"]],
            "states": ["a"],
        });
        let built = build(&constructor);
        same(built.is_ok(), row["utf8"]["valid"].as_bool().expect("a flag"))
    });
}

/// Builds the metric, makes the calls, and compares outcomes and families.
fn run(row: &Value) -> Outcome {
    let metric = match (build(&row["constructor"]), row["constructor_error"] == true) {
        (Err(_), true) => return Ok(()),
        (Ok(_), true) => return Err("built, though it cannot be".to_owned()),
        (Err(error), false) => return Err(error),
        (Ok(metric), false) => metric,
    };
    let all = |key: &str| row[key].as_array().cloned().unwrap_or_default();
    for (place, (op, result)) in all("ops").iter().zip(all("results")).enumerate() {
        let outcome = metric.call(op);
        if outcome.is_ok() != (result["ok"] == true) {
            return Err(format!("call {place}: {outcome:?}"));
        }
    }
    let expected: Vec<_> = all("families").iter().map(expected_family).collect();
    same(families(metric.collector()), expected)
}

/// A metric of any type, with labels or without.
trait Program {
    fn call(&self, op: &Value) -> Outcome;
    fn collector(&self) -> &dyn Collector;
}

struct Whole<M>(M);

impl<M: Act> Program for Whole<M> {
    fn call(&self, op: &Value) -> Outcome {
        if !op["labels"].is_null() || !op["labelkw"].is_null() {
            return Err("it has no labels".to_owned());
        }
        match text(&op["call"]) {
            // There is nothing to clear.
            "clear" => Ok(()),
            call => self.0.act(call, &op["args"]),
        }
    }

    fn collector(&self) -> &dyn Collector {
        &self.0
    }
}

struct Split<M: Instrument>(MetricVecDyn<M>);

impl<M: Act> Program for Split<M> {
    fn call(&self, op: &Value) -> Outcome {
        let (call, args) = (text(&op["call"]), &op["args"]);
        let values = |json: &Value| -> Vec<String> {
            let all = json.as_array().expect("values");
            all.iter().map(|value| text(value).to_owned()).collect()
        };
        let child = if !op["labels"].is_null() {
            let values = values(&op["labels"]);
            self.0.labels(&values.iter().map(String::as_str).collect::<Vec<_>>())
        } else if !op["labelkw"].is_null() {
            self.0.labels_by_name(&labels(&op["labelkw"]))
        } else {
            return match call {
                "clear" => {
                    self.0.clear();
                    Ok(())
                }
                "remove" => {
                    let values = values(args);
                    let values: Vec<_> = values.iter().map(String::as_str).collect();
                    self.0.remove(&values).map(drop).map_err(said)
                }
                "remove_by_labels" => {
                    self.0.remove_by_labels(&labels(&args[0])).map(drop).map_err(said)
                }
                _ => Err("it has no label values".to_owned()),
            };
        };
        let child = child.map_err(said)?;
        if call.is_empty() { Ok(()) } else { child.act(call, args) }
    }

    fn collector(&self) -> &dyn Collector {
        &self.0
    }
}

/// What a metric can be told by name.
trait Act: Instrument {
    fn act(&self, call: &str, args: &Value) -> Outcome;
}

/// The amount of a call; one, if it names none.
fn amount(args: &Value) -> f64 {
    if args[0].is_null() { 1.0 } else { float(&args[0]) }
}

fn exemplar(args: &Value) -> Vec<(&str, &str)> {
    if args[1].is_null() { Vec::new() } else { labels(&args[1]) }
}

fn unknown(call: &str) -> Outcome {
    Err(format!("it has no {call}"))
}

impl Act for Counter {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "inc" => self.try_inc_by_with_exemplar(amount(args), &exemplar(args)).map_err(said),
            "reset" => {
                self.reset();
                Ok(())
            }
            _ => unknown(call),
        }
    }
}

impl Act for Gauge {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "inc" => self.try_inc_by(amount(args)).map_err(said),
            "dec" => self.try_inc_by(-amount(args)).map_err(said),
            "set" => {
                self.set(amount(args));
                Ok(())
            }
            _ => unknown(call),
        }
    }
}

impl Act for Summary {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "observe" => {
                self.observe(amount(args));
                Ok(())
            }
            _ => unknown(call),
        }
    }
}

impl Act for Histogram {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "observe" => {
                self.try_observe_with_exemplar(amount(args), &exemplar(args)).map_err(said)
            }
            _ => unknown(call),
        }
    }
}

impl Act for Info {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "info" => self.info(labels(&args[0])).map_err(said),
            _ => unknown(call),
        }
    }
}

impl Act for Enum {
    fn act(&self, call: &str, args: &Value) -> Outcome {
        match call {
            "state" => self.state(text(&args[0])).map_err(said),
            _ => unknown(call),
        }
    }
}

fn build(constructor: &Value) -> Outcome<Box<dyn Program>> {
    let (name, help) = (text(&constructor["name"]), text(&constructor["documentation"]));
    let list = |key: &str| constructor[key].as_array().map(|all| all.iter());
    match text(&constructor["type"]) {
        "Counter" => finish(Counter::builder(name, help), constructor),
        "Gauge" => finish(with_mode(Gauge::builder(name, help), constructor), constructor),
        "Summary" => finish(Summary::builder(name, help), constructor),
        "Histogram" => {
            let builder = Histogram::builder(name, help);
            match list("buckets") {
                Some(bounds) => finish(builder.buckets(bounds.map(float)), constructor),
                None => finish(builder, constructor),
            }
        }
        "Info" => finish(Info::builder(name, help), constructor),
        "Enum" => {
            let states = list("states").into_iter().flatten().map(text);
            finish(Enum::builder(name, help).states(states), constructor)
        }
        other => panic!("a type, not {other}"),
    }
}

#[cfg(feature = "multiprocess")]
fn with_mode(builder: MetricBuilder<Gauge>, constructor: &Value) -> MetricBuilder<Gauge> {
    use narthex::multiprocess::GaugeMode;

    let mode = match constructor["multiprocess_mode"].as_str() {
        None | Some("all") => GaugeMode::All,
        Some("liveall") => GaugeMode::LiveAll,
        Some("min") => GaugeMode::Min,
        Some("livemin") => GaugeMode::LiveMin,
        Some("max") => GaugeMode::Max,
        Some("livemax") => GaugeMode::LiveMax,
        Some("sum") => GaugeMode::Sum,
        Some("livesum") => GaugeMode::LiveSum,
        Some("mostrecent") => GaugeMode::MostRecent,
        Some("livemostrecent") => GaugeMode::LiveMostRecent,
        Some(other) => panic!("a mode, not {other}"),
    };
    builder.mode(mode)
}

#[cfg(not(feature = "multiprocess"))]
fn with_mode(builder: MetricBuilder<Gauge>, _: &Value) -> MetricBuilder<Gauge> {
    builder
}

fn finish<M>(builder: MetricBuilder<M>, constructor: &Value) -> Outcome<Box<dyn Program>>
where
    M: Act + Built<M>,
{
    let part = |key: &str| constructor[key].as_str().unwrap_or_default();
    let builder =
        builder.namespace(part("namespace")).subsystem(part("subsystem")).unit(part("unit"));
    Ok(match constructor["labelnames"].as_array() {
        Some(names) if !names.is_empty() => {
            let names = names.iter().map(text);
            Box::new(Split(builder.labels_dyn(names).build().map_err(said)?))
        }
        _ => Box::new(Whole(builder.build().map_err(said)?)),
    })
}

/// What a collector yields, in the form of [`expected_family`].
fn families(collector: &dyn Collector) -> Vec<Value> {
    let mut families = Vec::new();
    let read = for_each_family(collector, &mut |family| {
        let mut samples = Vec::new();
        family.for_each_sample(&mut |sample| {
            let labels: Vec<_> = sample.labels().iter().collect();
            let exemplar = sample.exemplar().map(|exemplar| {
                let labels: Vec<_> = exemplar.labels().collect();
                json!([labels, format_f64(exemplar.value())])
            });
            let value = format_f64(sample.value());
            samples.push(json!([sample.name(), labels, value, exemplar]));
        });
        let desc = family.desc();
        families.push(json!([
            desc.name(),
            desc.metric_type().as_str(),
            desc.unit().unwrap_or_default(),
            desc.help(),
            samples
        ]));
        Ok(())
    });
    read.expect("a scrape");
    families
}

/// A family of the vectors without what differs from run to run, labels sorted.
fn expected_family(json: &Value) -> Value {
    let pairs = |json: &Value| {
        let mut pairs: Vec<_> =
            labels(json).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        pairs.sort_unstable();
        pairs
    };
    let samples: Vec<_> = json["samples"]
        .as_array()
        .expect("samples")
        .iter()
        .map(|sample| {
            let exemplar = &sample["exemplar"];
            let exemplar = (!exemplar.is_null()).then(|| {
                json!([pairs(&exemplar["labels"]), format_f64(float(&exemplar["value"]))])
            });
            let value = format_f64(float(&sample["value"]));
            json!([sample["name"], pairs(&sample["labels"]), value, exemplar])
        })
        .collect();
    json!([json["name"], json["type"], json["unit"], json["help"], samples])
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("\n{got:?}\nnot\n{expected:?}")) }
}

fn said(error: narthex::Error) -> String {
    error.to_string()
}
