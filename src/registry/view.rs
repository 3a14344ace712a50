//! A view of a collector under other names: with a prefix, or with constant labels.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::CollectorRegistry;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::{Error, Result};
use crate::model::{
    Chunk, Columns, Desc, Family, LabelNames, LabelSource, MetricName, MetricType, Sealed, Suffix,
};

/// A collector whose families get a prefix or constant labels as they pass.
///
/// ```
/// use narthex::{CollectorRegistry, Gauge, exposition};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("jobs", "Waiting.").register(&registry)?.set(3.0);
/// let view = registry.with_prefix("app_")?.with_labels([("zone", "b")])?;
/// assert_eq!(
///     exposition::text::encode(&view)?,
///     "# HELP app_jobs Waiting.\n# TYPE app_jobs gauge\napp_jobs{zone=\"b\"} 3.0\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct RegistryView {
    collector: Arc<dyn Collector>,
    prefix: String,
    labels: Arc<[(String, String)]>,
}

impl RegistryView {
    /// A view of any collector, so far without a change.
    pub fn new(collector: Arc<dyn Collector>) -> Self {
        Self { collector, prefix: String::new(), labels: Arc::default() }
    }

    /// The same with a prefix before the one that it has.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if it is empty.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self> {
        MetricName::new(prefix)?;
        self.prefix.insert_str(0, prefix);
        Ok(self)
    }

    /// The same with more constant labels.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] or [`Error::is_duplicate`] if a name is not
    /// allowed or stands twice.
    pub fn with_labels<I, N, V>(self, labels: I) -> Result<Self>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut all = self.labels.to_vec();
        for (name, value) in labels {
            let mut escaped = String::new();
            crate::model::escape::push_escaped(&mut escaped, value.as_ref());
            all.push((name.as_ref().to_owned(), escaped));
        }
        LabelNames::new(all.iter().map(|(name, _)| name))?;
        Ok(Self { labels: all.into(), ..self })
    }

    /// The first sample of that full name with exactly those labels.
    pub fn get_sample_value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let registry = CollectorRegistry::new();
        registry.register(Arc::new(self.clone())).ok()?;
        registry.get_sample_value(name, labels)
    }

    fn rename(&self, desc: &Desc) -> Result<Desc> {
        let name = MetricName::new(format!("{}{}", self.prefix, desc.name()))?;
        Ok(Desc::from_full_name(
            name,
            desc.help().into(),
            desc.metric_type(),
            desc.unit().map(Into::into),
        ))
    }
}

impl Collector for RegistryView {
    fn describe(&self) -> Vec<Desc> {
        self.collector.describe().iter().filter_map(|desc| self.rename(desc).ok()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let (deadline, path) = (scrape.deadline(), scrape.path());
        let mut sink = |family: &dyn Family| {
            let renamed = Renamed { view: self, family, desc: self.rename(family.desc())? };
            renamed.check()?;
            scrape.family(&renamed)
        };
        self.collector.collect(&mut Scrape::new(&mut sink).with_deadline(deadline).with_path(path))
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        self.collector.refresh()
    }

    fn name(&self) -> &str {
        self.collector.name()
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        self.collector.reaches_registry(registry)
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        self.collector.shared_directories()
    }
}

impl fmt::Debug for RegistryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryView")
            .field("prefix", &self.prefix)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// A family on its way through a view.
struct Renamed<'a> {
    view: &'a RegistryView,
    family: &'a dyn Family,
    desc: Desc,
}

impl Renamed<'_> {
    /// Refuses constant labels that a series has already.
    fn check(&self) -> Result {
        let mut checked = Ok(());
        let own = self.desc.metric_type().reserved_label();
        let type_label = self.view.labels.iter().find(|(name, _)| Some(name.as_str()) == own);
        if let Some((name, _)) = type_label {
            return Err(self.clash(name));
        }
        if self.view.labels.is_empty() && self.desc.metric_type() != MetricType::StateSet {
            // No name is new, and walking a family may be dear.
            return Ok(());
        }
        self.family.for_each_chunk(&mut |chunk| {
            if checked.is_ok() {
                checked = self.names(chunk.names()).map(|_| ());
            }
        });
        checked
    }

    fn clash(&self, name: &str) -> Error {
        let message = format!("{:?} has a label {name:?} of its own", self.desc.name());
        Error::duplicate(message, vec![name.to_owned()])
    }

    /// The names of a chunk's labels, and where their values come from.
    fn names(&self, old: &LabelNames) -> Result<(LabelNames, Vec<LabelSource<'_>>)> {
        // The label of a state bears the name of the family.
        let is_state = |name: &str| {
            self.desc.metric_type() == MetricType::StateSet && name == self.family.desc().name()
        };
        let mut sources: Vec<_> = old
            .sorted()
            .map(|name| if is_state(name) { self.desc.name() } else { name })
            .enumerate()
            .map(|(place, name)| (name, LabelSource::Column(place)))
            .collect();
        let constants = self.view.labels.iter();
        sources.extend(constants.map(|(name, value)| (&**name, LabelSource::Constant(value))));
        sources.sort_by(|a, b| a.0.cmp(b.0));
        for pair in sources.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(self.clash(pair[0].0));
            }
        }
        let names = LabelNames::new(sources.iter().map(|(name, _)| name))?;
        Ok((names, sources.into_iter().map(|(_, source)| source).collect()))
    }
}

impl Sealed for Renamed<'_> {}

impl Family for Renamed<'_> {
    fn desc(&self) -> &Desc {
        &self.desc
    }

    fn for_each_chunk(&self, each: &mut dyn FnMut(&Chunk<'_>)) {
        let mut columns = Columns::floats(LabelNames::none(), Suffix::None);
        let mut known: Option<(LabelNames, (LabelNames, Vec<LabelSource<'_>>))> = None;
        self.family.for_each_chunk(&mut |chunk| {
            if known.as_ref().is_none_or(|(old, _)| old != chunk.names()) {
                known = self.names(chunk.names()).ok().map(|new| (chunk.names().clone(), new));
            }
            if let Some((_, (names, sources))) = &known {
                columns.copy_from(chunk, Some((names, sources)));
                each(&columns.chunk());
            }
        });
    }
}
