//! When a sample was taken, as precisely as its source knew it.

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
    /// ```
    /// use narthex::model::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_nanos(-1, 500_000_000)?.as_nanos(), -1_500_000_000);
    /// assert_eq!(Timestamp::from_seconds(1e300)?.as_nanos(), i128::MAX);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn as_nanos(self) -> i128 {
        match self.0 {
            Repr::Float(seconds) => (seconds * 1e9) as i128,
            Repr::Decimal { negative, seconds, nanos, .. } => {
                let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                if negative { -total } else { total }
            }
        }
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
