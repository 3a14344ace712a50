//! Who gets which format: reads the headers of a request.

use std::cmp::{Ordering, Reverse};

use super::accept::{Quality, WANTED, parameter, quality, split};
use super::{Encoding, Format};
use crate::model::EscapingScheme;

/// The best encoding for a client that sent this `Accept` header.
///
/// OpenMetrics 2.0 (feature `openmetrics2`) is only for those that ask for its very version.
///
/// Several lines of the header are joined by commas beforehand. Qualities are
/// honoured; among equals what is named wins over what a wildcard covers, and
/// then the first in the header. A client that takes anything, or nothing that
/// there is, gets the text format 0.0.4. Malformed entries are passed over,
/// and nothing that the client wrote is ever sent back.
///
/// Protobuf is for those who name it. Where they do not say how names are to be
/// escaped, as Prometheus does not, what they say of another format counts.
///
/// [The specification](https://prometheus.io/docs/instrumenting/content_negotiation/).
///
/// ```
/// use narthex::exposition::{Format, negotiate};
///
/// let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
/// assert_eq!(negotiate(Some(accept)).format(), Format::OpenMetrics100);
/// assert_eq!(negotiate(Some("text/html")).format(), Format::Text004);
/// assert_eq!(negotiate(None).format(), Format::Text004);
/// ```
pub fn negotiate(accept: Option<&str>) -> Encoding {
    let ranges: Vec<_> =
        split(accept.unwrap_or_default(), b',').filter_map(MediaRange::read).collect();
    let wanted = ranges.iter().filter(|range| range.quality > 0);
    let escaping = wanted.filter_map(|range| range.escaping).next();
    // In the order in which a wildcard is answered.
    let formats = [
        Format::Text004,
        // Where it is what is asked for, the older version is as near.
        #[cfg(feature = "openmetrics2")]
        Format::OpenMetrics200,
        Format::OpenMetrics100,
        Format::Text100,
        Format::Protobuf,
    ];
    formats
        .into_iter()
        .enumerate()
        .filter_map(|(preference, format)| {
            let (place, range) = best_range(&ranges, format)?;
            let rank = (range.quality, range.fit(format), Reverse(place), Reverse(preference));
            Some((rank, range.encoding(format, escaping)))
        })
        .filter(|((quality, ..), _)| *quality > 0)
        .max_by_key(|(rank, _)| *rank)
        .map_or_else(Encoding::default, |(_, encoding)| encoding)
}

/// An entry of the `Accept` header.
struct MediaRange<'a> {
    media_type: &'a str,
    quality: Quality,
    /// The version, compared to 1.0.0.
    version: Option<Ordering>,
    #[cfg(feature = "openmetrics2")]
    is_second: bool,
    escaping: Option<EscapingScheme>,
    /// Whether its parameters are those of the protobuf format.
    delimited_families: bool,
}

/// How well a media range fits a format; of several, the closest one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anything,
    AnySubtype,
    AnyVersion,
    Exact,
}

impl<'a> MediaRange<'a> {
    /// Reads an entry, unless it is malformed.
    fn read(entry: &'a str) -> Option<Self> {
        let mut parts = split(entry, b';');
        let media_type = parts.next()?;
        let (mut wanted, mut version, mut escaping) = (None, None, None);
        let (mut proto, mut layout) = (None, None);
        #[cfg(feature = "openmetrics2")]
        let mut is_second = false;
        for (name, value) in parts.filter_map(parameter) {
            // The first of its name counts.
            if name.eq_ignore_ascii_case("q") && wanted.is_none() {
                wanted = Some(quality(&value)?);
            } else if name.eq_ignore_ascii_case("version") && version.is_none() {
                version = Some(compare_version(&value)?);
                #[cfg(feature = "openmetrics2")]
                {
                    is_second = value == "2.0.0";
                }
            } else if name.eq_ignore_ascii_case("escaping") && escaping.is_none() {
                escaping = Some(EscapingScheme::parse(&value).unwrap_or_default());
            } else if name.eq_ignore_ascii_case("proto") && proto.is_none() {
                proto = Some(value);
            } else if name.eq_ignore_ascii_case("encoding") && layout.is_none() {
                layout = Some(value);
            }
        }
        Some(Self {
            media_type,
            quality: wanted.unwrap_or(WANTED),
            version,
            #[cfg(feature = "openmetrics2")]
            is_second,
            escaping,
            delimited_families: proto.as_deref() == Some("io.prometheus.client.MetricFamily")
                && layout.as_deref() == Some("delimited"),
        })
    }

    fn fit(&self, format: Format) -> Option<Fit> {
        let is = |media_type: &str| self.media_type.eq_ignore_ascii_case(media_type);
        let (exact, any_subtype) = match format {
            #[cfg(feature = "openmetrics2")]
            Format::OpenMetrics200 if !self.is_second => return None,
            Format::Text004 | Format::Text100 => ("text/plain", "text/*"),
            Format::Protobuf => {
                let named = is("application/vnd.google.protobuf") && self.delimited_families;
                return named.then_some(Fit::Exact);
            }
            _ => ("application/openmetrics-text", "application/*"),
        };
        if is("*/*") {
            return Some(Fit::Anything);
        }
        if is(any_subtype) {
            return Some(Fit::AnySubtype);
        }
        if !is(exact) {
            return None;
        }
        let old = self.version == Some(Ordering::Less);
        match (format, self.version) {
            (Format::OpenMetrics100, _) if old => None,
            (Format::Text004, Some(_)) if !old => None,
            (Format::Text100, Some(_)) if old => None,
            (Format::Text100, None) => Some(Fit::AnyVersion),
            _ => Some(Fit::Exact),
        }
    }

    /// A format for this client, who names a scheme of escaping in some entry, or none.
    fn encoding(&self, format: Format, named: Option<EscapingScheme>) -> Encoding {
        match format {
            Format::Text004 => Encoding::default(),
            Format::Protobuf => Encoding::new(format, self.escaping.or(named).unwrap_or_default()),
            _ if self.version.is_some() => Encoding::new(format, self.escaping.unwrap_or_default()),
            Format::Text100 => Encoding::new(format, EscapingScheme::Underscores),
            _ => Encoding::new(format, EscapingScheme::Underscores).without_escaping_parameter(),
        }
    }
}

/// The range that decides about a format, with its place in the header.
fn best_range<'r, 'a>(
    ranges: &'r [MediaRange<'a>],
    format: Format,
) -> Option<(usize, &'r MediaRange<'a>)> {
    ranges
        .iter()
        .enumerate()
        .filter(|(_, range)| range.fit(format).is_some())
        .max_by_key(|(place, range)| (range.fit(format), range.quality, Reverse(*place)))
}

/// Compares a version to 1.0.0; nothing if it is not numbers between dots.
///
/// A shorter one is less than a longer one that begins with it.
fn compare_version(text: &str) -> Option<Ordering> {
    let numbers: Vec<u64> = text
        .split('.')
        .map(|part| part.parse().ok().filter(|_| !part.starts_with('+')))
        .collect::<Option<_>>()?;
    Some(numbers.as_slice().cmp(&[1, 0, 0]))
}
