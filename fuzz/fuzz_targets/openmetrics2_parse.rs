//! Whatever an exposition in OpenMetrics 2.0 holds, it is read without a panic, and what was read is
//! written as another that is read as the same, in this version and in the one before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::Format;
use narthex::parser::openmetrics2::parse_all;
use narthex_fuzz::written;

fuzz_target!(|data: &[u8]| match parse_all(data) {
    Ok(families) => {
        let text = written(&families, Format::OpenMetrics200);
        let again = parse_all(&text).expect("what was written can be read");
        assert_eq!(written(&again, Format::OpenMetrics200), text);
        written(&families, Format::OpenMetrics100);
    }
    Err(error) => {
        assert!(error.line() > 0 && error.column() > 0 && !error.to_string().contains('\n'));
    }
});
