//! The names of families on the wire, found in as many steps however many they are.

use super::text::{Text, is_same};

/// Among how many lists the names are spread.
const LISTS: usize = 1024;

/// Names with their places, in lists by their hashes. A place is one more than its number here, and
/// zero is none.
pub(super) struct Families<'m> {
    names: &'m mut [Text],
    next: &'m mut [usize],
    first: [usize; LISTS],
}

impl<'m> Families<'m> {
    /// None yet; with room for as many as there are texts and numbers.
    pub(super) const fn new(names: &'m mut [Text], next: &'m mut [usize]) -> Self {
        Self { names, next, first: [0; LISTS] }
    }

    pub(super) const fn add(&mut self, place: usize, name: Text) {
        let list = list_of(name.as_bytes(), "");
        self.next[place] = self.first[list];
        self.first[list] = place + 1;
        self.names[place] = name;
    }

    /// The place of a name that is made of these two.
    pub(super) const fn find(&self, stem: &[u8], suffix: &str) -> Option<usize> {
        let mut place = self.first[list_of(stem, suffix)];
        while place > 0 {
            let name = self.names[place - 1].as_bytes();
            if name.len() == stem.len() + suffix.len() {
                let (begin, end) = name.split_at(stem.len());
                if is_same(end, suffix.as_bytes()) && is_same(begin, stem) {
                    return Some(place - 1);
                }
            }
            place = self.next[place - 1];
        }
        None
    }
}

/// In which list a name is: by FNV-1a, which is a few lines where nothing else can be called.
const fn list_of(stem: &[u8], suffix: &str) -> usize {
    hash(hash(0xcbf2_9ce4_8422_2325, stem), suffix.as_bytes()) as usize % LISTS
}

const fn hash(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}
