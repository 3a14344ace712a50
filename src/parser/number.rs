//! Numbers as both formats spell them.

use crate::model::Timestamp;
use crate::model::number::push_repr;

/// A number, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) number: f64,
    pub(super) at: usize,
}

/// A number as errors show it.
pub(super) fn shown(number: f64) -> String {
    let mut text = String::new();
    push_repr(&mut text, number);
    text.truncate(text.strip_suffix(".0").unwrap_or(&text).len());
    text
}

/// A decimal number, an infinity or NaN; in neither format is there any other.
///
/// `None` if it is none: hexadecimal, with underscores, or a NaN that has a sign.
#[inline]
pub(super) fn float(token: &str) -> Option<f64> {
    short_decimal(token).or_else(|| other(token))
}

/// The powers of ten that a float says exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Digits with at most one point among them, as nearly all numbers are.
///
/// What has fifteen digits is exact in a float, and so is the power of ten that divides it; the
/// quotient of exact numbers is rounded once, and thus right.
#[inline]
fn short_decimal(token: &str) -> Option<f64> {
    if token.len() > 16 {
        return None;
    }
    let (mut digits, mut count, mut point) = (0_u64, 0, None);
    for &byte in token.as_bytes() {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    Some(digits as f64 / POWERS[count - point.unwrap_or(count)])
}

fn other(token: &str) -> Option<f64> {
    let bytes = token.as_bytes();
    let value: f64 = token.parse().ok()?;
    let signed = matches!(bytes.first(), Some(b'+' | b'-'));
    (!value.is_nan() || !signed).then_some(value)
}

/// Whether an infinity is one that is meant, and not a number that is too large for a float.
pub(super) fn is_spelled_infinite(token: &str) -> bool {
    token.bytes().any(|byte| matches!(byte, b'i' | b'I'))
}

/// Seconds since 1970, exact to the nanosecond if they are written as plain digits.
///
/// `None` if they are no finite number.
pub(super) fn seconds(token: &str) -> Option<Timestamp> {
    if let Some(time) = plain_seconds(token) {
        return Some(time);
    }
    let time = Timestamp::from_seconds(float(token)?).ok()?;
    let mut text = String::new();
    time.push_openmetrics(&mut text);
    // What an exponent says is the same time as what plain digits say.
    plain_seconds(&text).or(Some(time))
}

fn plain_seconds(token: &str) -> Option<Timestamp> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    // What a float was written as is read as that float.
    if fraction.len() > 9 {
        let value = Timestamp::from_seconds(token.parse().ok()?).ok()?;
        let mut text = String::new();
        value.push_openmetrics(&mut text);
        if text == token {
            return Some(value);
        }
    }
    let shown = &fraction[..fraction.len().min(9)];
    let mut nanos: u32 = if shown.is_empty() { 0 } else { shown.parse().ok()? };
    nanos *= 10_u32.pow(9 - shown.len() as u32);
    Some(Timestamp::decimal(token.starts_with('-'), whole.parse().ok()?, nanos, shown.len() as u8))
}

/// Whole milliseconds since 1970.
pub(super) fn millis(token: &str) -> Option<Timestamp> {
    token.parse().ok().map(Timestamp::from_millis)
}

/// Whole milliseconds since 1970 of any size, as precisely as a float can say.
pub(super) fn large_millis(token: &str) -> Option<Timestamp> {
    let digits = token.strip_prefix(['+', '-']).unwrap_or(token);
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let millis = token.parse::<f64>().ok().filter(|_| are_digits)?;
    // Of the neighbours, the one that these milliseconds were written of.
    let seconds = (millis / 1000.0).to_bits();
    let neighbours = [seconds, seconds + 1, seconds.wrapping_sub(1)].map(f64::from_bits);
    let times = neighbours.map(|seconds| Timestamp::from_seconds(seconds).ok());
    times.into_iter().flatten().find(|time| time.as_millis() == millis).or(times[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for token in [
            "0",
            "-0",
            "7",
            "007",
            "0.1",
            "1.",
            ".5",
            "123456789012345",
            "1234567890123456",
            "0.00000000000001",
            "999999.999999999",
            "1e5",
            "+3",
            "1e-999",
            "-1E+3",
            "inf",
            "+Inf",
            "-INFINITY",
            "9007199254740993",
            "0000000000000000000001.2e-1",
        ] {
            let value: f64 = token.parse().unwrap();
            assert_eq!(float(token).map(f64::to_bits), Some(value.to_bits()), "{token}");
        }
        assert!(float("nAn").unwrap().is_nan());
        for token in ["", ".", "+", "1e", "0x1", "1_0", "+nan", "-NaN", "1 ", "1,5", "١"] {
            assert_eq!(float(token), None, "{token:?}");
        }
    }

    #[test]
    fn seconds_keep_their_digits() {
        for (token, nanos) in [
            ("1.5", 1_500_000_000),
            ("-0.25", -250_000_000),
            ("1395066363.123456789", 1_395_066_363_123_456_789),
            ("1.1234567891", 1_123_456_789),
            ("5", 5_000_000_000),
            ("123.000000000", 123_000_000_000),
        ] {
            let time = seconds(token).unwrap();
            assert_eq!(time.as_nanos(), nanos, "{token}");
            let mut text = String::new();
            time.push_openmetrics(&mut text);
            assert_eq!(text, token);
        }
        assert_eq!(seconds("1395066363.1234567891").unwrap().as_nanos(), 1_395_066_363_123_456_789);
        assert_eq!(seconds("1.5e3").unwrap().as_seconds(), 1500.0);
        assert_eq!(seconds(".5").unwrap().as_seconds(), 0.5);
        assert_eq!(seconds("99999999999999999999").unwrap().as_seconds(), 1e20);
        for token in ["", "Inf", "NaN", "1.1.1", "1z", "0x1", "."] {
            assert_eq!(seconds(token), None, "{token:?}");
        }
    }
}
