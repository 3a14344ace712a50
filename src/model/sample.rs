//! One number of a scrape, with its name and labels: what look-ups and bridges read.

use std::borrow::Cow;
use std::fmt;

use super::desc::Suffix;
use super::escape::unescape;
use super::exemplar::ExemplarRef;
use super::labels::LabelNames;
use super::native_column::NativeHistogramRef;
use super::timestamp::Timestamp;

/// One number of a scrape.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    pub(crate) family: &'a str,
    pub(crate) suffix: Suffix,
    pub(crate) labels: SampleLabels<'a>,
    pub(crate) value: f64,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) exemplar: Option<ExemplarRef<'a>>,
    pub(crate) start: Option<f64>,
    pub(crate) native: Option<NativeHistogramRef<'a>>,
}

impl<'a> Sample<'a> {
    /// The name of the family.
    pub fn family(&self) -> &'a str {
        self.family
    }

    /// What the sample's name has behind the family's.
    pub fn suffix(&self) -> Suffix {
        self.suffix
    }

    /// The full name of the sample.
    pub fn name(&self) -> String {
        [self.family, self.suffix.as_str()].concat()
    }

    /// Whether that is the full name of the sample.
    pub fn is_named(&self, name: &str) -> bool {
        name.strip_prefix(self.family) == Some(self.suffix.as_str())
    }

    /// The labels.
    pub fn labels(&self) -> &SampleLabels<'a> {
        &self.labels
    }

    /// The number; cumulative for buckets.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The timestamp, if a collector gave one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The exemplar, if one was kept.
    pub fn exemplar(&self) -> Option<ExemplarRef<'a>> {
        self.exemplar
    }

    /// When the series began, in seconds since 1970.
    pub fn start(&self) -> Option<f64> {
        self.start
    }

    /// The native histogram that this is the count of.
    pub fn native(&self) -> Option<NativeHistogramRef<'a>> {
        self.native
    }
}

impl fmt::Debug for Sample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("name", &self.name())
            .field("labels", &self.labels)
            .field("value", &self.value)
            .field("timestamp", &self.timestamp)
            .field("exemplar", &self.exemplar)
            .field("start", &self.start)
            .field("native", &self.native)
            .finish()
    }
}

/// The labels of a [`Sample`], sorted by name.
#[derive(Clone, Copy)]
pub struct SampleLabels<'a> {
    names: &'a LabelNames,
    text: &'a str,
    lens: &'a [u32],
    escaped: bool,
    extra: Option<(&'a str, &'a str)>,
}

impl<'a> SampleLabels<'a> {
    pub(crate) fn new(
        names: &'a LabelNames,
        text: &'a str,
        lens: &'a [u32],
        escaped: bool,
    ) -> Self {
        Self { names, text, lens, escaped, extra: None }
    }

    /// The same with the label that the type of the family adds.
    pub(crate) fn with_extra<'b>(&self, name: &'b str, value: &'b str) -> SampleLabels<'b>
    where
        'a: 'b,
    {
        SampleLabels { extra: Some((name, value)), ..*self }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lens.len() + usize::from(self.extra.is_some())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names with raw values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let escaped = self.escaped;
        self.escaped_iter().map(move |(name, value)| {
            (name, if escaped { unescape(value) } else { Cow::Borrowed(value) })
        })
    }

    /// Names with values as they stand between quotes, sorted by name.
    pub(crate) fn escaped_iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut extra = self.extra;
        let mut rest = self.text;
        let mut own = self.names.sorted().zip(self.lens).map(move |(name, &len)| {
            let (value, tail) = rest.split_at(len as usize);
            rest = tail;
            (name, value)
        });
        let mut next = own.next();
        std::iter::from_fn(move || match (next, extra) {
            (Some(pair), Some(added)) if added.0 < pair.0 => extra.take(),
            (Some(_), _) => std::mem::replace(&mut next, own.next()),
            (None, _) => extra.take(),
        })
    }

    /// The raw value of a label.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// Whether these are the labels, in any order, and no others.
    pub fn equals(&self, labels: &[(&str, &str)]) -> bool {
        self.len() == labels.len()
            && self.iter().all(|(name, value)| {
                labels.iter().any(|(want, text)| *want == name && *text == value)
            })
    }
}

impl fmt::Debug for SampleLabels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
