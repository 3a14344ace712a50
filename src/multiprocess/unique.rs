//! Letters that tell names apart which would otherwise be used again.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::time::SystemTime;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const LEN: usize = 8;

/// Eight letters and digits that no other store has: numbers of processes are used again.
pub(crate) fn unique() -> String {
    let mut text = String::new();
    push_unique(&mut text);
    text
}

/// Appends such letters.
pub(crate) fn push_unique(text: &mut String) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The keys of `RandomState` are random.
    let random = RandomState::new().hash_one((since, process::id()));
    text.extend((0..LEN).map(|place| char::from(DIGITS[(random >> (5 * place)) as usize % 32])));
}

/// Whether an identifier is a number, a dash and such letters, as those are that nobody gave by hand.
pub(crate) fn is_drawn(identifier: &str) -> bool {
    identifier.split_once('-').is_some_and(|(number, letters)| {
        number.parse::<u32>().is_ok()
            && letters.len() == LEN
            && letters.bytes().all(|letter| DIGITS.contains(&letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_told_from_what_is_given() {
        for _ in 0..100 {
            assert!(is_drawn(&format!("{}-{}", process::id(), unique())));
        }
        for given in ["12", "web-3", "12-", "-k3f0a9qz", "12-k3f0a9q", "12-k3f0a9qw", "0-f1"] {
            assert!(!is_drawn(given), "{given}");
        }
    }
}
