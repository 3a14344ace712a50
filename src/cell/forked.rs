//! What a forked child does to the files that its parent has mapped: it puts others under the same addresses.
//!
//! Nothing in here allocates or frees memory but [`Growing::land`].
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use super::growing::{Growing, allocate};
#[cfg(target_os = "linux")]
use super::growing::{Segment, Unpublished};

/// The bytes of a word.
const WORD: usize = size_of::<u64>();

impl Growing {
    /// Puts a file of this process under everything that is mapped, and
    /// memory if there is no such file. From here on nothing that is mapped is
    /// the parent's.
    ///
    /// The file has the bytes that are in use, those of `image` or else those
    /// of the parent's file, room for `spare` more if the parent's has it, and the
    /// name `hidden` until it is published.
    pub(super) fn leave(
        &mut self,
        hidden: Option<&Path>,
        image: Option<&[u8]>,
        spare: usize,
    ) -> io::Result<()> {
        // First, so that its number is free where the process may open no more.
        self.file = None;
        let len = (self.used + spare).next_multiple_of(rustix::param::page_size());
        let len = len.min(self.capacity);
        let file = match hidden {
            Some(hidden) => self.copy_to(hidden, len, image),
            None => Err(io::ErrorKind::StorageFull.into()),
        };
        match &file {
            Ok(file) => self.map_over(Some(file), len),
            Err(_) => self.map_over_memory(len, image),
        }
        self.capacity = len;
        self.segments.retain_mut(|segment| {
            segment.len = segment.len.min(len.saturating_sub(segment.start));
            segment.len > 0
        });
        // The parent may have appended by the time its count was copied.
        self.publish(self.used);
        file.map(|file| self.file = Some(file))
    }

    /// Gives the file that [`leave`](Self::leave) made its name; if that fails,
    /// nobody else sees it.
    pub(super) fn publish_as(&mut self, hidden: &Path, target: &Path) -> io::Result<()> {
        let done = fs::rename(hidden, target);
        if done.is_err() {
            let _ = fs::remove_file(hidden);
            self.file = None;
        }
        done
    }

