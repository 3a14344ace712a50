//! How an answer is packed on its way, and what a client takes.

use super::accept::{Quality, WANTED, parameter, quality, split};

/// A value of the `Content-Encoding` header.
///
/// [RFC 9110, section 8.4.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1);
/// zstd is [RFC 8878](https://www.rfc-editor.org/rfc/rfc8878).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentCoding {
    /// As it is.
    #[default]
    Identity,
    /// Compressed with gzip.
    #[cfg(feature = "gzip")]
    Gzip,
    /// Compressed with zstd.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl ContentCoding {
    /// All that there are, the best first.
    const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "gzip")]
        Self::Gzip,
        Self::Identity,
    ];

    /// The name in headers: `identity`, `gzip` or `zstd`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// The best coding for a client that sent this `Accept-Encoding` header.
    ///
    /// Several lines of the header are joined by commas beforehand. Qualities
    /// are honoured; among equals zstd wins over gzip, and both over the answer
    /// as it is. A client that takes nothing that there is gets it as it is.
    ///
    /// [RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3).
    ///
    /// ```
    /// use narthex::exposition::ContentCoding;
    ///
    /// # #[cfg(feature = "gzip")]
    /// assert_eq!(ContentCoding::negotiate(Some("br, gzip;q=0.8")).as_str(), "gzip");
    /// assert_eq!(ContentCoding::negotiate(Some("identity, gzip;q=0.5")).as_str(), "identity");
    /// assert_eq!(ContentCoding::negotiate(Some("gzip;q=0, br")).as_str(), "identity");
    /// assert_eq!(ContentCoding::negotiate(None).as_str(), "identity");
    /// ```
    pub fn negotiate(accept_encoding: Option<&str>) -> Self {
        let header = accept_encoding.unwrap_or_default();
        let mut best = (0, Self::Identity);
        for &coding in Self::ALL {
            let quality = quality_of(header, coding.as_str());
            if quality > best.0 {
                best = (quality, coding);
            }
        }
        best.1
    }
}

/// Whether an answer may be compressed with gzip, by this `Accept-Encoding` header.
///
/// It may not where the client prefers the answer as it is.
///
/// [RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3).
///
/// ```
/// use narthex::exposition::accepts_gzip;
///
/// assert!(accepts_gzip(Some("br, gzip;q=0.8")));
/// assert!(!accepts_gzip(Some("gzip;q=0")));
/// assert!(!accepts_gzip(Some("identity, gzip;q=0.5")));
/// assert!(!accepts_gzip(None));
/// ```
pub fn accepts_gzip(accept_encoding: Option<&str>) -> bool {
    let header = accept_encoding.unwrap_or_default();
    let gzip = quality_of(header, "gzip");
    gzip > 0 && gzip >= quality_of(header, "identity")
}

/// How much a client wants a coding; the answer as it is not at all, unless it says so.
fn quality_of(header: &str, name: &str) -> Quality {
    let (mut own, mut others) = (None, None);
    for entry in split(header, b',') {
        let mut parts = split(entry, b';');
        let coding = parts.next().unwrap_or_default();
        let slot = if coding.eq_ignore_ascii_case(name) {
            &mut own
        } else if coding == "*" {
            &mut others
        } else {
            continue;
        };
        let text = parts.filter_map(parameter).find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let wanted = text.map_or(Some(WANTED), |(_, text)| quality(&text));
        *slot = (*slot).max(wanted);
    }
    own.or(others).unwrap_or(0)
}
