//! A textfile that is renewed at an interval, and a last time at the end.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::registry::CollectorRegistry;
use crate::repeat::{Repeated, Turn};
use crate::textfile::file::Textfile;

/// Writes a registry to a [`Textfile`] at once and at an interval, from a thread of its own.
///
/// When it is stopped or dropped, the last values are written, or the file is removed, so that
/// numbers of a program that has ended are not taken for those of one that runs. A write that fails
/// is counted, and the first of several in a row is logged; what was written before stays. A forked
/// child has no such thread, and dropping what it inherited does nothing there. Collectors that
/// await show what they showed when they last were refreshed.
///
/// Whoever ends without dropping it, by a signal that nobody listens for or by `process::exit`,
/// loses what came since the last time: let the program end by returning from `main`, as
/// `service::Runner` does at a signal, or listen for it and call `stop`.
///
/// ```
/// use narthex::textfile::{PeriodicTextfile, Textfile};
/// use narthex::{CollectorRegistry, Counter};
/// use std::time::Duration;
///
/// let dir = tempfile::tempdir()?;
/// let registry = CollectorRegistry::new();
/// let jobs = Counter::builder("jobs", "Done.").register(&registry)?;
/// let file = Textfile::new(dir.path().join("jobs.prom"));
/// let writes = PeriodicTextfile::builder(&file, &registry)
///     .interval(Duration::from_secs(30))
///     .start()?;
/// let text = || std::fs::read_to_string(file.path());
/// assert!(text()?.ends_with("\njobs_total 0.0\n"));
/// jobs.inc();
/// writes.stop()?;
/// assert!(text()?.ends_with("\njobs_total 1.0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it stops when it is dropped"]
pub struct PeriodicTextfile {
    repeated: Repeated,
}

impl PeriodicTextfile {
    /// Writes of a registry to a file.
    pub fn builder(file: &Textfile, registry: &CollectorRegistry) -> PeriodicTextfileBuilder {
        PeriodicTextfileBuilder {
            file: file.clone(),
            registry: registry.clone(),
            interval: Duration::from_secs(15),
            removes: false,
        }
    }

    /// How many writes have failed.
    pub fn failures(&self) -> u64 {
        self.repeated.failures()
    }

    /// Writes the last values, or removes the file, and returns when that is done.
    ///
    /// # Errors
    /// Those of the last [`Textfile::write`], or of [`Textfile::remove`].
    pub fn stop(self) -> Result {
        self.repeated.stop()
    }
}

impl fmt::Debug for PeriodicTextfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures();
        f.debug_struct("PeriodicTextfile").field("failures", &failures).finish_non_exhaustive()
    }
}

/// Settings of a [`PeriodicTextfile`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct PeriodicTextfileBuilder {
    file: Textfile,
    registry: CollectorRegistry,
    interval: Duration,
    removes: bool,
}

impl PeriodicTextfileBuilder {
    /// How long it is from the beginning of one write to that of the next; the default is 15
    /// seconds. Intervals that end while it is written are left out.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Whether the file is removed at the end, in place of a last write; the default is no.
    pub fn remove_at_end(self, wanted: bool) -> Self {
        Self { removes: wanted, ..self }
    }

    /// Writes for the first time, and starts the thread.
    ///
    /// That the first write fails is no error: it is counted, and there will be others.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`](crate::Error::is_invalid_value) if the interval is zero;
    /// [`Error::is_io`](crate::Error::is_io) if no thread can be started.
    pub fn start(self) -> Result<PeriodicTextfile> {
        let Self { file, registry, interval, removes } = self;
        let work = move |turn| match turn {
            Turn::Last if removes => file.remove(),
            _ => file.write(&registry),
        };
        Ok(PeriodicTextfile { repeated: Repeated::start("metrics-textfile", interval, work)? })
    }
}
