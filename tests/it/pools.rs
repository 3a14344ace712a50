//! What real pools left behind, merged here and by Python's client.
//!
//! `ci/pools.py` lets the pools run; `NARTHEX_POOLS` names what it made.

use std::fs;
use std::path::PathBuf;

use narthex::exposition::{self, Encoding, Format};
use narthex::model::EscapingScheme;
use narthex::multiprocess::MultiProcessCollector;

/// `open`: how many requests may be counted and not answered, as their workers were killed.
fn compare(pool: &str, counter: &str, open: f64) {
    let Some(pools) = std::env::var_os("NARTHEX_POOLS") else {
        eprintln!("skipped: NARTHEX_POOLS names no pools");
        return;
    };
    let pool = PathBuf::from(pools).join(pool);
    let collector = MultiProcessCollector::new(pool.join("db")).unwrap().read_by_python(true);
    for (format, file) in
        [(Format::Text004, "python.txt"), (Format::OpenMetrics100, "python.om.txt")]
    {
        // Start times, units and exemplars are told in files that Python does not know.
        let encoding = Encoding::new(format, EscapingScheme::Underscores).with_created(false);
        let text = exposition::encode(&collector, encoding).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("# UNIT "));
        let text: String = lines
            .map(|line| format!("{}\n", line.split_once(" # {").map_or(line, |(line, _)| line)))
            .collect();
        // So is what the mode says of itself, which comes last.
        let text = match text.find("# HELP narthex_multiprocess_") {
            Some(own) if format == Format::OpenMetrics100 => format!("{}# EOF\n", &text[..own]),
            Some(own) => text[..own].to_owned(),
            None => text,
        };
        assert_eq!(text, fs::read_to_string(pool.join(file)).unwrap());
    }
    assert!(collector.damaged_files().is_empty());

    let answered: f64 = fs::read_to_string(pool.join("answered")).unwrap().trim().parse().unwrap();
    let text = exposition::text::encode(&collector).unwrap();
    let samples = text.lines().filter(|line| line.starts_with(counter));
    let merged: f64 =
        samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert!(
        answered > 0.0 && answered <= merged && merged <= answered + open,
        "{answered}, {merged}"
    );
}

#[test]
fn a_rust_pool_is_merged_as_python_merges_it() {
    // Three clients, and one kill.
    compare("rust", "http_requests_total{", 3.0);
}

#[test]
fn a_gunicorn_pool_is_merged_as_python_merges_it() {
    compare("python", "pool_requests_total{", 3.0);
}

#[test]
fn pools_in_one_directory_are_merged_as_python_merges_them() {
    // Up to three pools with three clients and three kills each.
    compare("both", "http_requests_total{", 27.0);
}
