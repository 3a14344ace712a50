//! When a sample was taken, as precisely as its source knew it.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::number::push_repr;
use crate::clock::system_time;
use crate::error::{Error, ErrorKind, Result};

/// A point in time that a sample or an exemplar carries, in seconds since 1970.
///
/// ```
/// use narthex::model::Timestamp;
///
/// assert_eq!(Timestamp::from_nanos(1, 999_999_999)?.as_millis(), 1999.0);
/// assert_eq!(Timestamp::from_seconds(123.456)?.as_seconds(), 123.456);
/// assert!(Timestamp::from_seconds(f64::NAN).is_err());
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timestamp(Repr);

// Each source is written back with the digits that it had.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Repr {
    Float(f64),
    /// Nanoseconds are below 10^9 and lead away from 1970; of their nine digits, so many are shown.
    Decimal {
        negative: bool,
        seconds: u64,
        nanos: u32,
        digits: u8,
    },
}

impl Timestamp {
    /// The time now.
    pub fn now() -> Self {
        Self::from_system_time(system_time())
    }

    /// A time of the system's clock; times before 1970 become 1970.
    pub fn from_system_time(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        Self(Repr::Float(seconds))
    }

    /// Seconds with a fraction.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if they are not finite.
    pub fn from_seconds(seconds: f64) -> Result<Self> {
        if !seconds.is_finite() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("a timestamp must be finite, not {seconds}"),
            ));
        }
        Ok(Self(Repr::Float(seconds)))
    }

    /// Whole seconds.
    pub fn from_whole_seconds(seconds: i64) -> Self {
        Self::decimal(seconds < 0, seconds.unsigned_abs(), 0, 0)
    }

    /// Whole seconds, and nanoseconds that lead away from 1970.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if there are a thousand million nanoseconds or more.
    pub fn from_nanos(seconds: i64, nanos: u32) -> Result<Self> {
        if nanos >= 1_000_000_000 {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("a timestamp has fewer than 1000000000 nanoseconds, not {nanos}"),
            ));
        }
        Ok(Self::decimal(seconds < 0, seconds.unsigned_abs(), nanos, 9))
    }

    /// Whole milliseconds, as the text format carries them.
    pub(crate) fn from_millis(millis: i64) -> Self {
        let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
        // `rest` is below a thousand.
        Self::decimal(millis < 0, seconds, rest as u32 * 1_000_000, if rest == 0 { 0 } else { 3 })
    }

    /// Seconds and nanoseconds below 10^9, of whose nine digits so many are shown.
    pub(crate) fn decimal(negative: bool, seconds: u64, nanos: u32, digits: u8) -> Self {
        Self(Repr::Decimal { negative, seconds, nanos, digits })
    }

    /// Seconds, as precisely as a float can say.
    pub fn as_seconds(self) -> f64 {
        match self.0 {
            Repr::Float(seconds) => seconds,
            Repr::Decimal { negative, seconds, nanos, .. } => {
                let seconds = seconds as f64 + f64::from(nanos) / 1e9;
                if negative { -seconds } else { seconds }
            }
        }
    }

    /// Whole milliseconds, cut off toward 1970: what the text format carries.
    ///
    /// Never infinite: what is too large for a float is the largest one.
    pub fn as_millis(self) -> f64 {
        match self.0 {
            // In floats, 1.999999999 s times 1000 would round up to 2 s.
            Repr::Decimal { .. } => (self.as_nanos() / 1_000_000) as f64,
            Repr::Float(seconds) => (seconds * 1000.0).trunc().clamp(f64::MIN, f64::MAX),
        }
    }

    /// Whole nanoseconds, cut off toward 1970: what tells one time from another.
    ///
    /// A time that is a float is the shortest decimal that reads back as it, as it is written in
    /// text: so it is the same time in all formats.
    ///
    /// ```
    /// use narthex::model::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_nanos(-1, 500_000_000)?.as_nanos(), -1_500_000_000);
    /// assert_eq!(Timestamp::from_seconds(1e300)?.as_nanos(), i128::MAX);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn as_nanos(self) -> i128 {
        match self.0 {
            Repr::Float(seconds) => nanos_as_written(seconds),
            Repr::Decimal { negative, seconds, nanos, .. } => {
                let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                if negative { -total } else { total }
            }
        }
    }

    /// Whole milliseconds, as far as 64 bits go: the same as [`as_millis`](Self::as_millis).
    pub(crate) fn to_millis(self) -> i64 {
        match self.0 {
            Repr::Decimal { .. } => {
                let millis = self.as_nanos() / 1_000_000;
                i64::try_from(millis).unwrap_or(if millis < 0 { i64::MIN } else { i64::MAX })
            }
            Repr::Float(_) => self.as_millis() as i64,
        }
    }

    /// The parts of a protobuf `Timestamp`; nothing if it is outside of the years 1 to 9999.
    pub(crate) fn parts(self) -> Option<TimeParts> {
        let nanos = self.as_nanos();
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
        TimeParts::new(seconds, nanos.rem_euclid(1_000_000_000) as u32)
    }

    /// Appends seconds as OpenMetrics carries them.
    pub(crate) fn push_openmetrics(self, out: &mut String) {
        match self.0 {
            Repr::Float(seconds) => push_repr(out, seconds),
            Repr::Decimal { negative, seconds, nanos, digits } => {
                if negative {
                    out.push('-');
                }
                out.push_str(itoa::Buffer::new().format(seconds));
                if digits > 0 {
                    let _ = write!(out, ".{nanos:09}");
                    out.truncate(out.len() - usize::from(9 - digits.min(9)));
                }
            }
        }
    }

    /// Appends whole milliseconds as the text format carries them.
    pub(crate) fn push_text(self, out: &mut String) {
        // `+ 0.0` turns a negative zero into zero. Writing to a string cannot fail.
        let _ = match self.0 {
            Repr::Float(_) => write!(out, "{:.0}", self.as_millis() + 0.0),
            Repr::Decimal { .. } => write!(out, "{}", self.as_nanos() / 1_000_000),
        };
    }
}

