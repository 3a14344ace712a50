//! The text of a scrape: how long it takes, compressed or not, and what it allocates.

use std::hint::black_box;
use std::io::Write;
use std::sync::Mutex;

use flate2::Compression;
use flate2::write::GzEncoder;
use narthex::http::{MetricsHandler, Request};

use crate::harness::{Candidate, Lost, Seen, Who, measure};
use crate::heap;
use crate::inputs::label_values;
use crate::pages::{self, Amounts, HISTOGRAM_LINES, Page};
use crate::peers::{METRICS, PROMETHEUS};
use crate::run::{Heading, Run};

pub const COUNTERS: Heading = Heading { name: "text of 100,000 counters", unit: "ns a series" };
pub const HISTOGRAMS: Heading =
    Heading { name: "text of 1,000 histograms of 11 buckets", unit: "ns a line" };
#[cfg(feature = "protobuf")]
const PROTOBUF: Heading = Heading { name: "protobuf of 100,000 counters", unit: "ns a series" };
pub const GZIPPED: Heading = Heading { name: "100,000 counters gzipped", unit: "ns a series" };
pub const SIZE: Heading = Heading { name: "size of 100,000 counters", unit: "bytes a series" };
pub const ALLOCATIONS: Heading =
    Heading { name: "what a scrape allocates", unit: "allocations a scrape" };

const SERIES: usize = 100_000;

/// The rows of counters.
pub const AMOUNTS: [(&str, Amounts); 3] = [
    ("small values", Amounts::Small),
    ("above a million", Amounts::Large),
    ("fractions", Amounts::Fractions),
];
/// The row of histograms.
pub const TEXT: &str = "text";
/// The row of compressed text.
pub const GZIP: &str = "gzip";

pub fn counters(run: &mut Run) -> Result<(), Lost> {
    let series = run.size(SERIES);
    for (row, amounts) in AMOUNTS {
        if run.wants(COUNTERS, row) {
            let seen = text(run, &pages::counters(series, amounts), series)?;
            run.add(COUNTERS, row.to_owned(), seen);
        }
    }
    Ok(())
}

/// Counters in protobuf, which only some write.
#[cfg(feature = "protobuf")]
pub fn protobuf(run: &mut Run) -> Result<(), Lost> {
    let (series, (row, amounts)) = (run.size(SERIES), AMOUNTS[0]);
    if run.wants(PROTOBUF, row) {
        let pages = pages::counters_in_protobuf(series, amounts);
        let bytes = pages[0].text();
        let mut candidates: Vec<_> = pages.iter().map(writing).collect();
        candidates.push(copying(&bytes));
        let seen = measure(run.pace.halved(), 1, &candidates)?;
        let seen = seen.into_iter().map(|seen| seen.per(series)).collect();
        run.add(PROTOBUF, row.to_owned(), seen);
    }
    Ok(())
}

pub fn histograms(run: &mut Run) -> Result<(), Lost> {
    let series = run.size(1000);
    if run.wants(HISTOGRAMS, TEXT) {
        let seen = text(run, &pages::histograms(series), series * HISTOGRAM_LINES)?;
        run.add(HISTOGRAMS, TEXT.to_owned(), seen);
    }
    Ok(())
}

/// What it takes to write one of so many lines that each page has.
fn text(run: &Run, pages: &[Page], lines: usize) -> Result<Vec<Seen>, Lost> {
    for page in pages {
        assert_eq!(page.samples(), lines, "{} tells something else", page.who.name());
    }
    let bytes = pages[0].text();
    let mut candidates: Vec<_> = pages.iter().map(writing).collect();
    candidates.push(copying(&bytes));
    let seen = measure(run.pace.halved(), 1, &candidates)?;
    Ok(seen.into_iter().map(|seen| seen.per(lines)).collect())
}

pub fn writing(page: &Page) -> Candidate<'_> {
    Candidate::new(page.who, |_| page.write(|text| assert!(!black_box(text).is_empty())))
}

