//! Lines of all lengths are whole: what is copied in blocks, and what is too long for them.

use std::fmt::Write;

use narthex::collector_fn;
use narthex::exposition::{self, ContentCoding, Encoder, Encoding, Format};
use narthex::model::{
    EscapingScheme, Exemplar, Family, GaugeMetricFamily, HistogramMetricFamily, NO_LABELS,
    Timestamp,
};

/// Around the sizes of blocks, and around what a line in blocks may take.
const LENGTHS: [usize; 25] = [
    0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 255, 256, 400, 440, 480, 512,
    1024, 5000,
];

/// A text of that length that no shorter one begins.
fn text(length: usize, n: usize) -> String {
    let mut text: String = (0..length).map(|at| char::from(b'a' + ((at + n) % 26) as u8)).collect();
    if length > 0 {
        text.replace_range(length - 1.., "!");
    }
    text
}

fn encoded(family: impl Family + Send + Sync) -> String {
    let collector = collector_fn(move |scrape| scrape.family(&family));
    exposition::text::encode(&collector).unwrap()
}

#[test]
fn label_values_of_all_lengths() {
    for labels in 0..4 {
        let names: Vec<_> = (0..labels).map(|n| format!("l{n}")).collect();
        let mut family = GaugeMetricFamily::new("g", "h").unwrap().with_labels(&names).unwrap();
        let mut expected = "# HELP g h\n# TYPE g gauge\n".to_owned();
        // Each value of each length stands somewhere at the end of all text.
        for (n, length) in LENGTHS.into_iter().enumerate() {
            let values: Vec<_> = (0..labels)
                .map(|label| text(LENGTHS[(n + 7 * label) % LENGTHS.len()], n + label))
                .collect();
            family.add_metric(&values, length as f64 + 0.5).unwrap();
            let pairs: Vec<_> = names
                .iter()
                .zip(&values)
                .map(|(name, value)| format!("{name}=\"{value}\""))
                .collect();
            let braces =
                if labels > 0 { format!("{{{}}}", pairs.join(",")) } else { String::new() };
            writeln!(expected, "g{braces} {length}.5").unwrap();
            assert_eq!(encoded(family.clone()), expected);
        }
    }
}

#[test]
fn names_of_all_lengths() {
    for length in LENGTHS.into_iter().filter(|&length| length > 0) {
        let (name, label) = ("n".repeat(length), "l".repeat(length));
        let mut family =
            GaugeMetricFamily::new(&name, "h").unwrap().with_labels([&label, "z"]).unwrap();
        family.add_metric(["v", "w"], 1_500_000.0).unwrap();
        family.add_metric(["", ""], -1.0).unwrap();
        assert_eq!(
            encoded(family),
            format!(
                "# HELP {name} h\n# TYPE {name} gauge\n\
                 {name}{{{label}=\"v\",z=\"w\"}} 1.5e+06\n{name}{{{label}=\"\",z=\"\"}} -1.0\n"
            )
        );
    }
}

#[test]
fn histograms_of_all_lengths_with_labels_before_and_behind_the_bound() {
    for length in LENGTHS {
        for names in [vec![], vec!["a"], vec!["z"], vec!["a", "z"]] {
            let mut family =
                HistogramMetricFamily::new("h", "h").unwrap().with_labels(&names).unwrap();
            let mut expected = "# HELP h h\n# TYPE h histogram\n".to_owned();
            for row in 0..3 {
                let values: Vec<_> = names.iter().map(|_| text(length, row)).collect();
                family.add_metric(&values, [(0.25, 1.0), (f64::INFINITY, 3.0)], Some(0.7)).unwrap();
                let label = |name: &str| match names.iter().position(|have| *have == name) {
                    Some(place) => format!("{name}=\"{}\",", values[place]),
                    None => String::new(),
                };
                for (bound, count) in [("0.25", "1.0"), ("+Inf", "3.0")] {
                    let all = format!("{}le=\"{bound}\",{}", label("a"), label("z"));
                    writeln!(expected, "h_bucket{{{}}} {count}", all.trim_end_matches(','))
                        .unwrap();
                }
                let all = label("a") + &label("z");
                let braces = match all.trim_end_matches(',') {
                    "" => String::new(),
                    all => format!("{{{all}}}"),
                };
                writeln!(expected, "h_count{braces} 3.0\nh_sum{braces} 0.7").unwrap();
            }
            assert_eq!(encoded(family), expected, "{names:?}");
        }
    }
}

/// Each form that numbers have, as Python's client writes it.
const NUMBERS: [(f64, &str); 19] = [
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (7.0, "7.0"),
    (42.0, "42.0"),
    (999.0, "999.0"),
    (1_000.0, "1000.0"),
    (123_456.0, "123456.0"),
    (1_000_000.0, "1e+06"),
    (12_345_670.0, "1.234567e+07"),
    (123_456_789_012.0, "1.23456789012e+11"),
    (1_234_567.25, "1.23456725e+06"),
    (0.1875, "0.1875"),
    (4321.0625, "4321.0625"),
    (0.1 + 0.2, "0.30000000000000004"),
    (-3.5, "-3.5"),
    (1e-9, "1e-09"),
    (-2.2250738585072014e-308, "-2.2250738585072014e-308"),
    (f64::NEG_INFINITY, "-Inf"),
    (f64::NAN, "NaN"),
];

#[test]
fn many_rows_with_all_forms_of_numbers_and_some_that_are_too_long() {
    let mut family = GaugeMetricFamily::new("g", "h").unwrap().with_labels(["l"]).unwrap();
    let mut expected = "# HELP g h\n# TYPE g gauge\n".to_owned();
    for (n, (number, shown)) in NUMBERS.into_iter().cycle().take(300).enumerate() {
        let value = text(if n % 29 == 28 { 600 } else { n % 20 }, n);
        family.add_metric([&value], number).unwrap();
        writeln!(expected, "g{{l=\"{value}\"}} {shown}").unwrap();
    }
    assert_eq!(encoded(family), expected);
}

