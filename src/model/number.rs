//! Numbers as Python's client writes them, which every parser of the field reads.

use super::digits::{ASCII, copy_short, eight_digits, write_below_million};

/// A number as it stands on a sample's line.
///
/// Shortest digits that read back as the same number, always with a decimal
/// point or an exponent; positive numbers from 1e6 on have Go's exponent.
///
/// ```
/// use narthex::model::format_f64;
///
/// assert_eq!(format_f64(1.0), "1.0");
/// assert_eq!(format_f64(1_234_567.0), "1.234567e+06");
/// assert_eq!(format_f64(0.00001), "1e-05");
/// assert_eq!(format_f64(f64::INFINITY), "+Inf");
/// ```
pub fn format_f64(value: f64) -> String {
    let mut out = String::new();
    push_f64(&mut out, value);
    out
}

/// Appends a number as it stands on a sample's line.
pub(crate) fn push_f64(out: &mut String, value: f64) {
    let mut bytes = [0; NUMBER_SIZE];
    let len = write_f64(&mut bytes, value);
    out.push_str(std::str::from_utf8(&bytes[..len]).unwrap_or_default());
}

/// Appends a number as Python's `repr` writes it: the form of timestamps.
pub(crate) fn push_repr(out: &mut String, value: f64) {
    if !value.is_finite() {
        return push_f64(out, value);
    }
    let mut bytes = [0; NUMBER_SIZE];
    let mut digits = Digits { bytes: &mut bytes, len: 0 };
    digits.push_shortest(value, 16);
    let len = digits.len;
    out.push_str(std::str::from_utf8(&bytes[..len]).unwrap_or_default());
}

/// Room for any number and the end of a line, and for what is copied with them; the longest is
/// `-2.2250738585072014e-308`.
pub(crate) const NUMBER_SIZE: usize = 32;

/// What whole numbers below it are added to, to be what the lowest bits of the sum say: 2^52.
/// What others say there is something else.
const WHOLES: f64 = 4_503_599_627_370_496.0;
const LOWEST_BITS: u64 = (1 << 52) - 1;

/// Writes a number as it stands on a sample's line, and the end of the line behind it; says how
/// long it is without that.
#[inline(always)]
pub(crate) fn write_f64(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    // Whole numbers below a million are nearly all that a scrape holds.
    let whole = (value + WHOLES).to_bits() as u32;
    if whole < 1_000_000 && f64::from(whole).to_bits() == value.to_bits() {
        write_below_million(bytes, whole)
    } else {
        write_other(bytes, value)
    }
}

#[inline(never)]
fn write_other(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    if value >= 1e6 {
        if value < WHOLES { write_scientific(bytes, value) } else { write_rare(bytes, value) }
    } else if value >= 1e-4 {
        write_plain(bytes, value)
    } else if value.is_sign_negative() && value > -1e6 {
        write_negative(bytes, value)
    } else {
        write_rare(bytes, value)
    }
}

/// Writes a number from 1e-4 on and below 1e6.
#[inline(always)]
fn write_plain(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    const SCALE: u32 = 100_000_000;
    // Of decimals with up to 15 digits no two are one float. So if one with eight
    // digits behind the point is this float, it has the fewest digits as well.
    let sum = value * f64::from(SCALE) + WHOLES;
    if (sum - WHOLES) / f64::from(SCALE) != value {
        return write_shortest(bytes, value);
    }
    let scaled = sum.to_bits() & LOWEST_BITS;
    let [whole, fraction] = [scaled / u64::from(SCALE), scaled % u64::from(SCALE)];
    let digits = eight_digits(fraction as u32);
    let point = (write_below_million(bytes, whole as u32) - 1) % 8;
    bytes[point..point + 8].copy_from_slice(&(digits | ASCII).to_be_bytes());
    let end = point + 8 - (digits.trailing_zeros() as usize / 8).min(8);
    bytes[end] = b'\n';
    end
}

const POWERS: [u64; 17] = {
    let mut table = [1; 17];
    let mut power = 1;
    while power < 17 {
        table[power] = table[power - 1] * 10;
        power += 1;
    }
    table
};

/// Powers of ten as they stand at the end of a line, in five bytes.
const EXPONENTS: [[u8; 8]; 16] = {
    let mut table = [*b"e+00\n\0\0\0"; 16];
    let mut power = 0;
    while power < 16 {
        table[power][2] += (power / 10) as u8;
        table[power][3] += (power % 10) as u8;
        power += 1;
    }
    table
};

