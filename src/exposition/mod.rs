//! Families in, bytes out: the formats that Prometheus reads, and who gets which.
//!
//! What each of them says of what families hold:
//!
//! | | text 0.0.4 | text 1.0.0 | OpenMetrics 1.0.0 | protobuf | OpenMetrics 2.0 |
//! | --- | --- | --- | --- | --- | --- |
//! | UTF-8 names | escaped, or quoted if asked for | quoted | quoted | as they are | quoted |
//! | units | no | no | yes | yes, if the escaped name ends with it | yes, if it is spelt as names are |
//! | timestamps | whole milliseconds | whole milliseconds | to the nanosecond | whole milliseconds | to the nanosecond |
//! | start times | on demand, as a gauge | on demand, as a gauge | `_created` behind the series | to the nanosecond | to the nanosecond |
//! | exemplars | no | no | yes | yes | those that have a timestamp |
//! | native histograms | count and sum | count and sum | count and sum | yes, with those of their exemplars that have a timestamp | yes, with those of their exemplars that have a timestamp, unless classic buckets beside them have any |
//! | info, state set | as gauge | as gauge | yes | as gauge | yes |
//! | gauge histogram | as histogram and two gauges | as histogram and two gauges | yes | yes | yes |
//! | counts that are not whole | yes | yes | yes, against the specification | of histograms; those of summaries are cut off | yes |
//! | a histogram or summary without a sum | yes | yes | without its count, too | the sum is NaN, or 0 for a summary | the sum is NaN, or 0 for a summary |
//! | a histogram or summary without a count | yes | yes | yes | that of the last bucket, or 0 for a summary | that of the last bucket, or 0 for a summary |
//! | families without series | yes | yes | yes | left out | yes |

mod accept;
mod buckets;
mod coding;
#[cfg(feature = "openmetrics2")]
mod composite;
mod compress;
mod encoder;
mod extras;
mod lines;
mod names;
mod negotiate;
pub mod openmetrics;
#[cfg(feature = "openmetrics2")]
pub mod openmetrics2;
mod page;
pub mod protobuf;
mod quoted;
mod rows;
mod template;
pub mod text;

use std::time::Instant;

pub use self::coding::{ContentCoding, accepts_gzip};
pub use self::encoder::Encoder;
pub use self::negotiate::negotiate;
use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::model::EscapingScheme;

/// A format of exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The text format 0.0.4, which everything reads.
    Text004,
    /// The text format 1.0.0: the same, for readers that know quoted names.
    Text100,
    /// OpenMetrics 1.0.0, with exemplars, units and start times.
    OpenMetrics100,
    /// OpenMetrics 2.0.0, as its release candidate 2.0.0-rc0 has it and with what may become of
    /// that: the same, and native histograms.
    #[cfg(feature = "openmetrics2")]
    OpenMetrics200,
    /// Protobuf, with all of that and native histograms; no text.
    Protobuf,
}

impl Format {
    fn is_openmetrics(self) -> bool {
        !matches!(self, Self::Text004 | Self::Text100 | Self::Protobuf)
    }
}

/// A format, and how it writes names and start times.
///
/// ```
/// use narthex::exposition::{Encoding, Format};
/// use narthex::model::{EscapingScheme, NO_LABELS};
///
/// let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8);
/// assert_eq!(
///     encoding.content_type(),
///     "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    format: Format,
    escaping: EscapingScheme,
    created: bool,
    // A client that named no version is not told about escaping.
    tells_escaping: bool,
}

impl Encoding {
    /// A format with names in that scheme; only OpenMetrics and protobuf show start times.
    pub const fn new(format: Format, escaping: EscapingScheme) -> Self {
        let created = !matches!(format, Format::Text004 | Format::Text100);
        let is_plainest =
            matches!((format, escaping), (Format::Text004, EscapingScheme::Underscores));
        Self { format, escaping, created, tells_escaping: !is_plainest }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How names are written.
    pub fn escaping(&self) -> EscapingScheme {
        self.escaping
    }

    /// The value of the `Content-Type` header.
    ///
    /// [The specification](https://prometheus.io/docs/instrumenting/content_negotiation/).
    pub fn content_type(&self) -> &'static str {
        let spellings: &[&'static str; 5] = match self.format {
            Format::Text004 => &[
                "text/plain; version=0.0.4; charset=utf-8",
                "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
                "text/plain; version=0.0.4; charset=utf-8; escaping=dots",
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
                "text/plain; version=0.0.4; charset=utf-8; escaping=values",
            ],
            Format::Text100 => &[
                "text/plain; version=1.0.0; charset=utf-8",
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
                "text/plain; version=1.0.0; charset=utf-8; escaping=values",
            ],
            Format::OpenMetrics100 => &[
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
            ],
            #[cfg(feature = "openmetrics2")]
            Format::OpenMetrics200 => &[
                "application/openmetrics-text; version=2.0.0; charset=utf-8",
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=allow-utf-8",
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=dots",
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=underscores",
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=values",
            ],
            Format::Protobuf => &[
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=dots",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=values",
            ],
        };
        let [silent, allow_utf8, dots, underscores, values] = *spellings;
        match self.escaping {
            _ if !self.tells_escaping => silent,
            EscapingScheme::AllowUtf8 => allow_utf8,
            EscapingScheme::Dots => dots,
            EscapingScheme::Underscores => underscores,
            EscapingScheme::Values => values,
        }
    }

