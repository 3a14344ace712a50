//! A view of a registry that keeps some samples by name.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::CollectorRegistry;
use crate::collector::{Collector, Scrape, SharedDirectory};
use crate::error::Result;
use crate::model::{Family, MetricFamily, Suffix};

/// The samples of some names, out of a registry; made by
/// [`CollectorRegistry::restricted`].
///
/// A series brings the time when it began only if its `_created` is one of the
/// names too.
///
/// It shows what is asked for, also where a format wants more: OpenMetrics 1.0 has histograms whole,
/// so its strict readers take one only if its `_bucket` is named, and both or neither of `_count` and
/// `_sum`; and the `_created` of a counter only beside its `_total`. In the text format any part will
/// do. In OpenMetrics 2.0 a histogram or a summary is one value, which has what
/// [`MetricFamily::grouped`] makes of the parts.
///
/// ```
/// use narthex::{CollectorRegistry, Summary, exposition};
///
/// let registry = CollectorRegistry::new();
/// Summary::builder("reply_bytes", "Size of replies.").register(&registry)?.observe(300.0);
/// let text = exposition::text::encode(&registry.restricted(["reply_bytes_sum"]))?;
/// assert_eq!(
///     text,
///     "# HELP reply_bytes Size of replies.\n# TYPE reply_bytes summary\nreply_bytes_sum 300.0\n",
/// );
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
pub struct RestrictedRegistry {
    registry: CollectorRegistry,
    names: HashSet<String>,
}

impl RestrictedRegistry {
    pub(super) fn new(registry: CollectorRegistry, names: HashSet<String>) -> Self {
        Self { registry, names }
    }

    fn wants(&self, claimed: &[String]) -> bool {
        if claimed.is_empty() {
            self.registry.inner.options.collectors_without_names
        } else {
            claimed.iter().any(|name| self.names.contains(name))
        }
    }

    /// The family as it is, a part of it, or nothing.
    fn family(&self, family: &dyn Family, scrape: &mut Scrape<'_>) -> Result {
        let desc = family.desc();
        let names =
            |suffix: Suffix| self.names.contains(&format!("{}{}", desc.name(), suffix.as_str()));
        let created = names(Suffix::Created) && desc.metric_type().has_start_time();
        let kept: Vec<_> =
            desc.metric_type().suffixes().iter().copied().filter(|s| names(*s)).collect();
        if kept.is_empty() && !created {
            return Ok(());
        }
        let mut part = MetricFamily::of(desc.clone());
        family.for_each_chunk(&mut |chunk| part.absorb_only(chunk, &kept, created));
        if part.is_empty() { Ok(()) } else { scrape.family(&part) }
    }
}

impl Collector for RestrictedRegistry {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let (deadline, path) = (scrape.deadline(), scrape.path());
        let mut sink = |family: &dyn Family| self.family(family, scrape);
        let mut inner = Scrape::new(&mut sink).with_deadline(deadline).with_path(path);
        let policy = self.registry.inner.options.on_failure;
        self.registry.collect_by(policy, &mut inner, &|claimed| self.wants(claimed))
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> {
        Collector::refresh(&self.registry)
    }

    fn reaches_registry(&self, registry: u64) -> bool {
        self.registry.reaches_registry(registry)
    }

    fn shared_directories(&self) -> Vec<SharedDirectory> {
        self.registry.shared_directories()
    }
}

impl fmt::Debug for RestrictedRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestrictedRegistry").field("names", &self.names).finish_non_exhaustive()
    }
}
