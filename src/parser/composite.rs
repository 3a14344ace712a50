//! Values of several numbers: histograms and summaries as they stand between braces.

use std::mem;

use super::cursor::Cursor;
use super::error::{ParseError, quoted};
use super::number::{Placed, float, is_spelled_infinite};
use crate::error::Error;
use crate::model::{BucketSpan, MetricType, NativeHistogram};

/// How such values are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As others write them in OpenMetrics 1.0: native histograms alone, fields in any order, each
    /// bucket as what it has more than the one before.
    Deltas,
    /// As OpenMetrics 2.0 has them: fields in their order, each bucket with its count.
    #[cfg(feature = "openmetrics2")]
    Counts,
}

/// The fields of a value, in their order.
const FIELDS: [(&str, Field); 13] = [
    ("count", Field::Count),
    ("gcount", Field::Count),
    ("sum", Field::Sum),
    ("gsum", Field::Sum),
    ("schema", Field::Schema),
    ("zero_threshold", Field::ZeroThreshold),
    ("zero_count", Field::ZeroCount),
    ("negative_spans", Field::Spans(0)),
    ("negative_", Field::Buckets(0)),
    ("positive_spans", Field::Spans(1)),
    ("positive_", Field::Buckets(1)),
    ("bucket", Field::Bucket),
    ("quantile", Field::Quantile),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Count,
    Sum,
    Schema,
    ZeroThreshold,
    ZeroCount,
    Spans(usize),
    Buckets(usize),
    Bucket,
    Quantile,
}

impl Field {
    /// Its place among the fields.
    fn rank(self) -> u16 {
        match self {
            Self::Count => 0,
            Self::Sum => 1,
            Self::Schema => 2,
            Self::ZeroThreshold => 3,
            Self::ZeroCount => 4,
            Self::Spans(side) => 5 + 2 * side as u16,
            Self::Buckets(side) => 6 + 2 * side as u16,
            Self::Bucket => 9,
            Self::Quantile => 10,
        }
    }
}

/// A value of several numbers; read anew, it keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Composite {
    /// Which fields were read, by their ranks.
    fields: u16,
    is_gauge: bool,
    pub(super) count: Option<Placed>,
    pub(super) sum: Option<Placed>,
    pub(super) schema: Option<Placed>,
    pub(super) zero_threshold: Option<Placed>,
    pub(super) zero_count: Option<Placed>,
    /// Below zero, and above it.
    pub(super) sides: [Side; 2],
    /// Bounds or quantiles with their values.
    pub(super) points: Vec<(Placed, Placed)>,
    /// Behind the closing brace.
    end: usize,
}

/// The native buckets on one side of zero.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) at: usize,
    pub(super) spans: Vec<BucketSpan>,
    pub(super) counts: Vec<f64>,
}

