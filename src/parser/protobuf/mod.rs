//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length.
//!
//! [The specification](https://prometheus.io/docs/instrumenting/exposition_formats/#protobuf-format).
//!
//! Fields are taken in any order, repeated numbers packed or not, and what is unknown is passed
//! over; a number that is missing is zero, as those who leave zeros out mean it. Refused are
//! families that have the name of another; series that stand twice at the same time; metrics
//! without the numbers of their type; labels as they cannot be; units that the name does not end
//! with; buckets and quantiles that do not ascend, and counts that disagree; native histograms whose
//! spans and counts do not match; and exemplars with more than 128 characters.
//!
//! A counter whose name lacks `_total` gains it, as in the text format.

mod body;
mod error;
mod histogram;
mod series;
mod wire;

pub use self::error::DecodeError;
use self::series::Series;
use self::wire::Fields;
use super::error::quoted;
use super::series::Keys;
use crate::model::{Desc, MetricFamily, MetricType};

/// Reads the families of a protobuf exposition one after the other.
///
/// ```
/// use narthex::model::{CounterMetricFamily, Family, NO_LABELS};
/// use narthex::{collector_fn, exposition, parser};
///
/// let jobs = collector_fn(|scrape| {
///     let mut done = CounterMetricFamily::new("jobs", "Jobs done.")?;
///     done.add_metric(NO_LABELS, 3.0)?.created(1_700_000_000.5);
///     scrape.family(&done)
/// });
/// let bytes = exposition::protobuf::encode(&jobs)?;
/// let mut families = parser::protobuf::parse(&bytes);
/// let read = families.next().unwrap()?;
/// read.for_each_sample(&mut |sample| {
///     assert_eq!(sample.name(), "jobs_total");
///     assert_eq!((sample.value(), sample.start()), (3.0, Some(1_700_000_000.5)));
/// });
/// assert!(families.next().is_none());
/// # Ok::<(), narthex::Error>(())
/// ```
pub fn parse<I: AsRef<[u8]> + ?Sized>(input: &I) -> Families<'_> {
    Families {
        left: Fields::new(input.as_ref(), 0, "family"),
        taken: Keys::default(),
        series: Series::default(),
        ended: false,
    }
}

/// All families of a protobuf exposition.
///
/// ```
/// use narthex::{exposition, parser};
///
/// let text = "# HELP up Is it?\n# TYPE up gauge\nup 1.0\n";
/// let families = parser::text::parse_all(text)?;
/// let bytes = exposition::protobuf::encode(&families)?;
/// assert_eq!(parser::protobuf::parse_all(&bytes)?, families);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_all<I: AsRef<[u8]> + ?Sized>(input: &I) -> Result<Vec<MetricFamily>, DecodeError> {
    parse(input).collect()
}

/// The families of an exposition, read while they are asked for. Made by [`parse`].
///
/// Ends at the first error. The family that it stands in is not yielded; those before it are.
#[derive(Debug)]
pub struct Families<'a> {
    left: Fields<'a>,
    /// The names of all families before.
    taken: Keys,
    series: Series<'a>,
    ended: bool,
}

impl Iterator for Families<'_> {
    type Item = Result<MetricFamily, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.left.is_empty() {
            return None;
        }
        let next = self.read_family();
        self.ended = next.is_err();
        Some(next)
    }
}

impl std::iter::FusedIterator for Families<'_> {}

/// What is said of a family before its metrics are read.
#[derive(Default)]
struct Head<'a> {
    name: &'a str,
    help: &'a str,
    metric_type: u64,
    unit: &'a str,
}

impl<'a> Families<'a> {
    fn read_family(&mut self) -> Result<MetricFamily, DecodeError> {
        let bytes = self.left.delimited()?;
        let at = self.left.at() - bytes.len();
        let fields = Fields::new(bytes, at, "family");
        let mut head = Head::default();
        // The head may stand behind the metrics.
        let read = head.read(fields).and_then(|()| {
            let desc = head.desc(at)?;
            // As it is written again: two counters that gain their suffix may be one.
            let suffix = if desc.metric_type() == MetricType::Counter { "_total" } else { "" };
            let (_, is_new) = self.taken.add(|out| {
                out.extend_from_slice(desc.name().as_bytes());
                out.extend_from_slice(suffix.as_bytes());
            });
            if !is_new {
                let expected = "a name that no other family has";
                return Err(DecodeError::new(at, "name", expected, quoted(head.name)));
            }
            self.read_metrics(fields, MetricFamily::of(desc))
        });
        read.map_err(|error| error.in_family(head.name))
    }

    fn read_metrics(
        &mut self,
        mut fields: Fields<'a>,
        mut family: MetricFamily,
    ) -> Result<MetricFamily, DecodeError> {
        self.series.begin();
        while let Some(field) = fields.next()? {
            if field.number == 4 {
                self.series.read(&field, &mut family)?;
            }
        }
        Ok(family)
    }
}

impl<'a> Head<'a> {
    fn read(&mut self, mut fields: Fields<'a>) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.name = field.text("name")?,
                2 => self.help = field.text("help")?,
                3 => {
                    self.metric_type = field.number("type")?;
                    if metric_type(self.metric_type).is_none() {
                        return Err(field.error("type", "a type, which is 0 to 5"));
                    }
                }
                5 => self.unit = field.text("unit")?,
                _ => {}
            }
        }
        Ok(())
    }

    fn desc(&self, at: usize) -> Result<Desc, DecodeError> {
        let metric_type = metric_type(self.metric_type).unwrap_or(MetricType::Unknown);
        let refuse =
            |_| DecodeError::new(at, "name", "a metric name that is not empty", quoted(self.name));
        let desc = Desc::new(self.name, self.help, metric_type).map_err(refuse)?;
        let stem = desc.name().strip_suffix(self.unit);
        if !self.unit.is_empty() && !stem.is_some_and(|stem| stem.ends_with('_')) {
            let expected = "a unit that the name ends with, behind an underscore";
            return Err(DecodeError::new(at, "unit", expected, quoted(self.unit)));
        }
        desc.with_unit(self.unit).map_err(refuse)
    }
}

fn metric_type(number: u64) -> Option<MetricType> {
    Some(match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        3 => MetricType::Unknown,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => return None,
    })
}
