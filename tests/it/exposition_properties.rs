//! Whatever families hold, the text that leaves is well-formed and says the same.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{
    CounterMetricFamily, EscapingScheme, Exemplar, GaugeMetricFamily, HistogramMetricFamily,
    LabelNames, MetricFamily, Timestamp, format_f64,
};
use proptest::prelude::*;

use crate::exposition_text::{NO_LABELS, telling};

const SCHEMES: [EscapingScheme; 4] = [
    EscapingScheme::AllowUtf8,
    EscapingScheme::Dots,
    EscapingScheme::Underscores,
    EscapingScheme::Values,
];

/// A sample's line, read back by the grammar of the specification and nothing more lenient.
#[derive(Debug, PartialEq)]
struct Line {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    timestamp: Option<String>,
    exemplar: Option<(Vec<(String, String)>, f64)>,
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn eat(&mut self, token: &str) -> bool {
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(format!("no {token:?} before {:?}", self.0)) }
    }

    /// What stands up to the next of these characters.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let end = self.0.find(ends).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut chars = self.0.chars();
        loop {
            match chars.next().ok_or("a quote is not closed")? {
                '"' => break,
                '\\' => text.push(match chars.next() {
                    Some('n') => '\n',
                    Some(c @ ('\\' | '"')) => c,
                    other => return Err(format!("no such escape: {other:?}")),
                }),
                c => text.push(c),
            }
        }
        self.0 = chars.as_str();
        Ok(text)
    }

    fn bare(&mut self, ends: &[char], colon: bool) -> Result<String, String> {
        let name = self.until(ends);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.chars().all(legal)
        {
            return Err(format!("{name:?} must be in quotes"));
        }
        Ok(name.to_owned())
    }

    /// Labels up to the closing brace; the opening one and a quoted metric name are read.
    fn labels(&mut self, mut first: bool) -> Result<Vec<(String, String)>, String> {
        let mut labels = Vec::new();
        while !self.eat("}") {
            if !first {
                self.expect(",")?;
            }
            first = false;
            let quoted = self.0.starts_with('"');
            let name = if quoted { self.quoted()? } else { self.bare(&['='], false)? };
            self.expect("=")?;
            labels.push((name, self.quoted()?));
        }
        Ok(labels)
    }

    fn number(&mut self) -> Result<f64, String> {
        let token = self.until(&[' ']);
        let plain = token.chars().all(|c| c.is_ascii_digit() || "+-.e".contains(c));
        if !plain && !["NaN", "+Inf", "-Inf"].contains(&token) {
            return Err(format!("{token:?} is no number"));
        }
        if plain && !token.contains(['.', 'e']) {
            return Err(format!("{token:?} looks like an integer"));
        }
        token.parse().map_err(|_| format!("{token:?} is no number"))
    }
}

fn read_line(line: &str) -> Result<Line, String> {
    let mut reader = Reader(line);
    let (name, labels) = if reader.eat("{") {
        let name = reader.quoted()?;
        (name, reader.labels(false)?)
    } else {
        let name = reader.bare(&['{', ' '], true)?;
        let labels = if reader.eat("{") { reader.labels(true)? } else { Vec::new() };
        (name, labels)
    };
    reader.expect(" ")?;
    let value = reader.number()?;
    let mut timestamp = None;
    if reader.0.starts_with(' ') && !reader.0.starts_with(" # ") {
        reader.expect(" ")?;
        timestamp = Some(reader.until(&[' ']).to_owned());
    }
    let mut exemplar = None;
    if reader.eat(" # {") {
        let labels = reader.labels(true)?;
        reader.expect(" ")?;
        exemplar = Some((labels, reader.number()?));
    }
    if !reader.0.is_empty() {
        return Err(format!("{:?} is left of the line", reader.0));
    }
    Ok(Line { name, labels, value, timestamp, exemplar })
}

