//! Bytes in, families out: reads what [`exposition`](crate::exposition) and other programs write.
//!
//! [`text`] reads the text format, [`openmetrics`] OpenMetrics 1.0.0, [`protobuf`] the protobuf
//! format, and with the feature `openmetrics2` a module of that name OpenMetrics 2.0. All yield one
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
//! A document is in memory as a whole; it is read once, from its first byte to its last, and no
//! family before it is asked for. One that is empty has no families, and in the text format is no
//! error. Time and memory grow with its length and with nothing else, so it may come from anybody.
//! At worst, where no neighbours have the same label names, a sample takes some 600 bytes.
//!
//! # Which reader
//!
//! What answers over HTTP says its format in `Content-Type`, and [`parse_all`] reads by that.
//!
//! Native histograms are found at the count of their series, whose buckets have bounds as a
//! [`NativeSnapshot`](crate::NativeSnapshot):
//!
//! ```
//! use narthex::model::Family;
//! use narthex::{NativeSnapshot, parser};
//!
//! // Most servers tell them in protobuf; this is how Python's client writes them.
//! let body = "# TYPE wait_seconds histogram\n\
//!     wait_seconds {count:4,sum:6.25,schema:0,zero_threshold:0.001,zero_count:1,\
//!     positive_spans:[1:2],positive_deltas:[2,-1]}\n# EOF\n";
//! let mut told = String::new();
//! for family in parser::parse_all("application/openmetrics-text; version=1.0.0", body)? {
//!     family.for_each_sample(&mut |sample| {
//!         let Some(native) = sample.native() else { return };
//!         for (above, up_to, count) in NativeSnapshot::from(native).buckets() {
//!             told += &format!("{above} to {up_to}: {count}\n");
//!         }
//!     });
//! }
//! assert_eq!(told, "-0.001 to 0.001: 1\n1 to 2: 2\n2 to 4: 1\n");
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! What is to be valid when it is written again is read by
//! [`text::parse_strict`](text::parse_strict()) first, and by [`text::parse`](text::parse()) only if
//! need be: that one takes families in several places and series that stand twice, and they are
//! written as they were read.
//!
//! # Registering what was read
//!
//! A registry takes a `Vec` of families only if they share no name, those of their samples and of
//! `_created` included, and none that is registered. A valid text may well have families that do:
//! Python's client shows start times as gauges, such as `c_created` beside the counter `c_total`,
//! and those two names are both the counter's. Such a `Vec` is written as it is, but
//! not registered. There are two ways to go on. Each family is registered by itself, and what is
//! refused is left out:
//!
//! ```
//! use std::sync::Arc;
//!
//! use narthex::{CollectorRegistry, exposition, parser};
//!
//! let scraped = "\
//! ## HELP c_total Calls.
//! ## TYPE c_total counter
//! c_total 3.0
//! ## HELP c_created Calls.
//! ## TYPE c_created gauge
//! c_created 1.7e+09
//! ";
//! let families = parser::text::parse_strict(scraped).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(exposition::text::encode(&families)?, scraped);
//!
//! let registry = CollectorRegistry::new();
//! let refused = registry.register(Arc::new(families.clone())).unwrap_err();
//! assert_eq!(refused.duplicates(), ["c_created"]);
//! for family in families {
//!     if let Err(error) = registry.register(Arc::new(vec![family])) {
//!         assert_eq!(error.duplicates(), ["c_created"]);
//!     }
//! }
//! assert_eq!(registry.get_sample_value("c_total", &[]), Some(3.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Or a collector yields them, which is also the way to read anew at each scrape. It reserves no
//! names; a family that has one of another's is refused when it is yielded, and may be left out:
//!
//! ```
//! use std::sync::Arc;
//!
//! use narthex::{CollectorRegistry, collector_fn, parser};
//!
//! let registry = CollectorRegistry::new();
//! let proxy = collector_fn(|scrape| {
//!     let scraped = "# TYPE jobs counter\njobs 3\n# TYPE jobs_created gauge\njobs_created 2\n";
//!     for family in parser::text::parse(scraped) {
//!         match scrape.family(&family?) {
//!             Err(error) if error.is_duplicate() => {}
//!             yielded => yielded?,
//!         }
//!     }
//!     Ok(())
//! });
//! registry.register(Arc::new(proxy.named("proxy")))?;
//! // A counter that gained its `_total` answers to its new name alone.
//! assert_eq!(registry.get_sample_value("jobs_total", &[]), Some(3.0));
//! assert_eq!(registry.get_sample_value("jobs", &[]), None);
//! assert_eq!(registry.get_sample_value("jobs_created", &[]), None);
//! # Ok::<(), narthex::Error>(())
//! ```
//!
//! # What is lost
//!
//! What was written with names as they are, by
//! [`EscapingScheme::AllowUtf8`](crate::model::EscapingScheme::AllowUtf8), is written the same again
//! after it was read, byte for byte, if that scheme is asked for; the short ways to encode put
//! underscores into names:
//!
//! ```
//! use narthex::exposition::{self, Encoding, Format};
//! use narthex::model::EscapingScheme;
//! use narthex::parser;
//!
//! let text = "# HELP \"job.time\" \n# TYPE \"job.time\" gauge\n{\"job.time\"} 1.5\n";
//! let families = parser::text::parse_all(text)?;
//! let encoding = Encoding::new(Format::Text100, EscapingScheme::AllowUtf8);
//! assert_eq!(exposition::encode(&families, encoding)?, text);
//! assert_eq!(
//!     exposition::text::encode(&families)?,
//!     "# HELP job_time \n# TYPE job_time gauge\njob_time 1.5\n",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! But a format does not say everything that a family holds:
//!
//! | of a family | text 0.0.4 and 1.0.0 | OpenMetrics 1.0.0 | protobuf | OpenMetrics 2.0 |
//! | --- | --- | --- | --- | --- |
//! | an info or a state set | a gauge | kept | a gauge | kept |
//! | a gauge histogram | a histogram of buckets, and two gauges | kept | kept | kept |
//! | a unit | only in the name | kept | kept | kept, if it is spelt as names are |
//! | exemplars | lost | kept | kept | kept, if they have a timestamp |
//! | start times | lost, or gauges if they are shown | kept, unless they are switched off | kept to the nanosecond, unless they are switched off | kept, unless they are switched off |
//! | timestamps | whole milliseconds; with more than 64 bits, Go's reader and Prometheus refuse the text | kept to the nanosecond | whole milliseconds of 64 bits; those of exemplars to the nanosecond | kept to the nanosecond |
//! | a help text with blanks at its ends | without them | kept, unless it ends with a carriage return | kept | kept, unless it ends with a carriage return |
//! | whole histograms and summaries | samples in their order | samples in their order | kept | kept |
//! | native histograms | count and sum | count and sum | kept, with those of their exemplars that have a timestamp | kept, with those of their exemplars that have a timestamp, unless classic buckets beside them have any |
//! | families without samples | kept | kept | left out | kept |
//! | the order in which labels were declared | lost | lost | lost | lost |
//! | names in another scheme | as they were escaped | as they were escaped | as they were escaped | as they were escaped |
//! | a sum or a counter that is negative or NaN, a count that is not whole | kept | refused | kept, but of a summary's count what is whole | refused |
//!
//! Label names that an escaping scheme makes begin with two underscores are refused by all.

mod buckets;
mod composite;
mod content_type;
mod cursor;
mod document;
mod draft;
mod error;
mod escapes;
mod families;
mod grammar;
mod histogram;
mod labels;
mod lines;
mod number;
pub mod openmetrics;
#[cfg(feature = "openmetrics2")]
pub mod openmetrics2;
pub mod protobuf;
mod rules;
mod series;
pub mod text;

pub use self::content_type::parse_all;
pub use self::error::ParseError;
pub use self::families::Families;
