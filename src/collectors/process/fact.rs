//! The table of the standard process metrics.

use crate::model::MetricType;

/// One of the standard metrics of a process.
#[derive(Clone, Copy, Debug)]
// Other systems tell fewer of them.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
pub(super) enum Fact {
    VirtualMemory,
    ResidentMemory,
    StartTime,
    CpuSeconds,
    OpenFds,
    MaxFds,
    VirtualMemoryMax,
    Threads,
}

impl Fact {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::VirtualMemory => "process_virtual_memory_bytes",
            Self::ResidentMemory => "process_resident_memory_bytes",
            Self::StartTime => "process_start_time_seconds",
            Self::CpuSeconds => "process_cpu_seconds",
            Self::OpenFds => "process_open_fds",
            Self::MaxFds => "process_max_fds",
            Self::VirtualMemoryMax => "process_virtual_memory_max_bytes",
            Self::Threads => "process_threads",
        }
    }

    // Python's client says the same, so that dashboards of mixed fleets see one text.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::VirtualMemory => "Virtual memory size in bytes.",
            Self::ResidentMemory => "Resident memory size in bytes.",
            Self::StartTime => "Start time of the process since unix epoch in seconds.",
            Self::CpuSeconds => "Total user and system CPU time spent in seconds.",
            Self::OpenFds => "Number of open file descriptors.",
            Self::MaxFds => "Maximum number of open file descriptors.",
            Self::VirtualMemoryMax => "Maximum amount of virtual memory available in bytes.",
            Self::Threads => "Number of threads of the process.",
        }
    }

    pub(super) fn metric_type(self) -> MetricType {
        match self {
            Self::CpuSeconds => MetricType::Counter,
            _ => MetricType::Gauge,
        }
    }
}
