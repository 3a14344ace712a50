//! The hash of label values, read in place.

use std::hash::{BuildHasher, RandomState};

use crate::cell::keys::Ends;

/// Odd numbers without a pattern: digits of the golden ratio, of pi and of e.
const ODD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x2437_54a8_8d31_3199, 0xb7e1_5162_8aed_2a6b];

/// How label values are hashed; every process does so in another way, because
/// they come from outside.
///
/// Two words at a time are multiplied into one of twice the length, whose
/// halves are folded: the step of wyhash and its kin.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelHasher {
    seeds: [u64; 3],
}

impl LabelHasher {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self { seeds: ODD.map(|odd| random.hash_one(odd)) }
    }

    /// The length of each value counts, which keeps ["ab", "c"] and ["a", "bc"] apart.
    #[inline(always)]
    pub(super) fn hash(&self, values: &[&str]) -> u64 {
        let [first, second, last] = self.seeds;
        let (mut hash, mut lens) = (last, 0_u64);
        for value in values {
            let value = value.as_bytes();
            let Ends(low, high) = Ends::of(value).unwrap_or_else(|| self.long(value));
            hash = hash.rotate_left(23) ^ fold(low ^ first, high ^ second);
            lens = lens.rotate_left(11) ^ value.len() as u64;
        }
        // The lengths are kept apart from the bytes, of which some might make up for them.
        fold(hash, lens ^ ODD[0])
    }

    /// What a value of more than 16 bytes comes to.
    #[inline(always)]
    fn long(&self, value: &[u8]) -> Ends {
        let [first, ..] = self.seeds;
        let before = match value.len() {
            ..=32 => self.block(first, value.first_chunk()),
            _ => self.blocks(&value[..value.len() - 1]),
        };
        // The last 16 bytes, of which some may have been among the others.
        let Ends(low, high) = halves(value.last_chunk());
        Ends(low ^ before, high)
    }

    #[inline(never)]
    fn blocks(&self, value: &[u8]) -> u64 {
        let [first, ..] = self.seeds;
        value.chunks_exact(16).fold(first, |before, block| self.block(before, block.first_chunk()))
    }

    #[inline(always)]
    fn block(&self, before: u64, block: Option<&[u8; 16]>) -> u64 {
        let Ends(low, high) = halves(block);
        fold(low ^ before, high ^ self.seeds[1])
    }
}

#[inline(always)]
fn halves(block: Option<&[u8; 16]>) -> Ends {
    block.and_then(|block| Ends::of(block)).unwrap_or(Ends(0, 0))
}

#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_byte_and_every_border_counts() {
        let hasher = LabelHasher::new();
        let mut seen = HashSet::new();
        let mut meet = |values: &[&str]| assert!(seen.insert(hasher.hash(values)), "{values:?}");
        for len in 0..70 {
            let text = "a".repeat(len);
            meet(&[&text]);
            for at in 0..len {
                let mut other = text.clone();
                other.replace_range(at..=at, "b");
                meet(&[&other]);
                meet(&[&text[..at], &text[at..], "c"]);
                meet(&["c", &text[..at], &text[at..]]);
            }
        }
    }

    #[test]
    fn the_lower_half_spreads_over_all_places() {
        // 4096 hashes over 4096 places: as balls thrown at random, one place has 16 or more
        // in less than one of 10^10 times (4096 / 16!).
        let hasher = LabelHasher::new();
        let mut places = vec![0; 4096];
        for n in 0..4096 {
            let path = format!("/api/v1/items/{n}");
            places[hasher.hash(&["GET", &path, "200"]) as usize % 4096] += 1;
        }
        assert!(places.iter().all(|count| *count < 16));
    }

    #[test]
    fn two_processes_do_not_hash_alike() {
        let values = ["GET", "/", "200"];
        assert_ne!(LabelHasher::new().hash(&values), LabelHasher::new().hash(&values));
    }
}
