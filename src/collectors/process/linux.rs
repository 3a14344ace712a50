//! The process as `/proc` shows it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use once_cell::sync::OnceCell;

use super::fact::Fact;
use crate::error::Result;

const ROOT: &str = "/proc";

/// Where the numbers are read, and what their units are worth.
pub(super) struct System {
    pub(super) root: PathBuf,
    pub(super) process: Process,
    pub(super) ticks_per_second: u64,
    pub(super) page_size: u64,
    // Read once: the kernel corrects it with the clock, and a start time must not move.
    boot_time: OnceCell<f64>,
}

pub(super) enum Process {
    Own,
    Id(u32),
    Provider(Box<dyn Fn() -> Option<u32> + Send + Sync>),
}

/// What is used of `/proc/<pid>/stat`.
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// What is used of `/proc/<pid>/limits`; a limit that is not set is infinite.
struct Limits {
    open_files: Option<f64>,
    address_space: Option<f64>,
}

impl Default for System {
    fn default() -> Self {
        Self {
            root: PathBuf::from(ROOT),
            process: Process::Own,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            page_size: rustix::param::page_size() as u64,
            boot_time: OnceCell::new(),
        }
    }
}

impl System {
    pub(super) const FACTS: &'static [Fact] = &[
        Fact::VirtualMemory,
        Fact::ResidentMemory,
        Fact::StartTime,
        Fact::CpuSeconds,
        Fact::OpenFds,
        Fact::MaxFds,
        Fact::VirtualMemoryMax,
        Fact::Threads,
    ];

    pub(super) fn read(&self, tell: &mut dyn FnMut(Fact, f64) -> Result) -> Result {
        let Some(folder) = self.folder() else { return Ok(()) };
        let stat = read(&folder.join("stat")).and_then(|text| Stat::parse(&text));
        let limits = read(&folder.join("limits")).map(|text| Limits::parse(&text));
        let ticks_per_second = self.ticks_per_second as f64;
        if let Some(stat) = &stat {
            tell(Fact::VirtualMemory, stat.virtual_bytes as f64)?;
            tell(Fact::ResidentMemory, stat.resident_pages as f64 * self.page_size as f64)?;
            if let Some(boot_time) = self.boot_time() {
                tell(Fact::StartTime, boot_time + stat.start_ticks as f64 / ticks_per_second)?;
            }
            tell(Fact::CpuSeconds, stat.cpu_ticks as f64 / ticks_per_second)?;
        }
        if let Some(limits) = limits {
            // Both or none: one alone would leave half of a ratio behind.
            if let (Some(open), Some(max)) = (self.open_fds(&folder), limits.open_files) {
                tell(Fact::OpenFds, open as f64)?;
                tell(Fact::MaxFds, max)?;
            }
            if let Some(max) = limits.address_space {
                tell(Fact::VirtualMemoryMax, max)?;
            }
        }
        if let Some(stat) = &stat {
            tell(Fact::Threads, stat.threads as f64)?;
        }
        Ok(())
    }

    fn folder(&self) -> Option<PathBuf> {
        let pid = match &self.process {
            Process::Own => return Some(self.root.join("self")),
            Process::Id(pid) => *pid,
            Process::Provider(provider) => provider()?,
        };
        Some(self.root.join(pid.to_string()))
    }

    fn boot_time(&self) -> Option<f64> {
        let read_it = || {
            let stat = read(&self.root.join("stat")).ok_or(())?;
            let line = stat.lines().find_map(|line| line.strip_prefix("btime "));
            line.and_then(|seconds| seconds.trim().parse().ok()).ok_or(())
        };
        self.boot_time.get_or_try_init(read_it).ok().copied()
    }

    fn open_fds(&self, folder: &Path) -> Option<usize> {
        let listed = fs::read_dir(folder.join("fd")).ok()?.flatten().count();
        // The list of our own files holds the one that lists them.
        let own = self.root == Path::new(ROOT)
            && (folder.ends_with("self") || folder.ends_with(std::process::id().to_string()));
        Some(listed.saturating_sub(usize::from(own)))
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("System");
        debug.field("root", &self.root);
        if let Process::Id(pid) = &self.process {
            debug.field("pid", pid);
        }
        debug.finish_non_exhaustive()
    }
}

impl Stat {
    /// Fields are counted as in [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), from 1.
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold any of them itself.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| -> Option<u64> { fields.get(number - 3)?.parse().ok() };
        Some(Self {
            cpu_ticks: field(14)?.checked_add(field(15)?)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

impl Limits {
    fn parse(text: &str) -> Self {
        let soft = |title: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(title))?;
            match line.split_ascii_whitespace().next()? {
                "unlimited" => Some(f64::INFINITY),
                limit => limit.parse().ok(),
            }
        };
        Self { open_files: soft("Max open files "), address_space: soft("Max address space ") }
    }
}

/// The file as text; the name of a program may be of any bytes.
fn read(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
