//! The series that every worker counts, and what a scrape shows of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use narthex::exposition::{openmetrics, text};
use narthex::for_each_family;
use narthex::multiprocess::MultiProcessCollector;

pub(crate) const OPS: usize = 8;
/// So many long keys that their file outgrows its first 64 KiB.
pub(crate) const WIDE: usize = 320;
pub(crate) const BOUNDS: [f64; 3] = [1.0, 2.0, 4.0];

pub(crate) const FIRST_WIDE: usize = OPS;
/// The buckets, and the last one without a bound.
pub(crate) const FIRST_BUCKET: usize = FIRST_WIDE + WIDE;
pub(crate) const SIZE_SUM: usize = FIRST_BUCKET + BOUNDS.len() + 1;
/// Those of the histogram that has native buckets beside them.
pub(crate) const FIRST_FINE: usize = SIZE_SUM + 1;
pub(crate) const FINE_SUM: usize = FIRST_FINE + BOUNDS.len() + 1;
pub(crate) const WAIT_COUNT: usize = FINE_SUM + 1;
pub(crate) const WAIT_SUM: usize = WAIT_COUNT + 1;
/// Those of the summary that has quantiles.
pub(crate) const LATE_COUNT: usize = WAIT_SUM + 1;
pub(crate) const LATE_SUM: usize = LATE_COUNT + 1;
pub(crate) const GAUGE_SUM: usize = LATE_SUM + 1;
/// The one series that workers do not add up to.
pub(crate) const GAUGE_MAX: usize = GAUGE_SUM + 1;
/// Children that are removed now and then, with all that they have counted.
pub(crate) const FIRST_GONE: usize = GAUGE_MAX + 1;
pub(crate) const GONE: usize = 4;
pub(crate) const SERIES: usize = FIRST_GONE + GONE;

/// What every observation of the summaries is.
pub(crate) const WAITED: u64 = 3;

/// The median of the summary that has one, and how far its estimate may be from it.
const MEDIAN: &str = "chaos_late{quantile=\"0.5\"}";
pub(crate) const MEDIAN_ERROR: f64 = 0.01;

/// How many live: of mode `livesum`, so that it is no count.
pub(crate) const ALIVE: &str = "chaos_alive";

pub(crate) fn wide_label(place: usize) -> String {
    format!("{place:0>200}")
}

/// How the text calls each series.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> =
        (0..OPS).map(|op| format!("chaos_ops_total{{op=\"{op}\"}}")).collect();
    names.extend((0..WIDE).map(|at| format!("chaos_wide_total{{key=\"{}\"}}", wide_label(at))));
    for histogram in ["chaos_size", "chaos_fine"] {
        for le in ["1.0", "2.0", "4.0", "+Inf"] {
            names.push(format!("{histogram}_bucket{{le=\"{le}\"}}"));
        }
        names.push(format!("{histogram}_sum"));
    }
    for summary in ["chaos_wait", "chaos_late"] {
        names.extend(["count", "sum"].map(|of| format!("{summary}_{of}")));
    }
    names.extend(["chaos_held", "chaos_most"].map(str::to_owned));
    names.extend((0..GONE).map(|n| format!("chaos_gone_total{{n=\"{n}\"}}")));
    names
});

/// One scrape.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Of each series; buckets are not cumulative.
    pub(crate) counts: Vec<u64>,
    /// All samples as they are shown.
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Reading {
    /// Nothing in the directory may be damaged, or have been.
    pub(crate) fn sound(collector: &MultiProcessCollector) -> Self {
        let reading = Self::parse(&text_of(collector));
        assert_undamaged(collector);
        reading
    }

    /// Nothing in the directory may be damaged, but what is lost was.
    pub(crate) fn sound_with_losses(collector: &MultiProcessCollector) -> Self {
        let reading = Self::with_losses(&text_of(collector));
        assert_undamaged(collector);
        reading
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self::read(text, false)
    }

    /// What is shown where files may have lost their ends, and histograms some of their buckets.
    pub(crate) fn with_losses(text: &str) -> Self {
        Self::read(text, true)
    }

    fn read(text: &str, has_losses: bool) -> Self {
        let samples = parse_text(text);
        let mut counts: Vec<u64> = NAMES
            .iter()
            .map(|name| {
                let value = samples.get(name).copied().unwrap_or(0.0);
                assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
                value as u64
            })
            .collect();
        for (count, first) in [("chaos_size_count", FIRST_BUCKET), ("chaos_fine_count", FIRST_FINE)]
        {
            let last = first + BOUNDS.len();
            let count = samples.get(count).copied().unwrap_or(0.0);
            // Beyond the one before it, a bucket that was lost has nothing.
            for bucket in first + 1..=last {
                if has_losses && !samples.contains_key(&NAMES[bucket]) {
                    counts[bucket] = counts[bucket - 1];
                }
            }
            assert_eq!(count, counts[last] as f64, "the count is not that of all buckets");
            for bucket in (first..last).rev() {
                let below = counts[bucket];
                assert!(counts[bucket + 1] >= below, "{} is above the next", NAMES[bucket]);
                counts[bucket + 1] -= below;
            }
        }
        // Without an observation it is no number.
        let median = samples.get(MEDIAN).copied().filter(|median| !median.is_nan());
        let error = median.map_or(0.0, |median| (median / WAITED as f64 - 1.0).abs());
        assert!(error <= MEDIAN_ERROR, "the median is {median:?}");
        for name in ["chaos_mostrecent", "chaos_livemostrecent"] {
            let set = samples.get(name).copied().unwrap_or(1.0);
            assert!((1.0..=5.0).contains(&set), "{name} is {set}");
        }
        Self { counts, samples }
    }

    /// The place of a series by the name that it is shown with.
    pub(crate) fn place(name: &str) -> Option<usize> {
        NAMES.iter().position(|have| have == name)
    }

    /// Sum and count of the summary are at most so many observations apart.
    pub(crate) fn assert_together(&self, observations: u64) {
        let (count, sum) = (self.counts[WAIT_COUNT] * WAITED, self.counts[WAIT_SUM]);
        let apart = count.abs_diff(sum);
        assert!(apart <= observations * WAITED, "{count} and {sum}, {observations} in doubt");
    }

    pub(crate) fn sample(&self, name: &str) -> Option<f64> {
        self.samples.get(name).copied()
    }

    /// Fails if a series is less than what the same reader saw before.
    pub(crate) fn assert_not_before(&self, earlier: &Self) {
        let pairs = self.counts.iter().zip(&earlier.counts).take(FIRST_GONE);
        for (name, (now, before)) in NAMES.iter().zip(pairs) {
            assert!(now >= before, "{name} fell from {before} to {now}");
        }
    }

    /// Fails if a series is outside of what the workers know.
    pub(crate) fn assert_within(&self, least: &[u64], most: &[u64]) {
        for (place, name) in NAMES.iter().enumerate() {
            let (least, seen, most) = (least[place], self.counts[place], most[place]);
            assert!(least <= seen && seen <= most, "{name} is {seen}, not {least} to {most}");
        }
    }
}

