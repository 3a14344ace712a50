//! Whatever an exposition holds, it is read without a panic, and what was read is written as
//! another that is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, MetricFamily};
use narthex::parser::openmetrics::parse_all;
use narthex_fuzz::assert_well_formed;

fn written(families: &Vec<MetricFamily>) -> String {
    let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8);
    let text = exposition::encode(families, encoding).expect("names as they are");
    assert_well_formed(&text, true);
    text
}

fuzz_target!(|data: &[u8]| match parse_all(data) {
    Ok(families) => {
        let text = written(&families);
        let again = parse_all(&text).expect("what was written can be read");
        assert_eq!(written(&again), text);
    }
    Err(error) => {
        assert!(error.line() > 0 && error.column() > 0 && !error.to_string().contains('\n'));
    }
});
