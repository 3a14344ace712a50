//! What a test expects to be exposed.

#[cfg(feature = "http")]
use std::time::Duration;

use super::compare::compare;
use super::document::{Document, Syntax};
use super::mismatch::Mismatch;
#[cfg(feature = "http")]
use super::scrape::{TIMEOUT, fetch};
use crate::collector::{Collector, for_each_family};
use crate::exposition;
use crate::model::{Family, MetricFamily};

/// A text that metrics are compared with, in the text format or, if it ends with `# EOF`, in
/// OpenMetrics: 1.0 or, with the feature `openmetrics2`, 2.0.
///
/// The order of families, samples and labels does not matter, nor how numbers are written, nor
/// blanks before lines. All samples have to be there and no others. What the text does not say of
/// them is not asked for: a help text, a type, a unit, a timestamp, an exemplar, a start time or a
/// native histogram is compared only if the text has it. Of a native histogram, the resolution, the
/// zero bucket and what is in each bucket are compared, whatever the runs that these are told in,
/// and all exemplars, if the text has any. The text format has none: OpenMetrics 2.0 has native
/// histograms, and those in 1.0 that Python's client writes are read as well.
///
/// ```
/// use narthex::testing::Expected;
/// use narthex::{CollectorRegistry, Counter, Gauge};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("queue_depth", "Jobs waiting.").register(&registry)?;
/// let jobs = Counter::builder("jobs", "Jobs done.").labels(["queue"]).register(&registry)?;
/// jobs.labels(["mail"]).inc_by(3);
/// jobs.labels(["print"]).inc();
///
/// let expected = Expected::new(
///     r#"
///         ## TYPE jobs_total counter
///         jobs_total{queue="print"} 1
///         jobs_total{queue="mail"} 3
///     "#,
/// );
/// expected.only(["jobs_total"]).compare(&registry)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expected {
    text: String,
    only: Vec<String>,
    #[cfg(feature = "http")]
    timeout: Duration,
}

impl Expected {
    /// All that is to be exposed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            only: Vec::new(),
            #[cfg(feature = "http")]
            timeout: TIMEOUT,
        }
    }

    /// The same, but only these families or samples are looked at, on both sides.
    ///
    /// A name that is on neither side is a mismatch, as it is misspelt.
    #[must_use]
    pub fn only<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.only.extend(names.into_iter().map(Into::into));
        self
    }

    /// The same, waiting so long for a [scrape](Self::compare_scrape); 10 seconds at first.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Compares with what a collector tells now, such as a registry or a single metric.
    ///
    /// # Errors
    /// What differs; or that the collector failed, or the text cannot be read.
    pub fn compare(&self, collector: &dyn Collector) -> Result<(), Mismatch> {
        let mut families = Vec::new();
        for_each_family(collector, &mut |family: &dyn Family| {
            families.push(MetricFamily::copy_of(family));
            Ok(())
        })?;
        self.compare_families(families)
    }

    /// Compares with another text, in either format.
    ///
    /// ```
    /// use narthex::testing::Expected;
    ///
    /// let expected = Expected::new("jobs_total 3\nup 1");
    /// expected.compare_text("# TYPE up gauge\nup 1.0\n# TYPE jobs counter\njobs_total 3.0\n# EOF\n")?;
    /// # Ok::<(), narthex::testing::Mismatch>(())
    /// ```
    ///
    /// # Errors
    /// What differs; or that one of the texts cannot be read.
    pub fn compare_text(&self, found: impl AsRef<[u8]>) -> Result<(), Mismatch> {
        let found = found.as_ref();
        self.compare_body(found, Syntax::of(&String::from_utf8_lossy(found)))
    }

    /// Compares with what is exposed at a URL, such as `http://127.0.0.1:9100/metrics`.
    ///
    /// It blocks; so whatever serves that URL has to run on another thread.
    ///
    /// ```
    /// use narthex::testing::Expected;
    /// use narthex::{CollectorRegistry, Gauge, start_http_server};
    ///
    /// let registry = CollectorRegistry::new();
    /// Gauge::builder("queue_depth", "Jobs waiting.").register(&registry)?.set(3);
    /// let server = start_http_server("127.0.0.1:0", &registry)?;
    /// let url = format!("http://{}/metrics", server.local_addr());
    /// Expected::new("queue_depth 3").compare_scrape(&url)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What differs; or that there is no answer in time, that its status is not 200 or its content
    /// type that of no format, or that a text cannot be read.
    #[cfg(feature = "http")]
    pub fn compare_scrape(&self, url: &str) -> Result<(), Mismatch> {
        let answer = fetch(url, &[Syntax::of(&self.text)], self.timeout)?;
        self.compare_body(&answer.body, answer.syntax)
    }

    fn compare_body(&self, found: &[u8], syntax: Syntax) -> Result<(), Mismatch> {
        self.compare_families(syntax.read(found)?)
    }

    /// Both sides are brought to the expected text's format, which says less than families do.
    fn compare_families(&self, found: Vec<MetricFamily>) -> Result<(), Mismatch> {
        let syntax = Syntax::of(&self.text);
        let expected = Document::new(&self.text).read(syntax)?;
        let starts = ["_created", " st@"].iter().any(|mark| self.text.contains(mark));
        let encoding = syntax.encoding().with_created(starts);
        let text = exposition::encode(&found, encoding)?;
        let written = syntax.read(text.as_bytes())?;
        compare(&expected, &written, &found, &self.only)
    }
}