/// Copies what narthex writes.
pub fn copying(bytes: &[u8]) -> Candidate<'_> {
    let buffer = Mutex::new(bytes.to_vec());
    Candidate::new(Who::Limit("memcpy"), move |_| {
        let mut buffer = buffer.lock().expect("nobody panics");
        black_box(&mut *buffer).copy_from_slice(black_box(bytes));
    })
}

pub fn gzipped(run: &mut Run) -> Result<(), Lost> {
    if !(run.wants(GZIPPED, GZIP) || run.wants(SIZE, GZIP) || run.wants(SIZE, TEXT)) {
        return Ok(());
    }
    let series = run.size(SERIES);
    let pages = pages::counters(series, Amounts::Small);
    let registry = pages::our_registry(&label_values(series), Amounts::Small);
    let handler = MetricsHandler::new(&registry);
    let serve = || {
        let request = Request::new("GET", "/metrics").with_header("accept-encoding", "gzip");
        let response = handler.respond(&request);
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        response.into_body()
    };
    let peers = || pages.iter().filter(|page| [PROMETHEUS, METRICS].contains(&page.who));
    if run.wants(GZIPPED, GZIP) {
        let text = pages[0].text();
        let gzip = Mutex::new(Gzip::new());
        let mut candidates = vec![Candidate::new(Who::Narthex, |_| drop(black_box(serve())))];
        candidates.extend(peers().map(|page| {
            let gzip = Mutex::new(Gzip::new());
            Candidate::new(page.who, move |_| {
                let mut gzip = gzip.lock().expect("nobody panics");
                page.write(|text| gzip.compress(text));
            })
        }));
        candidates.push(Candidate::new(Who::Limit("gzip alone"), |_| {
            gzip.lock().expect("nobody panics").compress(black_box(&text));
        }));
        let seen = measure(run.pace.halved(), 1, &candidates)?;
        let seen = seen.into_iter().map(|seen| seen.per(series)).collect();
        run.add(GZIPPED, GZIP.to_owned(), seen);
    }
    if run.wants(SIZE, GZIP) {
        let mut seen = vec![Seen { who: Who::Narthex, value: serve().len() as f64 }];
        seen.extend(peers().map(|page| {
            let mut gzip = Gzip::new();
            page.write(|text| gzip.compress(text));
            Seen { who: page.who, value: gzip.body.len() as f64 }
        }));
        run.add(SIZE, GZIP.to_owned(), seen.into_iter().map(|seen| seen.per(series)).collect());
    }
    if run.wants(SIZE, TEXT) {
        let seen = pages.iter().map(|page| Seen { who: page.who, value: page.text().len() as f64 });
        run.add(SIZE, TEXT.to_owned(), seen.map(|seen| seen.per(series)).collect());
    }
    Ok(())
}

/// A body that is made again and again, in the same memory.
struct Gzip {
    body: Vec<u8>,
}

impl Gzip {
    fn new() -> Self {
        Self { body: Vec::new() }
    }

    fn compress(&mut self, text: &[u8]) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let mut encoder = GzEncoder::new(body, Compression::new(1));
        encoder.write_all(text).expect("memory");
        self.body = encoder.finish().expect("memory");
    }
}

pub fn allocations(run: &mut Run) -> Result<(), Lost> {
    for (series, first, following) in [
        (10, "10 children, first", "10 children, following"),
        (SERIES, "100,000 children, first", "100,000 children, following"),
    ] {
        if !(run.wants(ALLOCATIONS, first) || run.wants(ALLOCATIONS, following)) {
            continue;
        }
        let pages = pages::counters(run.size(series), Amounts::Small);
        for row in [first, following] {
            let seen = pages.iter().map(|page| {
                let ((), taken) = heap::taken_by(|| page.write(|_| ()));
                Seen { who: page.who, value: taken.allocations as f64 }
            });
            run.add(ALLOCATIONS, row.to_owned(), seen.collect());
        }
    }
    Ok(())
}
