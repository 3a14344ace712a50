//! Names as they stand on a line: in quotes where they need them.

use crate::model::EscapingScheme;
use crate::model::escape::{label_needs_quotes, metric_needs_quotes, push_escaped};

/// Appends the name of a family or a sample, in quotes if it needs them; says whether it does.
pub(super) fn push_metric_name(
    out: &mut String,
    escaping: EscapingScheme,
    family: &str,
    suffix: &str,
) -> bool {
    // A suffix makes no legal name of an illegal one, nor the reverse.
    let quoted = escaping == EscapingScheme::AllowUtf8 && metric_needs_quotes(family);
    if quoted {
        out.push('"');
        push_escaped(out, family);
        out.push_str(suffix);
        out.push('"');
    } else {
        escaping.push_metric_name(out, family, suffix);
    }
    quoted
}

/// Appends a label name, in quotes if it needs them.
pub(super) fn push_label_name(out: &mut String, escaping: EscapingScheme, label: &str) {
    if escaping == EscapingScheme::AllowUtf8 && label_needs_quotes(label) {
        out.push('"');
        push_escaped(out, label);
        out.push('"');
    } else {
        escaping.push_label_name(out, label);
    }
}
