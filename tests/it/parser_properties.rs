//! What was written is read as what it was, whatever families hold: written again, it is the same.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily,
    HistogramMetricFamily, InfoMetricFamily, LabelNames, MetricFamily, StateSetMetricFamily,
    SummaryMetricFamily, Timestamp, UnknownMetricFamily,
};
use narthex::parser::{openmetrics, protobuf, text};
use narthex::{Collector, Result};
use proptest::prelude::*;

use crate::exposition_properties::{name, number, value};
use crate::exposition_protobuf::encoded;

/// A family to be: all that the types make their own of.
#[derive(Clone, Debug)]
struct Plan {
    kind: usize,
    name: String,
    unit: String,
    help: String,
    labels: Vec<String>,
    bounds: usize,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    values: [String; 2],
    number: f64,
    count: u32,
    /// A time, and whether it is exact: a float's milliseconds are those of the float.
    time: Option<(Timestamp, bool)>,
    created: Option<f64>,
    trace: Option<String>,
}

fn time() -> impl Strategy<Value = (Timestamp, bool)> {
    prop_oneof![
        any::<i32>().prop_map(|seconds| (Timestamp::from_whole_seconds(seconds.into()), true)),
        (any::<i32>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| {
            (Timestamp::from_nanos(seconds.into(), nanos).unwrap(), true)
        }),
        (-9e15..9e15).prop_map(|seconds| (Timestamp::from_seconds(seconds).unwrap(), false)),
        (-2.0..2.0).prop_map(|seconds| (Timestamp::from_seconds(seconds).unwrap(), false)),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let time = prop::option::of(time());
    let created = prop::option::of(0.0..4e9);
    let row =
        ([value(), value()], number(), 0u32..2_000_000, time, created, prop::option::of(value()));
    row.prop_map(|(values, number, count, time, created, trace)| Row {
        values,
        number,
        count,
        time,
        created,
        trace,
    })
}

/// Neither format says what a help text begins or ends with, if that is blank.
fn help() -> impl Strategy<Value = String> {
    value().prop_map(|help| help.trim_matches([' ', '\t', '\r']).to_owned())
}

fn plan() -> impl Strategy<Value = Plan> {
    let rows = prop::collection::vec(row(), 0..4);
    let labels = prop::collection::vec(name(), 0..3);
    (0usize..8, name(), "[a-z.é ]{0,3}[a-z]?", help(), labels, 0usize..3, rows).prop_map(
        |(kind, name, unit, help, labels, bounds, rows)| {
            let unit = unit.trim().to_owned();
            Plan { kind, name, unit, help, labels, bounds, rows }
        },
    )
}

/// The family of a plan, valid in OpenMetrics; its name and its series are like no others.
fn family(plan: &Plan, place: usize) -> Result<MetricFamily> {
    let Plan { kind, help, unit, rows, .. } = plan;
    let name = format!("n{place}_{}", plan.name);
    let reserved = |label: &String| ["le", "quantile", &name].contains(&label.as_str());
    let mut labels = vec!["row".to_owned()];
    labels.extend(plan.labels.iter().take(2).filter(|label| !reserved(label)).cloned());
    if LabelNames::new(&labels).is_err() {
        labels.truncate(1);
    }
    let values = |at: usize| {
        let values = [at.to_string()].into_iter().chain(rows[at].values.clone());
        values.take(labels.len()).collect::<Vec<_>>()
    };
    let counts = |count: u32| {
        let bounds = (0..plan.bounds).map(|bound| f64::from(bound as u32) - 0.5);
        let bounds = bounds.chain([f64::INFINITY]).collect::<Vec<_>>();
        bounds
            .into_iter()
            .enumerate()
            .map(move |(place, bound)| (bound, f64::from(count) + place as f64))
    };
    let sum = |row: &Row| if row.number.is_nan() { 0.0 } else { row.number.abs() };
    macro_rules! filled {
        ($family:ident, |$out:ident, $row:ident, $values:ident| $add:expr) => {{
            let mut $out =
                $family::new(&name, help.as_str())?.with_unit(unit)?.with_labels(&labels)?;
            for (at, $row) in rows.iter().enumerate() {
                let $values = values(at);
                let mut added = $add?;
                if let Some(created) = $row.created {
                    added = added.created(created);
                }
                if let Some((time, _)) = $row.time {
                    added = added.timestamp(time);
                }
                if let Some(trace) = &$row.trace {
                    // Only some types have any, and only some are short enough.
                    if let Ok(exemplar) = Exemplar::new([("t", trace)], f64::from($row.count)) {
                        let _ = added.exemplar(exemplar);
                    }
                }
            }
            $out.into()
        }};
    }
    Ok(match kind {
        0 => filled!(CounterMetricFamily, |out, row, values| out.add_metric(values, sum(row))),
        1 => filled!(GaugeMetricFamily, |out, row, values| out.add_metric(values, row.number)),
        2 => filled!(UnknownMetricFamily, |out, row, values| out.add_metric(values, row.number)),
        3 => filled!(SummaryMetricFamily, |out, row, values| out.add_metric(
            values,
            f64::from(row.count),
            sum(row)
        )),
        4 => filled!(HistogramMetricFamily, |out, row, values| out.add_metric(
            values,
            counts(row.count),
            Some(sum(row))
        )),
        5 => filled!(GaugeHistogramMetricFamily, |out, row, values| out.add_metric(
            values,
            counts(row.count),
            sum(row)
        )),
        6 => {
            let mut out = InfoMetricFamily::new(&name, help.as_str())?.with_labels(&labels)?;
            for (at, row) in rows.iter().enumerate() {
                out.add_metric(values(at), [("fact", &row.values[0])])?;
            }
            out.into()
        }
        _ => {
            let mut out = StateSetMetricFamily::new(&name, help.as_str())?.with_labels(&labels)?;
            for (at, row) in rows.iter().enumerate() {
                let states = [("on", row.count % 2 == 0), (".\n", true)];
                let added = out.add_metric(values(at), states)?;
                if let Some((time, _)) = row.time {
                    added.timestamp(time);
                }
            }
            out.into()
        }
    })
}

/// What messages are made of: lengths, keys, and the beginnings of texts and numbers.
const PROTOBUF_BYTES: [u8; 24] = [
    0, 1, 2, 3, 4, 5, 6, 8, 9, 0x0a, 0x0b, 0x0c, 0x11, 0x12, 0x18, 0x1a, 0x22, 0x2a, 0x3a, 0x62,
    0x6a, b'a', 0x80, 0xff,
];

fn encode(families: &dyn Collector, format: Format) -> String {
    let encoding = Encoding::new(format, EscapingScheme::AllowUtf8).with_created(true);
    exposition::encode(families, encoding).unwrap()
}

proptest! {
    #[test]
    fn what_was_written_reads_back(plans in prop::collection::vec(plan(), 0..4)) {
        let families = plans.iter().enumerate().map(|(place, plan)| family(plan, place));
        let Ok(families) = families.collect::<Result<Vec<_>>>() else { return Ok(()) };

        let written = encode(&families, Format::OpenMetrics100);
        let read = openmetrics::parse_all(&written);
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}, in\n{written}")))?;
        prop_assert_eq!(&encode(&read, Format::OpenMetrics100), &written);

        let written = encode(&families, Format::Text100);
        for read in [text::parse(&written), text::parse_strict(&written)] {
            let read = read.collect::<std::result::Result<Vec<_>, _>>();
            let read = read.map_err(|error| TestCaseError::fail(format!("{error}, in\n{written}")))?;
            prop_assert_eq!(&encode(&read, Format::Text100), &written);
        }
        #[cfg(feature = "openmetrics2")]
        {
            use narthex::parser::openmetrics2;

            let written = encode(&families, Format::OpenMetrics200);
            let read = openmetrics2::parse_all(&written);
            let read =
                read.map_err(|error| TestCaseError::fail(format!("{error}, in\n{written}")))?;
            prop_assert_eq!(&encode(&read, Format::OpenMetrics200), &written);
        }
        let written = encoded(&families, EscapingScheme::AllowUtf8)?;
        let families_read = protobuf::parse_all(&written);
        let families_read = families_read.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(encoded(&families_read, EscapingScheme::AllowUtf8)?, written);
        let written = encode(&families, Format::Text100);
        // Through OpenMetrics nothing is lost that the text format has.
        let mut rows = plans.iter().flat_map(|plan| &plan.rows);
        if rows.all(|row| row.time.is_none_or(|(_, exact)| exact)) {
            prop_assert_eq!(encode(&read, Format::Text100), written);
        }
    }

    #[test]
    fn whatever_bytes_are_read_neither_panic_nor_change_when_they_are_written(
        bytes in prop::collection::vec(prop::sample::select(&PROTOBUF_BYTES[..]), 0..64),
    ) {
        if let Ok(families) = protobuf::parse_all(&bytes) {
            let written = encoded(&families, EscapingScheme::AllowUtf8)?;
            let again = protobuf::parse_all(&written).unwrap();
            prop_assert_eq!(encoded(&again, EscapingScheme::AllowUtf8)?, written);
        }
    }

    #[test]
    fn whatever_is_read_neither_panics_nor_changes_when_it_is_written(
        lines in prop::collection::vec("[a-b#]( ?[{}a-b\",= #.\\\\0-9]{0,12}| (TYPE|HELP|UNIT) a (counter|gauge|x))\n", 0..6),
    ) {
        let input = lines.concat();
        if let Ok(families) = text::parse_all(&input) {
            let written = encode(&families, Format::Text100);
            if let Ok(again) = text::parse_all(&written) {
                prop_assert_eq!(encode(&again, Format::Text100), written);
            }
        }
        let input = input + "# EOF\n";
        #[cfg(feature = "openmetrics2")]
        if let Ok(families) = narthex::parser::openmetrics2::parse_all(&input) {
            let written = encode(&families, Format::OpenMetrics200);
            let again = narthex::parser::openmetrics2::parse_all(&written).unwrap();
            prop_assert_eq!(encode(&again, Format::OpenMetrics200), written);
        }
        if let Ok(families) = openmetrics::parse_all(&input) {
            let written = encode(&families, Format::OpenMetrics100);
            let again = openmetrics::parse_all(&written).unwrap();
            prop_assert_eq!(encode(&again, Format::OpenMetrics100), written);
        }
    }

    #[cfg(feature = "openmetrics2")]
    #[test]
    fn values_of_several_numbers_neither_panic_nor_change_when_they_are_written(
        lines in prop::collection::vec(
            "a(\\{b=\"[xy]\"\\})? \\{g?count:[0-3],g?sum:(1|NaN|-2.5),(schema:-?[0-9],zero_threshold:[01],zero_count:[0-2](,(nega|posi)tive_spans:\\[(-?[0-2]:[01],?){0,2}\\],(nega|posi)tive_buckets:\\[([01],?){0,2}\\])?,?)?(bucket:\\[(-?[0-2]:[0-3],){0,2}\\+Inf:[0-3]\\]|quantile:\\[(0.[0-9]:[0-9],?){0,2}\\])?\\}( [0-9])?( st@1)?( # \\{\\} [01] 1)?\n",
            1..4,
        ),
    ) {
        use narthex::parser::openmetrics2;

        let input = lines.concat() + "# EOF\n";
        if let Ok(families) = openmetrics2::parse_all(&input) {
            let written = encode(&families, Format::OpenMetrics200);
            let again = openmetrics2::parse_all(&written);
            let again =
                again.map_err(|error| TestCaseError::fail(format!("{error}, in\n{written}")))?;
            prop_assert_eq!(encode(&again, Format::OpenMetrics200), written);
            let older = encode(&families, Format::OpenMetrics100);
            // The version before refuses sums that are NaN, and gauge histograms whose buckets fall.
            let may_be_refused = input.contains("NaN") || input.contains("gcount");
            prop_assert!(openmetrics::parse_all(&older).is_ok() || may_be_refused, "{older}");
        }
    }
}
