//! What became of samples, as numbers.

/// What became of the samples that were collected so far; native histograms count as samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteWriteStats {
    /// Those that the receiver took.
    pub sent_samples: u64,
    /// Those that the receiver refused for good.
    pub refused_samples: u64,
    /// Those that the queue had no more room for, or that were left at the end.
    pub dropped_samples: u64,
    /// Those that were sent once more, each time.
    pub retried_samples: u64,
    /// Collections that failed, whose samples there are none of.
    pub failed_collections: u64,
    /// Those that wait to be sent.
    pub queued_samples: u64,
    /// The bytes that they take.
    pub queued_bytes: usize,
}
