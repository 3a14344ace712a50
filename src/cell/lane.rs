//! A number in a shared file that threads add to, each in a row of its own.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::ptr;
use std::sync::atomic::Ordering;

use super::float::add_among_all;
use super::fork::hold_off;
use super::memory::Word;
use super::places::Fixed;
use super::slab::{Block, Cells};
use super::sync::{AtomicU64, Mutex};

/// The most additions that are made in the row of all before there is another try to get one.
const MOST_PATIENCE: u32 = 1 << 12;

/// The end of a key whose number has one row, to which all threads add. Readers take it for the
/// key without the space.
pub(crate) const IN_ONE_ROW: &str = " ]";

/// Whether threads have rows of their own of the number of a key, where numbers have those.
pub(super) fn may_split(key: &[u8]) -> bool {
    !key.ends_with(IN_ONE_ROW.as_bytes())
}

/// A number that is the sum of rows under one key.
///
/// A thread takes a row when it first adds, and from then on is its only
/// writer: it adds with a plain load and store. Threads without cells of their
/// own, and those that find no room for a row, share one, for which there is
/// room as soon as there are several threads. If there was none then, amounts
/// wait in memory until the writer of some row adds again, and shares it.
pub(super) struct Lane {
    /// Where the row of a thread is, or the one of all: its address, or 0.
    own: Block<Fixed<1>>,
    rows: Mutex<Rows>,
}

struct Rows {
    rows: Vec<Row>,
    /// What found no place in any row.
    in_memory: f64,
    patience: Patience,
}

struct Row {
    value: Word,
    writer: Writer,
    /// Whether it was reset and its writer has not heard of it.
    is_past: bool,
    /// Whether its writer is to share it as soon as it comes by.
    is_wanted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Nobody,
    /// Who has this cell as its own.
    Cell(*const AtomicU64),
    All,
}

/// When to try again what has failed.
#[derive(Default)]
pub(super) struct Patience {
    left: u32,
    next: u32,
}

/// For whom a row is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    ForOne,
    /// For all that have none. Room for it is put aside, as far as there was any.
    ForAll,
}

// SAFETY: words are only touched as atomics, from whichever thread; whoever holds a lane
// holds the file that they are mapped from. The address of a cell is compared and, as
// cells are never freed, used to reach it.
unsafe impl Send for Lane {}
// SAFETY: as for `Send`.
unsafe impl Sync for Lane {}

impl Lane {
    /// On rows that nobody writes.
    pub(super) fn on(rows: impl IntoIterator<Item = Word>) -> Self {
        let rows = rows.into_iter().map(Row::new).collect();
        let rows = Rows { rows, in_memory: 0.0, patience: Patience::default() };
        Self { own: Block::new(Fixed), rows: Mutex::new(rows) }
    }

    /// Adds to the number; `make` makes a row if one is wanted.
    #[inline]
    pub(super) fn add(&self, amount: f64, make: impl Fn(Wanted) -> io::Result<Word>) {
        match self.own.own().map(|cells| cells[0].load(Ordering::Relaxed)) {
            // SAFETY: the calling thread has put it there.
            Some(address @ 1..) => unsafe { add_alone(at(address), amount) },
            _ => self.add_slowly(amount, make),
        }
    }

    pub(super) fn get(&self) -> f64 {
        let _hold_off = hold_off();
        let rows = self.rows.lock();
        let counted = rows.rows.iter().filter(|row| !row.is_past);
        counted.fold(rows.in_memory, |sum, row| {
            sum + f64::from_bits(row.value().load(Ordering::Acquire))
        })
    }

    /// Begins anew at zero.
    ///
    /// If a thread is adding at this very moment, other processes may see
    /// what its row had until it adds again.
    pub(super) fn reset(&self) {
        let _hold_off = hold_off();
        let rows = &mut *self.rows.lock();
        rows.in_memory = 0.0;
        let own = self.own.own().map(|cells| ptr::from_ref(&cells[0]));
        for row in &mut rows.rows {
            match row.writer {
                Writer::Cell(cell) if Some(cell) != own => {
                    // Its writer comes here before it adds again.
                    // SAFETY: cells are never freed, and this one is of the block until the
                    // lane is dropped.
                    unsafe { &*cell }.store(0, Ordering::Relaxed);
                    row.is_past = true;
                }
                _ => {}
            }
            row.value().store(0, Ordering::Relaxed);
        }
    }

    /// Whether a part of it is in memory, where no other process sees it.
    pub(super) fn is_short(&self) -> bool {
        let _hold_off = hold_off();
        self.rows.lock().in_memory != 0.0
    }

    /// Moves that part into a row, if there is room for one by now.
    pub(super) fn file_amount(&self, make: impl Fn(Wanted) -> io::Result<Word>) {
        let _hold_off = hold_off();
        let rows = &mut *self.rows.lock();
        let amount = mem::take(&mut rows.in_memory);
        if amount != 0.0 {
            self.add_for_all(rows, amount, make);
        }
    }

