//! Holds the text formats against the output of another client.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::EscapingScheme;
use serde_json::Value;

use crate::vectors::{check, collector, rows, text};

const EXEMPLAR: &str = "a family refuses an exemplar where no format has one";
const FOREIGN: &str = "a family refuses samples of another name";
const LABEL: &str = "a family refuses samples without the label that its type needs";
const LEGAL: &str = "a name that is legal stays as it is, in samples as in HELP and TYPE";
const NATIVE: &str = "a native histogram shows its count and sum where a format has no more of it, and no fields\n    of before OpenMetrics 2.0";

#[test]
fn text_format() {
    let on_purpose = [
        ("extra_exemplar_bad_gauge_m_allow-utf-8", EXEMPLAR),
        ("extra_exemplar_bad_gauge_m_underscores", EXEMPLAR),
        ("extra_exemplar_bad_unknown_m_allow-utf-8", EXEMPLAR),
        ("extra_exemplar_bad_unknown_m_underscores", EXEMPLAR),
        ("extra_exemplar_bad_counter_m_created_allow-utf-8", EXEMPLAR),
        ("extra_exemplar_bad_counter_m_created_underscores", EXEMPLAR),
        ("extra_exemplar_bad_summary_m_allow-utf-8", LABEL),
        ("extra_exemplar_bad_summary_m_underscores", LABEL),
        ("extra_exemplar_bad_stateset_m_allow-utf-8", LABEL),
        ("extra_exemplar_bad_stateset_m_underscores", LABEL),
        ("extra_foreign_sample_name_allow-utf-8", FOREIGN),
        ("extra_foreign_sample_name_underscores", FOREIGN),
        ("extra_nh_basic_allow-utf-8", NATIVE),
        ("extra_nh_min_allow-utf-8", NATIVE),
        ("extra_nh_min_underscores", NATIVE),
        ("extra_nh_utf8_allow-utf-8", NATIVE),
        ("extra_nh_utf8_underscores", NATIVE),
        ("extra_nh_exemplars_allow-utf-8", NATIVE),
        ("extra_nh_exemplars_underscores", NATIVE),
    ];
    check(&rows("exposition_text.jsonl"), &on_purpose, |row| judge(row, Format::Text004));
    check(&rows("exposition_text.jsonl"), &on_purpose, |row| judge(row, Format::Text100));
}

#[test]
fn openmetrics() {
    let on_purpose = [
        ("extra_gauge_label_order_values", LEGAL),
        ("extra_utf8_label_only_values", LEGAL),
        ("extra_legacy_colon_underscores", LEGAL),
        ("extra_legacy_colon_dots", LEGAL),
        ("extra_exemplars_underscores", "the label names of exemplars are escaped too"),
        ("extra_foreign_sample_name_allow-utf-8", FOREIGN),
        ("extra_foreign_sample_name_underscores", FOREIGN),
        ("suite_test_native_histogram_1", NATIVE),
        ("suite_test_native_histogram_utf8_1", NATIVE),
        ("suite_test_native_histogram_version_comparison_1", NATIVE),
        ("suite_test_native_histogram_with_classic_histogram_1", NATIVE),
        ("suite_test_native_histogram_with_labels_1", NATIVE),
        ("suite_test_native_plus_classic_histogram_two_labelsets_1", NATIVE),
        ("suite_test_nh_histogram_with_exemplars_1", NATIVE),
        ("suite_test_nh_longer_spans_1", NATIVE),
        ("suite_test_nh_no_observation_1", NATIVE),
        ("extra_nh_basic_allow-utf-8_v2.0.0", NATIVE),
        ("extra_nh_basic_underscores", NATIVE),
        ("extra_nh_labels_ts_allow-utf-8", NATIVE),
        ("extra_nh_labels_ts_underscores", NATIVE),
        ("extra_nh_labels_ts_underscores_v2.0.0", NATIVE),
        ("extra_nh_min_allow-utf-8", NATIVE),
        ("extra_nh_utf8_allow-utf-8", NATIVE),
        ("extra_nh_utf8_underscores", NATIVE),
        ("extra_nh_exemplars_allow-utf-8_v2.0.0", NATIVE),
        ("extra_nh_exemplars_underscores", NATIVE),
        ("extra_nh_exemplars_underscores_v2.0.0", NATIVE),
    ];
    check(&rows("exposition_openmetrics.jsonl"), &on_purpose, |row| {
        judge(row, Format::OpenMetrics100)
    });
}

fn judge(row: &Value, format: Format) -> Result<(), String> {
    let escaping = EscapingScheme::parse(text(&row["escaping"])).expect("a scheme");
    let encoding = Encoding::new(format, escaping).with_created(true);
    let output = collector(row).and_then(|families| exposition::encode(&families, encoding));
    match (output, row["output"].as_str()) {
        (Ok(output), Some(expected)) if output == expected => Ok(()),
        (Err(_), None) => Ok(()),
        (Ok(output), expected) => {
            Err(format!("got\n{output}not\n{}", expected.unwrap_or("an error\n")))
        }
        (Err(error), Some(_)) => Err(error.to_string()),
    }
}
