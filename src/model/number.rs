//! Numbers as Python's client writes them, which every parser of the field reads.

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

/// Room for any number; the longest is `-2.2250738585072014e-308`.
pub(crate) const NUMBER_SIZE: usize = 32;

/// Writes a number as it stands on a sample's line; says how long it is.
#[inline]
pub(crate) fn write_f64(bytes: &mut [u8; NUMBER_SIZE], value: f64) -> usize {
    let mut digits = Digits { bytes, len: 0 };
    // Whole numbers below a million are nearly all that a scrape holds.
    let whole = value as u32;
    if whole < 1_000_000 && f64::from(whole).to_bits() == value.to_bits() {
        digits.push_small(whole);
    } else {
        digits.push_other(value);
    }
    digits.len
}

/// The text of a number, as it is written.
struct Digits<'a> {
    bytes: &'a mut [u8; NUMBER_SIZE],
    len: usize,
}

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

impl Digits<'_> {
    #[inline]
    fn push_small(&mut self, whole: u32) {
        let three_digits = |n: u32| {
            let leading = usize::from(n < 10) + usize::from(n < 100);
            (n as usize * 8 + leading, 3 - leading)
        };
        let (high, low) = (whole / 1000, whole % 1000);
        if high == 0 {
            let (from, digits) = three_digits(low);
            self.bytes[..8].copy_from_slice(&THOUSAND[from..from + 8]);
            self.len = digits + 2;
        } else {
            let (from, digits) = three_digits(high);
            self.bytes[..8].copy_from_slice(&THOUSAND[from..from + 8]);
            let from = low as usize * 8;
            self.bytes[digits..digits + 8].copy_from_slice(&THOUSAND[from..from + 8]);
            self.len = digits + 5;
        }
    }

    #[inline(never)]
    fn push_other(&mut self, value: f64) {
        if !value.is_finite() {
            self.push_not_finite(value);
        } else if value >= 1e6 {
            let whole = value as u64;
            // Digits of a float beyond 2^53 are not all its own.
            if whole < 1 << 53 && whole as f64 == value {
                let mut buffer = itoa::Buffer::new();
                let digits = buffer.format(whole).as_bytes();
                self.push_scientific(trim_zeros(digits), digits.len() as i32 - 1);
            } else {
                self.push_shortest(value, 6);
            }
        } else {
            self.push_shortest(value, 16);
        }
    }

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
