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
    // Whole numbers below a million are nearly all that a scrape holds.
    if value >= 0.0 && value < 1e6 {
        let whole = value as u32;
        if f64::from(whole) == value && !(whole == 0 && value.is_sign_negative()) {
            out.push_str(itoa::Buffer::new().format(whole));
            out.push_str(".0");
            return;
        }
    }
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value >= 1e6 {
        push_shortest(out, value, 6);
    } else {
        push_shortest(out, value, 16);
    }
}

/// Appends a number as Python's `repr` writes it: the form of timestamps.
pub(crate) fn push_repr(out: &mut String, value: f64) {
    if value.is_finite() {
        push_shortest(out, value, 16);
    } else {
        push_f64(out, value);
    }
}

/// Appends the shortest digits; with an exponent below 1e-4 and from 10^`limit` on.
fn push_shortest(out: &mut String, value: f64, limit: i32) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
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
    let mut digits = &digits[leading..len];
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }

    out.push_str(sign);
    if digits.is_empty() {
        out.push_str("0.0");
        return;
    }
    let push = |out: &mut String, digits: &[u8]| out.extend(digits.iter().map(|&d| char::from(d)));
    let zeros = |out: &mut String, n: i32| out.extend((0..n).map(|_| '0'));
    if power < -4 || power >= limit {
        push(out, &digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            push(out, &digits[1..]);
        }
        out.push_str(if power < 0 { "e-" } else { "e+" });
        if power.abs() < 10 {
            out.push('0');
        }
        out.push_str(itoa::Buffer::new().format(power.abs()));
    } else if power < 0 {
        out.push_str("0.");
        zeros(out, -power - 1);
        push(out, digits);
    } else {
        let point = power as usize + 1;
        if digits.len() <= point {
            push(out, digits);
            zeros(out, (point - digits.len()) as i32);
            out.push_str(".0");
        } else {
            push(out, &digits[..point]);
            out.push('.');
            push(out, &digits[point..]);
        }
    }
}
