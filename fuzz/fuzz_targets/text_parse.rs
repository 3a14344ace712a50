//! Whatever a text holds, it is read without a panic, what is as specified is read alike in both
//! ways, and what was read is written as well-formed lines that say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, MetricFamily};
use narthex::parser::text::{parse_all, parse_strict};
use narthex_fuzz::assert_well_formed;

fn written(families: &Vec<MetricFamily>) -> String {
    let encoding = Encoding::new(Format::Text100, EscapingScheme::AllowUtf8);
    let text = exposition::encode(families, encoding).expect("names as they are");
    assert_well_formed(&text, true);
    text
}

fuzz_target!(|data: &[u8]| {
    let lenient = parse_all(data);
    let strict: Result<Vec<_>, _> = parse_strict(data).collect();
    if let Err(error) = &lenient {
        assert!(strict.is_err());
        assert!(error.line() > 0 && error.column() > 0 && !error.to_string().contains('\n'));
        return;
    }
    let families = lenient.expect("no error");
    let text = written(&families);
    if let Ok(strict) = strict {
        assert_eq!(written(&strict), text);
    }
    // Two families may have become one, as a counter gains the `_total` of its name.
    if let Ok(again) = parse_all(&text) {
        assert_eq!(written(&again), text);
    }
});
