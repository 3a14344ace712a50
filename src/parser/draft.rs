//! A family of OpenMetrics that is being read.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::error::{ParseError, quoted};
use super::grammar::Grammar;
use super::series::Keys;
use crate::model::{Desc, MetricFamily, MetricName, MetricType, Suffix};

/// A family that is being read.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    grammar: Grammar,
    /// Where its name stands first.
    pub(super) at: usize,
    pub(super) name: Cow<'a, str>,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) metric_type: Option<MetricType>,
    /// The unit, and where it stands.
    pub(super) unit: Option<(Cow<'a, str>, usize)>,
    /// From the first sample on.
    pub(super) family: Option<MetricFamily>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(grammar: Grammar, at: usize, name: Cow<'a, str>) -> Self {
        Self { grammar, at, name, help: None, metric_type: None, unit: None, family: None }
    }

    pub(super) fn metric_type(&self) -> MetricType {
        self.metric_type.unwrap_or(MetricType::Unknown)
    }

    /// The type in words, for what can be only if it is another.
    pub(super) fn shown_type(&self) -> String {
        match self.metric_type {
            Some(metric_type) => format!("as the type is {metric_type}"),
            None => "as the type is unknown, without a TYPE line before".to_owned(),
        }
    }

    /// What stands behind the family's name in those of its samples, in words.
    pub(super) fn expected_suffix(&self) -> String {
        let metric_type = self.metric_type();
        let created = metric_type.has_start_time().then_some(&Suffix::Created);
        let suffixes = metric_type.suffixes().iter().chain(created);
        let suffixes: Vec<_> = suffixes.map(|suffix| format!("{:?}", suffix.as_str())).collect();
        let suffixes = match suffixes.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        format!("{suffixes} behind the name of the {metric_type}")
    }

    /// What makes `sample` one of this family, if it is.
    #[inline]
    pub(super) fn suffix_of(&self, sample: &str) -> Option<Suffix> {
        let rest = sample.strip_prefix(&*self.name)?;
        let metric_type = self.metric_type();
        if self.grammar.names_families_in_full() {
            return rest.is_empty().then(|| full_suffix(metric_type));
        }
        if metric_type.has_start_time() && rest == Suffix::Created.as_str() {
            return Some(Suffix::Created);
        }
        // A native histogram has the name of its family.
        let is_native = rest.is_empty() && metric_type.has_buckets();
        let none = is_native.then_some(Suffix::None);
        none.or_else(|| {
            metric_type.suffixes().iter().copied().find(|suffix| suffix.as_str() == rest)
        })
    }

    /// The family, to add samples to; `taken` has the names of all before it.
    ///
    /// # Errors
    /// If its name or one of its samples' is another family's, or its type cannot have its unit.
    #[inline]
    pub(super) fn family(
        &mut self,
        cursor: &Cursor<'a>,
        taken: &mut Keys,
    ) -> Result<&mut MetricFamily, ParseError> {
        let family = match self.family.take() {
            Some(family) => family,
            None => MetricFamily::of(self.describe(cursor, taken)?),
        };
        Ok(self.family.insert(family))
    }

    fn describe(&self, cursor: &Cursor<'a>, taken: &mut Keys) -> Result<Desc, ParseError> {
        let metric_type = self.metric_type();
        let unit = self.unit.as_ref().filter(|(unit, _)| !unit.is_empty());
        if let (Some((_, at)), MetricType::Info | MetricType::StateSet) = (unit, metric_type) {
            return Err(cursor.error_at(*at, format!("no unit, {}", self.shown_type())));
        }
        let name = self.model_name(cursor)?;
        let name = MetricName::new(name).map_err(|_| cursor.error_at(self.at, "a metric name"))?;
        let help = self.help.as_deref().unwrap_or_default().into();
        let unit = unit.map(|(unit, _)| (**unit).into());
        let desc = Desc::from_full_name(name, help, metric_type, unit);
        for suffix in desc.claimed_suffixes() {
            let (_, is_new) = taken.add(|key| {
                key.extend_from_slice(desc.name().as_bytes());
                key.extend_from_slice(suffix.as_str().as_bytes());
            });
            if !is_new {
                let expected = "a family whose names are no other's";
                let found = quoted(&[desc.name(), suffix.as_str()].concat());
                return Err(cursor.error_finding(self.at, expected, found));
            }
        }
        Ok(desc)
    }

    /// The name as the model has it: without what the type adds to the names of samples.
    fn model_name(&self, cursor: &Cursor<'a>) -> Result<&str, ParseError> {
        if !self.grammar.names_families_in_full() {
            return Ok(&self.name);
        }
        let metric_type = self.metric_type();
        let suffix = full_suffix(metric_type).as_str();
        let name = match (metric_type, self.name.strip_suffix(suffix)) {
            (_, Some(name)) => name,
            // Written again, it gains the suffix.
            (MetricType::Counter, None) => &self.name,
            (_, None) => {
                let expected = format!("a name of an {metric_type} that ends with {suffix:?}");
                return Err(cursor.error_finding(self.at, expected, quoted(&self.name)));
            }
        };
        match name {
            "" => Err(cursor.error_at(self.at, format!("a name before {suffix:?}"))),
            name => Ok(name),
        }
    }
}

/// What the names of families of this type end with where they are those of their samples.
fn full_suffix(metric_type: MetricType) -> Suffix {
    match metric_type {
        MetricType::Counter => Suffix::Total,
        MetricType::Info => Suffix::Info,
        _ => Suffix::None,
    }
}
