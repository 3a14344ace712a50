//! Names and labels in systems that set them apart by single letters.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Sample;

/// Appends a name or a value; whatever is no letter, digit, `_` or `-` of ASCII becomes `_`.
pub(super) fn push_word(out: &mut String, word: &str) {
    out.extend(word.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => letter,
        _ => '_',
    }));
}

/// Appends the name of a sample behind a prefix, and a dot between.
pub(super) fn push_name(out: &mut String, prefix: &str, sample: &Sample<'_>) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push('.');
    }
    push_word(out, sample.family());
    push_word(out, sample.suffix().as_str());
}

/// Appends the labels of a sample: before each name, and before each value, what is to stand there.
pub(super) fn push_labels(out: &mut String, sample: &Sample<'_>, before: char, between: char) {
    for (name, value) in sample.labels().iter() {
        out.push(before);
        push_word(out, name);
        out.push(between);
        push_word(out, &value);
    }
}

/// What a prefix may be: words with dots between them.
pub(super) fn check_prefix(prefix: &str) -> Result {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let why = match prefix.chars().find(|&letter| !is_part(letter)) {
        Some(letter) => format!("has {letter:?}"),
        None if !prefix.is_empty() && prefix.split('.').any(str::is_empty) => {
            "has an empty word".to_owned()
        }
        None => return Ok(()),
    };
    let message = format!("the prefix {prefix:?} of a bridge {why}");
    Err(Error::new(ErrorKind::InvalidValue, message))
}

/// That an address has a port, as far as its text says.
pub(super) fn check_address(address: &str) -> Result {
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        let message = format!("the address {address:?} of a bridge has no port");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    Ok(())
}