    fn copy_to(&self, hidden: &Path, len: usize, image: Option<&[u8]>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(hidden)?;
        let copied = allocate(&file, 0, len).and_then(|()| match image {
            Some(image) => file.write_all_at(image, 0),
            None => self.write_used(&file),
        });
        match copied {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = fs::remove_file(hidden);
                Err(error)
            }
        }
    }

    /// Writes the bytes in use; of those that the parent changes, any may be an old one.
    fn write_used(&self, file: &File) -> io::Result<()> {
        let mut at = 0;
        while at < self.used {
            let piece = self.locate(at);
            let len = piece.len().min(self.used - at);
            // SAFETY: so many bytes are mapped there. They may change meanwhile, which is why
            // only the kernel reads them.
            let written = unsafe {
                libc::pwrite(file.as_raw_fd(), piece.as_ptr().cast(), len, at as libc::off_t)
            };
            match usize::try_from(written) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => at += written,
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Moves what is in memory into a file, while others write to it.
    ///
    /// A word that changes meanwhile, in memory and in the file, is left to
    /// `join`: the place of a word, what memory had at first, and at last.
    #[cfg(target_os = "linux")]
    pub(super) fn land(
        &mut self,
        path: &Path,
        join: impl Fn(&AtomicU64, usize, u64, u64),
    ) -> io::Result<()> {
        let unpublished = Unpublished::create(path)?;
        allocate(&unpublished.file, 0, self.capacity)?;
        let first: Vec<u64> = (0..self.used).step_by(WORD).map(|at| self.load(at)).collect();
        let bytes: Vec<u8> = first.iter().flat_map(|word| word.to_ne_bytes()).collect();
        unpublished.file.write_all_at(&bytes, 0)?;
        let file = unpublished.file.try_clone()?;
        let twins = self.segments.iter().map(Twin::of).collect::<io::Result<Vec<_>>>()?;
        self.map_over(Some(&file), self.capacity);
        // From here on nobody writes what the twins show, and whatever was written is there.
        for (place, &before) in first.iter().enumerate() {
            let at = place * WORD;
            let after = twins.iter().find_map(|twin| twin.word(at)).unwrap_or(before);
            if after != before {
                let word = self.atomic(at);
                let order = Ordering::Relaxed;
                if word.compare_exchange(before, after, order, order).is_err() {
                    join(word, at, before, after);
                }
            }
        }
        unpublished.publish(path)?;
        self.file = Some(file);
        Ok(())
    }

    /// Puts memory with the same bytes under everything that is mapped.
    fn map_over_memory(&mut self, len: usize, image: Option<&[u8]>) {
        let copy = map(None, len, None, 0).cast::<u64>();
        let words = self.used / WORD;
        for place in 0..words {
            let word = match image.and_then(|image| image[place * WORD..].first_chunk()) {
                Some(bytes) => u64::from_ne_bytes(*bytes),
                None => self.load(place * WORD),
            };
            // SAFETY: the copy is as long as all words together, and nobody else knows of it.
            unsafe { copy.add(place).write(word) };
        }
        self.map_over(None, len);
        for place in 0..words {
            // SAFETY: as above, and it was written.
            let word = unsafe { copy.add(place).read() };
            self.store(place * WORD, word);
        }
        // SAFETY: nobody else knows of the copy.
        unsafe { libc::munmap(copy.as_ptr().cast(), len) };
    }

    /// Replaces all mappings, up to `len` by the file or memory, behind that by nothing.
    fn map_over(&self, file: Option<&File>, len: usize) {
        for segment in &self.segments {
            let Some(start) = NonNull::new(segment.memory.as_ptr()) else { continue };
            let inside = len.saturating_sub(segment.start).min(segment.memory.len());
            if inside > 0 {
                map(Some(start), inside, file, segment.start);
            }
            if inside < segment.memory.len() {
                forbid(start, inside, segment.memory.len() - inside);
            }
        }
    }

    pub(super) fn load(&self, at: usize) -> u64 {
        self.atomic(at).load(Ordering::Relaxed)
    }

    pub(super) fn store(&self, at: usize, word: u64) {
        self.atomic(at).store(word, Ordering::Relaxed);
    }

    fn atomic(&self, at: usize) -> &AtomicU64 {
        // SAFETY: `word` gives an aligned word that stays mapped as long as `self`; other
        // processes and threads touch it as an atomic, if at all.
        unsafe { AtomicU64::from_ptr(self.word(at).as_ptr()) }
    }
}

/// Another mapping of the memory of a segment.
#[cfg(target_os = "linux")]
struct Twin {
    start: usize,
    len: usize,
    words: NonNull<u64>,
}

#[cfg(target_os = "linux")]
impl Twin {
    fn of(segment: &Segment) -> io::Result<Self> {
        let &Segment { start, len, ref memory } = segment;
        // SAFETY: an old size of 0 leaves the mapping as it is, and maps its shared memory
        // once more, anywhere.
        let words = unsafe { libc::mremap(memory.as_ptr().cast(), 0, len, libc::MREMAP_MAYMOVE) };
        match NonNull::new(words) {
            Some(place) if words != libc::MAP_FAILED => {
                Ok(Self { start, len, words: place.cast() })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The word at a place of the file, if it is in here.
    fn word(&self, at: usize) -> Option<u64> {
        let at = at.checked_sub(self.start).filter(|at| *at < self.len)?;
        // SAFETY: the word is inside of the mapping, aligned, and nobody writes to it.
        Some(unsafe { self.words.add(at / WORD).read() })
    }
}

#[cfg(target_os = "linux")]
impl Drop for Twin {
    fn drop(&mut self) {
        // SAFETY: nobody else knows of this mapping.
        unsafe { libc::munmap(self.words.as_ptr().cast(), self.len) };
    }
}

/// Maps a part of a file, or memory, in place of what is mapped at `at`, or anywhere.
///
/// Where a mapping was, another can be, so this fails only if the kernel has no
/// memory for its own tables. The process ends then: going on would mean to
/// write into what belongs to another one.
fn map(at: Option<NonNull<u8>>, len: usize, file: Option<&File>, offset: usize) -> NonNull<u8> {
    let fixed = if at.is_some() { libc::MAP_FIXED } else { 0 };
    let (home, fd) = match file {
        Some(file) => (libc::MAP_SHARED, file.as_raw_fd()),
        None => (MEMORY | libc::MAP_ANON, -1),
    };
    let address = at.map_or(ptr::null_mut(), |at| at.as_ptr().cast());
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: `at` is a mapping of `Growing` that is at least as long, and what refers to it
    // takes any bytes: atomics, and copies under a lock that nobody holds.
    let mapped =
        unsafe { libc::mmap(address, len, access, home | fixed, fd, offset as libc::off_t) };
    checked(mapped)
}

/// Shared, so that it can be mapped twice when it moves into a file.
const MEMORY: i32 = if cfg!(target_os = "linux") { libc::MAP_SHARED } else { libc::MAP_PRIVATE };

/// Takes away a part of a mapping of which nothing is in use.
fn forbid(start: NonNull<u8>, from: usize, len: usize) {
    let kind = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED;
    // SAFETY: this part belongs to a mapping of `Growing`, and nobody was given a place in it.
    let mapped = unsafe {
        let address = start.add(from).as_ptr().cast();
        libc::mmap(address, len, libc::PROT_NONE, kind, -1, 0)
    };
    checked(mapped);
}

fn checked(mapped: *mut c_void) -> NonNull<u8> {
    match NonNull::new(mapped) {
        Some(place) if mapped != libc::MAP_FAILED => place.cast(),
        _ => std::process::abort(),
    }
}
