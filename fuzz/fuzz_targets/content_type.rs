//! Whatever the first line says that the rest is, it is read as one of the formats or refused
//! in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::model::MetricFamily;
use narthex::parser::{self, openmetrics, openmetrics2, protobuf, text};

/// To be compared: a number that is none equals itself here.
fn shown<E>(families: Result<Vec<MetricFamily>, E>) -> Option<String> {
    families.ok().map(|families| format!("{families:?}"))
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let Ok(content_type) = std::str::from_utf8(&data[..end]) else { return };
    let body = data.get(end + 1..).unwrap_or_default();
    match parser::parse_all(content_type, body) {
        Err(error) => assert!(!error.to_string().contains('\n')),
        families => {
            let readings = [
                shown(text::parse_all(body)),
                shown(openmetrics::parse_all(body)),
                shown(openmetrics2::parse_all(body)),
                shown(protobuf::parse_all(body)),
            ];
            assert!(readings.contains(&shown(families)), "{content_type:?}");
        }
    }
});
