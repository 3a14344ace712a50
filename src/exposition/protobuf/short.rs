//! A few bytes of a metric, in as many as are copied at once.

use super::wire::{double, lengthy, varint, varint_bytes};
use crate::model::TimeParts;

/// A few bytes, at the beginning of sixteen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    bits: u128,
    len: usize,
}

impl Short {
    pub(super) const NONE: Self = Self { bits: 0, len: 0 };

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> [u8; 16] {
        self.bits.to_le_bytes()
    }

    /// The same with another byte before it.
    #[inline(always)]
    fn behind(self, byte: u8) -> Self {
        Self { bits: self.bits << 8 | u128::from(byte), len: self.len + 1 }
    }

    /// The same with a key and a length before it, which is its own and that of `more`.
    #[inline(always)]
    pub(super) fn framed(self, key: u8, more: usize) -> Self {
        let len = self.len + more;
        self.behind(len as u8).behind(key)
    }

    /// A number below 2^56.
    #[inline(always)]
    pub(super) fn varint(key: u8, value: u64) -> Self {
        let (bytes, len) = varint_bytes(value);
        Self { bits: bytes.into(), len }.behind(key)
    }

    #[inline(always)]
    pub(super) fn double(key: u8, value: f64) -> Self {
        Self { bits: value.to_bits().into(), len: 8 }.behind(key)
    }

    /// A point in time, if its seconds take no more than five bytes.
    fn time(key: u8, seconds: f64) -> Option<Self> {
        let time = TimeParts::of_seconds(seconds)?;
        let whole = u64::try_from(time.seconds).ok().filter(|seconds| *seconds < 1 << 35)?;
        let part = |key, value| if value == 0 { Self::NONE } else { Self::varint(key, value) };
        let (whole, nanos) = (part(varint(1), whole), part(varint(2), time.nanos.into()));
        let both =
            Self { bits: nanos.bits << (8 * whole.len) | whole.bits, len: whole.len + nanos.len };
        Some(both.framed(key, 0))
    }
}

/// When rows began, as a field: neighbours often began together.
#[derive(Debug)]
pub(super) struct Starts {
    key: u8,
    last: f64,
    field: Option<Short>,
}

impl Starts {
    pub(super) fn new(key: u8) -> Self {
        Self { key, last: f64::NAN, field: None }
    }

    /// The field of a row, which is empty if it is not known when that began; nothing if it is
    /// to be written in another way.
    #[inline(always)]
    pub(super) fn field(&mut self, start: Option<f64>) -> Option<Short> {
        let Some(start) = start else { return Some(Short::NONE) };
        if start != self.last {
            (self.last, self.field) = (start, Short::time(self.key, start));
        }
        self.field
    }
}

/// A count that is whole and not so large that it might have been rounded.
#[inline(always)]
pub(super) fn whole(count: f64) -> Option<u64> {
    let whole = count as u64;
    (whole < 1 << 53 && whole as f64 == count).then_some(whole)
}

/// A message that is a number.
#[inline(always)]
pub(super) fn number(key: u8, value: f64, more: usize) -> Short {
    Short::double(double(1), value).framed(key, more)
}

/// The key of a message and its length.
#[inline(always)]
pub(super) fn head(field: u8, len: usize) -> Short {
    Short::varint(lengthy(field), len as u64)
}
