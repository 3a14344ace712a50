//! A file that grows under its mapping: nothing that is mapped ever moves.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::memory::{Memory, Piece, Word};

/// The size of a new file; it doubles whenever it is full. Where tests are slow, that is soon.
const FIRST_CAPACITY: usize = if cfg!(any(loom, miri)) { 1 << 6 } else { 1 << 16 };

/// A file that is appended to, mapped in segments that are never unmapped.
pub(super) struct Growing {
    /// None in a forked child that could not make one: see `forked.rs`.
    pub(super) file: Option<File>,
    /// Where the file says how many bytes are in use, and in which order of bytes.
    count_at: usize,
    order: fn(u32) -> u32,
    pub(super) used: usize,
    pub(super) capacity: usize,
    // In the order of the file, without gaps.
    pub(super) segments: Vec<Segment>,
}

pub(super) struct Segment {
    pub(super) start: usize,
    /// How much of the memory is in use, from its beginning.
    pub(super) len: usize,
    pub(super) memory: Memory,
}

impl Growing {
    /// Creates a file that readers see with its head or not at all.
    ///
    /// In the head, the four bytes at `count_at` are to say how many bytes are
    /// in use, in the order that `order` makes of the machine's. Fails if there
    /// is a file of that name.
    pub(super) fn create(
        path: &Path,
        head: &[u8],
        count_at: usize,
        order: fn(u32) -> u32,
    ) -> io::Result<Self> {
        let unpublished = Unpublished::create(path)?;
        let growing = Self::on(unpublished.file.try_clone()?, head, count_at, order)?;
        unpublished.publish(path)?;
        Ok(growing)
    }

    /// Lays out an empty file.
    pub(super) fn on(
        file: File,
        head: &[u8],
        count_at: usize,
        order: fn(u32) -> u32,
    ) -> io::Result<Self> {
        assert!(count_at % size_of::<u32>() == 0 && count_at + 4 <= head.len());
        allocate(&file, 0, FIRST_CAPACITY)?;
        let (file, segments) = (Some(file), Vec::new());
        let mut growing = Self { file, count_at, order, used: 0, capacity: 0, segments };
        growing.map_up_to(FIRST_CAPACITY)?;
        growing.append(head)?;
        Ok(growing)
    }

