//! One exposition being written: family after family, each whole or not at all.

use super::lines::Buffers;
use super::names::WireNames;
use super::{Encoding, Format, openmetrics, text};
use crate::error::Result;
use crate::model::Family;

/// What an exposition remembers from family to family.
pub(super) struct Encoder {
    encoding: Encoding,
    names: WireNames,
    buffers: Buffers,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            names: WireNames::new(encoding.escaping),
            buffers: Buffers::new(encoding.escaping),
        }
    }

    /// Appends a family; on an error, or a panic of the family's, `out` is as before.
    pub(super) fn family(&mut self, family: &dyn Family, out: &mut String) -> Result {
        let taken = self.names.check(family.desc())?;
        let mut draft = Draft::new(out);
        self.buffers.forget();
        match self.encoding.format {
            Format::Text004 | Format::Text100 => {
                text::write_family(family, self.encoding, &mut self.buffers, draft.text())?;
            }
            Format::OpenMetrics100 => {
                openmetrics::write_family(family, self.encoding, &mut self.buffers, draft.text())?;
            }
        }
        draft.keep();
        self.names.take(taken);
        Ok(())
    }

    pub(super) fn finish(&self, out: &mut String) {
        if self.encoding.format == Format::OpenMetrics100 {
            out.push_str("# EOF\n");
        }
    }
}

/// Text that is taken back unless it is kept.
pub(super) struct Draft<'a> {
    out: &'a mut String,
    keep_to: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self { keep_to: out.len(), out }
    }

    pub(super) fn text(&mut self) -> &mut String {
        self.out
    }

    pub(super) fn keep(mut self) {
        self.keep_to = self.out.len();
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.keep_to);
    }
}
