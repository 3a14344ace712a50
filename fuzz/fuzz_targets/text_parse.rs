//! Whatever a text holds, it is read without a panic, what is as specified is read alike in both
//! ways, and what was read is written as well-formed lines that say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::Format;
use narthex::parser::text::{parse_all, parse_strict};
use narthex_fuzz::written;

fuzz_target!(|data: &[u8]| {
    let lenient = parse_all(data);
    let strict: Result<Vec<_>, _> = parse_strict(data).collect();
    if let Err(error) = &lenient {
        assert!(strict.is_err());
        assert!(error.line() > 0 && error.column() > 0 && !error.to_string().contains('\n'));
        return;
    }
    let families = lenient.expect("no error");
    let text = written(&families, Format::Text100);
    if let Ok(strict) = strict {
        assert_eq!(written(&strict, Format::Text100), text);
    }
    // Two families may have become one, as a counter gains the `_total` of its name.
    if let Ok(again) = parse_all(&text) {
        assert_eq!(written(&again, Format::Text100), text);
    }
});