    /// Adds bytes, which readers see whole or not at all; says where they stand.
    ///
    /// An error leaves the file as it was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.used;
        let end = self.reserve(bytes.len())?;
        let mut rest = bytes;
        for piece in self.pieces(at, bytes.len()) {
            let (now, later) = rest.split_at(piece.len());
            // SAFETY: the piece is mapped. Nothing refers to its bytes: they are not
            // published, so nobody was given their place, and `&mut self` is the only
            // way to here.
            unsafe { piece.write(now) };
            rest = later;
        }
        self.publish(end);
        Ok(at)
    }

    /// Makes room for so many more bytes, without moving what is mapped; says where they end.
    pub(super) fn reserve(&mut self, len: usize) -> io::Result<usize> {
        let end = self.used.checked_add(len).filter(|&end| i32::try_from(end).is_ok());
        let Some(end) = end else {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file has no more room"));
        };
        let file = match &self.file {
            None if len > 0 => return Err(io::ErrorKind::StorageFull.into()),
            None => return Ok(end),
            Some(file) => file,
        };
        let mut capacity = self.capacity;
        while capacity < end {
            capacity *= 2;
        }
        if capacity > self.capacity {
            allocate(file, self.capacity, capacity)?;
            self.map_up_to(capacity)?;
        }
        Ok(end)
    }

    /// Whether what is mapped is memory, and no file that others could read.
    pub(super) fn is_adrift(&self) -> bool {
        self.file.is_none()
    }

    /// Copies bytes that were appended, and that nobody writes any more.
    ///
    /// # Safety
    /// Nothing writes to these bytes while they are copied.
    pub(super) unsafe fn read(&self, at: usize, len: usize) -> Option<Vec<u8>> {
        if at.checked_add(len)? > self.used {
            return None;
        }
        let mut bytes = Vec::with_capacity(len);
        for piece in self.pieces(at, len) {
            // SAFETY: the piece is mapped, and the caller promises that nobody writes to it.
            unsafe { piece.read(&mut bytes) };
        }
        Some(bytes)
    }

    /// The aligned eight bytes at `at`, which is inside the file.
    pub(super) fn word(&self, at: usize) -> Word {
        // Segments begin and end on multiples of eight, so a word never straddles two.
        assert!(at % size_of::<u64>() == 0);
        self.locate(at).word()
    }

    /// Where the bytes from `at` on are mapped.
    pub(super) fn pieces(&self, mut at: usize, len: usize) -> Vec<Piece> {
        let end = at + len;
        let mut pieces = Vec::with_capacity(1);
        while at < end {
            let piece = self.locate(at);
            let len = piece.len().min(end - at);
            pieces.push(piece.split_at(len).0);
            at += len;
        }
        pieces
    }

    fn map_up_to(&mut self, capacity: usize) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::StorageFull.into()) };
        let (start, len) = (self.capacity, capacity - self.capacity);
        let memory = Memory::map(file, start, len)?;
        self.segments.push(Segment { start, len, memory });
        self.capacity = capacity;
        Ok(())
    }

    /// Tells readers how many bytes are in use, after these bytes were written.
    pub(super) fn publish(&mut self, used: usize) {
        let count = self.locate(self.count_at).count();
        // Release: pairs with how a reader reads the count before what it counts.
        // SAFETY: these four bytes of the head are mapped, and only ever written here once
        // the head is there.
        unsafe { count.store((self.order)(used as u32), Ordering::Release) };
        self.used = used;
    }

    /// The bytes from `at` to the end of what is in use of their segment.
    pub(super) fn locate(&self, at: usize) -> Piece {
        assert!(at < self.capacity);
        let place = self.segments.partition_point(|segment| segment.start <= at) - 1;
        let Segment { start, len, memory } = &self.segments[place];
        memory.from(at - start).split_at(start + len - at).0
    }
}

/// A file under a name that no reader looks at; removed unless it is published.
pub(super) struct Unpublished {
    pub(super) file: File,
    path: PathBuf,
}

impl Unpublished {
    pub(super) fn create(target: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{:016x}", RandomState::new().hash_one(target)));
        let path = target.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// Gives the file its name, unless that is taken.
    pub(super) fn publish(&self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // Not every file system has links.
                if target.try_exists()? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(&self.path, target)
            }
            done => done,
        }
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        // Renamed or not, nobody misses it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes `file` longer, with space on the disk for every byte: a full disk is an
/// error here, and would be a fatal signal at the first write to a mapped hole.
pub(super) fn allocate(file: &File, from: usize, to: usize) -> io::Result<()> {
    let (from, to) = (from as u64, to as u64);
    let allocated = reserve(file, from, to).and_then(|reserved| match reserved {
        true => file.set_len(to),
        false => fill(file, from, to),
    });
    if allocated.is_err() {
        let _ = file.set_len(from);
    }
    allocated
}

/// Asks the file system for the space; false if it cannot say.
#[cfg(all(
    not(miri),
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    )
))]
fn reserve(file: &File, from: u64, to: u64) -> io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::{Errno, retry_on_intr};

    const UNABLE: [Errno; 4] = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];

    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), from, to - from)) {
        Ok(()) => Ok(true),
        Err(error) if UNABLE.contains(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(
    miri,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    ))
))]
fn reserve(_: &File, _: u64, _: u64) -> io::Result<bool> {
    Ok(false)
}

fn fill(mut file: &File, from: u64, to: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut io::repeat(0).take(to - from), &mut file).map(|_| ())
}
