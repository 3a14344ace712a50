//! When something is sent again, and after how long.

use std::time::{Duration, SystemTime};

/// When something that did not arrive is sent again.
///
/// Again is sent what found no connection, got no whole answer in time, or was answered with 408,
/// 429 or 5xx: always the same bytes. Before each attempt there is a pause that doubles, of which
/// a random part, up to a half, is left out, lest all that failed at once come back at once. An
/// answer with `Retry-After` ([RFC 9110, section 10.2.3]) lengthens the pause; if it asks for more
/// than the longest pause, nothing is sent again.
///
/// [RFC 9110, section 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
///
/// ```
/// use std::time::Duration;
///
/// use narthex::client::Retry;
///
/// let retry = Retry::default();
/// assert_eq!(retry.attempts(), 3);
/// let stubborn = retry.with_attempts(10).with_pauses(Duration::from_secs(1), Duration::from_secs(60));
/// assert_eq!(stubborn.attempts(), 10);
/// assert_eq!(Retry::never().attempts(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retry {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Everything is sent once.
    pub const fn never() -> Self {
        Self { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO }
    }

    /// The same, with that many attempts, the first among them; at least one.
    pub const fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts: if attempts == 0 { 1 } else { attempts }, ..self }
    }

    /// The same, with a first pause, and one that no pause exceeds.
    pub const fn with_pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first, longest, ..self }
    }

    /// How often something is sent at most.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause after an attempt that failed, by its number from 1, if there is to be another.
    pub(super) fn pause(&self, attempt: u32, asked_for: Option<Duration>) -> Option<Duration> {
        let asked_for = asked_for.unwrap_or_default();
        if attempt >= self.attempts || asked_for > self.longest {
            return None;
        }
        Some(self.backoff(attempt).max(asked_for))
    }

    /// The pause after an attempt that failed, by its number from 1, however many there may be.
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt - 1));
        let part = 1.0 - fastrand::f64() / 2.0;
        doubled.min(self.longest).mul_f64(part)
    }
}

impl Default for Retry {
    /// Three attempts, with pauses from 200 milliseconds to 30 seconds.
    fn default() -> Self {
        Self { attempts: 3, first: Duration::from_millis(200), longest: Duration::from_secs(30) }
    }
}

/// The pause that a `Retry-After` header asks for: seconds, or until a date.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(header).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_lose_up_to_a_half() {
        let retry = Retry::default()
            .with_attempts(6)
            .with_pauses(Duration::from_millis(100), Duration::from_millis(500));
        // 100, 200, 400, and then 500, as 800 is more than the longest.
        for (attempt, whole) in [(1, 100), (2, 200), (3, 400), (4, 500), (5, 500)] {
            for _ in 0..100 {
                let pause = retry.pause(attempt, None).unwrap();
                let whole = Duration::from_millis(whole);
                assert!(pause <= whole && pause >= whole / 2, "{attempt}: {pause:?}");
            }
        }
        assert_eq!(retry.pause(6, None), None);
    }

    #[test]
    fn a_pause_that_was_asked_for_is_kept_unless_it_is_too_long() {
        let retry = Retry::default().with_pauses(Duration::from_millis(1), Duration::from_secs(9));
        assert_eq!(retry.pause(1, Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(retry.pause(1, Some(Duration::from_secs(10))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = SystemTime::now() + Duration::from_secs(1000);
        let pause = retry_after(&httpdate::fmt_http_date(soon)).unwrap();
        assert!((900..=1000).contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn many_attempts_overflow_nothing() {
        let retry = Retry::default().with_attempts(u32::MAX);
        assert!(retry.pause(u32::MAX - 1, None).unwrap() <= Duration::from_secs(30));
    }
}