impl Composite {
    /// Reads from the opening brace to the closing one.
    ///
    /// # Errors
    /// If it is not as it is spelled.
    pub(super) fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        spelling: Spelling,
    ) -> Result<(), ParseError> {
        self.clear();
        cursor.expect(b'{', "an opening brace")?;
        loop {
            let at = cursor.at();
            let name = cursor.token();
            let field = self
                .field(name, spelling)
                .ok_or_else(|| cursor.error_finding(at, self.expected(spelling), quoted(name)))?;
            self.fields |= 1 << field.rank();
            self.is_gauge |= name.starts_with('g');
            cursor.expect(b':', "a colon behind the name of the field")?;
            self.read_field(cursor, field, spelling)?;
            if cursor.eat(b'}') {
                self.end = cursor.at();
                return self.check_whole(cursor);
            }
            cursor.expect(b',', "a comma or a closing brace")?;
        }
    }

    fn clear(&mut self) {
        self.fields = 0;
        self.is_gauge = false;
        for number in [
            &mut self.count,
            &mut self.sum,
            &mut self.schema,
            &mut self.zero_threshold,
            &mut self.zero_count,
        ] {
            *number = None;
        }
        for side in &mut self.sides {
            side.spans.clear();
            side.counts.clear();
        }
        self.points.clear();
    }

    fn has(&self, field: Field) -> bool {
        self.fields & 1 << field.rank() != 0
    }

    /// The type that values of these fields are of.
    pub(super) fn metric_type(&self) -> MetricType {
        match (self.has(Field::Quantile), self.is_gauge) {
            (true, _) => MetricType::Summary,
            (false, true) => MetricType::GaugeHistogram,
            (false, false) => MetricType::Histogram,
        }
    }

    /// The field of that name, if it may stand here.
    fn field(&self, name: &str, spelling: Spelling) -> Option<Field> {
        let buckets = match spelling {
            Spelling::Deltas => "deltas",
            #[cfg(feature = "openmetrics2")]
            Spelling::Counts => "buckets",
        };
        let is_named = |known: &str| match known.ends_with('_') {
            true => name.strip_prefix(known) == Some(buckets),
            false => name == known,
        };
        let (_, field) = FIELDS.into_iter().find(|(known, _)| is_named(known))?;
        if name == "gsum" && !self.is_gauge || name == "sum" && self.is_gauge {
            return None;
        }
        let fits = match spelling {
            Spelling::Deltas => {
                !self.has(field) && !matches!(field, Field::Bucket | Field::Quantile)
            }
            #[cfg(feature = "openmetrics2")]
            Spelling::Counts => self.follows(field),
        };
        fits.then_some(field)
    }

    /// Whether a field may stand behind those that were read.
    #[cfg(feature = "openmetrics2")]
    fn follows(&self, field: Field) -> bool {
        let needed: &[Field] = match field {
            Field::Count => &[],
            Field::Sum => &[Field::Count],
            Field::Schema | Field::Bucket | Field::Quantile => &[Field::Count, Field::Sum],
            Field::ZeroThreshold => &[Field::Schema],
            Field::ZeroCount => &[Field::ZeroThreshold],
            Field::Spans(_) => &[Field::ZeroCount],
            Field::Buckets(0) => &[Field::Spans(0)],
            Field::Buckets(_) => &[Field::Spans(1)],
        };
        let is_behind = self.fields >> field.rank() == 0;
        let is_between = (0..2).any(|side| {
            self.has(Field::Spans(side))
                && !self.has(Field::Buckets(side))
                && field != Field::Buckets(side)
        });
        let is_whole = !self.has(Field::Schema) || self.has(Field::ZeroCount);
        let ends_native = matches!(field, Field::Bucket | Field::Quantile);
        is_behind
            && !is_between
            && needed.iter().all(|&field| self.has(field))
            && (is_whole || !ends_native)
            && !(self.has(Field::Schema) && field == Field::Quantile)
            && !(self.has(Field::Bucket) && field == Field::Quantile)
            && !(self.is_gauge && field == Field::Quantile)
    }

    /// What could stand where something else does.
    fn expected(&self, spelling: Spelling) -> String {
        let names = FIELDS.into_iter().map(|(name, _)| match (name.ends_with('_'), spelling) {
            (false, _) => name.to_owned(),
            (true, Spelling::Deltas) => format!("{name}deltas"),
            #[cfg(feature = "openmetrics2")]
            (true, Spelling::Counts) => format!("{name}buckets"),
        });
        let names: Vec<_> = names.filter(|name| self.field(name, spelling).is_some()).collect();
        match names.split_last() {
            None => "a closing brace".to_owned(),
            Some((last, [])) => format!("the field {last}"),
            Some((last, others)) => format!("one of the fields {} or {last}", others.join(", ")),
        }
    }

    fn read_field(
        &mut self,
        cursor: &mut Cursor<'_>,
        field: Field,
        spelling: Spelling,
    ) -> Result<(), ParseError> {
        match field {
            Field::Count => self.count = Some(number(cursor)?),
            Field::Sum => self.sum = Some(number(cursor)?),
            Field::ZeroCount => self.zero_count = Some(number(cursor)?),
            Field::ZeroThreshold => {
                let threshold = real_number(cursor)?;
                if threshold.number < 0.0 {
                    return Err(cursor.error_at(threshold.at, "a threshold that is not below zero"));
                }
                self.zero_threshold = Some(threshold);
            }
            Field::Schema => {
                let at = cursor.at();
                let schema = integer(cursor, "a schema of -4 to 8")?;
                if !(-4..=8).contains(&schema) {
                    let found = quoted(&schema.to_string());
                    return Err(cursor.error_finding(at, "a schema of -4 to 8", found));
                }
                self.schema = Some(Placed { number: schema as f64, at });
            }
            Field::Spans(side) => {
                let side = &mut self.sides[side];
                side.at = cursor.at();
                list(cursor, |cursor| {
                    side.spans.push(span(cursor, side.spans.is_empty())?);
                    Ok(())
                })?;
            }
            Field::Buckets(side) => {
                let counts = &mut self.sides[side].counts;
                list(cursor, |cursor| {
                    let Placed { number, at } = number(cursor)?;
                    let before = match spelling {
                        Spelling::Deltas => counts.last().copied().unwrap_or(0.0),
                        #[cfg(feature = "openmetrics2")]
                        Spelling::Counts => 0.0,
                    };
                    if number.is_nan() {
                        return Err(cursor.error_at(at, "a bucket that does not have NaN"));
                    }
                    counts.push(before + number);
                    Ok(())
                })?;
            }
            Field::Bucket | Field::Quantile => {
                let points = &mut self.points;
                list(cursor, |cursor| {
                    let at = match field {
                        Field::Bucket => bound(cursor)?,
                        _ => real_number(cursor)?,
                    };
                    cursor.expect(b':', "a colon and a number")?;
                    points.push((at, number(cursor)?));
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// The native buckets, if it has any.
    ///
    /// # Errors
    /// If they are none that the model takes.
    pub(super) fn native(
        &mut self,
        cursor: &Cursor<'_>,
    ) -> Result<Option<NativeHistogram>, ParseError> {
        let (Some(schema), Some(threshold), Some(zero)) =
            (self.schema, self.zero_threshold, self.zero_count)
        else {
            return Ok(None);
        };
        let refused = |error: Error| {
            cursor.error_finding(schema.at, "native buckets that there can be", error.to_string())
        };
        let [negative, positive] = &mut self.sides;
        let native = NativeHistogram::new(schema.number as i8)
            .and_then(|native| native.zero(threshold.number, zero.number))
            .and_then(|native| {
                native
                    .negative_spans(mem::take(&mut negative.spans), mem::take(&mut negative.counts))
            })
            .and_then(|native| {
                native
                    .positive_spans(mem::take(&mut positive.spans), mem::take(&mut positive.counts))
            });
        native.map(Some).map_err(refused)
    }

    /// Checks that nothing is missing, and that there are as many native buckets as there should be.
    fn check_whole(&self, cursor: &Cursor<'_>) -> Result<(), ParseError> {
        let missing = |expected: &'static str| {
            Err(cursor.error_finding(self.end - 1, expected, "a closing brace".to_owned()))
        };
        if self.count.is_none() || self.sum.is_none() {
            return missing("the fields of count and sum");
        }
        let tells_native = self.fields >> Field::Schema.rank() & 0x7f != 0;
        let is_native = [Field::Schema, Field::ZeroThreshold, Field::ZeroCount];
        if tells_native && !is_native.into_iter().all(|field| self.has(field)) {
            return missing("the fields schema, zero_threshold and zero_count");
        }
        if !tells_native && !self.has(Field::Bucket) && !self.has(Field::Quantile) {
            return missing("buckets or quantiles");
        }
        if self.has(Field::Bucket) && self.points.is_empty() {
            return missing("a bucket with the bound +Inf");
        }
        for (place, side) in self.sides.iter().enumerate() {
            if self.has(Field::Spans(place)) != self.has(Field::Buckets(place)) {
                return missing("both spans and buckets");
            }
            let buckets: u64 = side.spans.iter().map(|span| u64::from(span.length)).sum();
            if buckets != side.counts.len() as u64 {
                let expected = format!("spans of {} buckets, as there are", side.counts.len());
                return Err(cursor.error_finding(side.at, expected, buckets.to_string()));
            }
        }
        Ok(())
    }
}

/// Reads what stands between brackets, with commas between.
fn list<'a>(
    cursor: &mut Cursor<'a>,
    mut read: impl FnMut(&mut Cursor<'a>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    cursor.expect(b'[', "an opening bracket")?;
    if cursor.eat(b']') {
        return Ok(());
    }
    loop {
        read(cursor)?;
        if cursor.eat(b']') {
            return Ok(());
        }
        cursor.expect(b',', "a comma or a closing bracket")?;
    }
}

/// Reads a number that a float can hold.
fn number(cursor: &mut Cursor<'_>) -> Result<Placed, ParseError> {
    let at = cursor.at();
    let token = cursor.token();
    match float(token) {
        Some(number) if number.is_finite() || number.is_nan() || is_spelled_infinite(token) => {
            Ok(Placed { number, at })
        }
        Some(_) => Err(cursor.error_at_word(at, "a number that a float can hold", token)),
        None => Err(cursor.error_at_word(at, "a number", token)),
    }
}

/// Reads a number that is neither infinite nor NaN.
fn real_number(cursor: &mut Cursor<'_>) -> Result<Placed, ParseError> {
    let read = number(cursor)?;
    match read.number.is_finite() {
        true => Ok(read),
        false => Err(cursor.error_at(read.at, "a finite number")),
    }
}

/// Reads the bound of a bucket, whose infinities are spelled in one way.
fn bound(cursor: &mut Cursor<'_>) -> Result<Placed, ParseError> {
    let at = cursor.at();
    for (text, number) in [("+Inf:", f64::INFINITY), ("-Inf:", f64::NEG_INFINITY)] {
        if cursor.eat_text(text) {
            cursor.go_to(at + text.len() - 1);
            return Ok(Placed { number, at });
        }
    }
    let read = number(cursor)?;
    match read.number.is_finite() {
        true => Ok(read),
        false => Err(cursor.error_at(at, "a bound that is a finite number, +Inf or -Inf")),
    }
}

fn integer(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<i64, ParseError> {
    let at = cursor.at();
    let token = cursor.token();
    token.parse().map_err(|_| cursor.error_at_word(at, expected, token))
}

fn span(cursor: &mut Cursor<'_>, is_first: bool) -> Result<BucketSpan, ParseError> {
    let at = cursor.at();
    let expected = if is_first { "an offset" } else { "an offset that is not below zero" };
    let offset = i32::try_from(integer(cursor, expected)?).ok();
    let Some(offset) = offset.filter(|offset| is_first || *offset >= 0) else {
        return Err(cursor.error_at(at, expected));
    };
    cursor.expect(b':', "a colon and a length")?;
    let at = cursor.at();
    match u32::try_from(integer(cursor, "a length")?) {
        Ok(length) => Ok(BucketSpan { offset, length }),
        Err(_) => Err(cursor.error_at(at, "a length")),
    }
}
