//! `narthex parse`, held against what another client reads.

use serde_json::{Value, json};

use crate::{run_with, shared};

const TYPES: &str = "the text format has five types, and Go's reader takes no others";
const WHOLE_TIME: &str = "a timestamp is a whole number of milliseconds";
const FLOATS: &str = "a value is a float, however many digits were written";
const DECIMAL: &str = "what an exponent says is the same time as what plain digits say";

#[test]
fn text_is_told_as_another_client_reads_it() {
    let on_purpose = [
        ("extra_leading_comma", "a comma stands before the first label"),
        ("extra_v_negzero", "zero keeps its sign"),
        ("extra_v_bigint", FLOATS),
        ("extra_v_2p53p1", FLOATS),
        ("extra_t_exp", WHOLE_TIME),
        ("extra_t_nan", WHOLE_TIME),
        ("extra_n_quoted_outside_brace", "a quoted name stands inside the braces"),
        ("extra_l_colon_name", "a label name with a colon needs quotes"),
        ("extra_l_quoted_empty_name", "a label name is not empty"),
        ("extra_m_unknown", TYPES),
        ("extra_m_info", TYPES),
        ("extra_m_type_twice", "Go's reader refuses a second TYPE, too"),
    ];
    check("text_parser.jsonl", "text", &on_purpose);
}

#[test]
fn openmetrics_is_told_as_another_client_reads_it() {
    let on_purpose = [
        ("extra_nh_exemplar", "a native histogram has exemplars"),
        ("extra_nh_wrong_name", "a sample of another name is of another family"),
        ("extra_help_spaces", "spaces before a help text belong to it"),
        ("extra_hist_ts", "count and sum of a second time are no repetition of those of the first"),
        ("extra_dup_series_no_ts", "a series without a timestamp stands once"),
        ("extra_label_space_eq", "there are no spaces around the equals sign"),
        ("extra_ts_exp", DECIMAL),
        ("extra_ts_frac_exp", DECIMAL),
        ("extra_ts_lead_dot", DECIMAL),
    ];
    check("openmetrics_parser.jsonl", "openmetrics", &on_purpose);
}

#[test]
fn the_corpus_of_openmetrics_is_told() {
    check("openmetrics_repo_testdata.jsonl", "openmetrics", &[]);
}

/// Holds what the program prints of every row against the row; those in `on_purpose` differ, and
/// no others do.
fn check(file: &str, format: &str, on_purpose: &[(&str, &str)]) {
    let path = shared().join("vectors").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut differing = Vec::new();
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let (printed, complaint, code) =
            run_with(&["parse", "-", "--from", format], row["input"].as_str().unwrap().as_bytes());
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let (fails, families) = match row["should_parse"].as_bool() {
            Some(should_parse) => (!should_parse, &row["python"]["families"]),
            None => (row["error"] == true, &row["families"]),
        };
        let alike = match fails {
            true => {
                code == Some(1)
                    && printed["error"].is_string()
                    && printed["line"].as_u64().is_some_and(|line| line > 0)
                    && printed["column"].as_u64().is_some_and(|column| column > 0)
                    && complaint.starts_with("narthex: standard input:")
            }
            false => {
                code == Some(0)
                    && complaint.is_empty()
                    && printed == json!({ "families": families })
            }
        };
        if !alike {
            differing.push((row["id"].as_str().unwrap().to_owned(), row, printed));
        }
    }
    let is_listed = |id: &str| on_purpose.iter().any(|(listed, _)| *listed == id);
    let unlisted: Vec<_> = differing.iter().filter(|(id, ..)| !is_listed(id)).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    assert_eq!(differing.len(), on_purpose.len(), "one is listed that does not differ");
}
