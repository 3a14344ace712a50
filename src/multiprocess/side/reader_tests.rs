//! Side files as their readers meet them: whole, torn, damaged, and while they are written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::cell::side::{NewEntry, SideFile, encode};
use crate::multiprocess::side::said::Said;

fn new<'a>(key: &'a [u8], words: &'a [u64], value: Option<&'a [u8]>) -> NewEntry<'a> {
    NewEntry { kind: 9, key, words, value, capacity: 8 }
}

fn file(new: &[NewEntry<'_>]) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    for new in new {
        bytes.extend(encode(new).unwrap().0);
    }
    let used = bytes.len() as u32;
    bytes[USED_AT..USED_AT + 4].copy_from_slice(&used.to_le_bytes());
    bytes
}

fn values(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    entries(bytes).0.iter().map(|entry| entry.value.map(<[u8]>::to_vec)).collect()
}

/// The same as the library's, spelled as the format's page spells it.
fn checksum_of(seed: u64, bytes: &[u8]) -> u64 {
    let mut padded = bytes.to_vec();
    while padded.len() % 8 != 0 {
        padded.push(0);
    }
    let mut sum = seed ^ 14695981039346656037;
    for word in padded.chunks(8) {
        sum ^= u64::from_le_bytes(word.try_into().unwrap());
        sum = sum.wrapping_mul(11400714819323198485);
        sum ^= sum >> 32;
    }
    sum ^ bytes.len() as u64
}

#[test]
fn an_entry_is_laid_out_as_the_format_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1-a.narthex");
    let side = SideFile::create(&path).unwrap();
    let slot = side.append(&new(b"abc", &[7, 8], Some(b"first"))).unwrap();
    assert!(slot.write(b"second"));
    assert!(!slot.write(b"too long for it"));
    slot.set_word(0, 9);

    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 65536);
    let mut expected = b"narthex\0".to_vec();
    expected.extend([1, 0, 0, 0]);
    // 24 of head, 8 of key, 16 of words, two halves of 24 + 8.
    expected.extend([16 + 112, 0, 0, 0]);
    let mut entry = vec![112, 0, 0, 0, 9, 0, 2, 0, 3, 0, 0, 0, 8, 0, 0, 0];
    entry.extend(checksum_of(checksum_of(0, &entry), b"abc").to_le_bytes());
    entry.extend(b"abc\0\0\0\0\0");
    entry.extend([9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
    for (sequence, value) in [(2u64, &b"second\0\0"[..]), (1, b"first\0\0\0")] {
        let value_len = value.iter().position(|&byte| byte == 0).unwrap();
        let seed = sequence.wrapping_mul(18397679294719823053);
        entry.extend(sequence.to_le_bytes());
        entry.extend((value_len as u64).to_le_bytes());
        entry.extend(checksum_of(seed, &value[..value_len]).to_le_bytes());
        entry.extend(value);
    }
    expected.extend(entry);
    assert_eq!(bytes[..expected.len()], expected);
    assert!(bytes[expected.len()..].iter().all(|&byte| byte == 0));

    let bytes = read(&path).unwrap();
    let (entries, damages) = entries(&bytes);
    assert_eq!(damages, []);
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].kind, entries[0].key), (9, &b"abc"[..]));
    assert_eq!(
        (entries[0].word(0), entries[0].word(1), entries[0].word(2)),
        (Some(9), Some(8), None)
    );
    assert_eq!(entries[0].value, Some(&b"second"[..]));
}

#[test]
fn a_write_that_was_cut_short_leaves_the_old_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1-a.narthex");
    let side = SideFile::create(&path).unwrap();
    let slot = side.append(&new(b"", &[], Some(b"old"))).unwrap();
    let before = read(&path).unwrap();
    slot.write(b"new!");
    let after = read(&path).unwrap();
    // Whichever of the bytes have been written: in their order, or all but one.
    for cut in 0..=before.len() {
        let mut torn = after.clone();
        torn[cut..].copy_from_slice(&before[cut..]);
        let got = values(&torn);
        assert!(got == [Some(b"old".to_vec())] || got == [Some(b"new!".to_vec())], "{cut}");
        assert_eq!(entries(&torn).1, []);
        if cut < before.len() {
            let mut torn = after.clone();
            torn[cut] = before[cut];
            assert_eq!(entries(&torn).1, []);
            let whole = if after[cut] == before[cut] { &b"new!"[..] } else { b"old" };
            assert_eq!(values(&torn), [Some(whole.to_vec())], "{cut}");
        }
    }
}

