//! What the name of a file says of its entries.

use super::file_kind::FileKind;
use super::listing::generation_of;
use super::mode::GaugeMode;
use crate::model::MetricType;

/// Of what type the entries of a file are, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName {
    /// None if the name does not say; the entries belong to families that other files have told of.
    pub(crate) metric_type: Option<MetricType>,
    /// Only gauges have it.
    pub(crate) gauge: Option<GaugeFile>,
    /// Whether it holds what was folded.
    pub(crate) is_folded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaugeFile {
    pub(crate) mode: GaugeMode,
    /// The process, as the label `pid` shows it.
    pub(crate) pid: String,
}

impl FileName {
    /// Reads `<type>_<identifier>.db` or `gauge_<mode>_<identifier>.db`.
    ///
    /// None if it is that of a gauge without an identifier. The identifier of a
    /// gauge is what Python's reader takes for it: the third part, less its last
    /// three characters. A mode that is not known counts as `all`, as there.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let is_folded =
            FileKind::parse(name).is_some_and(|(_, owner)| generation_of(owner).is_some());
        let mut parts = name.split('_');
        let metric_type = parts.next().and_then(MetricType::parse);
        if metric_type != Some(MetricType::Gauge) {
            return Some(Self { metric_type, gauge: None, is_folded });
        }
        let mode = GaugeMode::parse(parts.next()?).unwrap_or_default();
        let last = parts.next()?;
        let pid = match last.char_indices().nth_back(2) {
            Some((end, _)) => last[..end].to_owned(),
            None => String::new(),
        };
        Some(Self { metric_type, gauge: Some(GaugeFile { mode, pid }), is_folded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_type_mode_and_process() {
        let gauge = |name: &str| FileName::parse(name)?.gauge.map(|gauge| (gauge.mode, gauge.pid));
        assert_eq!(gauge("gauge_livesum_12.db"), Some((GaugeMode::LiveSum, "12".to_owned())));
        assert_eq!(gauge("gauge_all_uwsgi.2.db"), Some((GaugeMode::All, "uwsgi.2".to_owned())));
        assert_eq!(gauge("gauge_min_7-x1y2.db"), Some((GaugeMode::Min, "7-x1y2".to_owned())));
        assert_eq!(gauge("gauge_all_a_b.db"), Some((GaugeMode::All, String::new())));
        assert_eq!(gauge("gauge_all_éééé_b.db"), Some((GaugeMode::All, "é".to_owned())));
        assert_eq!(gauge("gauge_avg_1.db"), Some((GaugeMode::All, "1".to_owned())));
        assert_eq!(FileName::parse("gauge_all.db"), None);
        assert_eq!(gauge("counter_12.db"), None);
        let metric_type = |name| FileName::parse(name).and_then(|file| file.metric_type);
        assert_eq!(metric_type("histogram_1_2.db"), Some(MetricType::Histogram));
        assert_eq!(metric_type("sqlite_12.db"), None);
        assert_eq!(metric_type("counter.db"), None);
    }
}
