//! Gives a side file the checksums and sizes that fit what it holds, as `docs/side-file-format.md` has them.

/// The bytes of the head of a file, of an entry and of a half.
const HEAD: usize = 16;
const ENTRY: usize = 24;
const HALF: usize = 24;

/// Makes a sound side file of any bytes: what is behind the heads is what it was.
///
/// Without it, no mutation would get past the first checksum.
pub fn seal(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().max(HEAD), 0);
    bytes[..12].copy_from_slice(b"narthex\0\x01\0\0\0");
    let mut at = HEAD;
    while let Some(size) = seal_entry(&mut bytes[at..]) {
        at += size;
    }
    bytes.truncate(at);
    let used = at as u32;
    bytes[12..16].copy_from_slice(&used.to_le_bytes());
}

/// Seals the entry that these bytes begin with; its size, if it has room.
fn seal_entry(bytes: &mut [u8]) -> Option<usize> {
    let head = bytes.first_chunk::<ENTRY>()?;
    let kind = u16::from_le_bytes([head[4], head[5]]) % 8;
    let words = u16::from_le_bytes([head[6], head[7]]) % 8;
    let key = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize % 4096;
    let room = u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize % 1024 / 8 * 8;
    let halves_at = ENTRY + key.next_multiple_of(8) + usize::from(words) * 8;
    let halves = if room == 0 { 0 } else { 2 * (HALF + room) };
    let size = halves_at + halves;
    let entry = bytes.get_mut(..size)?;
    entry[..4].copy_from_slice(&(size as u32).to_le_bytes());
    entry[4..6].copy_from_slice(&kind.to_le_bytes());
    entry[6..8].copy_from_slice(&words.to_le_bytes());
    entry[8..12].copy_from_slice(&(key as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&(room as u32).to_le_bytes());
    let sum = checksum(checksum(0, &entry[..16]), &entry[ENTRY..ENTRY + key]);
    entry[16..24].copy_from_slice(&sum.to_le_bytes());
    for half in entry[halves_at..].chunks_exact_mut(HALF + room.max(1)) {
        let sequence = u64::from_le_bytes(*half.first_chunk()?);
        if sequence == 0 {
            // It was never written.
            continue;
        }
        let len = half.get(8..)?.first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
        let len = (len % (room as u64 + 1)) as usize;
        half[8..16].copy_from_slice(&(len as u64).to_le_bytes());
        let seed = sequence.wrapping_mul(0xff51_afd7_ed55_8ccd);
        let sum = checksum(seed, &half[HALF..HALF + len]);
        half[16..24].copy_from_slice(&sum.to_le_bytes());
    }
    Some(size)
}

fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    let mut sum = seed ^ 0xcbf2_9ce4_8422_2325;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 32;
    }
    sum ^ bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_file_stays_as_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/side_reader");
        let mut files = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let mut sealed = bytes.clone();
            seal(&mut sealed);
            assert_eq!(sealed, bytes, "{}", path.display());
            files += 1;
        }
        assert!(files > 0);
    }

    #[test]
    fn any_bytes_can_be_sealed() {
        for len in 0..300 {
            let mut bytes: Vec<u8> = (0..len).map(|place| (place * 31 % 251) as u8).collect();
            seal(&mut bytes);
            let once = bytes.clone();
            seal(&mut bytes);
            assert_eq!(bytes, once);
        }
    }
}
