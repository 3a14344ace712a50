//! The last seconds of a series.

use std::collections::VecDeque;

use crate::sink::Aggregate;

/// So many seconds, of which this is the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) last: u64,
    pub(super) seconds: u64,
}

impl Span {
    fn has(self, second: u64) -> bool {
        second.saturating_add(self.seconds) > self.last
    }
}

/// Observations by the second that they were made in; of those that are over, none is kept.
#[derive(Debug, Default)]
pub(super) struct Rolling {
    /// Only seconds that have any, in their order.
    seconds: VecDeque<(u64, Aggregate)>,
}

impl Rolling {
    /// Adds an observation of the last second.
    pub(super) fn add(&mut self, span: Span, value: f64) {
        while self.seconds.front().is_some_and(|&(first, _)| !span.has(first)) {
            self.seconds.pop_front();
        }
        match self.seconds.back_mut() {
            // A clock that was asked before another thread's may tell an earlier second.
            Some((last, inside)) if *last >= span.last => inside.add(value),
            _ => self.seconds.push_back((span.last, Aggregate::of(value))),
        }
    }

    /// All of these seconds.
    pub(super) fn sum(&self, span: Span) -> Aggregate {
        let mut sum = Aggregate::EMPTY;
        let within = self.seconds.iter().filter(|&&(second, _)| span.has(second));
        within.for_each(|(_, inside)| sum.merge(inside));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_counts_until_the_window_has_passed_it() {
        let span = |last| Span { last, seconds: 3 };
        let mut rolling = Rolling::default();
        rolling.add(span(0), 5.0);
        rolling.add(span(1), 1.0);
        rolling.add(span(1), 3.0);
        let seen = |rolling: &Rolling, last| {
            let Aggregate { count, sum, min, max } = rolling.sum(span(last));
            (count, sum, min, max)
        };
        assert_eq!(seen(&rolling, 2), (3, 9.0, 1.0, 5.0));
        assert_eq!(seen(&rolling, 3), (2, 4.0, 1.0, 3.0));
        assert!(rolling.sum(span(4)).is_empty());
        // What is over is let go.
        rolling.add(span(9), 2.0);
        assert_eq!(rolling.seconds.len(), 1);
    }

    #[test]
    fn a_clock_that_is_late_adds_to_the_last_second() {
        let span = |last| Span { last, seconds: 60 };
        let mut rolling = Rolling::default();
        rolling.add(span(7), 1.0);
        rolling.add(span(6), 1.0);
        assert_eq!(rolling.seconds.len(), 1);
        assert_eq!(rolling.sum(span(7)).count, 2);
    }
}
