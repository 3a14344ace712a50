//! The kinds of shared files, and the names that a process gives them.

use super::mode::GaugeMode;

/// How many kinds there are, and so how many files a process writes at most.
pub(crate) const KINDS: usize = 3 + GaugeMode::ALL.len();

/// The kinds of files: one for each type of metric, and for each mode of gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Counter,
    Summary,
    Histogram,
    Gauge(GaugeMode),
}

impl FileKind {
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Counter => 0,
            Self::Summary => 1,
            Self::Histogram => 2,
            Self::Gauge(mode) => 3 + mode as usize,
        }
    }

    pub(crate) fn file_name(self, identifier: &str) -> String {
        match self {
            Self::Counter => format!("counter_{identifier}.db"),
            Self::Summary => format!("summary_{identifier}.db"),
            Self::Histogram => format!("histogram_{identifier}.db"),
            Self::Gauge(mode) => format!("gauge_{mode}_{identifier}.db"),
        }
    }

    /// The kind and the identifier that a name of a file is made of.
    pub(crate) fn parse(name: &str) -> Option<(Self, &str)> {
        let (kind, rest) = name.strip_suffix(".db")?.split_once('_')?;
        match kind {
            "counter" => Some((Self::Counter, rest)),
            "summary" => Some((Self::Summary, rest)),
            "histogram" => Some((Self::Histogram, rest)),
            "gauge" => {
                let (mode, identifier) = rest.split_once('_')?;
                Some((Self::Gauge(GaugeMode::parse(mode)?), identifier))
            }
            _ => None,
        }
    }

    /// Whether its numbers count on when their process has died.
    pub(crate) fn outlives_its_process(self) -> bool {
        match self {
            Self::Gauge(mode) => mode != GaugeMode::All && !mode.is_live(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let gauges = GaugeMode::ALL.map(FileKind::Gauge);
        let kinds = [FileKind::Counter, FileKind::Summary, FileKind::Histogram];
        for (place, kind) in kinds.into_iter().chain(gauges).enumerate() {
            assert_eq!(kind.place(), place);
            assert_eq!(FileKind::parse(&kind.file_name("12-x")), Some((kind, "12-x")));
        }
        for name in ["counter_1.db.damaged", ".counter_1.db", "gauge_avg_1.db", "other_1.db"] {
            assert_eq!(FileKind::parse(name), None);
        }
        let lasting = GaugeMode::ALL.map(FileKind::Gauge).into_iter();
        let lasting: Vec<_> = lasting.filter(|kind| kind.outlives_its_process()).collect();
        let expected = [GaugeMode::Min, GaugeMode::Max, GaugeMode::Sum, GaugeMode::MostRecent];
        assert_eq!(lasting, expected.map(FileKind::Gauge));
    }
}