    /// In a forked child: forgets what the parent has counted in memory.
    #[cfg(all(unix, not(loom)))]
    pub(super) fn leave_parent(&self) {
        self.rows.lock().in_memory = 0.0;
    }

    #[cold]
    fn add_slowly(&self, amount: f64, make: impl Fn(Wanted) -> io::Result<Word>) {
        let cells = self.own.touch();
        if let Cells::Shared([cell, ..]) = cells {
            // Acquire: with the address its row is seen.
            if let address @ 1.. = cell.load(Ordering::Acquire) {
                // SAFETY: it was put there as the address of the row of all.
                return add_among_all(unsafe { at(address) }, amount);
            }
        }
        let _hold_off = hold_off();
        let rows = &mut *self.rows.lock();
        let amount = amount + mem::take(&mut rows.in_memory);
        if let Cells::Own([cell, ..]) = cells {
            if let Some(row) = rows.of(cell, &make) {
                cell.store(address(row.value()), Ordering::Relaxed);
                return add_alone(row.value(), amount);
            }
        }
        self.add_for_all(rows, amount, make);
    }

    fn add_for_all(&self, rows: &mut Rows, amount: f64, make: impl Fn(Wanted) -> io::Result<Word>) {
        match rows.of_all(make) {
            Some(row) => {
                add_among_all(row.value(), amount);
                if let [cell, ..] = self.own.shared() {
                    cell.store(address(row.value()), Ordering::Release);
                }
            }
            None => {
                rows.in_memory = amount;
                rows.want_one();
            }
        }
    }
}

impl Rows {
    /// The row of the thread that has this cell.
    fn of(&mut self, cell: &AtomicU64, make: impl Fn(Wanted) -> io::Result<Word>) -> Option<&Row> {
        let own = Writer::Cell(cell);
        let is_shared = self.rows.iter().any(|row| row.writer == Writer::All);
        let place = |writer| self.rows.iter().position(|row| row.writer == writer);
        let place = match place(own).or_else(|| place(Writer::Nobody)) {
            Some(place) => place,
            None => {
                if self.patience.is_asked() {
                    return None;
                }
                let made = make(Wanted::ForOne);
                self.patience.learn(made.is_ok());
                self.push(made.ok()?)
            }
        };
        let row = &mut self.rows[place];
        row.writer = own;
        if mem::take(&mut row.is_past) {
            row.value().store(0, Ordering::Relaxed);
        }
        if mem::take(&mut row.is_wanted) && !is_shared {
            row.writer = Writer::All;
            return None;
        }
        Some(row)
    }

    /// Has whoever adds next come here, to share the row that it has with all.
    ///
    /// Until then the row is its own: nobody knows whether it is adding just now.
    fn want_one(&mut self) {
        for row in &mut self.rows {
            if let Writer::Cell(cell) = row.writer {
                // SAFETY: cells are never freed, and this one is of the block until the
                // lane is dropped.
                unsafe { &*cell }.store(0, Ordering::Relaxed);
                row.is_wanted = true;
            }
        }
    }

    /// The row of all.
    fn of_all(&mut self, make: impl Fn(Wanted) -> io::Result<Word>) -> Option<&Row> {
        let place = match self.rows.iter().position(|row| row.writer == Writer::All) {
            Some(place) => place,
            None => {
                let free = self.rows.iter().position(|row| row.writer == Writer::Nobody);
                free.map_or_else(|| make(Wanted::ForAll).map(|row| self.push(row)), Ok).ok()?
            }
        };
        let row = &mut self.rows[place];
        row.writer = Writer::All;
        Some(row)
    }

    fn push(&mut self, value: Word) -> usize {
        self.rows.push(Row::new(value));
        self.rows.len() - 1
    }
}

impl Row {
    fn new(value: Word) -> Self {
        Self { value, writer: Writer::Nobody, is_past: false, is_wanted: false }
    }

    fn value(&self) -> &AtomicU64 {
        // SAFETY: it is an aligned word of a mapping that whoever holds the lane keeps mapped,
        // and it is published, so that nothing but atomics touches it.
        unsafe { self.value.atomic() }
    }
}

impl Patience {
    /// Whether it is too early for another try.
    pub(super) fn is_asked(&mut self) -> bool {
        let is_asked = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_asked
    }

    pub(super) fn learn(&mut self, has_worked: bool) {
        self.next = if has_worked { 0 } else { (self.next * 2).clamp(1, MOST_PATIENCE) };
        self.left = self.next;
    }
}

/// Adds to a row that nobody else writes.
#[inline]
fn add_alone(value: &AtomicU64, amount: f64) {
    let sum = f64::from_bits(value.load(Ordering::Relaxed)) + amount;
    value.store(sum.to_bits(), Ordering::Relaxed);
}

fn address(value: &AtomicU64) -> u64 {
    ptr::from_ref(value).expose_provenance() as u64
}

/// # Safety
/// It is the [`address`] of a row of a lane that lives as long.
unsafe fn at<'a>(address: u64) -> &'a AtomicU64 {
    // SAFETY: promised by the caller.
    unsafe { &*ptr::with_exposed_provenance(address as usize) }
}
