//! Whatever a client accepts, it is answered in a format that it would accept again, and that
//! the answer's content type names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex::exposition::{ContentCoding, Encoder, accepts_gzip, negotiate};
use narthex::model::{Family, GaugeMetricFamily, MetricType, NO_LABELS};
use narthex::{collector_fn, parser};

fuzz_target!(|header: &str| {
    let encoding = negotiate(Some(header));
    let again = negotiate(Some(encoding.content_type()));
    assert_eq!(again.format(), encoding.format());
    assert_eq!(again.escaping(), encoding.escaping());
    accepts_gzip(Some(header));
    ContentCoding::negotiate(Some(header));

    let one = collector_fn(|scrape| {
        let mut family = GaugeMetricFamily::new("answer", "To everything.")?;
        family.add_metric(NO_LABELS, 42.0)?;
        scrape.family(&family)
    });
    let mut body = Vec::new();
    let coding = ContentCoding::Identity;
    Encoder::new().encode(&one, encoding, coding, None, &mut body).expect("a plain name");
    let families = parser::parse_all(encoding.content_type(), &body).expect("what it is said to be");
    let [family] = &families[..] else { panic!("{families:?}") };
    assert_eq!((family.desc().name(), family.desc().metric_type()), ("answer", MetricType::Gauge));
});
