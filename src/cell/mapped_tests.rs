//! Files of cells, read back as another process would read them.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

/// What another process reads: each key with its value and timestamp.
fn read(path: &Path) -> Vec<(Vec<u8>, f64, f64)> {
    let used = i32_at(&fs::read(path).unwrap(), 0);
    let bytes = fs::read(path).unwrap();
    let mut entries = Vec::new();
    let mut at = 8;
    while at < used {
        let len = i32_at(&bytes, at);
        let key = bytes[at + 4..at + 4 + len].to_vec();
        let numbers = at + 4 + len + (8 - (4 + len) % 8);
        assert!(bytes[at + 4 + len..numbers].iter().all(|&byte| byte == b' '));
        entries.push((key, f64_at(&bytes, numbers), f64_at(&bytes, numbers + 8)));
        at = numbers + 16;
    }
    assert_eq!(at, used);
    entries
}

fn i32_at(bytes: &[u8], at: usize) -> usize {
    i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()).try_into().unwrap()
}

fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn an_entry_is_laid_out_as_the_format_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counter_1.db");
    let file = MappedFile::create(&path).unwrap();
    file.cell(b"abcd").unwrap().set_at(1.5, 2.5);

    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 65536);
    // 4 for the length, 4 for the key, a full 8 of padding since it is never 0, 16 for the numbers.
    let mut expected = Vec::new();
    expected.extend(40i32.to_ne_bytes());
    expected.extend([0; 4]);
    expected.extend(4i32.to_ne_bytes());
    expected.extend(b"abcd        ");
    expected.extend(1.5f64.to_ne_bytes());
    expected.extend(2.5f64.to_ne_bytes());
    assert_eq!(bytes[..40], expected);
    assert!(bytes[40..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_key_has_one_cell() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let file = MappedFile::create(&path).unwrap();
    let first = file.cell(b"key").unwrap();
    first.add(2.0);
    let second = file.cell(b"key").unwrap();
    second.add(0.25);
    drop(file);
    assert_eq!(first.get(), 2.25);
    second.set(-1.0);
    assert_eq!(read(&path), [(b"key".to_vec(), -1.0, 0.0)]);
    assert_eq!(first.timestamp(), 0.0);
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    fs::write(&path, "taken").unwrap();
    let error = MappedFile::create(&path).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"taken");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn growing_moves_no_cell() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let file = MappedFile::create(&path).unwrap();
    let mut cells = Vec::new();
    let mut expected = Vec::new();
    // Lengths of every residue mod 8, so that keys and pairs of numbers straddle segments.
    for n in 0..3000usize {
        let mut key = format!("key {n} ").into_bytes();
        key.resize(60 + n % 41, b'k');
        cells.push(file.cell(&key).unwrap());
        expected.push((key, n as f64, n as f64 + 0.5));
    }
    for (n, cell) in cells.iter().enumerate() {
        cell.set_at(n as f64, n as f64 + 0.5);
    }
    assert_eq!(read(&path), expected);
    // 3000 entries of about 104 bytes, so between 2^18 and 2^19.
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 19);
}

#[test]
fn the_numbers_of_one_entry_may_lie_in_two_segments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let file = MappedFile::create(&path).unwrap();
    // 8 + 4 + n + padding = 65528: the value ends with the first segment.
    let key = vec![b'k'; 65528 - 8 - 4 - 4];
    file.cell(&key).unwrap().set_at(3.0, 4.0);
    assert_eq!(read(&path), [(key, 3.0, 4.0)]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_grow_stays_sound() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let memory: File = memfd_create("cells", MemfdFlags::ALLOW_SEALING).unwrap().into();
    let view = memory.try_clone().unwrap();
    let file = MappedFile::on(Growing::on(memory, &HEADER, 0, identity).unwrap(), None);
    let cell = file.cell(b"first").unwrap();
    fcntl_add_seals(&view, SealFlags::GROW).unwrap();
    assert!(file.cell(&[b'k'; 70_000]).is_err());
    cell.add(1.0);
    file.cell(b"second").unwrap().add(2.0);
    assert!(file.cell(&[b'k'; 70_000]).is_err());

    let mut bytes = vec![0; 65536];
    std::os::unix::fs::FileExt::read_exact_at(&view, &mut bytes, 0).unwrap();
    // 8 + (4 + 5 + 7 + 16) + (4 + 6 + 6 + 16)
    assert_eq!(i32_at(&bytes, 0), 72);
    assert_eq!((f64_at(&bytes, 24), f64_at(&bytes, 56)), (1.0, 2.0));
    assert_eq!(view.metadata().unwrap().len(), 65536);
}

