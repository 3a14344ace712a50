//! The rules, each with the identifier that it is switched off by.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

macro_rules! rules {
    ($($(#[$doc:meta])+ $name:ident = $id:literal,)+) => {
        /// What can be wrong with metrics.
        ///
        /// A rule's identifier is stable: it is what configurations and scripts name.
        ///
        /// ```
        /// use narthex::lint::Rule;
        ///
        /// assert_eq!(Rule::NoHelp.as_str(), "no-help");
        /// assert_eq!("no-help".parse::<Rule>()?, Rule::NoHelp);
        /// assert!("no-halp".parse::<Rule>().unwrap_err().is_not_found());
        /// # Ok::<(), narthex::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])+ $name,)+
        }

        impl Rule {
            /// All of them, in the order in which problems of one metric are told.
            ///
            /// ```
            /// use narthex::lint::Rule;
            ///
            /// assert!(Rule::ALL.contains(&Rule::NoHelp));
            /// ```
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The identifier, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }
        }
    };
}

rules! {
    /// `syntax`: a text cannot be read, by any reader.
    Syntax = "syntax",
    /// `lenient-syntax`: a text is not what the specification says, though readers take it.
    LenientSyntax = "lenient-syntax",
    /// `failed-scrape`: a collector could not tell its numbers.
    FailedScrape = "failed-scrape",

    /// `no-help`: a family has no help text.
    NoHelp = "no-help",
    /// `counter-without-total`: the name of a counter does not end with `_total`. Only a text can
    /// have that: the library's own counters always end so.
    CounterWithoutTotal = "counter-without-total",
    /// `total-without-counter`: a name ends with `_total`, and is no counter's.
    TotalWithoutCounter = "total-without-counter",
    /// `reserved-suffix`: a name ends with `_bucket`, `_count` or `_sum`, as the samples of
    /// another type do.
    ReservedSuffix = "reserved-suffix",
    /// `type-in-name`: a name says the type of the metric.
    TypeInName = "type-in-name",
    /// `colon-in-name`: a name has a colon, which is for recording rules.
    ColonInName = "colon-in-name",
    /// `camel-case`: a name, or that of a label, is in camel case.
    CamelCase = "camel-case",
    /// `non-base-unit`: a name has a unit that is no base unit, such as milliseconds.
    NonBaseUnit = "non-base-unit",
    /// `abbreviated-unit`: a name has a unit that is abbreviated, such as `ms`.
    AbbreviatedUnit = "abbreviated-unit",

    /// `reserved-label`: a sample has a label that another type adds (`le`, `quantile`), or one
    /// that begins with two underscores once it is escaped.
    ReservedLabel = "reserved-label",
    /// `target-label`: a sample has the label `job` or `instance`, which Prometheus gives it and
    /// so renames.
    TargetLabel = "target-label",
    /// `escaped-label-clash`: two labels of a family are one in an escaping scheme.
    EscapedLabelClash = "escaped-label-clash",
    /// `label-case-clash`: two labels of a family differ only in case.
    LabelCaseClash = "label-case-clash",

    /// `duplicate-family`: two families have one name.
    DuplicateFamily = "duplicate-family",
    /// `shared-name`: a family has a name of another's samples, or, once the `_total` of counters
    /// is taken off as OpenMetrics does, another's name.
    SharedName = "shared-name",
    /// `escaped-name-clash`: two families, or their samples, have one name in an escaping scheme.
    EscapedNameClash = "escaped-name-clash",
    /// `name-case-clash`: the names of two families differ only in case.
    NameCaseClash = "name-case-clash",
    /// `unit-clash`: the names of two families differ only in the unit of one quantity.
    UnitClash = "unit-clash",

    /// `duplicate-series`: samples of one family have the same name, labels and time.
    DuplicateSeries = "duplicate-series",
    /// `negative-counter`: a counter, or a count of observations, is below zero or no number.
    NegativeCounter = "negative-counter",
    /// `invalid-value`: a number is not one that its type has: an info is 1, a state 0 or 1, and
    /// a count of observations whole.
    InvalidValue = "invalid-value",
    /// `missing-inf-bucket`: a histogram has no bucket with the bound `+Inf`.
    MissingInfBucket = "missing-inf-bucket",
    /// `unsorted-buckets`: the bounds of a histogram's buckets do not ascend.
    UnsortedBuckets = "unsorted-buckets",
    /// `falling-buckets`: a bucket of a histogram has less than one of a lower bound.
    FallingBuckets = "falling-buckets",
    /// `count-mismatch`: the count of a histogram is not that of its last bucket.
    CountMismatch = "count-mismatch",
    /// `missing-count`: a histogram or a summary has a sum and no count.
    MissingCount = "missing-count",
    /// `invalid-quantile`: a quantile of a summary is not between 0 and 1.
    InvalidQuantile = "invalid-quantile",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// The rule of that identifier.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|rule| rule.as_str() == text);
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no lint rule {text:?}"))
        })
    }
}
