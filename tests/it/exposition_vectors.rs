//! Holds the text formats against the output of another client.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::EscapingScheme;
use serde_json::Value;

use crate::vectors::{check, collector, rows, text};

#[test]
fn text_format() {
    check(&rows("exposition_text.jsonl"), &[], |row| judge(row, Format::Text004));
}

#[test]
fn openmetrics() {
    check(&rows("exposition_openmetrics.jsonl"), &[], |row| judge(row, Format::OpenMetrics100));
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
