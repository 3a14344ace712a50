//! Puts counters and start times that were told apart together.

use std::collections::HashMap;

use super::MetricFamily;
use crate::model::columns::RowLabels;
use crate::model::desc::Suffix;
use crate::model::family::Family;
use crate::model::labels::LabelNames;

type Labels = Vec<(String, String)>;

impl MetricFamily {
    /// The same counters, each with the start time that was told of it; one of no counter is lost.
    pub(crate) fn started(family: &dyn Family) -> Self {
        let mut starts: HashMap<Labels, f64> = HashMap::new();
        family.for_each_sample(&mut |sample| {
            if sample.suffix() == Suffix::Created {
                let labels = sample.labels().iter();
                let labels = labels.map(|(name, value)| (name.to_owned(), value.into_owned()));
                starts.insert(labels.collect(), sample.value());
            }
        });
        let mut started = Self::of(family.desc().clone());
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels().iter();
            let labels: Labels =
                labels.map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
            let start = sample.start().or_else(|| starts.get(&labels).copied());
            let (names, values): (Vec<_>, Vec<_>) = labels.into_iter().unzip();
            let values: Vec<_> = values.iter().map(String::as_str).collect();
            // They were checked when the family was made.
            let Ok(names) = LabelNames::new(&names) else { return };
            if sample.suffix() != Suffix::Total {
                return;
            }
            let columns = started.float_columns(&names, Suffix::Total);
            columns.push_float(RowLabels::Raw(&values), sample.value());
            if let Some(start) = start {
                columns.set_start(start);
            }
            if let Some(timestamp) = sample.timestamp() {
                columns.set_timestamp(timestamp, 1);
            }
            if let Some(exemplar) = sample.exemplar() {
                columns.push_exemplar(columns.rows() - 1, exemplar);
            }
        });
        started
    }
}
