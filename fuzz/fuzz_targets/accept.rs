//! Whatever a client accepts, it is answered in a format that it would accept again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::{ContentCoding, accepts_gzip, negotiate};

fuzz_target!(|header: &str| {
    let encoding = negotiate(Some(header));
    let again = negotiate(Some(encoding.content_type()));
    assert_eq!(again.format(), encoding.format());
    assert_eq!(again.escaping(), encoding.escaping());
    accepts_gzip(Some(header));
    ContentCoding::negotiate(Some(header));
});
