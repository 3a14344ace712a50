//! A catalogue as a page that people read.

use std::fmt::Write;

use super::entries::Catalog;
use super::kind::MetricKind;
use super::slot::Slot;
use crate::model::{EscapingScheme, Suffix, format_f64};

impl Catalog {
    /// The catalogue as a page of Markdown: a table of all metrics, in the order of declaration.
    ///
    /// A test that compares it with a file of the repository keeps that file true.
    ///
    /// ```
    /// use narthex::catalog::{Catalog, MetricKind, MetricSpec};
    ///
    /// let sent = MetricSpec::new(MetricKind::Counter, "mail.sent", "Mail that left.");
    /// let catalog = Catalog::new([sent.with_unit("bytes").with_labels(["kind"])])?;
    /// assert_eq!(
    ///     catalog.to_markdown(),
    ///     "| name | on the wire | kind | unit | labels | values | help |\n\
    ///      | --- | --- | --- | --- | --- | --- | --- |\n\
    ///      | `mail.sent` | `mail_sent_bytes_total` | counter | bytes | `kind` |  | Mail that left. |\n",
    /// );
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn to_markdown(&self) -> String {
        let mut page = String::from(
            "| name | on the wire | kind | unit | labels | values | help |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for slot in self.slots() {
            let spec = &slot.spec;
            let cells = [
                code(spec.name()),
                code(&wire_name(slot)),
                spec.kind().to_string(),
                cell(spec.unit()),
                list(spec.labels().iter().map(String::as_str)),
                values(slot),
                cell(spec.help()),
            ];
            // Writing to a string cannot fail.
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
        page
    }
}

/// The name of its first sample, as whoever asks for no other names gets it.
fn wire_name(slot: &Slot) -> String {
    let suffix = match slot.spec.kind() {
        MetricKind::Counter => Suffix::Total,
        MetricKind::Info => Suffix::Info,
        _ => Suffix::None,
    };
    let name = EscapingScheme::Underscores.metric_name(&slot.family);
    format!("{name}{}", suffix.as_str())
}

/// The bounds of its buckets, or its states.
fn values(slot: &Slot) -> String {
    match slot.spec.kind() {
        MetricKind::Histogram => {
            let bounds: Vec<_> = slot.buckets().into_iter().map(format_f64).collect();
            bounds.join(", ")
        }
        _ => list(slot.spec.states().iter().map(String::as_str)),
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(code).collect::<Vec<_>>().join(", ")
}

/// A text as code, which ends at no backtick of the text.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    cell(&format!("{fence}{pad}{text}{pad}{fence}"))
}

/// A text that is one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
