//! A family of the text format that is being read.

use std::borrow::Cow;

use crate::model::{Desc, MetricFamily, MetricType, Suffix};

/// A family that is being read.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// Where its name stands first.
    pub(super) at: usize,
    /// As the lines of metadata spell it: of a counter it may end with `_total`.
    pub(super) name: Cow<'a, str>,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) metric_type: Option<MetricType>,
    /// From the first sample on.
    pub(super) family: Option<MetricFamily>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(at: usize, name: Cow<'a, str>) -> Self {
        Self { at, name, help: None, metric_type: None, family: None }
    }

    /// Whether anything but samples was read.
    pub(super) fn has_metadata(&self) -> bool {
        self.help.is_some() || self.metric_type.is_some()
    }

    pub(super) fn metric_type(&self) -> MetricType {
        self.metric_type.unwrap_or(MetricType::Unknown)
    }

    /// What makes `sample` one of this family, if it is.
    #[inline]
    pub(super) fn suffix_of(&self, sample: &str) -> Option<Suffix> {
        let rest = sample.strip_prefix(&*self.name)?;
        match (self.metric_type(), rest) {
            (MetricType::Counter, "") => Some(Suffix::Total),
            (MetricType::Gauge | MetricType::Summary | MetricType::Unknown, "") => {
                Some(Suffix::None)
            }
            (MetricType::Histogram, "_bucket") => Some(Suffix::Bucket),
            (MetricType::Histogram | MetricType::Summary, "_count") => Some(Suffix::Count),
            (MetricType::Histogram | MetricType::Summary, "_sum") => Some(Suffix::Sum),
            _ => None,
        }
    }

    /// The family, to add samples to.
    ///
    /// `None` if nothing is left of the name of a counter.
    #[inline]
    pub(super) fn family(&mut self) -> Option<&mut MetricFamily> {
        if self.family.is_none() {
            let help = self.help.as_deref().unwrap_or_default();
            let desc = Desc::new(&self.name, help, self.metric_type()).ok()?;
            self.family = Some(MetricFamily::of(desc));
        }
        self.family.as_mut()
    }

    /// The family as it is.
    pub(super) fn finish(mut self) -> Option<MetricFamily> {
        self.family()?;
        let family = self.family?;
        // HELP may stand behind samples.
        Some(match self.help {
            Some(help) => family.with_help(&help),
            None => family,
        })
    }
}
