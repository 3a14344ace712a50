//! Letters that tell names apart which would otherwise be used again.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::time::SystemTime;

/// Eight letters and digits that no other store has: numbers of processes are used again.
pub(crate) fn unique() -> String {
    let mut text = String::new();
    push_unique(&mut text);
    text
}

/// Appends such letters.
pub(crate) fn push_unique(text: &mut String) {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The keys of `RandomState` are random.
    let random = RandomState::new().hash_one((since, process::id()));
    text.extend((0..8).map(|place| char::from(DIGITS[(random >> (5 * place)) as usize % 32])));
}