/// Of the shortest decimal that reads back as these seconds, the nanoseconds, cut off.
fn nanos_as_written(seconds: f64) -> i128 {
    const NANOS: i128 = 1_000_000_000;

    let whole = (seconds as i128).saturating_mul(NANOS);
    if seconds.fract() == 0.0 {
        return whole;
    }
    let mut buffer = zmij::Buffer::new();
    let text = match buffer.format_finite(seconds) {
        // Only what is very close to 1970 has an exponent and a fraction.
        text if text.contains('e') => Cow::Owned(seconds.to_string()),
        text => Cow::Borrowed(text),
    };
    let digits = text.split_once('.').map_or("", |(_, behind)| behind).bytes();
    let digits = digits.chain(std::iter::repeat(b'0')).take(9);
    let rest = digits.fold(0, |rest, digit| rest * 10 + i128::from(digit - b'0'));
    if seconds < 0.0 { whole - rest } else { whole + rest }
}

/// Whole seconds, and nanoseconds that lead away from the past.
///
/// [The specification](https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeParts {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl TimeParts {
    /// The beginning of the year 1, and the end of the year 9999.
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;

    /// A time whose nanoseconds are below 10^9, unless it is outside of the years 1 to 9999.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Option<Self> {
        (Self::FIRST..=Self::LAST).contains(&seconds).then_some(Self { seconds, nanos })
    }

    /// The time of so many seconds, to the closest nanosecond.
    pub(crate) fn of_seconds(seconds: f64) -> Option<Self> {
        if !(Self::FIRST as f64..=Self::LAST as f64 + 1.0).contains(&seconds) {
            return None;
        }
        let cut = seconds as i64;
        let whole = cut - i64::from(cut as f64 > seconds);
        let nanos = ((seconds - whole as f64) * 1e9 + 0.5) as u32;
        Self::new(whole + i64::from(nanos / 1_000_000_000), nanos % 1_000_000_000)
    }

    /// The same time, with as many digits behind the point as it has.
    pub(crate) fn timestamp(self) -> Timestamp {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        let (seconds, nanos) =
            (total.unsigned_abs() / 1_000_000_000, total.unsigned_abs() % 1_000_000_000);
        // Seconds of the years 1 to 9999, and nanoseconds below 10^9.
        let (seconds, nanos) = (seconds as u64, nanos as u32);
        let digits = (0..9).rev().find(|&n| nanos % 10_u32.pow(9 - n) != 0).map_or(0, |n| n + 1);
        Timestamp::decimal(total < 0, seconds, nanos, digits as u8)
    }

    /// Seconds, as precisely as a float can say.
    pub(crate) fn as_seconds(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }
}
