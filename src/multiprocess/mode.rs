//! How the values of one gauge in many processes become one: the ten modes of Python's client.

use std::fmt;

/// What a gauge that lives in shared files shows when processes are merged.
///
/// The `Live…` modes merge as their namesakes do, but the values of a process
/// that has died are forgotten: at once if it is one of ours, and of others
/// when [`mark_process_dead`](super::mark_process_dead) is told. A dead process
/// of ours has no value of the mode `all` either: this is where the merge
/// differs from that of Python's client.
///
/// ```
/// use narthex::multiprocess::GaugeMode;
///
/// assert_eq!(GaugeMode::default(), GaugeMode::All);
/// assert_eq!(GaugeMode::LiveSum.as_str(), "livesum");
/// assert_eq!(GaugeMode::parse("livesum"), Some(GaugeMode::LiveSum));
/// assert!(GaugeMode::LiveSum.is_live());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "multiprocess_mode")]
#[non_exhaustive]
pub enum GaugeMode {
    /// A series for every process, told apart by the label `pid`; a dead one that is known to be has none.
    #[default]
    All,
    /// A series for every process that lives.
    LiveAll,
    /// The least value.
    Min,
    /// The least value of the processes that live.
    LiveMin,
    /// The greatest value.
    Max,
    /// The greatest value of the processes that live.
    LiveMax,
    /// The sum of all values.
    Sum,
    /// The sum of the values of the processes that live.
    LiveSum,
    /// The value that was set last; such a gauge can only be set.
    MostRecent,
    /// The value that a process that lives set last; such a gauge can only be set.
    LiveMostRecent,
}

impl GaugeMode {
    pub(crate) const ALL: [Self; 10] = [
        Self::All,
        Self::LiveAll,
        Self::Min,
        Self::LiveMin,
        Self::Max,
        Self::LiveMax,
        Self::Sum,
        Self::LiveSum,
        Self::MostRecent,
        Self::LiveMostRecent,
    ];

    /// The mode as Python's client and the names of files spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::LiveAll => "liveall",
            Self::Min => "min",
            Self::LiveMin => "livemin",
            Self::Max => "max",
            Self::LiveMax => "livemax",
            Self::Sum => "sum",
            Self::LiveSum => "livesum",
            Self::MostRecent => "mostrecent",
            Self::LiveMostRecent => "livemostrecent",
        }
    }

    /// The mode that is spelled so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// Whether the values of dead processes can be forgotten.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::LiveAll | Self::LiveMin | Self::LiveMax | Self::LiveSum | Self::LiveMostRecent
        )
    }

    /// Whether the time of a value decides, so that a value can be set and not added to.
    pub fn is_most_recent(self) -> bool {
        matches!(self, Self::MostRecent | Self::LiveMostRecent)
    }
}

impl fmt::Display for GaugeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_read_as_it_is_written() {
        for mode in GaugeMode::ALL {
            assert_eq!(GaugeMode::parse(mode.as_str()), Some(mode));
            assert_eq!(mode.is_live(), mode.as_str().starts_with("live"));
            assert_eq!(mode.is_most_recent(), mode.as_str().ends_with("mostrecent"));
        }
        assert_eq!(GaugeMode::parse("avg"), None);
    }
}
