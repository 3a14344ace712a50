//! Whatever an exposition holds, it is read without a panic, and what was read is written as
//! another that is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::Format;
use narthex::parser::openmetrics::parse_all;
use narthex_fuzz::written;

fuzz_target!(|data: &[u8]| match parse_all(data) {
    Ok(families) => {
        let text = written(&families, Format::OpenMetrics100);
        let again = parse_all(&text).expect("what was written can be read");
        assert_eq!(written(&again, Format::OpenMetrics100), text);
    }
    Err(error) => {
        assert!(error.line() > 0 && error.column() > 0 && !error.to_string().contains('\n'));
    }
});
