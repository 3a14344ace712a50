//! The memory of files in a model: words that become visible in any order that the machine allows.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::loom_sync::{AtomicU32, AtomicU64, Fault, fence, has};

/// The bytes at the begin of a file that are touched by fours: the count is among them.
const BY_FOURS: usize = 16;

/// Bytes that become visible at once: an aligned word is never torn.
enum Atom {
    Four(AtomicU32),
    Eight(AtomicU64),
}

impl Atom {
    fn len(&self) -> usize {
        match self {
            Self::Four(_) => 4,
            Self::Eight(_) => 8,
        }
    }

    fn load(&self) -> Vec<u8> {
        match self {
            Self::Four(word) => word.load(Ordering::Relaxed).to_ne_bytes().into(),
            Self::Eight(word) => word.load(Ordering::Relaxed).to_ne_bytes().into(),
        }
    }

    fn store(&self, bytes: &[u8]) {
        match self {
            Self::Four(word) => {
                word.store(u32::from_ne_bytes(bytes.try_into().expect("four")), Ordering::Relaxed);
            }
            Self::Eight(word) => {
                word.store(u64::from_ne_bytes(bytes.try_into().expect("eight")), Ordering::Relaxed);
            }
        }
    }
}

/// Bytes that are mapped at once.
struct Region {
    len: usize,
    atoms: Vec<(usize, Atom)>,
}

impl Region {
    fn new(start: usize, len: usize) -> Self {
        let mut atoms = Vec::new();
        let mut at = 0;
        while at < len {
            let by_fours = start + at < BY_FOURS;
            let atom = if by_fours {
                Atom::Four(AtomicU32::new(0))
            } else {
                Atom::Eight(AtomicU64::new(0))
            };
            let size = atom.len();
            atoms.push((at, atom));
            at += size;
        }
        Self { len, atoms }
    }

    /// The atoms that have some of these bytes.
    fn within(&self, at: usize, end: usize) -> impl Iterator<Item = &(usize, Atom)> {
        self.atoms.iter().filter(move |(begin, atom)| *begin < end && begin + atom.len() > at)
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        let end = at + into.len();
        for (begin, atom) in self.within(at, end) {
            for (place, byte) in atom.load().into_iter().enumerate() {
                if (at..end).contains(&(begin + place)) {
                    into[begin + place - at] = byte;
                }
            }
        }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        for (begin, atom) in self.within(at, end) {
            let is_whole = at <= *begin && begin + atom.len() <= end;
            // Only who writes these bytes reads them here.
            let mut whole = if is_whole { vec![0; atom.len()] } else { atom.load() };
            for (place, byte) in whole.iter_mut().enumerate() {
                if let Some(from) = (begin + place).checked_sub(at).and_then(|from| bytes.get(from))
                {
                    *byte = *from;
                }
            }
            atom.store(&whole);
        }
    }
}

/// What a file is, whatever its name.
type Node = (u64, u64);

thread_local! {
    // All threads of a model run on the thread that explores it.
    static FILES: RefCell<HashMap<Node, Vec<Arc<Region>>>> = RefCell::default();
    static LATE: RefCell<Vec<(Piece, Vec<u8>)>> = RefCell::default();
}

fn node(file: &File) -> io::Result<Node> {
    file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Some bytes of a file.
pub(super) struct Memory(Arc<Region>);

impl Memory {
    pub(super) fn map(file: &File, start: usize, len: usize) -> io::Result<Self> {
        let region = Arc::new(Region::new(start, len));
        let node = node(file)?;
        FILES.with_borrow_mut(|files| {
            let regions = files.entry(node).or_default();
            if start == 0 {
                regions.clear();
            }
            regions.push(region.clone());
        });
        Ok(Self(region))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len
    }

    pub(super) fn from(&self, at: usize) -> Piece {
        Piece { region: self.0.clone(), at, len: self.len() - at }
    }
}

/// Some mapped bytes.
#[derive(Clone)]
pub(super) struct Piece {
    region: Arc<Region>,
    at: usize,
    len: usize,
}

impl Piece {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn split_at(self, at: usize) -> (Self, Self) {
        let behind = Self { region: self.region.clone(), at: self.at + at, len: self.len - at };
        (Self { len: at, ..self }, behind)
    }

    pub(super) unsafe fn write(&self, bytes: &[u8]) {
        if has(Fault::LateBytes) {
            LATE.with_borrow_mut(|late| late.push((self.clone(), bytes.to_vec())));
        } else {
            self.region.write(self.at, bytes);
        }
    }

    pub(super) unsafe fn read(&self, into: &mut Vec<u8>) {
        let mut bytes = vec![0; self.len];
        self.region.read(self.at, &mut bytes);
        into.extend(bytes);
    }

    pub(super) fn word(&self) -> Word {
        Word { region: self.region.clone(), at: self.at }
    }

    pub(super) fn count(&self) -> Count {
        Count { region: self.region.clone(), at: self.at }
    }
}

/// Eight mapped bytes.
#[derive(Clone)]
pub(super) struct Word {
    region: Arc<Region>,
    at: usize,
}

impl Word {
    pub(super) unsafe fn atomic(&self) -> &AtomicU64 {
        let atom = self.region.atoms.iter().find(|(begin, _)| *begin == self.at);
        match atom {
            Some((_, Atom::Eight(word))) => word,
            _ => panic!("there is no word at {}", self.at),
        }
    }
}

/// Four mapped bytes.
pub(super) struct Count {
    region: Arc<Region>,
    at: usize,
}

impl Count {
    pub(super) unsafe fn store(&self, count: u32, order: Ordering) {
        match self.region.atoms.iter().find(|(begin, _)| *begin == self.at) {
            Some((_, Atom::Four(word))) => word.store(count, order),
            _ => panic!("there is no count at {}", self.at),
        }
        for (piece, bytes) in LATE.take() {
            piece.region.write(piece.at, &bytes);
        }
    }
}

/// A file as another process reads it.
///
/// What one call reads may be as old as the machine allows, word by word; what
/// is read by the next call is not older than what the one before has seen.
pub(crate) struct Opened {
    node: Node,
    at: usize,
}

impl Opened {
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { node: node(&File::open(path)?)?, at: 0 })
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let regions = FILES.with_borrow(|files| files.get(&self.node).cloned().unwrap_or_default());
        let mut begin = 0;
        for region in regions {
            let end = begin + region.len;
            if (begin..end).contains(&self.at) && !into.is_empty() {
                let len = into.len().min(end - self.at);
                region.read(self.at - begin, &mut into[..len]);
                fence(Ordering::Acquire);
                self.at += len;
                return Ok(len);
            }
            begin = end;
        }
        Ok(0)
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(at)
    }
}
