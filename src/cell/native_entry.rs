//! How the buckets of a native histogram stand in a side file: the words of an entry.

use super::exponential::{COARSEST, FINEST, last_place};
use super::native_limits::{MOST_BUCKETS, NativeLimits};

/// How many buckets an entry has room for.
pub(crate) const BUCKETS: usize = 16;

/// The word that is [`IS_SHORT`] while some of the series is in memory alone, and then how long
/// the file was when all had found room: whoever has read less of it lacks some.
pub(crate) const SHORT: usize = 3;

/// Less than any file has.
pub(crate) const IS_SHORT: u64 = 1;

/// The first bucket: a word for its name, and one for its count; then come the others.
pub(crate) const FIRST: usize = 4;

/// All words. The last one keeps an entry from being taken for one that counts no more.
pub(crate) const WORDS: usize = FIRST + 2 * BUCKETS + 1;

/// Whether a word is the count of a bucket.
#[cfg(unix)]
pub(crate) fn is_count(word: usize) -> bool {
    word > FIRST && word < WORDS - 1 && (word - FIRST) % 2 == 1
}

/// Bounds of the indexes that any value has, and of more.
const INDEXES: std::ops::Range<i64> = -(1 << 20)..1 << 20;

/// Where a value is counted. A bucket of some schema has its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NativePlace {
    Positive {
        schema: i32,
        index: i32,
    },
    Negative {
        schema: i32,
        index: i32,
    },
    /// As wide as the series began with.
    Zero,
    /// Widened up to the end of a bucket.
    ZeroUpTo {
        schema: i32,
        index: i32,
    },
    Nan,
}

/// What tells apart observations of a series that have counts of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NativeName {
    pub(crate) place: NativePlace,
    /// The number of the bucket of given bounds.
    pub(crate) below: u16,
}

impl NativePlace {
    /// Where a bucket ends, or the zero bucket if that was widened: the last of the places that
    /// are buckets of the finest schema.
    pub(crate) fn last(self) -> Option<i32> {
        match self {
            Self::Positive { schema, index }
            | Self::Negative { schema, index }
            | Self::ZeroUpTo { schema, index } => Some(last_place(index, schema)),
            Self::Zero | Self::Nan => None,
        }
    }
}

impl NativeName {
    /// The word that says so, which is not 0.
    pub(crate) fn to_word(self) -> u64 {
        let (side, schema, index) = match self.place {
            NativePlace::Positive { schema, index } => (1, schema, index),
            NativePlace::Negative { schema, index } => (2, schema, index),
            NativePlace::Zero => (3, 0, 0),
            NativePlace::ZeroUpTo { schema, index } => (4, schema, index),
            NativePlace::Nan => (5, 0, 0),
        };
        let ([below, more], [a, b, c, d]) = (self.below.to_le_bytes(), index.to_le_bytes());
        u64::from_le_bytes([side, schema as i8 as u8, below, more, a, b, c, d])
    }

    /// What a word says; none if that makes no sense.
    pub(crate) fn of_word(word: u64) -> Option<Self> {
        let [side, schema, below, more, index @ ..] = word.to_le_bytes();
        let (schema, index) = (i32::from(schema as i8), i32::from_le_bytes(index));
        let place = match side {
            1 => NativePlace::Positive { schema, index },
            2 => NativePlace::Negative { schema, index },
            3 => NativePlace::Zero,
            4 => NativePlace::ZeroUpTo { schema, index },
            5 => NativePlace::Nan,
            _ => return None,
        };
        let is_schema = (COARSEST..=FINEST).contains(&schema);
        let is_near = is_schema && INDEXES.contains(&(i64::from(index) << (FINEST - schema)));
        is_near.then_some(Self { place, below: u16::from_le_bytes([below, more]) })
    }
}

/// The words of an entry with some buckets, as far as there is room for them.
pub(crate) fn words(
    limits: &NativeLimits,
    is_short: bool,
    buckets: impl IntoIterator<Item = (NativeName, u64)>,
) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let schema = u64::from(limits.schema as i8 as u8);
    words[0] = limits.zero_threshold.to_bits();
    words[1] = limits.max_buckets as u64 | schema << 32;
    words[2] = limits.max_zero_threshold.to_bits();
    words[SHORT] = if is_short { IS_SHORT } else { 0 };
    for (to, (name, count)) in words[FIRST..].chunks_exact_mut(2).zip(buckets) {
        to.copy_from_slice(&[name.to_word(), count]);
    }
    words
}

/// The limits that the first words tell of; none if they make no sense.
pub(crate) fn limits_of([zero, buckets, max_zero]: [u64; 3]) -> Option<NativeLimits> {
    let [zero_threshold, max_zero_threshold] = [zero, max_zero].map(f64::from_bits);
    let (schema, max_buckets) = (i32::from((buckets >> 32) as u8 as i8), buckets as u32 as usize);
    let is_amount = |amount: f64| amount >= 0.0 && amount.is_finite();
    let are_sound = (COARSEST..=FINEST).contains(&schema)
        && (1..=MOST_BUCKETS).contains(&max_buckets)
        && buckets >> 40 == 0
        && is_amount(zero_threshold)
        && is_amount(max_zero_threshold);
    are_sound.then_some(NativeLimits {
        schema,
        zero_threshold,
        max_buckets,
        min_reset_seconds: None,
        max_zero_threshold,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_laid_out_as_the_format_says() {
        let place = NativePlace::Negative { schema: -2, index: -3 };
        let word = NativeName { place, below: 258 }.to_word();
        assert_eq!(word.to_le_bytes(), [2, 254, 2, 1, 253, 255, 255, 255]);
        assert_eq!(NativeName::of_word(word), Some(NativeName { place, below: 258 }));
        for place in [
            NativePlace::Positive { schema: 8, index: 262_145 },
            NativePlace::Zero,
            NativePlace::ZeroUpTo { schema: 3, index: -1024 },
            NativePlace::Nan,
        ] {
            let name = NativeName { place, below: 0 };
            assert_eq!(NativeName::of_word(name.to_word()), Some(name));
        }
    }

    #[test]
    fn what_no_value_has_is_no_name() {
        // No side, and one too many; schemas 9 and -5; indexes that are far too great.
        for bytes in [
            [0, 0, 0, 0, 0, 0, 0, 0],
            [6, 0, 0, 0, 0, 0, 0, 0],
            [1, 9, 0, 0, 0, 0, 0, 0],
            [1, 251, 0, 0, 0, 0, 0, 0],
            [1, 8, 0, 0, 0, 0, 16, 0],
            [2, 252, 0, 0, 0, 0, 0, 128],
        ] {
            assert_eq!(NativeName::of_word(u64::from_le_bytes(bytes)), None, "{bytes:?}");
        }
    }
}
