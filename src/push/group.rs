//! Where a group of metrics is in a Pushgateway: its labels, as the path of a URL.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::client::{parse_address, wrong_address};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EscapingScheme, Family, LabelName};

/// What stands in a path as it is: the unreserved characters of RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whose an address is, in errors.
const OWNER: &str = "the Pushgateway";

/// The URL of a group, as the [API of the Pushgateway] spells it.
///
/// [API of the Pushgateway]: https://github.com/prometheus/pushgateway#url
pub(super) fn url(gateway: &str, job: &str, labels: &BTreeMap<String, String>) -> Result<Url> {
    let mut path = base(gateway)?;
    if job.is_empty() {
        return Err(Error::new(ErrorKind::InvalidValue, "the job of a push has no name"));
    }
    path.push_str("/metrics");
    push_label(&mut path, "job", job);
    for (name, value) in labels {
        LabelName::new(name).map_err(|error| error.of("the grouping key"))?;
        let why = match name.as_str() {
            "job" => "which the job itself is",
            "le" | "quantile" => "which tells apart the samples of one metric",
            _ => {
                push_label(&mut path, &EscapingScheme::Values.label_name(name), value);
                continue;
            }
        };
        let message = format!("the grouping key has the label {name:?}, {why}");
        return Err(Error::new(ErrorKind::InvalidLabel, message));
    }
    Url::parse(&path).map_err(|error| wrong_address(gateway, OWNER, &format!("is no URL: {error}")))
}

/// The address of a gateway as a URL to which a path can be added.
fn base(gateway: &str) -> Result<String> {
    // Before anything stands behind it, so that nothing of that is taken for a host.
    let (with_scheme, url) = parse_address(gateway, OWNER)?;
    if url.query().is_some() || url.fragment().is_some() {
        let why = "has a query or a fragment, and must have none";
        return Err(wrong_address(gateway, OWNER, why));
    }
    Ok(with_scheme.trim_end_matches('/').to_owned())
}

/// That no label of a family is one of the group, which would take its place.
pub(super) fn check_labels(family: &dyn Family, group: &BTreeMap<String, String>) -> Result {
    let mut both = None;
    family.for_each_chunk(&mut |chunk| {
        let of_group = |name: &&str| *name == "job" || group.contains_key(*name);
        if both.is_none() {
            both = chunk.names().sorted().find(of_group).map(str::to_owned);
        }
    });
    let Some(label) = both else { return Ok(()) };
    let message = format!("{:?} has the label {label:?}, as the group has", family.desc().name());
    Err(Error::new(ErrorKind::InvalidLabel, message))
}

fn push_label(path: &mut String, name: &str, value: &str) {
    path.push('/');
    path.push_str(name);
    // A segment of dots would be taken for a step in the path, and what stands for a slash or a
    // space is not the same everywhere.
    if value.contains(['/', ' ']) || matches!(value, "." | "..") {
        path.push_str("@base64/");
        path.push_str(&URL_SAFE.encode(value));
    } else if value.is_empty() {
        path.push_str("@base64/=");
    } else {
        path.push('/');
        path.extend(utf8_percent_encode(value, UNRESERVED));
    }
}
