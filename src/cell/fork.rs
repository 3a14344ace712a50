//! What is done around a `fork`, and how threads keep it off while they are in the middle of something.
//!
//! A forked child has one thread, and the memory of all: a lock that another
//! thread held stays locked in it for ever. So whoever takes a lock that the
//! child would need takes a [`HoldOff`] first, and a `fork` waits until nobody
//! has one. Then the handlers run: [`AtFork::prepare`] in the parent, and
//! afterwards one of the two others on each side.
//!
//! A lock that is taken under a [`HoldOff`] is never held without one, and no
//! foreign code runs under it.
#![cfg_attr(all(unix, feature = "multiprocess"), allow(unsafe_code))]

#[cfg(all(unix, feature = "multiprocess"))]
pub(crate) use self::unix::{HoldOff, hold_off, register, try_hold_off};

/// What a part of the library does around a `fork`.
///
/// A child that goes on to `exec` another program runs its handlers, too. They
/// neither allocate nor free memory, as not every allocator can after a `fork`.
#[cfg(all(unix, feature = "multiprocess"))]
pub(crate) trait AtFork: Sync {
    /// In the parent before it, while nobody holds it off.
    fn prepare(&self);

    /// In the parent after it, whether it succeeded or not.
    fn parent(&self);

    /// In the child, before any other code of it.
    fn child(&self);
}

/// Where there is no `fork`, or no file that a child must not write to, nobody waits.
#[cfg(not(all(unix, feature = "multiprocess")))]
#[derive(Debug)]
pub(crate) struct HoldOff;

#[cfg(not(all(unix, feature = "multiprocess")))]
pub(crate) fn hold_off() -> HoldOff {
    HoldOff
}

#[cfg(all(not(unix), feature = "multiprocess"))]
pub(crate) fn try_hold_off() -> Option<HoldOff> {
    Some(HoldOff)
}

#[cfg(all(unix, feature = "multiprocess"))]
mod unix {
    use std::cell::Cell;
    use std::io;
    use std::marker::PhantomData;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use once_cell::sync::OnceCell;
    use parking_lot::Mutex;

    use super::AtFork;

    /// Threads are spread over so many counts.
    const COUNTS: usize = 16;

    /// How long who waits sleeps before it looks again.
    const PAUSE: Duration = Duration::from_micros(50);

    /// How many threads hold off a `fork`, apart from each other in the caches.
    static HOLDING: [Count; COUNTS] = [const { Count(AtomicUsize::new(0)) }; COUNTS];

    /// Whether a thread is about to `fork`, or just has.
    static FORKING: AtomicBool = AtomicBool::new(false);

    static HANDLERS: Mutex<Vec<&'static dyn AtFork>> = Mutex::new(Vec::new());

    #[repr(align(128))]
    struct Count(AtomicUsize);

    thread_local! {
        /// How often this thread holds it off, one inside the other.
        static DEPTH: Cell<usize> = const { Cell::new(0) };
        /// Whether the handlers run around a `fork` of this thread.
        static IS_FORKING: Cell<bool> = const { Cell::new(false) };
        static PLACE: usize = {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            NEXT.fetch_add(1, Ordering::Relaxed) % COUNTS
        };
    }

    /// Keeps other threads from forking until it is dropped.
    #[derive(Debug)]
    pub(crate) struct HoldOff {
        // It belongs to the thread.
        _thread: PhantomData<*const ()>,
    }

    /// Keeps other threads from forking; waits for one that is at it.
    pub(crate) fn hold_off() -> HoldOff {
        loop {
            if let Some(hold_off) = try_hold_off() {
                return hold_off;
            }
            while FORKING.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
            }
        }
    }

    /// The same; none if a thread is at it.
    pub(crate) fn try_hold_off() -> Option<HoldOff> {
        let depth = DEPTH.get();
        if depth == 0 {
            let count = PLACE.with(|place| &HOLDING[*place].0);
            // Either the forking thread sees the count, or this one sees that it forks.
            count.fetch_add(1, Ordering::SeqCst);
            if FORKING.load(Ordering::SeqCst) {
                count.fetch_sub(1, Ordering::SeqCst);
                return None;
            }
        }
        DEPTH.set(depth + 1);
        Some(HoldOff { _thread: PhantomData })
    }

    impl Drop for HoldOff {
        fn drop(&mut self) {
            let depth = DEPTH.get() - 1;
            DEPTH.set(depth);
            if depth == 0 {
                PLACE.with(|place| HOLDING[*place].0.fetch_sub(1, Ordering::SeqCst));
            }
        }
    }

    /// Lets a handler run around every `fork` from now on; not to be called
    /// while one is held off, as the C library has a lock of its own.
    pub(crate) fn register(handler: &'static dyn AtFork) -> io::Result<()> {
        static REGISTERED: OnceCell<()> = OnceCell::new();

        REGISTERED.get_or_try_init(|| {
            // SAFETY: the three are functions that live as long as this library; the C library
            // forgets them when it is unloaded.
            match unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        })?;
        let _hold_off = hold_off();
        HANDLERS.lock().push(handler);
        Ok(())
    }

    extern "C" fn prepare() {
        if DEPTH.get() > 0 {
            // A signal handler forks that has interrupted the library: the child has what
            // it has, and is told from its parent by its number alone.
            return;
        }
        while FORKING.swap(true, Ordering::SeqCst) {
            thread::sleep(PAUSE);
        }
        for count in &HOLDING {
            // What they are in the middle of is short, as a rule.
            let mut rounds = 0;
            while count.0.load(Ordering::SeqCst) > 0 {
                if rounds < 100 {
                    rounds += 1;
                    thread::yield_now();
                } else {
                    thread::sleep(PAUSE);
                }
            }
        }
        // The handlers need not wait for themselves.
        DEPTH.set(1);
        IS_FORKING.set(true);
        HANDLERS.lock().iter().rev().for_each(|handler| handler.prepare());
    }

    extern "C" fn parent() {
        if IS_FORKING.replace(false) {
            HANDLERS.lock().iter().for_each(|handler| handler.parent());
            end();
        }
    }

    extern "C" fn child() {
        if IS_FORKING.replace(false) {
            // Threads that were just about to see that this one forks are not here.
            HOLDING.iter().for_each(|count| count.0.store(0, Ordering::SeqCst));
            HANDLERS.lock().iter().for_each(|handler| handler.child());
            end();
        }
    }

    fn end() {
        DEPTH.set(0);
        FORKING.store(false, Ordering::SeqCst);
    }
}
