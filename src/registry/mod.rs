//! Where collectors are gathered, so that one scrape asks them all.

mod claims;
mod policy;
mod restricted;
mod target_info;
mod view;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::RwLock;

pub use self::policy::{FailurePolicy, RegistryBuilder};
pub use self::restricted::RestrictedRegistry;
pub use self::view::RegistryView;
use self::claims::Claims;
use self::policy::{Options, SelfMetrics};
use self::target_info::TargetInfo;
use crate::collector::{
    Collector, Scrape, SharedDirectory, contain_panic, for_each_family, for_each_family_until,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Chunk, Desc, Family, Suffix};

/// A set of collectors with names that do not clash; cheap to clone.
///
/// ```
/// use narthex::{Counter, CollectorRegistry};
///
/// let registry = CollectorRegistry::new();
/// let requests = Counter::builder("requests", "Requests answered.").register(&registry)?;
/// requests.inc();
/// assert_eq!(registry.get_sample_value("requests_total", &[]), Some(1.0));
///
/// let error = Counter::builder("requests", "The same.").register(&registry).unwrap_err();
/// assert_eq!(error.duplicates(), ["requests", "requests_created", "requests_total"]);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct CollectorRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    number: u64,
    options: Options,
    state: RwLock<State>,
    self_metrics: SelfMetrics,
}

#[derive(Default)]
struct State {
    // In the order of registration, which is that of exposition.
    entries: Vec<Entry>,
    claims: Claims,
    target_info: Option<TargetInfo>,
    next_id: u64,
}

#[derive(Clone)]
struct Entry {
    id: CollectorId,
    collector: Arc<dyn Collector>,
    /// What errors call it: its first family, or its type.
    title: Arc<str>,
    claimed: Arc<[String]>,
}

/// Names one registration, to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CollectorId(u64);

