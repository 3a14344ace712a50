//! Compressors, which are made once and used again.

use super::coding::ContentCoding;
use crate::error::Result;

/// A compressor of each coding, once it was asked for.
#[derive(Default)]
pub(super) struct Compressors {
    #[cfg(feature = "gzip")]
    gzip: Option<flate2::Compress>,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::stream::raw::Encoder<'static>>,
    /// Whether the last text was left in its midst.
    broken_off: bool,
}

impl Compressors {
    /// The compressor of a coding, before the first text; none if there is nothing to do.
    pub(super) fn begin(&mut self, coding: ContentCoding) -> Result<Option<Compressor<'_>>> {
        if std::mem::take(&mut self.broken_off) {
            // Reset, zlib-rs would still be in the block that it had begun.
            *self = Self::default();
        }
        let context: Option<&mut dyn Context> = match coding {
            ContentCoding::Identity => None,
            #[cfg(feature = "gzip")]
            ContentCoding::Gzip => Some(self.gzip.get_or_insert_with(gzip::context)),
            #[cfg(feature = "zstd")]
            ContentCoding::Zstd => Some(match &mut self.zstd {
                Some(context) => context,
                none => none.insert(zstandard::context()?),
            }),
        };
        let Some(context) = context else { return Ok(None) };
        context.reset()?;
        self.broken_off = true;
        let broken_off = &mut self.broken_off;
        Ok(Some(Compressor { context, broken_off, length: 0, result: Ok(()) }))
    }
}

/// A text on its way through a compressor.
pub(super) struct Compressor<'a> {
    context: &'a mut dyn Context,
    broken_off: &'a mut bool,
    length: usize,
    // Told at the end: a collector in between could take it for its own failure.
    result: Result,
}

impl Compressor<'_> {
    /// Appends what the text so far comes to, but for a rest.
    pub(super) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        self.length += text.len();
        if self.result.is_ok() {
            self.result = self.context.push(text, out);
        }
    }

    /// Appends the rest; says how long the text was.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<usize> {
        self.result?;
        self.context.finish(out)?;
        *self.broken_off = false;
        Ok(self.length)
    }
}

/// What a coding keeps from text to text.
trait Context {
    fn reset(&mut self) -> Result;
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result;
    fn finish(&mut self, out: &mut Vec<u8>) -> Result;
}

#[cfg(feature = "gzip")]
mod gzip {
    use flate2::{Compress, Compression, FlushCompress, Status};

    use super::Context;
    use crate::error::{Error, Result};

    /// Room for what comes of a piece of text, nearly always.
    const ROOM: usize = 1 << 13;

    pub(super) fn context() -> Compress {
        Compress::new_gzip(Compression::fast(), 15)
    }

    impl Context for Compress {
        fn reset(&mut self) -> Result {
            Self::reset(self);
            Ok(())
        }

        fn push(&mut self, mut text: &[u8], out: &mut Vec<u8>) -> Result {
            while !text.is_empty() {
                let before = self.total_in();
                run(self, text, out, FlushCompress::None)?;
                text = text.get((self.total_in() - before) as usize..).unwrap_or_default();
            }
            Ok(())
        }

        fn finish(&mut self, out: &mut Vec<u8>) -> Result {
            while run(self, &[], out, FlushCompress::Finish)? != Status::StreamEnd {}
            Ok(())
        }
    }

    fn run(
        context: &mut Compress,
        text: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<Status> {
        out.reserve(ROOM);
        context
            .compress_vec(text, out, flush)
            .map_err(|error| Error::io("gzip cannot go on", error.into()))
    }
}

#[cfg(feature = "zstd")]
mod zstandard {
    use std::io;

    use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};

    use super::Context;
    use crate::error::{Error, Result};

    const LEVEL: i32 = 1;
    /// Room for what comes of a piece of text, nearly always.
    const ROOM: usize = 1 << 13;

    pub(super) fn context() -> Result<Encoder<'static>> {
        Encoder::new(LEVEL).map_err(failed)
    }

    impl Context for Encoder<'static> {
        fn reset(&mut self) -> Result {
            self.reinit().map_err(failed)
        }

        fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result {
            let mut text = InBuffer::around(text);
            while text.pos() < text.src.len() {
                let mut to = behind(out);
                self.run(&mut text, &mut to).map_err(failed)?;
            }
            Ok(())
        }

        fn finish(&mut self, out: &mut Vec<u8>) -> Result {
            while Operation::finish(self, &mut behind(out), true).map_err(failed)? > 0 {}
            Ok(())
        }
    }

    fn behind(out: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
        out.reserve(ROOM);
        let len = out.len();
        OutBuffer::around_pos(out, len)
    }

    fn failed(error: io::Error) -> Error {
        Error::io("zstd cannot go on", error)
    }
}
