//! Where a group of metrics is in a Pushgateway: its labels, as the path of a URL.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{EscapingScheme, LabelName};

/// What stands in a path as it is: the unreserved characters of RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of a group, as the [API of the Pushgateway] spells it.
///
/// [API of the Pushgateway]: https://github.com/prometheus/pushgateway#url
pub(super) fn url(gateway: &str, job: &str, labels: &BTreeMap<String, String>) -> Result<Url> {
    let with_scheme = match gateway.contains("://") {
        true => gateway.to_owned(),
        false => format!("http://{gateway}"),
    };
    let mut path = with_scheme.trim_end_matches('/').to_owned();
    path.push_str("/metrics");
    push_label(&mut path, "job", job);
    for (name, value) in labels {
        LabelName::new(name).map_err(|error| error.of("the grouping key"))?;
        if name == "job" {
            let message = "the grouping key has the label \"job\", which the job itself is";
            return Err(Error::new(ErrorKind::InvalidLabel, message));
        }
        push_label(&mut path, &EscapingScheme::Values.label_name(name), value);
    }
    let wrong = |why: String| {
        let message = format!("the address {gateway:?} of the Pushgateway {why}");
        Error::new(ErrorKind::InvalidValue, message)
    };
    let url = Url::parse(&path).map_err(|error| wrong(format!("is no URL: {error}")))?;
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => return Err(wrong("wants TLS, which is the feature `tls`".to_owned())),
        scheme => return Err(wrong(format!("begins with {scheme}://, not with http or https"))),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or a fragment, which it cannot".to_owned()));
    }
    Ok(url)
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
