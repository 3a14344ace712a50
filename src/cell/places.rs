//! Which places of the slabs are taken.

use std::collections::BTreeMap;

/// The cells of a chunk, which is one page.
pub(super) const CHUNK_CELLS: usize = 512;

/// The chunks of a slab. Addresses are reserved for all of them, and memory is
/// taken for those that are written to.
pub(super) const CHUNKS: usize = if usize::BITS >= 64 { 1 << 18 } else { 1 << 14 };

/// How many cells there are.
pub(super) trait Length: Copy {
    fn get(self) -> usize;
}

/// So many, which the compiler knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed<const N: usize>;

impl<const N: usize> Length for Fixed<N> {
    #[inline]
    fn get(self) -> usize {
        N
    }
}

/// So many, and some more.
#[derive(Clone, Copy, Debug)]
pub(super) struct AndMore<const N: usize>(pub(super) u32);

impl<const N: usize> Length for AndMore<N> {
    #[inline]
    fn get(self) -> usize {
        N.saturating_add(self.0 as usize)
    }
}

/// Hands out places for neighbouring cells, none across the end of a chunk.
#[derive(Debug)]
pub(super) struct Places {
    /// No place from here on was ever taken.
    next: usize,
    /// By how many cells there are.
    vacant: BTreeMap<usize, Vec<u32>>,
}

impl Places {
    pub(super) const fn new() -> Self {
        Self { next: 0, vacant: BTreeMap::new() }
    }

    /// A place for so many cells; more than a chunk holds have chunks of their own.
    ///
    /// None if there are no more places.
    pub(super) fn take(&mut self, len: usize) -> Option<u32> {
        // What is larger than a chunk is never divided: its first chunk is longer than others.
        let most = len.max(CHUNK_CELLS);
        let fits = self.vacant.range_mut(len..=most).find(|(_, places)| !places.is_empty());
        if let Some((&found, places)) = fits {
            let place = places.pop()?;
            self.keep(place as usize + len, found - len);
            return Some(place);
        }
        let (begin, rest) = (self.next, self.next.next_multiple_of(CHUNK_CELLS) - self.next);
        let crosses = len > rest && rest > 0;
        let place = if crosses { begin + rest } else { begin };
        let end = place + if len > CHUNK_CELLS { len.next_multiple_of(CHUNK_CELLS) } else { len };
        if end > CHUNKS * CHUNK_CELLS {
            return None;
        }
        self.next = end;
        if crosses {
            self.keep(begin, rest);
        }
        u32::try_from(place).ok()
    }

    pub(super) fn give_back(&mut self, place: u32, len: usize) {
        self.keep(place as usize, len);
    }

    fn keep(&mut self, place: usize, len: usize) {
        if let (1.., Ok(place)) = (len, u32::try_from(place)) {
            self.vacant.entry(len).or_default().push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_once_and_lies_in_one_chunk() {
        let mut places = Places::new();
        let mut taken = vec![false; 64 * CHUNK_CELLS];
        let mut held = Vec::new();
        for round in 0..400_usize {
            let len = [1, 3, 14, 33, 200][round % 5];
            let place = places.take(len).unwrap() as usize;
            assert_eq!(place / CHUNK_CELLS, (place + len - 1) / CHUNK_CELLS);
            for cell in &mut taken[place..place + len] {
                assert!(!std::mem::replace(cell, true));
            }
            held.push((place, len));
            if round % 3 == 0 {
                let (place, len) = held.swap_remove(round % held.len());
                taken[place..place + len].fill(false);
                places.give_back(place as u32, len);
            }
        }
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let mut places = Places::new();
        let first = places.take(14).unwrap();
        let wide = places.take(CHUNK_CELLS + 1).unwrap();
        // It begins with the second chunk and takes that and the third.
        assert_eq!((first, wide), (0, CHUNK_CELLS as u32));
        assert_eq!(places.take(CHUNK_CELLS), Some(3 * CHUNK_CELLS as u32));
        places.give_back(wide, CHUNK_CELLS + 1);
        places.give_back(first, 14);
        // A wide place is not divided, the other one is.
        assert_eq!(places.take(14), Some(0));
        places.give_back(0, 14);
        assert_eq!((places.take(13), places.take(1)), (Some(0), Some(13)));
        assert_eq!(places.take(CHUNK_CELLS + 1), Some(wide));
    }

    #[test]
    fn there_is_an_end_of_places() {
        let mut places = Places::new();
        assert_eq!(places.take(CHUNKS * CHUNK_CELLS + 1), None);
        assert_eq!(places.take(CHUNKS * CHUNK_CELLS), Some(0));
        assert_eq!(places.take(1), None);
    }
}
