//! Decimal digits of whole numbers, several at a time.

/// Numbers below a thousand as texts with a point, a zero and the end of a line, each beginning
/// a word that ends with how long it is without the last.
const SHORT: [[u8; 8]; 1000] = {
    let mut table = [[0; 8]; 1000];
    let mut n = 0;
    while n < 1000 {
        let padded = PADDED[n];
        let zeros = (n < 10) as usize + (n < 100) as usize;
        let mut at = zeros;
        while at < 4 {
            table[n][at - zeros] = padded[at];
            at += 1;
        }
        table[n][4 - zeros] = b'0';
        table[n][5 - zeros] = b'\n';
        table[n][7] = 5 - zeros as u8;
        n += 1;
    }
    table
};

/// Numbers below a thousand as three digits and a point.
const PADDED: [[u8; 4]; 1000] = {
    let mut table = [[0; 4]; 1000];
    let mut n = 0;
    while n < 1000 {
        let digits = [n / 100, n / 10 % 10, n % 10];
        table[n] = [b'0' + digits[0] as u8, b'0' + digits[1] as u8, b'0' + digits[2] as u8, b'.'];
        n += 1;
    }
    table
};

/// Every byte the digit 0.
pub(super) const ASCII: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Writes a number below a million with a point, a zero and the end of a line; says how long
/// that is without the last.
#[inline(always)]
pub(super) fn write_below_million(bytes: &mut [u8], n: u32) -> usize {
    if let Some(text) = SHORT.get(n as usize) {
        bytes[..8].copy_from_slice(text);
        return text[7].into();
    }
    // Four digits at least: those before the last three, and these.
    let [high, low] = [n / 1000 % 1000, n % 1000].map(|n| n as usize);
    bytes[..8].copy_from_slice(&SHORT[high]);
    let at = usize::from(SHORT[high][7] - 2) % 4;
    bytes[at..at + 4].copy_from_slice(&PADDED[low]);
    bytes[at + 4..at + 6].copy_from_slice(b"0\n");
    at + 5
}

/// The eight digits of a number below 10^8, as values of bytes, the first in the highest.
#[inline]
pub(super) fn eight_digits(n: u32) -> u64 {
    // Divides in all lanes at once: two of four digits, four of two, eight of one.
    // 10486 / 2^20 and 103 / 2^10 divide by 100 and by 10 what is that small. What is
    // taken from one lane and added to the next is one product: x - q * d + (q << lane).
    let high = u64::from(n / 10_000);
    let lanes = u64::from(n) + high * ((1 << 32) - 10_000);
    let hundreds = (lanes * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let lanes = lanes + hundreds * ((1 << 16) - 100);
    let tens = (lanes * 103) >> 10 & 0x000f_000f_000f_000f;
    lanes + tens * ((1 << 8) - 10)
}

/// Copies a text of 32 bytes at most to where there is room for as many; says how long it is.
#[inline]
pub(super) fn copy_short(bytes: &mut [u8], text: &[u8]) -> usize {
    let len = text.len().min(32);
    // Both ends, which meet: two copies of a fixed size are cheaper than one that must ask.
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        bytes[..16].copy_from_slice(first);
        bytes[len - 16..][..16].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        bytes[..8].copy_from_slice(first);
        bytes[len - 8..][..8].copy_from_slice(last);
    } else {
        bytes[..len].copy_from_slice(&text[..len]);
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        // Each lane's every value: all numbers of four digits, in both halves.
        for n in 0..10_000 {
            for n in [n, n * 10_000, n * 10_000 + (9_999 - n)] {
                let text = (eight_digits(n) | ASCII).to_be_bytes();
                assert_eq!(std::str::from_utf8(&text), Ok(&*format!("{n:08}")));
            }
        }
    }

    #[test]
    fn every_number_below_a_million_has_its_digits() {
        let mut bytes = [0; 16];
        for n in 0..1_000_000 {
            let len = write_below_million(&mut bytes, n);
            assert_eq!(std::str::from_utf8(&bytes[..=len]), Ok(&*format!("{n}.0\n")));
        }
    }

    #[test]
    fn short_texts_are_copied_whole() {
        for len in 0..=32 {
            let text: Vec<u8> = (1..=len).collect();
            let mut bytes = [0; 32];
            assert_eq!(copy_short(&mut bytes, &text), text.len());
            assert_eq!(bytes[..text.len()], text);
        }
    }
}
