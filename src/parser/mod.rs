//! Bytes in, families out: reads what [`exposition`](crate::exposition) and other programs write.
//!
//! [`text`] reads the text format, [`openmetrics`] OpenMetrics 1.0.0. Both yield one
//! [`MetricFamily`](crate::model::MetricFamily) after the other, which is what custom collectors
//! yield as well; so a `Vec` of them is a [`Collector`](crate::Collector), and what was read can be
//! registered, asked, and written in any format.
//!
//! ```
//! use narthex::model::Family;
//! use narthex::{exposition, parser};
//!
//! let scraped = "\
//! ## HELP jobs_total Jobs done.
//! ## TYPE jobs_total counter
//! jobs_total{queue=\"mail\"} 3
//! ";
//! for family in parser::text::parse(scraped) {
//!     let family = family?;
//!     let mut samples = 0;
//!     family.for_each_sample(&mut |_| samples += 1);
//!     assert_eq!((family.desc().name(), samples), ("jobs", 1));
//! }
//!
//! let families = parser::text::parse_all(scraped)?;
//! assert_eq!(
//!     exposition::openmetrics::encode(&families)?,
//!     "# HELP jobs Jobs done.\n# TYPE jobs counter\njobs_total{queue=\"mail\"} 3.0\n# EOF\n",
//! );
//!
//! let error = parser::text::parse_all("jobs_total{queue=\"mail} 3\n").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "line 1, column 26: expected closing quotes, found the end of the line",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A document is read once, from its first byte to its last, and no family before it is asked for.
//! Time and memory grow with its length and with nothing else, so it may come from anybody. At
//! worst, where no neighbours have the same label names, a sample takes some 600 bytes.
//!
//! # What is lost
//!
//! What was written with names as they are, by
//! [`EscapingScheme::AllowUtf8`](crate::model::EscapingScheme::AllowUtf8), is written the same again
//! after it was read, byte for byte. But a format does not say everything that a family holds:
//!
//! | of a family | text 0.0.4 and 1.0.0 | OpenMetrics 1.0.0 |
//! | --- | --- | --- |
//! | an info or a state set | a gauge | kept |
//! | a gauge histogram | a histogram of buckets, and two gauges | kept |
//! | a unit | only in the name | kept |
//! | exemplars | lost | kept |
//! | start times | lost, or gauges if they are shown | kept, unless they are switched off |
//! | timestamps | whole milliseconds; with more than 64 bits, Go's reader and Prometheus refuse the text | kept to the nanosecond |
//! | a help text with blanks at its ends | without them | kept, unless it ends with a carriage return |
//! | whole histograms and summaries | samples in their order | samples in their order |
//! | the order in which labels were declared | lost | lost |
//! | names in another scheme | as they were escaped | as they were escaped |
//! | a sum or a counter that is negative or NaN, a count that is not whole | kept | refused |
//!
//! Label names that an escaping scheme makes begin with two underscores are refused by both.

mod buckets;
mod cursor;
mod error;
mod escapes;
mod grammar;
mod labels;
mod number;
pub mod openmetrics;
mod series;
pub mod text;

pub use self::error::ParseError;
