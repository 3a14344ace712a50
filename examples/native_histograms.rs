//! Tell native histograms that live elsewhere, test that, and read them with their bounds.
//!
//! `cargo run --features testing --example native_histograms`

use std::error::Error;
use std::sync::Arc;

use narthex::model::{Family, HistogramMetricFamily, NativeHistogram};
use narthex::testing::{Expected, collect_and_lint};
use narthex::{Collector, CollectorRegistry, NativeSnapshot, Result, Scrape, exposition, parser};

/// What a disk has measured of itself: how many reads took at most so many microseconds, a power of
/// two.
struct Disk {
    name: &'static str,
    reads: Vec<(u32, f64)>,
    seconds: f64,
}

impl Collector for Disk {
    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        // Of resolution 0, the bucket of index i ends with 2^i. A microsecond is no power of two of
        // seconds, so the unit is part of the name.
        let buckets = self.reads.iter().map(|(power, count)| (*power as i32, *count));
        let native = NativeHistogram::new(0)?.positive(buckets)?;
        let count = self.reads.iter().map(|(_, count)| count).sum();
        let mut family = HistogramMetricFamily::new("disk_read_microseconds", "Of whole blocks.")?
            .with_labels(["disk"])?;
        family.add_native([self.name], count, self.seconds * 1e6, &native)?;
        scrape.family(&family)
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let registry = CollectorRegistry::new();
    let disk = Disk { name: "sda", reads: vec![(5, 7.0), (6, 2.0), (13, 1.0)], seconds: 0.008_5 };
    registry.register(Arc::new(disk))?;

    // What a test would say. The text has each bucket as what it has more than the one before, as
    // Python's client does; in OpenMetrics 2.0 it would have the counts themselves.
    Expected::new(
        r#"
            # TYPE disk_read_microseconds histogram
            disk_read_microseconds{disk="sda"} {count:10,sum:8500,schema:0,zero_threshold:0,zero_count:0,positive_spans:[5:2,6:1],positive_deltas:[7,-5,-1]}
            # EOF
        "#,
    )
    .compare(&registry)?;
    // The lint would have base units.
    let mismatch = collect_and_lint(&registry).unwrap_err();
    println!("{mismatch}\n");

    // Only protobuf and OpenMetrics 2.0 have native buckets.
    let body = exposition::protobuf::encode(&registry)?;
    for family in parser::parse_all("application/vnd.google.protobuf", &body)? {
        family.for_each_sample(&mut |sample| {
            let Some(native) = sample.native() else { return };
            println!("{} of {:?}", sample.family(), sample.labels().get("disk"));
            for (above, up_to, count) in NativeSnapshot::from(native).buckets() {
                println!("  above {above}, up to {up_to}: {count}");
            }
        });
    }
    Ok(())
}
