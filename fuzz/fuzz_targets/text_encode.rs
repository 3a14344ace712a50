//! Whatever an owned family takes, every format writes as well-formed lines, and an encoder
//! that wrote others before writes the same.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use narthex::exposition::{self, ContentCoding, Encoder, Encoding, Format};
use narthex::model::{EscapingScheme, Family, MetricFamily, MetricType, Suffix};
use narthex::{Result, collector_fn};
use narthex_fuzz::assert_well_formed;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    name: &'a str,
    help: &'a str,
    unit: Option<&'a str>,
    metric_type: u8,
    samples: Vec<(u8, Vec<(&'a str, &'a str)>, f64)>,
}

const TYPES: [MetricType; 8] = [
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::GaugeHistogram,
    MetricType::Histogram,
    MetricType::Info,
    MetricType::StateSet,
    MetricType::Summary,
    MetricType::Unknown,
];

fn family(input: &Input<'_>) -> Result<MetricFamily> {
    let metric_type = TYPES[usize::from(input.metric_type) % TYPES.len()];
    let mut family = MetricFamily::new(input.name, input.help, metric_type)?;
    if let Some(unit) = input.unit {
        family = family.with_unit(unit)?;
    }
    for (suffix, labels, value) in &input.samples {
        let suffixes: &[Suffix] = metric_type.suffixes();
        let suffix = suffixes[usize::from(*suffix) % suffixes.len()];
        let name = format!("{}{}", family.desc().name(), suffix.as_str());
        // What the model refuses is not shown; the rest is.
        let _ = family.add_sample(&name, labels.iter().copied(), *value);
    }
    Ok(family)
}

fuzz_target!(|input: Input<'_>| {
    let Ok(family) = family(&input) else { return };
    let collector = collector_fn(move |scrape| scrape.family(&family));
    let mut used = Encoder::new();
    for format in
        [Format::Text004, Format::Text100, Format::OpenMetrics100, Format::OpenMetrics200]
    {
        for escaping in [
            EscapingScheme::AllowUtf8,
            EscapingScheme::Underscores,
            EscapingScheme::Dots,
            EscapingScheme::Values,
        ] {
            let encoding = Encoding::new(format, escaping);
            let mut bytes = Vec::new();
            let again =
                used.encode(&collector, encoding, ContentCoding::Identity, None, &mut bytes);
            match exposition::encode(&collector, encoding) {
                Ok(text) => {
                    assert_well_formed(&text, escaping == EscapingScheme::AllowUtf8);
                    assert_eq!(bytes, text.as_bytes());
                }
                Err(_) => assert!(again.is_err() && bytes.is_empty()),
            }
        }
    }
    let encoding = Encoding::new(Format::Protobuf, EscapingScheme::AllowUtf8);
    let [mut first, mut second] = [Vec::new(), Vec::new()];
    for (encoder, out) in [(&mut used, &mut first), (&mut Encoder::new(), &mut second)] {
        encoder
            .encode(&collector, encoding, ContentCoding::Identity, None, out)
            .expect("names as they are");
    }
    assert_eq!(first, second);
    // Numbers may be such as no histogram has.
    let _ = narthex::parser::protobuf::parse_all(&first);
});