/// The samples of an exposition, whose other lines are held to their form.
fn read(text: &str, openmetrics: bool) -> Result<Vec<Line>, String> {
    let body =
        if openmetrics { text.strip_suffix("# EOF\n").ok_or("no end of file")? } else { text };
    let mut lines = Vec::new();
    for line in body.split_terminator('\n') {
        let Some(comment) = line.strip_prefix("# ") else {
            lines.push(read_line(line).map_err(|why| format!("{why}, in {line:?}"))?);
            continue;
        };
        let (keyword, rest) = comment.split_once(' ').ok_or("a bare comment")?;
        let mut reader = Reader(rest);
        if rest.starts_with('"') {
            reader.quoted()?
        } else {
            reader.bare(&[' '], true)?
        };
        reader.expect(" ")?;
        if !["HELP", "TYPE", "UNIT"].contains(&keyword) {
            return Err(format!("no such keyword: {keyword}"));
        }
    }
    Ok(lines)
}

/// Undoes the values scheme.
fn unescape_values(name: &str) -> Option<String> {
    let Some(mut rest) = name.strip_prefix("U__") else { return Some(name.to_owned()) };
    let mut out = String::new();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '_' {
            out.push(c);
        } else if let Some(tail) = rest.strip_prefix('_') {
            out.push('_');
            rest = tail;
        } else {
            let (hex, tail) = rest.split_once('_')?;
            out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
            rest = tail;
        }
    }
    Some(out)
}

/// Texts that are often legal, often nearly so, and now and then anything.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_:][a-z0-9_:.]{0,8}",
        "[0-9][a-z.\"\\\\\n é{}=,#]{0,8}",
        any::<String>().prop_filter("a name is not empty", |name| !name.is_empty()),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9]{0,8}", "[\"\\\\\n\r é{}=,#]{0,8}", any::<String>()]
}

pub(crate) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        any::<u64>().prop_map(f64::from_bits),
        (0u32..20_000_000).prop_map(f64::from),
        (-30i32..30).prop_map(|power| 10f64.powi(power)),
    ]
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