    /// The same, with or without the start times of series, named `_created`.
    #[must_use]
    pub fn with_created(self, created: bool) -> Self {
        Self { created, ..self }
    }

    /// The same for a client that named no version of OpenMetrics.
    fn without_escaping_parameter(self) -> Self {
        Self { tells_escaping: false, ..self }
    }
}

impl Default for Encoding {
    /// The text format 0.0.4 with underscores, which everything reads.
    fn default() -> Self {
        Self::new(Format::Text004, EscapingScheme::Underscores)
    }
}

/// Everything that a collector tells, in the given encoding.
///
/// ```
/// use narthex::exposition::{self, Encoding, Format};
/// use narthex::model::{CounterMetricFamily, EscapingScheme, NO_LABELS};
/// use narthex::collector_fn;
///
/// let mail = collector_fn(|scrape| {
///     let mut sent = CounterMetricFamily::new("mail.sent", "Mails sent.")?;
///     sent.add_metric(NO_LABELS, 3.0)?;
///     scrape.family(&sent)
/// });
/// let encoding = Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8);
/// assert_eq!(
///     exposition::encode(&mail, encoding)?,
///     "# HELP \"mail.sent\" Mails sent.\n\
///      ## TYPE \"mail.sent\" counter\n\
///      {\"mail.sent_total\"} 3.0\n\
///      ## EOF\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # Errors
/// Those of the collector; [`Error::is_duplicate`](crate::Error::is_duplicate)
/// if two names are one in this encoding; and
/// [`Error::is_invalid_value`](crate::Error::is_invalid_value) for [`Format::Protobuf`], which is
/// no text: [`protobuf::encode`] and [`Encoder`] write it.
#[doc(alias = "generate_latest")]
pub fn encode(collector: &dyn Collector, encoding: Encoding) -> Result<String> {
    let mut out = String::new();
    encode_into(collector, encoding, None, &mut out)?;
    Ok(out)
}

/// The same in any format, as bytes.
fn encode_bytes(collector: &dyn Collector, encoding: Encoding) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Encoder::new().encode(collector, encoding, ContentCoding::Identity, None, &mut out)?;
    Ok(out)
}

/// The same, appended to `out`, for a reader that waits until `deadline`.
///
/// Whoever encodes often keeps an [`Encoder`].
///
/// ```
/// use narthex::exposition::{self, Encoding};
/// use narthex::{Error, collector_fn};
///
/// let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
/// let mut out = String::from("kept");
/// assert!(exposition::encode_into(&broken, Encoding::default(), None, &mut out).is_err());
/// assert_eq!(out, "kept");
/// ```
///
/// # Errors
/// Those of [`encode`]. `out` is as before then.
pub fn encode_into(
    collector: &dyn Collector,
    encoding: Encoding,
    deadline: Option<Instant>,
    out: &mut String,
) -> Result {
    if encoding.format == Format::Protobuf {
        let message =
            "protobuf is no text: `exposition::protobuf::encode` or an `Encoder` writes it";
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    let mut lent = Lent { bytes: std::mem::take(out).into_bytes(), out };
    let plain = ContentCoding::Identity;
    Encoder::new().encode(collector, encoding, plain, deadline, &mut lent.bytes).map(|_| ())
}

/// A text as bytes, until it is given back.
struct Lent<'a> {
    out: &'a mut String,
    bytes: Vec<u8>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // Only whole texts were appended, so the bytes are text.
        *self.out = String::from_utf8(std::mem::take(&mut self.bytes))
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
}
