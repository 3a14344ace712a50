//! Which format a `Content-Type` names, and reading what it is the type of.

use super::{openmetrics, protobuf, text};
use crate::error::{Error, ErrorKind, Result};
use crate::model::MetricFamily;

/// All families of an answer, read as the format that its `Content-Type` names.
///
/// `application/openmetrics-text` is OpenMetrics of its version, `application/vnd.google.protobuf`
/// the protobuf format, `text/plain` the text format, and so is what says nothing, an empty
/// content type. Other parameters, such as the escaping of names, are no matter.
///
/// ```
/// use narthex::parser;
///
/// let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// assert!(parser::parse_all(openmetrics, "up 1\n").is_err()); // lacks `# EOF`
/// let families = parser::parse_all(openmetrics, "up 1\n# EOF\n")?;
/// assert_eq!(families, parser::parse_all("text/plain; version=0.0.4", "up 1\n")?);
///
/// let error = parser::parse_all("text/html", "<p>up 1</p>").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the content type \"text/html\" is that of no format of metrics",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// [The specification](https://prometheus.io/docs/instrumenting/content_negotiation/).
///
/// # Errors
/// [`Error::is_invalid_value`] if it names no format that can be read here;
/// [`Error::is_collector`] for the first thing that is wrong with what is read: its source is the
/// [`ParseError`](super::ParseError) or [`DecodeError`](protobuf::DecodeError) that says where.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(
    content_type: &str,
    input: &I,
) -> Result<Vec<MetricFamily>> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let parameters = parts.filter_map(|part| part.split_once('='));
    let said = |wanted: &str| {
        let mut parameters = parameters.clone();
        let found = parameters.find(|(name, _)| name.trim_end().eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim().trim_matches('"'))
    };
    let refuse = |why: &str| {
        let message = format!("the content type {content_type:?} is that of {why}");
        Err(Error::new(ErrorKind::InvalidValue, message))
    };
    match &*media_type {
        "" | "text/plain" => Ok(text::parse_all(input)?),
        "application/openmetrics-text" => match said("version") {
            Some(version) if version.starts_with("2.") => {
                #[cfg(feature = "openmetrics2")]
                return Ok(super::openmetrics2::parse_all(input)?);
                #[cfg(not(feature = "openmetrics2"))]
                refuse("OpenMetrics 2.0, which the feature openmetrics2 reads")
            }
            _ => Ok(openmetrics::parse_all(input)?),
        },
        "application/vnd.google.protobuf" => match said("encoding") {
            None | Some("delimited") => Ok(protobuf::parse_all(input)?),
            Some(_) => refuse("messages that do not stand behind their lengths"),
        },
        _ => refuse("no format of metrics"),
    }
}
