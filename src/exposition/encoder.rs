//! Expositions being written: family after family, each whole or not at all.

use std::fmt;
use std::time::Instant;

use super::coding::ContentCoding;
use super::compress::Compressors;
use super::lines::Buffers;
use super::names::WireNames;
#[cfg(feature = "openmetrics2")]
use super::openmetrics2;
use super::{Encoding, Format, openmetrics, protobuf, text};
use crate::collector::{Collector, for_each_family_until};
use crate::error::Result;
use crate::model::Family;

/// How much text is compressed at once, at least: families are often only a few lines.
const PIECE: usize = 1 << 16;

/// Writes expositions, and keeps its memory from one to the next.
///
/// The second exposition of the same families allocates nothing, however many
/// series they have. What it keeps are some KiB; once it has compressed, also
/// the text of the largest family and the compressor.
///
/// ```
/// use narthex::exposition::{ContentCoding, Encoder, Encoding};
/// use narthex::{CollectorRegistry, Gauge};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("answer", "To everything.").register(&registry)?.set(42);
/// let mut encoder = Encoder::new();
/// let mut body = Vec::new();
/// for _ in 0..2 {
///     body.clear();
///     let plain = ContentCoding::Identity;
///     let length = encoder.encode(&registry, Encoding::default(), plain, None, &mut body)?;
///     assert_eq!(body, b"# HELP answer To everything.\n# TYPE answer gauge\nanswer 42.0\n");
///     assert_eq!(length, body.len());
/// }
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Default)]
pub struct Encoder {
    families: Families,
    compressors: Compressors,
    /// Families that are whole and not compressed yet, and the one that is being written.
    text: Vec<u8>,
}

impl Encoder {
    /// An encoder that has no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends everything that a collector tells to `out`, for a reader that
    /// waits until `deadline`; says how many bytes of text that is before it
    /// is compressed.
    ///
    /// It is compressed family by family, while it is written.
    ///
    /// # Errors
    /// Those of the collector, and [`Error::is_duplicate`](crate::Error::is_duplicate)
    /// if two names are one in this encoding. `out` is as before then.
    pub fn encode(
        &mut self,
        collector: &dyn Collector,
        encoding: Encoding,
        coding: ContentCoding,
        deadline: Option<Instant>,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        let Self { families, compressors, text } = self;
        let mut exposition = Draft::new(out);
        families.begin(encoding);
        let length = match compressors.begin(coding)? {
            None => {
                for_each_family_until(collector, deadline, &mut |family| {
                    families.write(family, exposition.out())
                })?;
                families.finish(exposition.out());
                exposition.len()
            }
            Some(mut compressor) => {
                text.clear();
                for_each_family_until(collector, deadline, &mut |family| {
                    families.write(family, text)?;
                    if text.len() >= PIECE {
                        compressor.push(text, exposition.out());
                        text.clear();
                    }
                    Ok(())
                })?;
                families.finish(text);
                compressor.push(text, exposition.out());
                compressor.finish(exposition.out())?
            }
        };
        exposition.keep();
        Ok(length)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// What an exposition remembers from family to family.
#[derive(Default)]
struct Families {
    encoding: Encoding,
    names: WireNames,
    buffers: Buffers,
    protobuf: protobuf::Buffers,
}

impl Families {
    fn begin(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        self.names.begin(encoding.escaping);
        self.buffers.begin(encoding.escaping);
    }

    /// Appends a family; on an error, or a panic of the family's, `out` is as before.
    fn write(&mut self, family: &dyn Family, out: &mut Vec<u8>) -> Result {
        self.names.check(family.desc())?;
        let mut draft = Draft::new(out);
        self.buffers.forget();
        match self.encoding.format {
            Format::Text004 | Format::Text100 => {
                text::write_family(family, self.encoding, &mut self.buffers, draft.out())?;
            }
            Format::OpenMetrics100 => {
                openmetrics::write_family(family, self.encoding, &mut self.buffers, draft.out())?;
            }
            #[cfg(feature = "openmetrics2")]
            Format::OpenMetrics200 => {
                openmetrics2::write_family(family, self.encoding, &mut self.buffers, draft.out())?;
            }
            Format::Protobuf => {
                protobuf::write_family(family, self.encoding, &mut self.protobuf, draft.out())?;
            }
        }
        draft.keep();
        self.names.take();
        Ok(())
    }

    fn finish(&self, out: &mut Vec<u8>) {
        if self.encoding.format.is_openmetrics() {
            out.extend_from_slice(b"# EOF\n");
        }
    }
}

/// Output that is taken back unless it is kept.
struct Draft<'a> {
    out: &'a mut Vec<u8>,
    from: usize,
    keep_to: usize,
}

impl<'a> Draft<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { from: out.len(), keep_to: out.len(), out }
    }

    fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    fn len(&self) -> usize {
        self.out.len() - self.from
    }

    fn keep(mut self) {
        self.keep_to = self.out.len();
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.keep_to);
    }
}
