//! The memory that a file is mapped into: the one place where its bytes are touched.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::sync::AtomicU64;

/// Some bytes of a file, mapped until this is dropped.
pub(super) struct Memory(MmapRaw);

impl Memory {
    /// Maps bytes that are allocated.
    pub(super) fn map(file: &File, start: usize, len: usize) -> io::Result<Self> {
        if cfg!(miri) {
            // It has no files in memory; what is done to the bytes it can judge all the same.
            return MmapOptions::new().len(len).map_anon().map(|map| Self(map.into()));
        }
        MmapOptions::new().offset(start as u64).len(len).map_raw(file).map(Self)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where it is mapped.
    #[cfg(unix)]
    pub(super) fn as_ptr(&self) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    /// The bytes from `at` on.
    pub(super) fn from(&self, at: usize) -> Piece {
        assert!(at < self.len());
        let start = self.0.as_mut_ptr().wrapping_add(at);
        let start = NonNull::new(start).expect("a mapping is not at address 0");
        Piece { start, len: self.len() - at }
    }
}

/// Some mapped bytes. What is done to them is sound as long as they stay mapped.
#[derive(Clone)]
pub(super) struct Piece {
    start: NonNull<u8>,
    len: usize,
}

impl Piece {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(unix)]
    pub(super) fn as_ptr(&self) -> *const u8 {
        self.start.as_ptr()
    }

    /// The bytes before `at` and those from there on.
    pub(super) fn split_at(self, at: usize) -> (Self, Self) {
        assert!(at <= self.len);
        // SAFETY: `at` is within the piece or its end.
        let behind = unsafe { self.start.add(at) };
        (Self { start: self.start, len: at }, Self { start: behind, len: self.len - at })
    }

    /// Writes as many bytes as the piece has.
    ///
    /// # Safety
    /// The bytes are mapped, and nothing in this process reads or writes them meanwhile.
    pub(super) unsafe fn write(&self, bytes: &[u8]) {
        assert!(bytes.len() == self.len);
        // SAFETY: both have the same length; the rest is promised by the caller.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr(), self.len) };
    }

    /// Appends its bytes to `into`.
    ///
    /// # Safety
    /// The bytes are mapped, and nothing writes to them meanwhile.
    pub(super) unsafe fn read(&self, into: &mut Vec<u8>) {
        // SAFETY: promised by the caller.
        into.extend_from_slice(unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.len)
        });
    }

    /// Its first eight bytes, which are aligned.
    pub(super) fn word(&self) -> Word {
        assert!(self.len >= size_of::<AtomicU64>());
        Word(self.start.cast())
    }

    /// Its first four bytes, which are aligned.
    pub(super) fn count(&self) -> Count {
        assert!(self.len >= size_of::<AtomicU32>());
        Count(self.start.cast())
    }
}

/// Eight mapped bytes.
#[derive(Clone)]
pub(super) struct Word(NonNull<u64>);

impl Word {
    #[cfg(unix)]
    pub(super) fn as_ptr(&self) -> *mut u64 {
        self.0.as_ptr()
    }

    /// # Safety
    /// The bytes are mapped as long as what this gives lives, and are touched as an atomic alone.
    pub(super) unsafe fn atomic(&self) -> &AtomicU64 {
        // SAFETY: they are aligned; the rest is promised by the caller.
        unsafe { AtomicU64::from_ptr(self.0.as_ptr()) }
    }
}

/// Four mapped bytes.
pub(super) struct Count(NonNull<u32>);

impl Count {
    /// # Safety
    /// The bytes are mapped, and nothing touches them meanwhile but as an atomic.
    pub(super) unsafe fn store(&self, count: u32, order: Ordering) {
        // SAFETY: they are aligned; the rest is promised by the caller.
        unsafe { AtomicU32::from_ptr(self.0.as_ptr()) }.store(count, order);
    }
}