/// Of what the native histogram has: how many observations, and how many of them in native
/// buckets, if it has any.
pub(crate) fn fine(collector: &MultiProcessCollector) -> (f64, Option<f64>) {
    let (mut count, mut of_natives) = (0.0, None);
    for_each_family(collector, &mut |family| {
        if family.desc().name() != "chaos_fine" {
            return Ok(());
        }
        family.for_each_sample(&mut |sample| {
            if sample.is_named("chaos_fine_count") {
                count = sample.value();
            }
        });
        family.for_each_chunk(&mut |chunk| {
            for (_, native) in chunk.natives() {
                // No observation is below zero.
                let above: f64 = native.positive().counts().iter().sum();
                of_natives = Some(native.zero_count() + above);
            }
        });
        Ok(())
    })
    .unwrap();
    if let Some(of_natives) = of_natives {
        assert_eq!(of_natives, count, "native buckets have not what the others have");
    }
    (count, of_natives)
}

/// Fails if there are native buckets missing.
pub(crate) fn assert_fine(collector: &MultiProcessCollector) {
    let (count, of_natives) = fine(collector);
    assert!(of_natives.is_some() || count == 0.0, "of {count}, none are in native buckets");
}

fn assert_undamaged(collector: &MultiProcessCollector) {
    assert_eq!(collector.damaged_files(), []);
    assert_eq!(collector.skipped_entries(), 0);
}

/// What a scrape shows that text cannot: when series began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    began: BTreeMap<String, f64>,
    pub(crate) exemplars: usize,
}

impl Details {
    pub(crate) fn of(collector: &MultiProcessCollector) -> Self {
        let text = openmetrics::encode(collector).unwrap();
        let mut details = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let sample = match line.split_once(" # ") {
                Some((sample, exemplar)) => {
                    assert_whole(exemplar);
                    details.exemplars += 1;
                    sample
                }
                None => line,
            };
            let (name, value) = sample.rsplit_once(' ').unwrap();
            if name.split('{').next().is_some_and(|name| name.ends_with("_created")) {
                let began: f64 = value.parse().unwrap();
                assert!(began > 0.0 && began.is_finite(), "{line}");
                details.began.insert(name.to_owned(), began);
            }
        }
        details
    }

    /// Fails if a series began later than what the same reader saw before.
    pub(crate) fn assert_not_later(&self, earlier: &Self) {
        for (name, before) in &earlier.began {
            if name.starts_with("chaos_gone") {
                continue;
            }
            let now = self.began.get(name);
            assert!(now.is_some_and(|now| now <= before), "{name} went from {before} to {now:?}");
        }
    }
}

/// Exemplars are of one letter, as often as its place in the alphabet says.
fn assert_whole(exemplar: &str) {
    let trace = exemplar.strip_prefix("{trace=\"").and_then(|rest| rest.split('"').next());
    let trace = trace.unwrap_or_default();
    assert!(trace.starts_with(|first| trace == trace_of(first)), "{exemplar}");
}

pub(crate) fn trace_of(letter: char) -> String {
    String::from(letter).repeat(letter as usize - '`' as usize)
}

pub(crate) fn text_of(collector: &MultiProcessCollector) -> String {
    text::encode(collector).unwrap()
}

/// All samples of an exposition.
pub(crate) fn parse_text(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}
