//! Histograms that were read as a whole, as rows of a family.

use crate::model::{
    Bounds, Columns, ExemplarRef, Family, LabelNames, MetricFamily, MetricType, RowLabels,
    SumPlace, ValueColumns, format_f64,
};

/// What is kept from row to row.
#[derive(Debug, Default)]
pub(super) struct Histograms {
    /// Those of the last row, which others nearly always share.
    bounds: Option<Bounds>,
    counts: Vec<f64>,
}

impl Histograms {
    /// Appends a row with these bounds, ascending up to +Inf, and how many observations each
    /// bucket and those before it have.
    ///
    /// `None` if these are no numbers.
    pub(super) fn push<'f>(
        &mut self,
        family: &'f mut MetricFamily,
        names: &LabelNames,
        row: RowLabels<'_>,
        points: impl Iterator<Item = (f64, f64)> + Clone,
        sum: f64,
    ) -> Option<&'f mut Columns> {
        self.counts.clear();
        let mut total = 0.0;
        for (_, up_to) in points.clone() {
            let count = difference(up_to, total);
            total += count;
            self.counts.push(count);
            if total.is_nan() {
                return None;
            }
        }
        let bounds = points.map(|(bound, _)| bound);
        let bounds = match self.bounds.take() {
            Some(last) if last.values().iter().copied().eq(bounds.clone()) => last,
            _ => {
                let values: Vec<f64> = bounds.collect();
                let texts = values.iter().map(|bound| format_f64(*bound).into()).collect();
                Bounds::with_texts(values, texts)
            }
        };
        let is_histogram = family.desc().metric_type() == MetricType::Histogram;
        // A sum that may fall, or is NaN, not all formats allow.
        let falls = bounds.values().first().is_some_and(|bound| *bound < 0.0);
        let hides = is_histogram && (falls || sum < 0.0 || sum.is_nan());
        let place = if hides { SumPlace::Absent } else { SumPlace::Last };
        let columns = family.columns(
            names,
            |values| match values {
                ValueColumns::Histograms { bounds: have, sum_place, .. } => {
                    *have == bounds && *sum_place == place
                }
                _ => false,
            },
            || ValueColumns::Histograms {
                bounds: bounds.clone(),
                buckets: Vec::new(),
                sums: Vec::new(),
                sum_place: place,
            },
        );
        columns.push_row(row);
        if let ValueColumns::Histograms { buckets, sums, .. } = &mut columns.values {
            buckets.extend_from_slice(&self.counts);
            sums.push(sum);
        }
        self.bounds = Some(bounds);
        Some(columns)
    }
}

/// Gives an exemplar to the bucket of the last row that it falls into.
pub(super) fn push_exemplar(columns: &mut Columns, exemplar: ExemplarRef<'_>) {
    let ValueColumns::Histograms { bounds, .. } = &columns.values else { return };
    let width = bounds.values().len();
    if width == 1 && columns.last_is_native() {
        return columns.push_native_exemplar(exemplar);
    }
    let bucket = bounds.values().iter().position(|&bound| exemplar.value() <= bound);
    let slot = (columns.rows() - 1) * width + bucket.unwrap_or(width - 1);
    columns.push_exemplar(slot, exemplar);
}

/// What added to `total` is `up_to`, or as near as there is.
fn difference(up_to: f64, total: f64) -> f64 {
    if up_to == total {
        return 0.0;
    }
    // Of a difference that was rounded, a neighbour may be the one.
    let near = up_to - total;
    let bits = near.to_bits();
    let exact = [bits, bits.wrapping_add(1), bits.wrapping_sub(1)].map(f64::from_bits);
    exact.into_iter().find(|near| total + near == up_to).unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn differences_add_up_again() {
        let mut total = 0.0;
        for up_to in [0.1, 0.3, 0.7, 0.7, 1e9 + 0.1, 1e15 + 0.3, 1e300, f64::INFINITY] {
            total += difference(up_to, total);
            assert_eq!(total, up_to);
        }
        assert_eq!(difference(f64::INFINITY, f64::INFINITY), 0.0);
        assert_eq!(difference(0.1, 1e17), -1e17);
    }
}
