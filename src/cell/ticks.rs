//! The counter of the processor by which the kernel tells the time, if it does.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod counter {
    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

    /// Ticks since some moment.
    #[inline]
    pub(crate) fn ticks() -> u64 {
        // SAFETY: it reads a register, and no memory. Where a process may not read
        // it, the kernel's clock, which reads it in the process, fails as well.
        unsafe { core::arch::x86_64::_rdtsc() }
    }

    /// Whether the kernel tells the time by these ticks: it does so only while it
    /// finds them steady and alike on all processors.
    pub(crate) fn are_time() -> bool {
        std::fs::read_to_string(SOURCE).is_ok_and(|source| source.trim_end() == "tsc")
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod counter {
    pub(crate) fn ticks() -> u64 {
        0
    }

    pub(crate) fn are_time() -> bool {
        false
    }
}

pub(crate) use self::counter::{are_time, ticks};
