//! Numbers on a line, against the standard library's digits and the rule that puts them in form.

use narthex::model::format_f64;
use proptest::prelude::*;

/// The number as Python's client writes it, made of the standard library's shortest digits.
fn expected(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let shortest = format!("{:e}", x.abs());
    let count =
        shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // As many digits as that, rounded to even where two are as near.
    let text = format!("{:.*e}", count - 1, x.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap();
    let (digits, power) = (mantissa.replace('.', ""), exponent.parse::<i32>().unwrap());
    let sign = if x.is_sign_negative() { "-" } else { "" };
    // Python has an exponent below 1e-4 and from 1e16 on; its client also from 1e6 on, as Go has it.
    let limit = if x >= 1e6 { 6 } else { 16 };
    let text = if x == 0.0 {
        "0.0".to_owned()
    } else if power < -4 || power >= limit {
        let point = if digits.len() > 1 { "." } else { "" };
        let direction = if power < 0 { '-' } else { '+' };
        format!("{}{point}{}e{direction}{:02}", &digits[..1], &digits[1..], power.abs())
    } else if power < 0 {
        format!("0.{}{digits}", "0".repeat((-power - 1) as usize))
    } else {
        let whole = power as usize + 1;
        let padded = format!("{digits:0<whole$}");
        let fraction = if padded.len() > whole { &padded[whole..] } else { "0" };
        format!("{}.{fraction}", &padded[..whole])
    };
    format!("{sign}{text}")
}

fn is_written_as_expected(x: f64) {
    for x in [x, -x] {
        assert_eq!(format_f64(x), expected(x), "{:x}", x.to_bits());
    }
}

/// The float and those beside it.
fn around(x: f64) -> impl Iterator<Item = f64> {
    (-3..=3).map(move |step| f64::from_bits(x.to_bits().saturating_add_signed(step)))
}

#[test]
fn where_one_form_ends_and_the_next_begins() {
    for power in -320..=308 {
        let x: f64 = format!("1e{power}").parse().unwrap();
        around(x).chain(around(x * 9.0)).for_each(is_written_as_expected);
    }
    for power in 0..64 {
        around((power as f64).exp2()).for_each(is_written_as_expected);
    }
    for x in [f64::INFINITY, f64::NAN, f64::MIN_POSITIVE, f64::MAX, 5e-324, 999_999.5] {
        is_written_as_expected(x);
    }
    // Some that are told apart by eye.
    for (x, text) in [
        (999_999.0, "999999.0"),
        (1_000_000.0, "1e+06"),
        (1_000_001.0, "1.000001e+06"),
        (9_007_199_254_740_991.0, "9.007199254740991e+15"),
        (9_007_199_254_740_992.0, "9.007199254740992e+15"),
        (1_234_567.25, "1.23456725e+06"),
        (123_456.00000001, "123456.00000001"),
        (0.00000001, "1e-08"),
        (0.0001, "0.0001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (-1_000_000.0, "-1000000.0"),
        (-0.0, "-0.0"),
    ] {
        assert_eq!(format_f64(x), text);
    }
}

#[test]
fn whole_numbers_of_up_to_nine_digits() {
    // No divisor of a power of ten, so that all last digits are there.
    for n in (0..1_000_000_000).step_by(9_973) {
        is_written_as_expected(f64::from(n));
    }
    for n in (0..1_000_000).step_by(997) {
        for zeros in 1..10 {
            is_written_as_expected(f64::from(n) * 10f64.powi(zeros));
        }
    }
}

#[test]
fn decimals_of_up_to_nine_places() {
    for n in (0..1_000_000_000).step_by(49_999) {
        for power in 1..10 {
            is_written_as_expected(f64::from(n) / 10f64.powi(power));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_float(bits in any::<u64>()) {
        is_written_as_expected(f64::from_bits(bits));
    }

    #[test]
    fn whole_numbers_of_any_size(n in any::<u64>(), shift in 0..64) {
        is_written_as_expected((n >> shift) as f64);
    }

    #[test]
    fn whole_numbers_with_zeros_at_their_end(n in 0..1_000_000u64, zeros in 0..14) {
        is_written_as_expected(n as f64 * 10f64.powi(zeros));
    }

    #[test]
    fn decimals_and_the_floats_beside_them(n in 0..1_000_000_000_000_000u64, power in 0..20) {
        around(n as f64 / 10f64.powi(power)).for_each(is_written_as_expected);
    }

    #[test]
    fn fractions_of_any_size(fraction in 0.0..1.0f64, power in -10..20) {
        is_written_as_expected(fraction * 10f64.powi(power));
    }
}