#[test]
fn readers_meet_no_torn_entry_while_threads_append_and_add() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 1500;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let file = MappedFile::create(&path).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut before: Vec<(Vec<u8>, f64, f64)> = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let now = read(&path);
                assert!(now.len() >= before.len());
                for (old, new) in before.iter().zip(&now) {
                    assert_eq!(old.0, new.0);
                    assert!(old.1 <= new.1, "{} then {}", old.1, new.1);
                }
                for (key, ..) in &now {
                    let text = std::str::from_utf8(key).unwrap();
                    assert!(text == "shared" || text.starts_with("own "), "{text:?}");
                }
                before = now;
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let file = &file;
                scope.spawn(move || {
                    let shared = file.cell(b"shared").unwrap();
                    for round in 0..ROUNDS {
                        shared.add(1.0);
                        file.cell(format!("own {thread} {round}").as_bytes()).unwrap().add(2.0);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });

    let entries = read(&path);
    assert_eq!(entries.len(), 1 + THREADS * ROUNDS);
    let (shared, own): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, ..)| key == b"shared");
    assert_eq!(shared[0].1, (THREADS * ROUNDS) as f64);
    assert!(own.iter().all(|(_, value, _)| *value == 2.0));
}

#[test]
fn each_thread_adds_in_a_row_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counter_1.db");
    let file = MappedFile::create_with_lanes(&path, Box::new(|_, _| true)).unwrap();
    let cell = file.cell(b"key").unwrap();
    cell.add(0.5);
    cell.add(1.0);
    let row = |value| (b"key".to_vec(), value, 0.0);
    assert_eq!(read(&path), [row(1.5)]);
    thread::scope(|scope| {
        scope.spawn(|| {
            cell.add(2.0);
            // The same number, whoever asks for it.
            file.cell(b"key").unwrap().add(3.0);
        });
    });
    assert_eq!(read(&path), [row(1.5), row(5.0)]);
    cell.add(4.0);
    assert_eq!((read(&path), cell.get()), (vec![row(5.5), row(5.0)], 10.5));
    // Whoever comes when all are gone finds what they have left, and makes no more of it.
    drop(cell);
    let cell = file.cell(b"key").unwrap();
    cell.add(1.0);
    assert_eq!((read(&path), cell.get()), (vec![row(6.5), row(5.0)], 11.5));
}

#[cfg(target_os = "linux")]
#[test]
fn there_is_always_room_for_one_row_that_threads_share() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let memory: File = memfd_create("cells", MemfdFlags::ALLOW_SEALING).unwrap().into();
    let view = memory.try_clone().unwrap();
    let file = MappedFile::on(
        Growing::on(memory, &HEADER, 0, identity).unwrap(),
        Some(Box::new(|_, _| true)),
    );
    fcntl_add_seals(&view, SealFlags::GROW).unwrap();
    let cell = file.cell(b"first").unwrap();
    cell.add(0.0);
    // From here on there are several writers.
    thread::scope(|scope| scope.spawn(|| cell.add(0.0)).join()).unwrap();
    // Each takes 4 + 996 + 8 + 16 = 1024 bytes, and as much again is put aside: 31 × 2048 + 8
    // + 3 × 32 = 63592 of 65536 bytes, and 1944 are left.
    let large: Vec<_> = (0..40).map_while(|n| file.cell(&long_key(n)).ok()).collect();
    assert_eq!(large.len(), 31);
    let cells: Vec<_> = large.into_iter().chain([cell]).collect();
    let barrier = std::sync::Barrier::new(5);
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                for cell in &cells {
                    cell.add(1.0);
                    barrier.wait();
                    for _ in 0..50 {
                        cell.add(1.0);
                    }
                }
            });
        }
    });
    assert!(cells.iter().all(|cell| cell.get() == 255.0));
    let mut bytes = vec![0; 65536];
    std::os::unix::fs::FileExt::read_exact_at(&view, &mut bytes, 0).unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("copy"), bytes).unwrap();
    let rows = read(&dir.path().join("copy"));
    for key in (0..31).map(long_key).chain([b"first".to_vec()]) {
        let values = rows.iter().filter(|row| row.0 == key).map(|row| row.1);
        assert_eq!(values.sum::<f64>(), 255.0);
    }
}

#[cfg(target_os = "linux")]
fn long_key(n: usize) -> Vec<u8> {
    format!("{n:996}").into_bytes()
}

#[test]
fn what_was_reset_begins_at_zero_for_all_threads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counter_1.db");
    let file = MappedFile::create_with_lanes(&path, Box::new(|_, _| true)).unwrap();
    let cell = file.cell(b"key").unwrap();
    let (resets, adds) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                cell.add(0.1);
                resets.wait();
                adds.wait();
            }
        });
        for _ in 0..3 {
            cell.add(0.2);
            resets.wait();
            cell.reset();
            assert_eq!(cell.get(), 0.0);
            assert!(read(&path).iter().all(|row| row.1 == 0.0));
            adds.wait();
        }
    });
    cell.add(0.3);
    assert_eq!(cell.get(), 0.3);
    // No more rows than threads.
    assert_eq!(read(&path).len(), 2);
}