proptest! {
    #[test]
    fn numbers_read_back_equal_in_the_fewest_digits(x in number()) {
        let text = format_f64(x);
        prop_assert!(same(text.parse().unwrap(), x), "{text}");
        if x.is_finite() {
            let digits = |text: &str| {
                let mantissa = text.split('e').next().unwrap().trim_start_matches('-');
                let digits = mantissa.replace('.', "");
                digits.trim_matches('0').len()
            };
            // The standard library writes the shortest digits that read back equal.
            prop_assert_eq!(digits(&text), digits(&format!("{x:e}")), "{}", text);
            prop_assert!(text.contains(['.', 'e']));
        }
    }

    #[test]
    fn gauges_read_back(
        name in name(),
        help in value(),
        pairs in prop::collection::vec((name(), value()), 0..4),
        x in number(),
        seconds in prop::option::of(-1_000_000_000i64..4_000_000_000),
    ) {
        let Ok(names) = LabelNames::new(pairs.iter().map(|(name, _)| name)) else { return Ok(()) };
        let mut family = GaugeMetricFamily::new(&name, help).unwrap().with_labels(names.declared()).unwrap();
        let added = family.add_metric(pairs.iter().map(|(_, value)| value), x).unwrap();
        if let Some(seconds) = seconds {
            added.timestamp(Timestamp::from_whole_seconds(seconds));
        }
        let mut sorted = pairs.clone();
        sorted.sort();
        let collector = telling([family]);
        for format in [Format::Text004, Format::Text100, Format::OpenMetrics100] {
            for scheme in SCHEMES {
                let openmetrics = format == Format::OpenMetrics100;
                let text = match exposition::encode(&collector, Encoding::new(format, scheme)) {
                    Ok(text) => text,
                    Err(error) => {
                        // Names may still clash with what they are escaped to.
                        prop_assert!(scheme != EscapingScheme::AllowUtf8, "{error}");
                        prop_assert!(error.is_duplicate() || error.is_invalid_label());
                        continue;
                    }
                };
                let lines = read(&text, openmetrics).map_err(TestCaseError::fail)?;
                prop_assert_eq!(lines.len(), 1);
                let line = &lines[0];
                prop_assert!(same(line.value, x));
                let factor = if openmetrics { 1 } else { 1000 };
                let shown = seconds.map(|seconds| (seconds * factor).to_string());
                prop_assert_eq!(&line.timestamp, &shown);
                let values: Vec<_> = line.labels.iter().map(|(_, value)| value).collect();
                prop_assert_eq!(values, sorted.iter().map(|(_, value)| value).collect::<Vec<_>>());
                let undo = |escaped: &str| match scheme {
                    EscapingScheme::AllowUtf8 => Some(escaped.to_owned()),
                    EscapingScheme::Values => unescape_values(escaped),
                    _ => None,
                };
                let read = line.labels.iter().map(|(label, _)| label).chain([&line.name]);
                for (read, raw) in read.zip(sorted.iter().map(|(label, _)| label).chain([&name])) {
                    if let (Some(undone), false) = (undo(read), raw.starts_with("U__")) {
                        prop_assert_eq!(&undone, raw);
                    }
                }
            }
        }
    }

    #[test]
    fn histograms_read_back(
        counts in prop::collection::vec(0.0f64..1e6, 2..6),
        label in "[a-z]{1,3}",
        exemplar in (value(), 0.0f64..8.0),
    ) {
        prop_assume!(label != "le");
        let mut counts = counts;
        counts.sort_by(f64::total_cmp);
        let bounds = (1..counts.len()).map(|bound| bound as f64).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
        let mut family = HistogramMetricFamily::new("h", "").unwrap().with_labels([&label]).unwrap();
        let added = family.add_metric(["x"], buckets.iter().copied(), Some(1.5)).unwrap();
        let exemplar = Exemplar::new([("t", &exemplar.0)], exemplar.1).ok();
        if let Some(exemplar) = exemplar.clone() {
            added.exemplar(exemplar).unwrap();
        }
        let text = exposition::openmetrics::encode(&telling([family])).unwrap();
        let lines = read(&text, true).map_err(TestCaseError::fail)?;
        prop_assert_eq!(lines.len(), counts.len() + 2);
        let mut exemplars = 0;
        for (line, (bound, count)) in lines.iter().zip(&buckets) {
            prop_assert_eq!(&line.name, "h_bucket");
            prop_assert!(line.labels.is_sorted());
            let le = line.labels.iter().find(|(name, _)| name == "le").unwrap();
            prop_assert!(same(le.1.parse().unwrap(), *bound));
            // What is kept of each bucket alone adds up to within the last digit.
            prop_assert!((line.value - count).abs() <= count * f64::EPSILON);
            if let Some((_, value)) = &line.exemplar {
                exemplars += 1;
                prop_assert!(value <= bound && (*bound == 1.0 || *value > bound.min(counts.len() as f64) - 1.0));
            }
        }
        prop_assert_eq!(exemplars, usize::from(exemplar.is_some()));
        let count = &lines[counts.len()];
        prop_assert_eq!(&count.name, "h_count");
        prop_assert!(same(count.value, lines[counts.len() - 1].value));
    }

    #[test]
    fn no_two_families_come_out_as_one(first in name(), second in name()) {
        prop_assume!(first != second);
        let family = |name: &str| -> MetricFamily {
            let mut family = CounterMetricFamily::new(name, "").unwrap();
            family.add_metric(NO_LABELS, 1.0).unwrap();
            family.into()
        };
        let (first, second) = (family(&first), family(&second));
        prop_assume!(first != second);
        let collector = telling([first, second]);
        for scheme in SCHEMES {
            let encoding = Encoding::new(Format::OpenMetrics100, scheme);
            let Ok(text) = exposition::encode(&collector, encoding) else { continue };
            let lines = read(&text, true).map_err(TestCaseError::fail)?;
            prop_assert_eq!(lines.len(), 2);
            prop_assert_ne!(&lines[0].name, &lines[1].name);
        }
    }
}
