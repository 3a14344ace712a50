//! How protobuf lays out numbers, texts and messages.
//!
//! [The specification](https://protobuf.dev/programming-guides/encoding/).

/// The key of a field below 16 whose value is a varint.
pub(super) const fn varint(field: u8) -> u8 {
    field << 3
}

/// The key of a field below 16 whose value is a double.
pub(super) const fn double(field: u8) -> u8 {
    field << 3 | 1
}

/// The key of a field below 16 whose value has its length before it: a text or a message.
pub(super) const fn lengthy(field: u8) -> u8 {
    field << 3 | 2
}

pub(super) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes a number takes.
pub(super) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// A number below 2^56 as bytes, the first one lowest, and how many they are.
#[inline(always)]
pub(super) fn varint_bytes(value: u64) -> (u64, usize) {
    // Halves, quarters and eighths move to where they are in bytes.
    let value = value & 0x0000_0000_0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
    let value = value & 0x0000_3fff_0000_3fff | (value & 0x0fff_c000_0fff_c000) << 2;
    let value = value & 0x007f_007f_007f_007f | (value & 0x3f80_3f80_3f80_3f80) << 1;
    let len = (71 - (value | 1).leading_zeros() as usize) / 8;
    // All but the last byte say that there is another.
    let goes_on = 0x8080_8080_8080_8080 & ((1 << (8 * (len - 1))) - 1);
    (value | goes_on, len)
}

/// Appends a field that is a number.
pub(super) fn push_number(out: &mut Vec<u8>, key: u8, value: u64) {
    out.push(key);
    push_varint(out, value);
}

pub(super) fn push_double(out: &mut Vec<u8>, key: u8, value: f64) {
    out.push(key);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn push_text(out: &mut Vec<u8>, key: u8, text: &str) {
    out.push(key);
    push_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a message that `write` writes, its length before it.
pub(super) fn push_message(out: &mut Vec<u8>, key: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(key);
    let mut frame = Frame::open(out, 1);
    write(out);
    frame.close(out);
}

pub(super) fn push_label(out: &mut Vec<u8>, name: &str, value: &str) {
    push_message(out, lengthy(1), |out| {
        push_text(out, lengthy(1), name);
        push_text(out, lengthy(2), value);
    });
}

/// A message whose length is not known yet, with room for that before it.
///
/// Where the length takes more or less room than there is, the message moves. One that grows large
/// is moved while it is small.
#[derive(Debug)]
pub(super) struct Frame {
    at: usize,
    room: usize,
}

impl Frame {
    /// Begins a message behind `out`, with so much room for its length.
    pub(super) fn open(out: &mut Vec<u8>, room: usize) -> Self {
        let at = out.len();
        out.resize(at + room, 0);
        Self { at, room }
    }

    /// How long the message is so far.
    pub(super) fn len(&self, out: &[u8]) -> usize {
        out.len() - self.at - self.room
    }

    /// Makes more room if the message became too long for what there is.
    pub(super) fn widen(&mut self, out: &mut Vec<u8>) {
        let room = varint_len(self.len(out) as u64);
        if room > self.room {
            self.make_room(out, room);
        }
    }

    /// Ends the message: writes its length.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        let mut len = self.len(out) as u64;
        self.make_room(out, varint_len(len));
        let (to, last) = (&mut out[self.at..], self.room - 1);
        for byte in &mut to[..last] {
            *byte = len as u8 | 0x80;
            len >>= 7;
        }
        to[last] = len as u8;
    }

    fn make_room(&mut self, out: &mut Vec<u8>, room: usize) {
        let (from, end) = (self.at + self.room, out.len());
        if room > self.room {
            out.resize(end + room - self.room, 0);
        }
        if room != self.room {
            out.copy_within(from..end, self.at + room);
            out.truncate(end + room - self.room);
            self.room = room;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_varint_agree_and_are_as_long_as_is_said() {
        for value in (0..56).flat_map(|bit| [(1 << bit) - 1, 1 << bit]) {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            let (bytes, len) = varint_bytes(value);
            assert_eq!((&bytes.to_le_bytes()[..len], len), (&out[..], varint_len(value)));
        }
        // Eight bytes of eight ones each are two times seven ones and a bit: ten bytes.
        assert_eq!(varint_len(u64::MAX), 10);
        // The specification's example.
        assert_eq!(varint_bytes(150), (0x0196, 2));
    }

    #[test]
    fn a_message_moves_to_where_its_length_ends() {
        for (room, len, lengths) in [
            (3, 2, &[2][..]),
            (1, 128, &[0x80, 1]),
            (2, 127, &[127]),
            (1, 16_384, &[0x80, 0x80, 1]),
        ] {
            let body: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
            let mut out = b"before".to_vec();
            let mut frame = Frame::open(&mut out, room);
            out.extend_from_slice(&body[..len / 2]);
            frame.widen(&mut out);
            out.extend_from_slice(&body[len / 2..]);
            frame.close(&mut out);
            assert_eq!(out, [b"before", lengths, &body].concat());
        }
    }
}
