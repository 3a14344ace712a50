//! Where collectors are gathered, so that one scrape asks them all.

mod claims;
mod guard;
mod lookup;
mod pass;
mod policy;
mod reentry;
mod refresh;
mod restricted;
mod self_metrics;
mod target_info;
mod view;

use std::fmt;
use std::future::Future;
use std::panic::RefUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use self::claims::Claims;
pub use self::guard::RegistrationGuard;
use self::pass::Pass;
use self::policy::Options;
pub use self::policy::{FailurePolicy, RegistryBuilder};
use self::reentry::Visit;
pub use self::restricted::RestrictedRegistry;
use self::self_metrics::SelfMetrics;
use self::target_info::TargetInfo;
pub use self::view::RegistryView;
use crate::collector::{Collector, Scrape, SharedDirectory, contain_panic, for_each_family};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Desc, Family};

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
    /// The names of the families about the registry itself; none if it tells nothing.
    own_names: Vec<String>,
}

// Collectors run without a lock, so none panics half-way through a change.
impl RefUnwindSafe for Inner {}

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
    /// Sorted.
    claimed: Arc<[String]>,
    /// Whether it may tell of any name: it merges what others have filed.
    merges: bool,
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

    fn with_options(options: Options) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let own_names = if options.self_metrics { SelfMetrics::names() } else { Vec::new() };
        let mut state = State::default();
        state.claims.keep_for_registry(&own_names);
        Self {
            inner: Arc::new(Inner {
                number: NEXT.fetch_add(1, Ordering::Relaxed),
                options,
                state: RwLock::new(state),
                self_metrics: SelfMetrics::default(),
                own_names,
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
        self.refuse_nesting(&*collector)?;
        let descs = self.descs_of(&*collector)?;
        let claimed = Claims::wanted(&descs)?;
        let title: Arc<str> = match descs.first() {
            Some(desc) => desc.name().into(),
            None => collector.name().into(),
        };
        let shared = collector.shared_directories();
        let merges = shared.iter().any(|one| matches!(one, SharedDirectory::Merges(_)));
        // Two threads may register two registries in each other.
        static NESTING: Mutex<()> = Mutex::new(());
        let _nesting = NESTING.lock();
        self.refuse_nesting(&*collector)?;
        self.refuse_twice_shown(&shared)?;
        let mut state = self.inner.state.write();
        let id = CollectorId(state.next_id);
        state.claims.take(&claimed, id, &title)?;
        state.next_id += 1;
        state.entries.push(Entry { id, collector, title, claimed: claimed.into(), merges });
        Ok(id)
    }

    /// Says why a family cannot be registered now, before anything is made for it.
    pub(crate) fn refuse(&self, desc: &Desc, shared: &[SharedDirectory]) -> Result {
        let wanted = Claims::wanted(std::slice::from_ref(desc))?;
        self.refuse_twice_shown(shared)?;
        let state = self.inner.state.read();
        state.claims.refuse_taken(&wanted, &format!("{} {:?}", desc.metric_type(), desc.name()))
    }

    /// Adds a collector until the guard is dropped.
    ///
    /// # Errors
    /// Those of [`register`](Self::register).
    pub fn register_guarded(&self, collector: Arc<dyn Collector>) -> Result<RegistrationGuard> {
        let id = self.register(collector)?;
        Ok(RegistrationGuard::new(self.clone(), id))
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
        // Collectors of one type and without names are told of as one.
        let is_last = state.entries.iter().all(|other| other.title != entry.title);
        drop(state);
        if is_last {
            self.inner.self_metrics.forget(&entry.title);
        }
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
    /// [`Error::is_duplicate`] if a collector owns `target` or `target_info`;
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
            (true, false) => state.claims.give_back(&TargetInfo::NAMES),
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

    /// Tells the registry how long its last exposition was, for its
    /// self-metrics: transports do that.
    pub fn note_bytes(&self, bytes: usize) {
        self.inner.self_metrics.note_bytes(bytes);
    }

    fn refuse_nesting(&self, collector: &dyn Collector) -> Result {
        match collector.reaches_registry(self.inner.number) {
            true => Err(Error::new(ErrorKind::InvalidValue, "a registry cannot contain itself")),
            false => Ok(()),
        }
    }

    /// Refuses numbers that live in files beside the collector that merges those files.
    fn refuse_twice_shown(&self, new: &[SharedDirectory]) -> Result {
        if new.is_empty() {
            return Ok(());
        }
        let clashes = |have: SharedDirectory| {
            new.iter().any(|new| match (new, &have) {
                (SharedDirectory::Merges(a), SharedDirectory::Writes(b))
                | (SharedDirectory::Writes(a), SharedDirectory::Merges(b)) => a == b,
                _ => false,
            })
        };
        // Copied out, as other registries are asked, which have locks of their own.
        let entries = self.inner.state.read().entries.clone();
        let shown_twice =
            |entry: &&Entry| entry.collector.shared_directories().into_iter().any(clashes);
        match entries.iter().find(shown_twice) {
            None => Ok(()),
            Some(entry) => Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "{:?} and the new collector would both show the numbers of one shared \
                     directory: merge it in a registry of its own",
                    &*entry.title
                ),
            )),
        }
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

    fn titles(&self) -> Vec<Arc<str>> {
        self.inner.state.read().entries.iter().map(|entry| entry.title.clone()).collect()
    }

    /// Collects what `wanted` picks by the names that it claims.
    fn collect_by(
        &self,
        policy: FailurePolicy,
        scrape: &mut Scrape<'_>,
        wanted: &dyn Fn(&[String]) -> bool,
    ) -> Result {
        let inner = &*self.inner;
        if scrape.path().contains(&inner.number) {
            return Err(Error::collector("a registry contains itself"));
        }
        let path = [scrape.path(), &[inner.number]].concat();
        let deadline = scrape.deadline();
        // Copied out, so that no lock is held while foreign code runs.
        let (entries, info) = {
            let state = inner.state.read();
            (state.entries.clone(), state.target_info.clone())
        };
        let begun = Instant::now();
        let mut pass = Pass::new(self);
        if let Some(info) = info.filter(|_| wanted(&[TargetInfo::SAMPLE.to_owned()])) {
            scrape.family(info.family())?;
        }
        for entry in entries.iter().filter(|entry| entry.merges || wanted(&entry.claimed)) {
            let Some(_visit) = Visit::enter(inner.number, entry.id) else {
                if policy == FailurePolicy::Fail {
                    let message = format!("collector {:?} collects itself", &*entry.title);
                    return Err(Error::collector(message));
                }
                continue;
            };
            let collector_begun = Instant::now();
            pass.begin_collector();
            let collected = contain_panic(&entry.title, || {
                let mut sink = |family: &dyn Family| pass.family(entry, family, scrape);
                let inner = Scrape::new(&mut sink).with_deadline(deadline);
                entry.collector.collect(&mut inner.with_path(&path))
            });
            if inner.options.self_metrics {
                let took = collector_begun.elapsed();
                inner.self_metrics.note_collector(&entry.title, took, collected.is_err());
            }
            if let Err(error) = collected {
                if let Some(tell) = &inner.options.tell {
                    tell.call(&entry.title, &error);
                }
                if policy == FailurePolicy::Fail {
                    let message = format!("collector {:?} failed", &*entry.title);
                    return Err(Error::collector(message).with_source(error));
                }
            }
        }
        inner.self_metrics.note_scrape(begun.elapsed());
        if inner.options.self_metrics && wanted(&inner.own_names) {
            let titles = self.titles().into_iter().collect();
            inner.self_metrics.collect(pass.counts(), &titles, scrape)?;
        }
        Ok(())
    }
}

impl Collector for CollectorRegistry {
    fn describe(&self) -> Vec<Desc> {
        let entries = self.inner.state.read().entries.clone();
        entries.iter().flat_map(|entry| entry.collector.describe()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.collect_by(self.inner.options.on_failure, scrape, &|_| true)
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        Some(Box::pin(async {
            Self::refresh(self).await;
            Ok(())
        }))
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        let entries = self.inner.state.read().entries.clone();
        entries.iter().flat_map(|entry| entry.collector.shared_directories()).collect()
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        let entries = self.inner.state.read().entries.clone();
        registry == self.inner.number
            || entries.iter().any(|entry| entry.collector.reaches_registry(registry))
    }
}

impl Default for CollectorRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CollectorRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorRegistry")
            .field("collectors", &self.titles())
            .finish_non_exhaustive()
    }
}
