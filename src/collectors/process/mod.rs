//! What the operating system knows about a process.

mod fact;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other;

use self::fact::Fact;
#[cfg(any(target_os = "linux", target_os = "android"))]
use self::linux::{Process, System};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use self::other::System;
use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{
    CounterMetricFamily, Desc, GaugeMetricFamily, MetricName, MetricType, NO_LABELS, full_name,
};

/// The standard `process_…` metrics, read from the operating system by each scrape.
///
/// | metric | Linux | macOS | other Unix | Windows |
/// | --- | --- | --- | --- | --- |
/// | `process_virtual_memory_bytes` | yes | yes | | |
/// | `process_resident_memory_bytes` | yes | yes | | yes |
/// | `process_start_time_seconds` (since 1970) | yes | | | |
/// | `process_cpu_seconds_total` | yes | yes | yes | |
/// | `process_open_fds` | yes | yes | | |
/// | `process_max_fds` | yes | yes | yes | |
/// | `process_virtual_memory_max_bytes` | yes | yes | yes | |
/// | `process_threads` | yes | | | |
///
/// A number that cannot be read is left out, and nothing is made up in its
/// place. A limit that is not set is `+Inf`.
///
/// ```
/// use narthex::collectors::ProcessCollector;
/// use narthex::for_each_family;
///
/// let mut names = Vec::new();
/// for_each_family(&ProcessCollector::new().namespace("shop"), &mut |family| {
///     names.push(family.desc().name().to_owned());
///     Ok(())
/// })?;
/// # #[cfg(target_os = "linux")]
/// assert!(names.contains(&"shop_process_resident_memory_bytes".to_owned()));
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// [The standard metrics](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
#[derive(Debug, Default)]
pub struct ProcessCollector {
    namespace: String,
    system: System,
}

impl ProcessCollector {
    /// A collector of the running process.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with names that begin with `<namespace>_process_`.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    fn name(&self, fact: Fact) -> Result<MetricName> {
        full_name(fact.metric_type(), fact.name(), &self.namespace, "", "")
    }

    fn desc(&self, fact: Fact) -> Result<Desc> {
        Desc::new(self.name(fact)?.as_str(), fact.help(), fact.metric_type())
    }
}

/// What only Linux can be asked for.
#[cfg(any(target_os = "linux", target_os = "android"))]
impl ProcessCollector {
    /// The same, for another process.
    ///
    /// Its files and limits are left out if the system does not show them to us.
    #[must_use]
    pub fn pid(mut self, pid: u32) -> Self {
        self.system.process = Process::Id(pid);
        self
    }

    /// The same, for the process that `pid` names at each scrape; none has no numbers.
    ///
    /// ```
    /// use narthex::collectors::ProcessCollector;
    ///
    /// // Follows a server that writes its number to a file when it starts.
    /// let collector = ProcessCollector::new().pid_provider(|| {
    ///     std::fs::read_to_string("/run/server.pid").ok()?.trim().parse().ok()
    /// });
    /// # let _ = collector;
    /// ```
    #[must_use]
    pub fn pid_provider(mut self, pid: impl Fn() -> Option<u32> + Send + Sync + 'static) -> Self {
        self.system.process = Process::Provider(Box::new(pid));
        self
    }

    /// The same, reading `root` instead of `/proc`: that of a host which a
    /// container has mounted, for example.
    #[must_use]
    #[doc(alias = "proc")]
    pub fn proc_root(mut self, root: impl Into<std::path::PathBuf>) -> Self {
        self.system.root = root.into();
        self
    }

    /// The same, for a `/proc` whose clock ticks that often; by default the
    /// running kernel is asked.
    #[must_use]
    pub fn ticks_per_second(mut self, ticks: u64) -> Self {
        self.system.ticks_per_second = ticks.max(1);
        self
    }

    /// The same, for a `/proc` with pages of that many bytes; by default the
    /// running kernel is asked.
    #[must_use]
    pub fn page_size(mut self, bytes: u64) -> Self {
        self.system.page_size = bytes;
        self
    }
}

impl Collector for ProcessCollector {
    fn describe(&self) -> Vec<Desc> {
        System::FACTS.iter().filter_map(|fact| self.desc(*fact).ok()).collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        self.system.read(&mut |fact, value| {
            let name = self.name(fact)?;
            if fact.metric_type() == MetricType::Counter {
                let mut family = CounterMetricFamily::new(name.as_str(), fact.help())?;
                family.add_metric(NO_LABELS, value)?;
                scrape.family(&family)
            } else {
                let mut family = GaugeMetricFamily::new(name.as_str(), fact.help())?;
                family.add_metric(NO_LABELS, value)?;
                scrape.family(&family)
            }
        })
    }
}
