//! When a sample was taken, as precisely as its source knew it.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::number::push_repr;
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
    Nanos(i64, u32),
    Whole(i64),
}

impl Timestamp {
    /// The time now.
    pub fn now() -> Self {
        Self::from_system_time(SystemTime::now())
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
        Self(Repr::Whole(seconds))
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
        Ok(Self(Repr::Nanos(seconds, nanos)))
    }

    /// Seconds, as precisely as a float can say.
    pub fn as_seconds(self) -> f64 {
        match self.0 {
            Repr::Float(seconds) => seconds,
            Repr::Nanos(seconds, nanos) => {
                let fraction = f64::from(nanos) / 1e9;
                let whole = seconds as f64;
                if seconds < 0 { whole - fraction } else { whole + fraction }
            }
            Repr::Whole(seconds) => seconds as f64,
        }
    }

    /// Whole milliseconds, cut off toward 1970: what the text format carries.
    pub fn as_millis(self) -> f64 {
        match self.0 {
            // In floats, 1.999999999 s times 1000 would round up to 2 s.
            Repr::Nanos(seconds, nanos) => {
                let millis = i128::from(seconds) * 1000;
                let fraction = i128::from(nanos / 1_000_000);
                (if seconds < 0 { millis - fraction } else { millis + fraction }) as f64
            }
            Repr::Float(_) | Repr::Whole(_) => (self.as_seconds() * 1000.0).trunc(),
        }
    }

    /// Appends seconds as OpenMetrics carries them.
    pub(crate) fn push_openmetrics(self, out: &mut String) {
        match self.0 {
            Repr::Float(seconds) => push_repr(out, seconds),
            Repr::Nanos(seconds, nanos) => {
                out.push_str(itoa::Buffer::new().format(seconds));
                let _ = write!(out, ".{nanos:09}");
            }
            Repr::Whole(seconds) => out.push_str(itoa::Buffer::new().format(seconds)),
        }
    }

    /// Appends whole milliseconds as the text format carries them.
    pub(crate) fn push_text(self, out: &mut String) {
        // `+ 0.0` turns a negative zero into zero. Writing to a string cannot fail.
        let _ = write!(out, "{:.0}", self.as_millis() + 0.0);
    }
}
