//! A wall clock that a process can set for itself: the one that its C library has gives way to this.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI64, Ordering};

/// By how many seconds the clock is ahead.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Sets the wall clock of this process ahead of that of the machine, or back.
pub(crate) fn set(seconds_ahead: i64) {
    AHEAD.store(seconds_ahead, Ordering::Relaxed);
}

/// What the standard library asks for the time, of which programs have but one.
// SAFETY: it does what the function of that name promises; a program's own goes
// before that of a shared library.
#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    // SAFETY: the caller says that `time` can be written to.
    let done = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: as above, and the kernel has just filled it.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::Relaxed) };
    }
    done
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use narthex::exposition::openmetrics;
    use narthex::multiprocess::{GaugeMode, MultiProcessCollector, MultiprocessStore, compact};
    use narthex::{Counter, Gauge};

    use super::set;

    const HOUR: i64 = 3600;

    /// One test, as there is but one clock.
    #[test]
    fn a_clock_that_is_set_back_makes_nothing_senseless() {
        let before = SystemTime::now();
        set(-HOUR);
        let back = before.duration_since(SystemTime::now()).unwrap();
        assert!(back > Duration::from_secs(3500) && back < Duration::from_secs(3700), "{back:?}");
        set(0);

        newest_and_earliest();
        files_of_python();
        set(0);
    }

    fn newest_and_earliest() {
        let dir = tempfile::tempdir().unwrap();
        let worker = |ahead| {
            set(ahead);
            let store = MultiprocessStore::open(dir.path()).unwrap();
            let gauge = Gauge::builder("g", "h").mode(GaugeMode::MostRecent).store(&store);
            let counter = Counter::builder("c", "h").store(&store).build().unwrap();
            counter.inc();
            (gauge.build().unwrap(), counter)
        };
        let shown = |ahead| {
            set(ahead);
            let merged = MultiProcessCollector::new(dir.path()).unwrap().folding(false);
            let text = openmetrics::encode(&merged).unwrap();
            assert_eq!(merged.damaged_files(), []);
            let sample = |name: &str| -> f64 {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_else(|| panic!("{text}")).trim().parse().unwrap()
            };
            (sample("g "), sample("c_created "))
        };

        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        let (first, ones) = worker(0);
        first.set(1);
        let (second, more) = worker(-2 * HOUR);
        // Two hours ago, as this worker has it.
        second.set(2);
        for reader in [0, -HOUR, HOUR, -80 * 365 * 24 * HOUR] {
            let (newest, created) = shown(reader);
            assert_eq!(newest, 1.0);
            // The earliest of both, however late it is for who reads.
            assert!((now - created - 7200.0).abs() < 60.0, "{created}");
        }
        // The clock of the first is set back, by less.
        set(-HOUR);
        first.set(3);
        assert_eq!(shown(0).0, 3.0);
        set(HOUR);
        second.set(4);
        assert_eq!(shown(-HOUR).0, 4.0);
        // Before 1970 there is no time that could be told, and no start time is better.
        let (third, _) = worker(-80 * 365 * 24 * HOUR);
        third.set(5);
        let (newest, created) = shown(0);
        assert_eq!(newest, 4.0);
        assert!((now - created - 7200.0).abs() < 60.0, "{created}");
        let all = shown(0);
        drop((first, ones, second, more, third));
        set(-HOUR);
        compact(dir.path()).unwrap();
        assert_eq!(shown(0), all);
    }

    /// An empty file is one that Python's client is about to fill, or what is left of it.
    fn files_of_python() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counter_7.db");
        File::create(&path).unwrap();
        let damaged = || {
            let merged = MultiProcessCollector::new(dir.path()).unwrap();
            narthex::exposition::text::encode(&merged).unwrap();
            merged.damaged_files().len()
        };
        for (ahead, expected) in [(0, 0), (-HOUR, 0), (-80 * 365 * 24 * HOUR, 0), (HOUR, 1)] {
            set(ahead);
            assert_eq!(damaged(), expected, "{ahead}");
        }
        set(0);
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        assert_eq!(damaged(), 0);
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        assert_eq!(damaged(), 1);
    }
}