#[test]
fn rows_without_labels_have_all_forms_of_numbers() {
    for (number, shown) in NUMBERS {
        let mut family = GaugeMetricFamily::new("g", "h").unwrap();
        family.add_metric(NO_LABELS, number).unwrap();
        assert_eq!(encoded(family), format!("# HELP g h\n# TYPE g gauge\ng {shown}\n"));
    }
}

#[test]
fn histograms_of_many_buckets() {
    let mut family = HistogramMetricFamily::new("h", "h").unwrap().with_labels(["l"]).unwrap();
    let mut expected = "# HELP h h\n# TYPE h histogram\n".to_owned();
    for row in ["a", "b"] {
        let finite = (1..100).map(|n| (f64::from(n), f64::from(20 * n)));
        let buckets: Vec<_> = finite.chain([(f64::INFINITY, 2_500_000.0)]).collect();
        family.add_metric([row], buckets, Some(0.5)).unwrap();
        for n in 1..100 {
            let count = 20 * n;
            writeln!(expected, "h_bucket{{l=\"{row}\",le=\"{n}.0\"}} {count}.0").unwrap();
        }
        writeln!(expected, "h_bucket{{l=\"{row}\",le=\"+Inf\"}} 2.5e+06").unwrap();
        writeln!(expected, "h_count{{l=\"{row}\"}} 2.5e+06\nh_sum{{l=\"{row}\"}} 0.5").unwrap();
    }
    assert_eq!(encoded(family), expected);
}

#[test]
fn what_few_lines_have_stands_behind_those_that_have_it() {
    let mut family = HistogramMetricFamily::new("h", "h").unwrap().with_labels(["z"]).unwrap();
    let buckets = [(0.25, 1.0), (f64::INFINITY, 3.0)];
    family.add_metric(["plain"], buckets, Some(0.7)).unwrap();
    let exemplar = Exemplar::new([("id", "x")], 0.5).unwrap();
    family.add_metric(["traced"], buckets, Some(0.7)).unwrap().exemplar(exemplar).unwrap();
    let then = Timestamp::from_seconds(1.5).unwrap();
    family.add_metric(["timed"], buckets, Some(0.7)).unwrap().timestamp(then);
    family.add_metric(["last"], buckets, Some(0.7)).unwrap().created(7.0);
    let collector = collector_fn(move |scrape| scrape.family(&family));
    assert_eq!(
        exposition::openmetrics::encode(&collector).unwrap(),
        "# HELP h h\n# TYPE h histogram\n\
         h_bucket{le=\"0.25\",z=\"plain\"} 1.0\nh_bucket{le=\"+Inf\",z=\"plain\"} 3.0\n\
         h_count{z=\"plain\"} 3.0\nh_sum{z=\"plain\"} 0.7\n\
         h_bucket{le=\"0.25\",z=\"traced\"} 1.0\n\
         h_bucket{le=\"+Inf\",z=\"traced\"} 3.0 # {id=\"x\"} 0.5\n\
         h_count{z=\"traced\"} 3.0\nh_sum{z=\"traced\"} 0.7\n\
         h_bucket{le=\"0.25\",z=\"timed\"} 1.0 1.5\nh_bucket{le=\"+Inf\",z=\"timed\"} 3.0 1.5\n\
         h_count{z=\"timed\"} 3.0 1.5\nh_sum{z=\"timed\"} 0.7 1.5\n\
         h_bucket{le=\"0.25\",z=\"last\"} 1.0\nh_bucket{le=\"+Inf\",z=\"last\"} 3.0\n\
         h_count{z=\"last\"} 3.0\nh_sum{z=\"last\"} 0.7\nh_created{z=\"last\"} 7.0\n\
         # EOF\n"
    );
}

#[test]
fn an_encoder_that_wrote_others_before_writes_the_same() {
    let telling = |names: [&'static str; 2]| {
        collector_fn(move |scrape| {
            for name in names {
                let mut family = GaugeMetricFamily::new(name, "h")?.with_labels(["l.m"])?;
                family.add_metric(["v"], 1.0)?;
                scrape.family(&family)?;
            }
            Ok(())
        })
    };
    let differing = telling(["a.b", "plain"]);
    // One name in two of the schemes, where that is an error.
    let clashing = telling(["a-", "aé"]);

    let mut encoder = Encoder::new();
    for format in [Format::OpenMetrics100, Format::Text004, Format::Text100] {
        for escaping in [
            EscapingScheme::Dots,
            EscapingScheme::AllowUtf8,
            EscapingScheme::Values,
            EscapingScheme::Underscores,
        ] {
            let encoding = Encoding::new(format, escaping);
            for collector in [&differing, &clashing] {
                let mut out = b"before".to_vec();
                let plain = ContentCoding::Identity;
                let length = encoder.encode(collector, encoding, plain, None, &mut out);
                match exposition::encode(collector, encoding) {
                    Ok(text) => {
                        assert_eq!(length.unwrap(), text.len());
                        assert_eq!(String::from_utf8(out).unwrap(), format!("before{text}"));
                    }
                    Err(error) => {
                        let one = [EscapingScheme::Dots, EscapingScheme::Underscores];
                        assert!(one.contains(&escaping), "{error}");
                        assert_eq!(length.unwrap_err().to_string(), error.to_string());
                        assert_eq!(out, b"before");
                    }
                }
            }
        }
    }
}
