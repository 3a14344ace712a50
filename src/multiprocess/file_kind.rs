//! The kinds of shared files, and the names that a process gives them.

use std::fmt;

use super::mode::GaugeMode;

/// How many kinds there are, and so how many files a process writes at most.
pub(crate) const KINDS: usize = 3 + GaugeMode::ALL.len();

/// The kinds of files: one for each type of metric, and for each mode of gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    Counter,
    Summary,
    Histogram,
    Gauge(GaugeMode),
}

impl FileKind {
    /// The number of the kind, which side files have, too.
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Counter => 0,
            Self::Summary => 1,
            Self::Histogram => 2,
            Self::Gauge(mode) => 3 + mode as usize,
        }
    }

    /// The kind of that number.
    pub(crate) fn at(place: u32) -> Option<Self> {
        match place {
            0 => Some(Self::Counter),
            1 => Some(Self::Summary),
            2 => Some(Self::Histogram),
            _ => GaugeMode::ALL.get(place as usize - 3).copied().map(Self::Gauge),
        }
    }

    /// All kinds, by their numbers.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..KINDS as u32).filter_map(Self::at)
    }

    pub(crate) fn file_name(self, identifier: &str) -> String {
        self.named(identifier).to_string()
    }

    /// The name of a file, still to be written down.
    pub(crate) fn named(self, identifier: &str) -> Named<'_> {
        Named { kind: self, identifier }
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

/// The name of the file of a kind.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    kind: FileKind,
    identifier: &'a str,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, identifier } = self;
        match kind {
            FileKind::Counter => write!(f, "counter_{identifier}.db"),
            FileKind::Summary => write!(f, "summary_{identifier}.db"),
            FileKind::Histogram => write!(f, "histogram_{identifier}.db"),
            FileKind::Gauge(mode) => write!(f, "gauge_{mode}_{identifier}.db"),
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
            assert_eq!(FileKind::at(place as u32), Some(kind));
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
