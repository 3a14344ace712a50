//! Decimal digits of whole numbers, several at a time.

/// Numbers below a thousand, each as three digits, a point and a zero, in eight bytes.
const THOUSAND: [u8; 8008] = {
    let mut table = [0; 8008];
    let mut n = 0;
    while n < 1000 {
        table[n * 8] = b'0' + (n / 100) as u8;
        table[n * 8 + 1] = b'0' + (n / 10 % 10) as u8;
        table[n * 8 + 2] = b'0' + (n % 10) as u8;
        table[n * 8 + 3] = b'.';
        table[n * 8 + 4] = b'0';
        n += 1;
    }
    table
};

/// Every byte the digit 0.
pub(super) const ASCII: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Writes a number below a million with a point and a zero; says how long that is.
#[inline]
pub(super) fn write_below_million(bytes: &mut [u8; 32], n: u32) -> usize {
    let three_digits = |n: u32| {
        let leading = usize::from(n < 10) + usize::from(n < 100);
        (n as usize * 8 + leading, 3 - leading)
    };
    let (high, low) = (n / 1000, n % 1000);
    if high == 0 {
        let (from, digits) = three_digits(low);
        bytes[..8].copy_from_slice(&THOUSAND[from..from + 8]);
        digits + 2
    } else {
        let (from, digits) = three_digits(high);
        bytes[..8].copy_from_slice(&THOUSAND[from..from + 8]);
        let from = low as usize * 8;
        bytes[digits..digits + 8].copy_from_slice(&THOUSAND[from..from + 8]);
        digits + 5
    }
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
pub(super) fn copy_short(bytes: &mut [u8; 32], text: &[u8]) -> usize {
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
        let mut bytes = [0; 32];
        for n in 0..1_000_000 {
            let len = write_below_million(&mut bytes, n);
            assert_eq!(std::str::from_utf8(&bytes[..len]), Ok(&*format!("{n}.0")));
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
