//! What a value of several numbers must be for its type.

use crate::model::MetricType;
use crate::parser::buckets::Buckets;
use crate::parser::composite::{Composite, Side};
use crate::parser::cursor::Cursor;
use crate::parser::error::ParseError;
use crate::parser::number::{Placed, shown};

/// Up to here floats tell all whole numbers apart, so that sums of them are exact.
const WHOLES: f64 = 9_007_199_254_740_992.0;

/// Checks a value.
///
/// # Errors
/// If it is not as its type has it.
pub(super) fn check(
    cursor: &Cursor<'_>,
    metric_type: MetricType,
    value: &Composite,
) -> Result<(), ParseError> {
    let (Some(count), Some(sum)) = (value.count, value.sum) else { return Ok(()) };
    let refuse = |placed: Placed, expected: &'static str| {
        Err(cursor.error_finding(placed.at, expected, shown(placed.number)))
    };
    if metric_type == MetricType::Summary {
        let is_natural =
            count.number >= 0.0 && count.number.is_finite() && count.number.fract() == 0.0;
        return match (is_natural, sum.number >= 0.0) {
            (false, _) => refuse(count, "a whole number that is not negative"),
            (_, false) => refuse(sum, "a sum that is not negative"),
            _ => check_quantiles(cursor, &value.points),
        };
    }
    let is_histogram = metric_type == MetricType::Histogram;
    if is_histogram && count.number < 0.0 {
        return refuse(count, "a count that is not negative");
    }
    if !value.points.is_empty() {
        check_classic(cursor, is_histogram, count, &value.points)?;
    }
    check_native(cursor, is_histogram, value, count, sum)
}

fn check_quantiles(cursor: &Cursor<'_>, points: &[(Placed, Placed)]) -> Result<(), ParseError> {
    let mut last = f64::NEG_INFINITY;
    for (quantile, value) in points {
        let refuse = |placed: &Placed, expected: String| {
            Err(cursor.error_finding(placed.at, expected, shown(placed.number)))
        };
        if !(0.0..=1.0).contains(&quantile.number) {
            return refuse(quantile, "a quantile between 0 and 1".to_owned());
        }
        if quantile.number <= last {
            return refuse(quantile, format!("a quantile above the last one, {}", shown(last)));
        }
        if value.number < 0.0 {
            return refuse(value, "a quantile's value that is not negative".to_owned());
        }
        last = quantile.number;
    }
    Ok(())
}

fn check_classic(
    cursor: &Cursor<'_>,
    is_histogram: bool,
    count: Placed,
    points: &[(Placed, Placed)],
) -> Result<(), ParseError> {
    let mut buckets = Buckets::default();
    for &(bound, value) in points {
        if is_histogram && value.number < 0.0 {
            let expected = "a bucket that does not have fewer than none";
            return Err(cursor.error_finding(value.at, expected, shown(value.number)));
        }
        // Only what has happened does not become less.
        buckets.add(cursor, bound, value, is_histogram)?;
    }
    buckets.set_count(count);
    buckets.finish(cursor, count.at)
}

fn check_native(
    cursor: &Cursor<'_>,
    is_histogram: bool,
    value: &Composite,
    count: Placed,
    sum: Placed,
) -> Result<(), ParseError> {
    let (Some(schema), Some(zero)) = (value.schema, value.zero_count) else { return Ok(()) };
    let (mut total, mut are_whole) = (zero.number, is_whole(zero.number));
    if is_histogram && zero.number < 0.0 {
        return Err(cursor.error_at(zero.at, "a bucket that does not have fewer than none"));
    }
    for side in &value.sides {
        check_indexes(cursor, schema.number as i32, side)?;
        for &bucket in &side.counts {
            if is_histogram && bucket < 0.0 {
                return Err(cursor.error_at(side.at, "buckets that do not have fewer than none"));
            }
            total += bucket;
            are_whole &= is_whole(bucket);
        }
    }
    // Sums of fractions are rounded. With a sum of NaN, NaN may have been observed, which is in
    // the count and in no bucket.
    let agree = match sum.number.is_nan() {
        true => total <= count.number || !is_histogram,
        false => total == count.number,
    };
    if agree || !are_whole || !is_whole(count.number) {
        return Ok(());
    }
    let expected = format!("a count of {}, as the native buckets have", shown(total));
    Err(cursor.error_finding(count.at, expected, shown(count.number)))
}

fn is_whole(number: f64) -> bool {
    number.abs() <= WHOLES && number.fract() == 0.0
}

/// Checks that no bucket is behind the one that ends with infinity.
fn check_indexes(cursor: &Cursor<'_>, schema: i32, side: &Side) -> Result<(), ParseError> {
    // The largest float is below 2^1024; the bucket behind its own is that of infinity.
    let largest = if schema < 0 { 1024_i64 >> -schema } else { 1024_i64 << schema };
    let mut next = 0_i64;
    for span in &side.spans {
        next += i64::from(span.offset) + i64::from(span.length);
        if span.length > 0 && next - 1 > largest + 1 {
            let expected = format!("no bucket behind {}, which ends with infinity", largest + 1);
            return Err(cursor.error_finding(side.at, expected, (next - 1).to_string()));
        }
    }
    Ok(())
}
