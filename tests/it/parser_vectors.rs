//! Holds the parsers against what another client reads, and against the corpus of OpenMetrics.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, ExemplarRef, Family, MetricFamily, Sample, Timestamp};
use narthex::parser::{ParseError, openmetrics, text};
use serde_json::Value;

use crate::vectors::{check, family, rows, text as string};

const TYPES: &str = "the text format has five types, and Go's reader takes no others";
const WHOLE_TIME: &str = "a timestamp is a whole number of milliseconds";

type Parsed = Result<Vec<MetricFamily>, ParseError>;

#[test]
fn text_format() {
    let on_purpose = [
        ("extra_leading_comma", "a comma stands before the first label"),
        ("extra_v_negzero", "zero keeps its sign"),
        ("extra_t_exp", WHOLE_TIME),
        ("extra_t_nan", WHOLE_TIME),
        ("extra_n_quoted_outside_brace", "a quoted name stands inside the braces"),
        ("extra_l_colon_name", "a label name with a colon needs quotes"),
        ("extra_l_quoted_empty_name", "a label name is not empty"),
        ("extra_m_unknown", TYPES),
        ("extra_m_info", TYPES),
        ("extra_m_type_twice", "Go's reader refuses a second TYPE, too"),
    ];
    check(&rows("text_parser.jsonl"), &on_purpose, |row| {
        judge(row, row["error"] == true, &row["families"], text::parse_all(string(&row["input"])))
    });
}

#[test]
fn openmetrics_format() {
    let on_purpose = [
        ("extra_nh_exemplar", "a native histogram has exemplars"),
        ("extra_nh_wrong_name", "a sample of another name is of another family"),
        ("extra_help_spaces", "spaces before a help text belong to it"),
        ("extra_hist_ts", "count and sum of a second time are no repetition of those of the first"),
        ("extra_dup_series_no_ts", "a series without a timestamp stands once"),
        ("extra_label_space_eq", "there are no spaces around the equals sign"),
    ];
    check(&rows("openmetrics_parser.jsonl"), &on_purpose, |row| {
        let parsed = openmetrics::parse_all(string(&row["input"]));
        judge(row, row["error"] == true, &row["families"], parsed)
    });
}

#[test]
fn the_corpus_of_openmetrics() {
    check(&rows("openmetrics_repo_testdata.jsonl"), &[], |row| {
        let parsed = openmetrics::parse_all(string(&row["input"]));
        judge(row, row["should_parse"] == false, &row["python"]["families"], parsed)
    });
}

/// How many rows are read otherwise than by the other client, which is of no weight here.
fn print_differing(file: &str, rows: &[Value], parse: impl Fn(&str) -> Parsed) {
    let differs = |row: &&Value| {
        let parsed = parse(string(&row["input"]));
        judge(row, row["error"] == true, &row["families"], parsed).is_err()
    };
    println!("{file}: {} of {} differ", rows.iter().filter(differs).count(), rows.len());
}

#[test]
fn mutated_expositions() {
    let file = "openmetrics_parser_mutations.jsonl";
    print_differing(file, &rows(file), openmetrics::parse_all);
}

#[test]
fn mutated_texts() {
    let file = "text_parser_mutations.jsonl";
    let rows = rows(file);
    print_differing(file, &rows, text::parse_all);
    for row in &rows {
        let input = string(&row["input"]);
        let lenient = text::parse_all(input);
        // What is as specified is read alike.
        if let Ok(strict) = text::parse_strict(input).collect::<Result<Vec<_>, _>>() {
            assert_eq!(format!("{strict:?}"), format!("{:?}", lenient.unwrap()), "{input:?}");
        }
    }
}

/// What Python's client wrote in the folder of golden files.
fn golden(folder: &str) -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/");
    let (mut files, mut folders) = (Vec::new(), vec![std::path::PathBuf::from(root).join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                let text = std::fs::read_to_string(&path).expect("a text");
                files.push((path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

#[test]
fn golden_files_are_written_again_as_they_were() {
    for (path, text) in golden("exposition").into_iter().chain(golden("multiprocess")) {
        // Two schemes escape the underscore before `bucket`, so no reader finds a histogram's own.
        // Python's client writes colons in names of samples, but not of families, as underscores;
        // and a count without a sum where there is a bound below zero.
        let unlike = [".dots.", ".values.", ".underscores.om.", "/histogram.om."];
        if unlike.iter().any(|scheme| path.contains(scheme)) {
            continue;
        }
        let openmetrics = path.ends_with(".om.txt");
        let read = match openmetrics {
            true => openmetrics::parse_all(&text),
            false => text::parse_strict(&text).collect(),
        };
        let format = if openmetrics { Format::OpenMetrics100 } else { Format::Text100 };
        let encoding = Encoding::new(format, EscapingScheme::AllowUtf8);
        let read = read.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(exposition::encode(&read, encoding).unwrap(), text, "{path}");
    }
}

/// Whether a document was read as it should be.
fn judge(row: &Value, fails: bool, families: &Value, parsed: Parsed) -> Result<(), String> {
    let input = &row["input"];
    match (parsed, fails) {
        (Err(_), true) => Ok(()),
        (Err(error), false) => Err(format!("{error}, in {input}")),
        (Ok(parsed), true) => Err(format!("read as {parsed:?}, in {input}")),
        (Ok(parsed), false) => {
            let families = families.as_array().expect("families").iter().map(family);
            let expected =
                families.collect::<narthex::Result<Vec<_>>>().map_err(|error| error.to_string())?;
            let (got, wanted) = (told(&parsed), told(&expected));
            if got == wanted {
                Ok(())
            } else {
                Err(format!("got\n{got:#?}\nnot\n{wanted:#?}, in {input}"))
            }
        }
    }
}

/// What families say, without the order of labels and the spelling of times.
fn told(families: &[MetricFamily]) -> Vec<String> {
    let mut told = Vec::new();
    for family in families {
        let desc = family.desc();
        told.push(format!(
            "{:?} {:?} {:?} {:?}",
            desc.name(),
            desc.metric_type(),
            desc.unit(),
            desc.help()
        ));
        family.for_each_sample(&mut |sample: &Sample<'_>| {
            told.push(format!(
                "{} {:?} {} {:?} {:?} {:?} {:?}",
                sample.name(),
                sample.labels(),
                sample.value(),
                sample.timestamp().map(time),
                sample.exemplar().map(exemplar),
                sample.start(),
                sample.native(),
            ));
        });
    }
    told
}

/// A time to the microsecond, which a float of the vectors can say.
fn time(time: Timestamp) -> String {
    format!("{:.6}", time.as_seconds())
}

fn exemplar(exemplar: ExemplarRef<'_>) -> String {
    let labels: Vec<_> = exemplar.labels().collect();
    format!("{labels:?} {} {:?}", exemplar.value(), exemplar.timestamp().map(time))
}