#[test]
fn damage_costs_one_entry_where_the_next_can_be_found() {
    let value = Some(&b"value"[..]);
    let sound = file(&[new(b"a", &[], value), new(b"b", &[], value), new(b"c", &[], value)]);
    // 24 of head, 8 of key, two halves of 24 + 8.
    assert_eq!(sound.len(), 16 + 3 * 96);
    let damage = |offset, what| vec![Damage { offset, what }];
    let keys = |bytes: &[u8]| -> Vec<Vec<u8>> {
        entries(bytes).0.iter().map(|entry| entry.key.to_vec()).collect()
    };
    let mut bad_value = sound.clone();
    bad_value[16 + 96 + 90] ^= 1;
    assert_eq!(entries(&bad_value).1, damage(112, DamageKind::Value));
    assert_eq!(keys(&bad_value), [b"a", b"c"]);
    let mut bad_key = sound.clone();
    bad_key[16 + 96 + 24] ^= 1;
    assert_eq!(entries(&bad_key).1, damage(112, DamageKind::Entry));
    assert_eq!(keys(&bad_key), [b"a"]);
    let cut = &sound[..200];
    assert_eq!(entries(cut).1, damage(112, DamageKind::Truncated));
    assert_eq!(keys(cut), [b"a"]);
    let mut later = sound;
    later[8] = 2;
    assert_eq!(entries(&later).1, damage(0, DamageKind::Header));
    assert_eq!(entries(b"narthex").1, damage(0, DamageKind::Truncated));
}

#[test]
fn readers_meet_whole_values_while_threads_write() {
    const THREADS: u8 = 3;
    const ROUNDS: usize = 4000;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1-a.narthex");
    let side = SideFile::create(&path).unwrap();
    let capacity = 3000;
    let shared = side.append(&NewEntry { capacity, ..new(b"shared", &[], Some(b"")) }).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut met = std::collections::HashSet::new();
            while !done.load(Ordering::Relaxed) {
                let bytes = read(&path).unwrap();
                for entry in entries(&bytes).0 {
                    // A value is one byte again and again, as often as that byte says.
                    let value = entry.value.unwrap();
                    let first = value.first().copied().unwrap_or(0);
                    assert!(value.iter().all(|byte| *byte == first));
                    assert_eq!(value.len(), usize::from(first) * 11);
                    met.insert(first);
                }
            }
            met.len()
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (side, shared) = (&side, &shared);
                scope.spawn(move || {
                    let key = [thread];
                    let own = NewEntry { capacity, ..new(&key, &[], Some(b"")) };
                    let own = side.append(&own).unwrap();
                    for round in 0..ROUNDS {
                        let byte = (round % 251) as u8;
                        let value = vec![byte; usize::from(byte) * 11];
                        assert!(shared.write(&value) && own.write(&value));
                        if round % 50 == 0 {
                            side.append(&new(b"more", &[], Some(b""))).unwrap();
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 1);
    });
    let bytes = read(&path).unwrap();
    assert_eq!(entries(&bytes).1, []);
    assert_eq!(entries(&bytes).0.len(), 1 + usize::from(THREADS) * (1 + ROUNDS / 50));
}

#[test]
fn a_value_may_lie_in_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1-a.narthex");
    let side = SideFile::create(&path).unwrap();
    let long: Vec<u8> = (0..300_000u32).map(|place| (place % 253) as u8).collect();
    let slot = side.append(&NewEntry { capacity: 400_000, ..new(b"k", &[], Some(b"")) }).unwrap();
    for _ in 0..3 {
        assert!(slot.write(&long));
        assert_eq!(values(&read(&path).unwrap()), [Some(long.clone())]);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        Said::of(&bytes);
    }

    #[test]
    fn no_content_of_entries_makes_it_panic(
        kind in 0u16..8,
        key in any::<Vec<u8>>(),
        words in proptest::collection::vec(any::<u64>(), 0..4),
        value in any::<Option<Vec<u8>>>(),
    ) {
        let bytes = file(&[NewEntry { kind, key: &key, words: &words, value: value.as_deref(), capacity: 0 }]);
        let (entries, damages) = entries(&bytes);
        prop_assert_eq!(damages, []);
        prop_assert_eq!((entries[0].key, entries[0].value), (&*key, value.as_deref()));
        Said::of(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic_or_goes_unnoticed(
        at in 16usize..16 + 3 * 96,
        with in any::<[u8; 4]>(),
        len in 0usize..=16 + 3 * 96,
    ) {
        let value = Some(&b"value"[..]);
        let sound = file(&[new(b"a", &[], value), new(b"b", &[], value), new(b"c", &[], value)]);
        let mut bytes = sound;
        let end = usize::min(at + 4, bytes.len());
        bytes[at..end].copy_from_slice(&with[..end - at]);
        for entry in entries(&bytes).0 {
            prop_assert!([b"a", b"b", b"c"].contains(&<&[u8; 1]>::try_from(entry.key).unwrap()));
            prop_assert_eq!(entry.value, value);
        }
        bytes.truncate(len);
        entries(&bytes);
    }
}
