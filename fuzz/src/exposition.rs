//! What a well-formed exposition looks like, said without the library's own help, and how targets write one.

use narthex::exposition::{self, Encoding, Format};
use narthex::model::{EscapingScheme, MetricFamily};

/// Families as well-formed lines of a format, with names as they are.
pub fn written(families: &Vec<MetricFamily>, format: Format) -> String {
    let encoding = Encoding::new(format, EscapingScheme::AllowUtf8);
    let text = exposition::encode(families, encoding).expect("names as they are");
    assert_well_formed(&text, true);
    text
}

/// A text that cannot be what any reader takes for an exposition is a panic.
///
/// With `quoted`, names may stand in quotes; otherwise they are legacy names.
pub fn assert_well_formed(text: &str, quoted: bool) {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line does not end");
    for line in text.lines() {
        let read = if line.starts_with('#') { comment(line, quoted) } else { sample(line, quoted) };
        assert!(read.is_some(), "{line:?} in\n{text}");
    }
}

fn comment(line: &str, quoted: bool) -> Option<()> {
    if line == "# EOF" {
        return Some(());
    }
    let rest = ["# HELP ", "# TYPE ", "# UNIT "].iter().find_map(|head| line.strip_prefix(head))?;
    let rest = name(rest, quoted)?.strip_prefix(' ')?;
    (!line.starts_with("# TYPE ") || rest.bytes().all(|byte| byte.is_ascii_lowercase()))
        .then_some(())
}

fn sample(line: &str, quoted: bool) -> Option<()> {
    let mut rest = if line.starts_with('{') { line } else { name(line, quoted)? };
    if let Some(inside) = rest.strip_prefix('{') {
        rest = labels(inside, quoted, !line.starts_with('{'))?;
    }
    let rest = rest.strip_prefix(' ')?;
    let (numbers, mut exemplars) = split(rest);
    while let Some(exemplar) = exemplars {
        let rest = labels(exemplar.strip_prefix('{')?, true, true)?;
        let (numbers, next) = split(rest.strip_prefix(' ')?);
        are_numbers(numbers)?;
        exemplars = next;
    }
    let (numbers, start) = match numbers.split_once(" st@") {
        Some((numbers, start)) => (numbers, Some(start)),
        None => (numbers, None),
    };
    start.map_or(Some(()), are_numbers)?;
    let Some(composite) = numbers.strip_prefix('{') else { return are_numbers(numbers) };
    let (fields, time) = composite.split_once('}')?;
    let is_field = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.,[]+-".contains(&byte);
    let opens = fields.starts_with("count:") || fields.starts_with("gcount:");
    let times = if time.is_empty() { Some(()) } else { are_numbers(time.strip_prefix(' ')?) };
    times.filter(|()| opens && fields.bytes().all(is_field))
}

/// What stands before an exemplar, and what stands behind its sign.
fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(" # ").map_or((text, None), |(before, behind)| (before, Some(behind)))
}

/// A value, and perhaps a timestamp.
fn are_numbers(text: &str) -> Option<()> {
    let numbers: Vec<&str> = text.split(' ').collect();
    let all = numbers.iter().all(|number| number.parse::<f64>().is_ok());
    (all && numbers.len() <= 2).then_some(())
}

/// What is behind the closing brace.
fn labels(mut rest: &str, quoted: bool, named: bool) -> Option<&str> {
    let mut first = true;
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return (named || !first).then_some(behind);
        }
        if !first {
            rest = rest.strip_prefix(',')?;
        }
        rest = name(rest, quoted)?;
        // Without a name in front, that of the metric stands alone and first.
        match rest.strip_prefix('=') {
            Some(value) if named || !first => rest = string(value)?,
            None if !named && first => {}
            _ => return None,
        }
        first = false;
    }
}

/// What is behind a name.
fn name(text: &str, quoted: bool) -> Option<&str> {
    if quoted && text.starts_with('"') {
        return string(text);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    (end > 0 && !text.as_bytes()[0].is_ascii_digit()).then(|| &text[end..])
}

/// What is behind a quoted string.
fn string(text: &str) -> Option<&str> {
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some(&text[place + 2..]),
            '\\' => {
                let (_, escaped) = characters.next()?;
                if !matches!(escaped, '\\' | '"' | 'n') {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_well_formed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/exposition");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_well_formed(&text, path.to_string_lossy().contains("allow-utf-8"));
        }
    }

    #[test]
    fn what_is_broken_is_not() {
        for line in [
            "a",
            "a b",
            "a  1",
            "a 1 2 3",
            "1a 1",
            "a{b} 1",
            "a{b=\"c} 1",
            "a{b=\"\\c\"} 1",
            "a{b=\"c\" d=\"e\"} 1",
            "a{,b=\"c\"} 1",
            "a{b=\"c\"}1",
            "{a=\"b\"} 1",
            "{\"a\"} 1",
            "a.b 1",
            "a{b=\"c\"} 1 # x",
            "# HELPa b",
            "# TYPE a B",
            "#",
        ] {
            let read =
                if line.starts_with('#') { comment(line, false) } else { sample(line, false) };
            assert!(read.is_none(), "{line:?}");
        }
        assert!(sample("{\"a\",b=\"c\"} 1", true).is_some());
        assert!(sample("{\"a\",\"b.c\"=\"d\"} 1", true).is_some());
        assert!(sample("{} 1", true).is_none());
        for line in [
            "a {count:1,sum:2.0,bucket:[+Inf:1]} 3 st@4.5 # {} 1.0 2 # {b=\"c\"} 1.0 2",
            "a{b=\"c\"} {gcount:1,gsum:2.0,schema:0,zero_threshold:1e-5,zero_count:1}",
            "a 1.0 st@1",
        ] {
            assert!(sample(line, false).is_some(), "{line:?}");
        }
        for line in ["a {count:1 }", "a {sum:1}", "a {count:1}x", "a 1 st@", "a 1 st@1 # {} 1 #"] {
            assert!(sample(line, false).is_none(), "{line:?}");
        }
    }
}
