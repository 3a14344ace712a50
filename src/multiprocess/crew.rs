//! Threads that read many files at a time, each into room of its own.

use std::sync::OnceLock;
use std::thread;

use parking_lot::Mutex;

use super::reader::Room;

/// Fewer files than this are not worth a second thread.
const MANY: usize = 32;

/// So many files are read before what they hold is put in order.
const BATCH: usize = 64;

/// So many threads are as fast as the memory that they read from.
const THREADS: usize = 4;

/// Room for the bytes of a file, for each thread that reads any.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    rooms: Vec<Room>,
}

impl Crew {
    /// How many of `files` are best read at a time.
    pub(crate) fn batch(&self, files: usize) -> usize {
        if threads_for(files) == 1 { 1 } else { files.min(BATCH) }
    }

    /// The room of the thread that asks.
    pub(crate) fn room(&mut self) -> &mut Room {
        if self.rooms.is_empty() {
            self.rooms.push(Room::default());
        }
        &mut self.rooms[0]
    }

    /// Does something with each item, in no particular order.
    pub(crate) fn for_each<T: Send>(
        &mut self,
        items: &mut [T],
        work: impl Fn(&mut T, &mut Room) + Sync,
    ) {
        let threads = threads_for(items.len());
        self.rooms.resize_with(self.rooms.len().max(threads), Room::default);
        let left = Mutex::new(items.iter_mut());
        let work = |room: &mut Room| {
            loop {
                let item = left.lock().next();
                let Some(item) = item else { return };
                work(item, room);
            }
        };
        let mut rooms = self.rooms.iter_mut().take(threads);
        let own = rooms.next();
        thread::scope(|scope| {
            for room in rooms {
                // Without it there is less help, and no harm done.
                let _ = thread::Builder::new().spawn_scoped(scope, || work(room));
            }
            own.map(work);
        });
    }
}

fn threads_for(files: usize) -> usize {
    static AVAILABLE: OnceLock<usize> = OnceLock::new();

    if files < MANY {
        return 1;
    }
    let available = || thread::available_parallelism().map_or(1, usize::from);
    THREADS.min(*AVAILABLE.get_or_init(available))
}