impl CollectorRegistry {
    /// An empty registry that fails a scrape when a collector fails.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A registry with settings of its own.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    pub(crate) fn with_options(options: Options) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            inner: Arc::new(Inner {
                number: NEXT.fetch_add(1, Ordering::Relaxed),
                options,
                state: RwLock::default(),
                self_metrics: SelfMetrics::default(),
            }),
        }
    }

    /// Adds a collector: all of its names, or nothing at all.
    ///
    /// # Errors
    /// [`Error::is_duplicate`] if a name is taken; [`Error::duplicates`] has
    /// every one that is. [`Error::is_invalid_value`] if the registry would
    /// contain itself, or would show numbers in shared files twice. Those of
    /// the collector, if the registry must collect it to learn its names.
    pub fn register(&self, collector: Arc<dyn Collector>) -> Result<CollectorId> {
        if collector.reaches_registry(self.inner.number) {
            return Err(Error::new(ErrorKind::InvalidValue, "a registry cannot contain itself"));
        }
        let descs = self.descs_of(&*collector)?;
        let claimed = Claims::wanted(&descs)?;
        let title = match descs.first() {
            Some(desc) => desc.name().into(),
            None => collector.name().into(),
        };
        let mut state = self.inner.state.write();
        state.refuse_twice_shown(collector.shared_directory())?;
        let id = CollectorId(state.next_id);
        state.claims.take(&claimed, id, &title)?;
        state.next_id += 1;
        state.entries.push(Entry { id, collector, title, claimed: claimed.into() });
        Ok(id)
    }

    /// Adds a collector until the guard is dropped.
    ///
    /// # Errors
    /// Those of [`register`](Self::register).
    pub fn register_guarded(&self, collector: Arc<dyn Collector>) -> Result<RegistrationGuard> {
        let id = self.register(collector)?;
        Ok(RegistrationGuard { registry: self.clone(), id })
    }

    /// Takes a collector out; its names are free again.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if it is not here.
    pub fn unregister(&self, id: CollectorId) -> Result<Arc<dyn Collector>> {
        let mut state = self.inner.state.write();
        let Some(place) = state.entries.iter().position(|entry| entry.id == id) else {
            return Err(Error::new(ErrorKind::NotFound, "that collector is not registered here"));
        };
        let entry = state.entries.remove(place);
        state.claims.give_back(&entry.claimed);
        drop(state);
        self.inner.self_metrics.forget(&entry.title);
        Ok(entry.collector)
    }

    /// The collector that owns a name of a family or sample.
    pub fn owner_of(&self, name: &str) -> Option<Arc<dyn Collector>> {
        let state = self.inner.state.read();
        let id = state.claims.owner(name)?;
        state.entries.iter().find(|entry| entry.id == id).map(|entry| entry.collector.clone())
    }

    /// Sets the facts about the program that every scrape opens with, as the
    /// family `target`; none of them takes it away.
    ///
    /// # Errors
    /// [`Error::is_duplicate`] if a collector owns the name `target_info`;
    /// [`Error::is_invalid_label`] if a name is not allowed.
    pub fn set_target_info<I, N, V>(&self, facts: I) -> Result
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let info = TargetInfo::new(facts)?;
        let mut state = self.inner.state.write();
        match (state.target_info.is_some(), info.is_some()) {
            (false, true) => state.claims.take_target_info()?,
            (true, false) => state.claims.give_back(&[TargetInfo::SAMPLE.to_owned()]),
            _ => {}
        }
        state.target_info = info;
        Ok(())
    }

    /// The facts that were set, sorted by name.
    pub fn target_info(&self) -> Option<Vec<(String, String)>> {
        self.inner.state.read().target_info.as_ref().map(|info| info.facts().to_vec())
    }

    /// A view that keeps only the samples of these names.
    ///
    /// It is evaluated at each scrape, keeps the order of registration, and
    /// does not ask collectors that own none of the names.
    pub fn restricted<I>(&self, names: I) -> RestrictedRegistry
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        RestrictedRegistry::new(self.clone(), names.into_iter().map(Into::into).collect())
    }

    /// A view whose families' names all begin with `prefix`.
    ///
    /// # Errors
    /// [`Error::is_invalid_name`] if it is empty.
    pub fn with_prefix(&self, prefix: &str) -> Result<RegistryView> {
        RegistryView::new(Arc::new(self.clone())).with_prefix(prefix)
    }

    /// A view that adds constant labels to every sample.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`] or [`Error::is_duplicate`] if a name is not
    /// allowed or stands twice.
    pub fn with_labels<I, N, V>(&self, labels: I) -> Result<RegistryView>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        RegistryView::new(Arc::new(self.clone())).with_labels(labels)
    }

    /// The first sample of that full name with exactly those labels.
    ///
    /// Made for tests. A `_created` sample is found where a series has a start
    /// time. Collectors that fail are passed over.
    #[doc(alias = "value")]
    pub fn get_sample_value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let created = name.strip_suffix(Suffix::Created.as_str());
        let mut found = None;
        let mut look = |family: &dyn Family| {
            if !name.starts_with(family.desc().name()) {
                return Ok(());
            }
            family.for_each_sample(&mut |sample| {
                if found.is_some() {
                    return;
                }
                if sample.is_named(name) && sample.labels().equals(labels) {
                    found = Some(sample.value());
                } else if created == Some(sample.family()) && sample.labels().equals(labels) {
                    found = sample.start();
                }
            });
            Ok(())
        };
        // An error cannot be told here, and what was found before it still holds.
        let _ = self.collect_by(FailurePolicy::Skip, &mut Scrape::new(&mut look), &|_| true);
        found
    }

    /// Tells the registry how long its last exposition was, for its self-metrics.
    pub(crate) fn note_bytes(&self, bytes: usize) {
        self.inner.self_metrics.note_bytes(bytes);
    }

    fn descs_of(&self, collector: &dyn Collector) -> Result<Vec<Desc>> {
        let mut descs = collector.describe();
        if descs.is_empty() && self.inner.options.auto_describe {
            contain_panic(collector.name(), || {
                for_each_family(collector, &mut |family| {
                    descs.push(family.desc().clone());
                    Ok(())
                })
            })?;
        }
        Ok(descs)
    }

    /// Collects the entries that `wanted` picks.
    fn collect_by(
        &self,
        policy: FailurePolicy,
        scrape: &mut Scrape<'_>,
        wanted: &dyn Fn(&Entry) -> bool,
    ) -> Result {
        let inner = &*self.inner;
        if scrape.path().contains(&inner.number) {
            return Err(Error::collector("a registry contains itself"));
        }
        let path = [scrape.path(), &[inner.number]].concat();
        // Copied out, so that no lock is held while foreign code runs.
        let (entries, target_info) = {
            let state = inner.state.read();
            (state.entries.clone(), state.target_info.clone())
        };
        let mut pass = Pass::new(self, inner.options.created);
        if let Some(info) = target_info.filter(|_| wanted(&Entry::target_info())) {
            scrape.family(info.family())?;
        }
        for entry in entries.iter().filter(|entry| wanted(entry)) {
            let begun = Instant::now();
            let collected = contain_panic(&entry.title, || {
                let mut sink = |family: &dyn Family| pass.family(entry, family, scrape);
                // The scrape is lent to the sink, so the inner one cannot borrow from it.
                let mut inner = Scrape::new(&mut sink).inside(&path, None);
                entry.collector.collect(&mut inner)
            });
            inner.self_metrics.note_collector(&entry.title, begun.elapsed(), collected.is_err());
            if let Err(error) = collected {
                if policy == FailurePolicy::Fail {
                    let message = format!("collector {:?} failed", &*entry.title);
                    return Err(Error::collector(message).with_source(error));
                }
            }
        }
        Ok(())
    }
}