/// Writes a number from 1e6 on and below 2^52.
#[inline(always)]
fn write_scientific(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let sum = value + WHOLES;
    if sum - WHOLES != value {
        return write_with_fraction(bytes, value);
    }
    let whole = sum.to_bits() & LOWEST_BITS;
    let (power, first, digits);
    if whole < POWERS[8] {
        power = 6 + usize::from(whole >= POWERS[7]);
        first = eight_digits((whole * POWERS[7 - power]) as u32);
        digits = 8 - first.trailing_zeros() / 8;
    } else {
        // With zeros behind it, so that there are sixteen digits.
        power = whole.ilog10() as usize;
        let padded = whole * POWERS[15 - power];
        first = eight_digits((padded / POWERS[8]) as u32);
        let last = eight_digits((padded % POWERS[8]) as u32);
        bytes[9..17].copy_from_slice(&(last | ASCII).to_be_bytes());
        digits = match last {
            0 => 8 - first.trailing_zeros() / 8,
            last => 16 - last.trailing_zeros() / 8,
        };
    }
    let text = (first | ASCII).to_be_bytes();
    bytes[1..9].copy_from_slice(&text);
    bytes[..2].copy_from_slice(&[text[0], b'.']);
    // A single digit has no point behind it.
    let end = (digits + u32::from(digits > 1)) as usize % 32;
    bytes[end..end + 8].copy_from_slice(&EXPONENTS[power % 16]);
    end + 4
}

/// Writes a number from 1e6 on and below 2^52 that is not whole.
#[inline(never)]
fn write_with_fraction(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let mut text = [0; NUMBER_SIZE];
    let len = write_shortest(&mut text, value);
    let power = (value as u64).ilog10() as usize;
    // The point moves behind the first digit. What stood behind it are ten digits at most.
    bytes[2..18].copy_from_slice(&text[1..17]);
    bytes[power + 2..power + 16].copy_from_slice(&text[power + 2..power + 16]);
    bytes[..2].copy_from_slice(&[text[0], b'.']);
    bytes[len..len + 8].copy_from_slice(&EXPONENTS[power]);
    len + 4
}

/// Writes a number above -1e6, of which the sign is all that differs.
#[inline(never)]
fn write_negative(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let len = write_f64(bytes, -value);
    bytes.copy_within(..NUMBER_SIZE - 1, 1);
    bytes[0] = b'-';
    len + 1
}

/// Writes a number as that crate does: plain, and with a point, if it is of medium size.
#[inline(never)]
fn write_shortest(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let len = copy_short(bytes, zmij::Buffer::new().format_finite(value).as_bytes());
    bytes[len] = b'\n';
    len
}

/// Writes what hardly any sample has, without haste.
#[inline(never)]
fn write_rare(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let mut digits = Digits { bytes, len: 0 };
    if value.is_finite() {
        digits.push_shortest(value, if value >= 1e6 { 6 } else { 16 });
    } else {
        digits.push_not_finite(value);
    }
    let len = digits.len;
    bytes[len] = b'\n';
    len
}

/// The text of a number, as it is written.
struct Digits<'a> {
    bytes: &'a mut [u8; NUMBER_SIZE],
    len: usize,
}

impl Digits<'_> {
    fn push_not_finite(&mut self, value: f64) {
        self.push(match value {
            f64::INFINITY => b"+Inf",
            f64::NEG_INFINITY => b"-Inf",
            _ => b"NaN",
        });
    }

    /// Appends the shortest digits; with an exponent below 1e-4 and from 10^`limit` on.
    fn push_shortest(&mut self, value: f64, limit: i32) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        let size = value.abs();
        if (1e-4..10f64.powi(limit)).contains(&size) && is_plain(text) {
            self.push(text.as_bytes());
            return;
        }
        let (sign, text) = match text.strip_prefix('-') {
            Some(text) => ("-", text),
            None => ("", text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

        // The digits without leading and trailing zeros, and the power of ten of the first.
        let mut digits = [0u8; 32];
        let mut len = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            digits[len] = byte;
            len += 1;
        }
        let leading = digits[..len].iter().take_while(|&&d| d == b'0').count();
        let power = exponent + whole.len() as i32 - 1 - leading as i32;
        let digits = trim_zeros(&digits[leading..len]);

        self.push(sign.as_bytes());
        if digits.is_empty() {
            self.push(b"0.0");
        } else if power < -4 || power >= limit {
            self.push_scientific(digits, power);
        } else {
            self.push_plain(digits, power);
        }
    }

    /// Appends digits with a point behind the first, and the power of ten of that one.
    fn push_scientific(&mut self, digits: &[u8], power: i32) {
        self.push(&digits[..1]);
        if digits.len() > 1 {
            self.push(b".");
            self.push(&digits[1..]);
        }
        self.push(if power < 0 { b"e-" } else { b"e+" });
        if power.abs() < 10 {
            self.push(b"0");
        }
        self.push(itoa::Buffer::new().format(power.abs()).as_bytes());
    }

    /// Appends digits with a point where it belongs, the power of ten of the first being that.
    fn push_plain(&mut self, digits: &[u8], power: i32) {
        const ZEROS: &[u8; 16] = b"0000000000000000";
        if power < 0 {
            self.push(b"0.");
            self.push(&ZEROS[..(-power - 1) as usize]);
            self.push(digits);
            return;
        }
        let point = power as usize + 1;
        if digits.len() <= point {
            self.push(digits);
            self.push(&ZEROS[..point - digits.len()]);
            self.push(b".0");
        } else {
            self.push(&digits[..point]);
            self.push(b".");
            self.push(&digits[point..]);
        }
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }
}

/// Whether a number is written with a point and without an exponent already.
fn is_plain(text: &str) -> bool {
    text.contains('.') && !text.contains(['e', 'E'])
}

fn trim_zeros(mut digits: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    digits
}
