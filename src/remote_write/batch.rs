//! Batches: some series as the bytes that are sent, every time the same.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::RandomState;
use prost::Message as _;

use super::message::{Request, TimeSeries};
use super::version1::WriteRequest;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes of text and numbers a batch has at most, about: receivers unpack up to 32 MB.
const LARGEST: usize = 4 << 20;

/// What a series takes beside its texts, about.
const SERIES: usize = 64;

/// The message that a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// Some series, packed.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) message: Message,
    pub(super) body: Bytes,
    /// How many samples it has, histograms among them.
    pub(super) samples: u64,
}

impl Batch {
    fn of(request: Request, message: Message, samples: u64) -> Result<Self> {
        let plain = match message {
            Message::V1 => WriteRequest::of(request).encode_to_vec(),
            Message::V2 => request.encode_to_vec(),
        };
        let packed = snap::raw::Encoder::new().compress_vec(&plain);
        let body = packed.map_err(|error| broken("packed", error))?.into();
        Ok(Self { message, body, samples })
    }

    /// The same series in the older message.
    pub(super) fn to_version_1(&self) -> Result<Self> {
        let plain = snap::raw::Decoder::new()
            .decompress_vec(&self.body)
            .map_err(|error| broken("unpacked", error))?;
        let request = Request::decode(&*plain).map_err(|error| broken("read", error))?;
        Self::of(request, Message::V1, self.samples)
    }
}

fn broken(done: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = format!("a batch for remote write cannot be {done}: {error}");
    Error::new(ErrorKind::InvalidValue, message).with_source(error)
}

/// Fills batches with series.
#[derive(Debug)]
pub(super) struct Batches {
    message: Message,
    most: usize,
    request: Request,
    symbols: HashMap<String, u32, RandomState>,
    samples: usize,
    size: usize,
    done: Vec<Batch>,
}

impl Batches {
    /// Batches of at most so many samples.
    pub(super) fn new(message: Message, most: usize) -> Self {
        let mut batches = Self {
            message,
            most,
            request: Request::default(),
            symbols: HashMap::default(),
            samples: 0,
            size: 0,
            done: Vec::new(),
        };
        batches.begin();
        batches
    }

    fn begin(&mut self) {
        (self.samples, self.size) = (0, 0);
        self.symbols.clear();
        self.symbol("");
    }

    /// The number of a text in the batch at hand.
    pub(super) fn symbol(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.symbols.get(text) {
            return number;
        }
        // There are fewer texts than bytes, which are few.
        let number = self.request.symbols.len() as u32;
        self.request.symbols.push(text.to_owned());
        self.symbols.insert(text.to_owned(), number);
        self.size += text.len();
        number
    }

    /// Adds a series with one sample, whose texts are numbered.
    ///
    /// # Errors
    /// That a batch cannot be packed.
    pub(super) fn push(&mut self, series: TimeSeries) -> Result {
        let buckets = series.histograms.iter().map(|histogram| {
            histogram.positive_spans.len()
                + histogram.negative_spans.len()
                + histogram.positive_deltas.len().max(histogram.positive_counts.len())
                + histogram.negative_deltas.len().max(histogram.negative_counts.len())
        });
        self.size += SERIES + 8 * buckets.sum::<usize>() + SERIES * series.exemplars.len();
        self.samples += series.samples.len() + series.histograms.len();
        self.request.timeseries.push(series);
        if self.samples >= self.most || self.size >= LARGEST {
            self.end()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result {
        let request = std::mem::take(&mut self.request);
        self.done.push(Batch::of(request, self.message, self.samples as u64)?);
        self.begin();
        Ok(())
    }

    /// All batches.
    ///
    /// # Errors
    /// That the last one cannot be packed.
    pub(super) fn finish(mut self) -> Result<Vec<Batch>> {
        if self.samples > 0 {
            self.end()?;
        }
        Ok(self.done)
    }
}
