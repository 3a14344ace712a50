//! Reading what has a content type.

use std::error::Error as _;

use narthex::model::{CounterMetricFamily, Family, MetricFamily, NO_LABELS};
use narthex::parser::{self, ParseError};
use narthex::{exposition, parser::protobuf::DecodeError};

/// The names of the families, or why there are none.
fn names(content_type: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let families = parser::parse_all(content_type, body).map_err(|error| error.to_string())?;
    Ok(families.iter().map(|family| family.desc().name().to_owned()).collect())
}

#[test]
fn each_format_is_read_by_its_content_type() {
    let mut done = CounterMetricFamily::new("jobs", "Jobs done.").unwrap();
    done.add_metric(NO_LABELS, 3.0).unwrap();
    let families: Vec<MetricFamily> = vec![done.into()];
    let jobs = Ok(vec!["jobs".to_owned()]);
    // What Prometheus is answered, and what servers make of it.
    let text = exposition::text::encode(&families).unwrap();
    for content_type in [
        "",
        "text/plain",
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        " Text/Plain ;version=1.0.0",
    ] {
        assert_eq!(names(content_type, text.as_bytes()), jobs, "{content_type}");
    }
    let text = exposition::openmetrics::encode(&families).unwrap();
    for content_type in [
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text; version=\"0.0.1\"",
    ] {
        assert_eq!(names(content_type, text.as_bytes()), jobs, "{content_type}");
    }
    let bytes = exposition::protobuf::encode(&families).unwrap();
    for content_type in [
        "application/vnd.google.protobuf",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    ] {
        assert_eq!(names(content_type, &bytes), jobs, "{content_type}");
    }
}

#[test]
fn openmetrics_2_is_read_where_its_feature_is_on() {
    let text = b"# TYPE jobs_total counter\njobs_total 3 st@5\n# EOF\n";
    let read = names("application/openmetrics-text; version=2.0.0; charset=utf-8", text);
    #[cfg(feature = "openmetrics2")]
    assert_eq!(read, Ok(vec!["jobs".to_owned()]));
    #[cfg(not(feature = "openmetrics2"))]
    assert!(read.unwrap_err().ends_with("which the feature openmetrics2 reads"));
}

#[test]
fn what_cannot_be_read_says_why() {
    let told = |content_type: &str| names(content_type, b"").unwrap_err();
    assert_eq!(
        told("application/json; version=1.0.0"),
        "the content type \"application/json; version=1.0.0\" is that of no format of metrics",
    );
    assert!(told("application/vnd.google.protobuf; encoding=text").contains("lengths"));
    assert!(parser::parse_all("text/html", "").unwrap_err().is_invalid_value());
    let error = parser::parse_all("text/plain", "up one\n").unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 4: expected a number, found \"one\"");
    assert!(error.is_collector() && error.source().unwrap().is::<ParseError>());
    let error = parser::parse_all("application/vnd.google.protobuf", "up one\n").unwrap_err();
    assert!(error.source().unwrap().is::<DecodeError>());
}
