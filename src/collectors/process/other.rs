//! The process on systems without Linux's `/proc`: what safe calls can tell.

use super::fact::Fact;
use crate::error::Result;

/// The running process; no other can be asked.
#[derive(Debug, Default)]
pub(super) struct System;

impl System {
    pub(super) const FACTS: &'static [Fact] = &[
        #[cfg(target_os = "macos")]
        Fact::VirtualMemory,
        #[cfg(any(target_os = "macos", windows))]
        Fact::ResidentMemory,
        #[cfg(unix)]
        Fact::CpuSeconds,
        #[cfg(target_os = "macos")]
        Fact::OpenFds,
        #[cfg(unix)]
        Fact::MaxFds,
        #[cfg(unix)]
        Fact::VirtualMemoryMax,
    ];

    #[cfg_attr(not(any(unix, windows)), allow(clippy::unused_self, unused_variables))]
    pub(super) fn read(&self, tell: &mut dyn FnMut(Fact, f64) -> Result) -> Result {
        #[cfg(any(target_os = "macos", windows))]
        if let Some(memory) = memory_stats::memory_stats() {
            #[cfg(target_os = "macos")]
            tell(Fact::VirtualMemory, memory.virtual_mem as f64)?;
            tell(Fact::ResidentMemory, memory.physical_mem as f64)?;
        }
        #[cfg(unix)]
        unix(tell)?;
        Ok(())
    }
}

#[cfg(unix)]
fn unix(tell: &mut dyn FnMut(Fact, f64) -> Result) -> Result {
    use rustix::process::{Resource, getrlimit};
    use rustix::time::{ClockId, clock_gettime};

    let limit = |resource| getrlimit(resource).current.map_or(f64::INFINITY, |limit| limit as f64);
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    tell(Fact::CpuSeconds, cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9)?;
    // Elsewhere `/dev/fd` may show the standard streams alone.
    #[cfg(target_os = "macos")]
    if let Ok(files) = std::fs::read_dir("/dev/fd") {
        // The list holds the file that lists them.
        tell(Fact::OpenFds, files.flatten().count().saturating_sub(1) as f64)?;
    }
    tell(Fact::MaxFds, limit(Resource::Nofile))?;
    tell(Fact::VirtualMemoryMax, limit(Resource::As))
}
