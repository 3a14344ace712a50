//! How often requests are answered.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A bucket that holds so many requests, and gets another one back after each interval.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Duration,
    /// How far ahead of the time the requests may be.
    ahead: Duration,
    /// When the bucket is full again.
    full: Mutex<Instant>,
}

impl RateLimit {
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        let ahead = interval.saturating_mul(burst.saturating_sub(1));
        Self { interval, ahead, full: Mutex::new(Instant::now()) }
    }

    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut full = self.full.lock();
        let from = (*full).max(now);
        let next = from.checked_add(self.interval);
        match next.filter(|_| from.duration_since(now) <= self.ahead) {
            Some(next) => {
                *full = next;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_burst_and_gets_one_back_after_each_interval() {
        let limit = RateLimit::new(Duration::from_secs(1), 3);
        let start = *limit.full.lock();
        let at = |millis| limit.allows(start + Duration::from_millis(millis));
        // Three at once; the fourth after a second, and another after one more.
        let asked = [0, 0, 0, 0, 999, 1000, 1000, 1999, 2000, 2000];
        let allowed = [true, true, true, false, false, true, false, false, true, false];
        assert_eq!(asked.map(at), allowed);
        // It does not hold more than three, however long nobody asks.
        assert_eq!([60_000; 4].map(at), [true, true, true, false]);
    }
}
