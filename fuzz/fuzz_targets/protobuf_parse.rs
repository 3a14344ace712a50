//! Whatever an exposition holds, it is read without a panic, and what was read is written as
//! another that is read as the same, but for the last digits of what buckets add up to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::{ContentCoding, Encoder, Encoding, Format};
use narthex::model::{EscapingScheme, Family, MetricFamily};
use narthex::parser::protobuf::parse_all;

fn written(families: &Vec<MetricFamily>) -> Vec<u8> {
    let encoding = Encoding::new(Format::Protobuf, EscapingScheme::AllowUtf8);
    let mut out = Vec::new();
    let written =
        Encoder::new().encode(families, encoding, ContentCoding::Identity, None, &mut out);
    assert_eq!(written.expect("names as they are"), out.len());
    out
}

/// What is no number of a sample.
fn samples(families: &[MetricFamily]) -> Vec<String> {
    let mut samples = Vec::new();
    for family in families {
        family.for_each_sample(&mut |sample| {
            let (labels, timestamp) = (sample.labels(), sample.timestamp());
            samples.push(format!("{} {labels:?} {timestamp:?}", sample.name()));
        });
    }
    samples
}

fuzz_target!(|data: &[u8]| match parse_all(data) {
    Ok(families) => {
        let bytes = written(&families);
        let again = parse_all(&bytes).expect("what was written can be read");
        assert_eq!(samples(&again), samples(&families));
        parse_all(&written(&again)).expect("what was written again can be read");
    }
    Err(error) => {
        assert!(error.offset() <= data.len() && !error.to_string().contains('\n'));
    }
});
