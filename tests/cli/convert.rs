//! `narthex convert`.

use crate::{run_bytes, run_with};

const OPENMETRICS: &str = "\
# HELP \"mail.sent\" Mails sent.
# TYPE \"mail.sent\" counter
{\"mail.sent_total\",\"to.whom\"=\"é\"} 3.0 # {trace_id=\"4bf9\"} 1.0 1.5
{\"mail.sent_created\",\"to.whom\"=\"é\"} 1.5
# HELP build What this is.
# TYPE build info
build_info{version=\"1\"} 1.0
# HELP wait_seconds Before a job.
# TYPE wait_seconds gauge
# UNIT wait_seconds seconds
wait_seconds 2.5 1.0000001
# EOF
";

#[test]
fn what_a_format_has_no_place_for_is_told() {
    let (text, complaint, code) =
        run_with(&["convert", "-", "--to", "text"], OPENMETRICS.as_bytes());
    assert_eq!(
        text,
        "# HELP mail_sent_total Mails sent.\n\
         # TYPE mail_sent_total counter\n\
         mail_sent_total{to_whom=\"é\"} 3.0\n\
         # HELP build_info What this is.\n\
         # TYPE build_info gauge\n\
         build_info{version=\"1\"} 1.0\n\
         # HELP wait_seconds Before a job.\n\
         # TYPE wait_seconds gauge\n\
         wait_seconds 2.5 1000\n"
    );
    assert_eq!(
        complaint,
        "narthex: text has no infos or state sets: 1, the first of \"build\", become gauges\n\
         narthex: text has no units: 1, the first of \"wait_seconds\", stand in their families' names alone\n\
         narthex: text has no exemplars: 1, the first of \"mail.sent\", are left out\n\
         narthex: text has no start times: 1, the first of \"mail.sent\", are left out; --created shows them as gauges\n\
         narthex: text has no times below a millisecond: 1, the first of \"wait_seconds\", are cut off\n\
         narthex: names are escaped: 2, such as \"mail.sent\", which becomes \"mail_sent\"\n"
    );
    assert_eq!(code, Some(0));

    let args = ["convert", "-", "--to", "text1", "--created", "--escaping", "values"];
    let (text, complaint, code) = run_with(&args, OPENMETRICS.as_bytes());
    assert!(text.contains("\nU__mail_2e_sent__created{U__to_2e_whom=\"é\"} 1.5\n"), "{text}");
    assert!(!complaint.contains("start times"), "{complaint}");
    assert_eq!(code, Some(0));
}

#[test]
fn openmetrics_is_written_as_it_was_read() {
    let args = ["convert", "-", "--to", "openmetrics"];
    let expected = (OPENMETRICS.to_owned(), String::new(), Some(0));
    assert_eq!(run_with(&args, OPENMETRICS.as_bytes()), expected);
}

#[test]
fn what_is_not_valid_ends_with_one() {
    let args = ["convert", "-", "--to", "openmetrics"];
    let (text, complaint, code) = run_with(&args, b"a 1\na one\n");
    assert_eq!((&*text, code), ("", Some(1)));
    assert_eq!(complaint, "narthex: standard input:2:3: expected a number, found \"one\"\n");

    // Most readers of text take a series twice.
    let twice = b"a 1\na 2\n";
    let (text, complaint, code) = run_with(&args, twice);
    assert_eq!((&*text, code), ("# HELP a \n# TYPE a unknown\na 1.0\na 2.0\n# EOF\n", Some(1)));
    assert!(
        complaint.starts_with("narthex: the result:4:1: expected each series once"),
        "{complaint}"
    );
    let (text, _, code) = run_with(&["convert", "-", "--to", "text", "--strict"], twice);
    assert_eq!((&*text, code), ("", Some(1)));

    let clashing = b"{\"a.b\"} 1\na_b 1\n";
    let (text, complaint, code) = run_with(&["convert", "-", "--to", "text"], clashing);
    assert_eq!((&*text, code), ("", Some(1)));
    assert!(complaint.contains("are both \"a_b\" when escaped"), "{complaint}");
}

#[test]
fn start_times_that_a_text_shows_as_gauges_are_start_times() {
    let text = "\
# HELP jobs_total Jobs done.
# TYPE jobs_total counter
jobs_total{queue=\"mail\"} 3.0
jobs_total{queue=\"sms\"} 1.0 5000
# HELP jobs_created Jobs done.
# TYPE jobs_created gauge
jobs_created{queue=\"sms\"} 2.5
jobs_created{queue=\"mail\"} 1.5
# HELP wait Before a job.
# TYPE wait histogram
wait_bucket{le=\"1.0\"} 1.0
wait_bucket{le=\"+Inf\"} 2.0
wait_count 2.0
wait_sum 3.0
# HELP wait_created Before a job.
# TYPE wait_created gauge
wait_created 4.5
# HELP host_created Of nothing that is told.
# TYPE host_created gauge
host_created 7.0
";
    let args = ["convert", "-", "--to", "openmetrics"];
    let expected = "\
# HELP jobs Jobs done.
# TYPE jobs counter
jobs_total{queue=\"mail\"} 3.0
jobs_created{queue=\"mail\"} 1.5
jobs_total{queue=\"sms\"} 1.0 5
jobs_created{queue=\"sms\"} 2.5 5
# HELP wait Before a job.
# TYPE wait histogram
wait_bucket{le=\"1.0\"} 1.0
wait_bucket{le=\"+Inf\"} 2.0
wait_count 2.0
wait_sum 3.0
wait_created 4.5
# HELP host_created Of nothing that is told.
# TYPE host_created gauge
host_created 7.0
# EOF
";
    let (openmetrics, complaint, code) = run_with(&args, text.as_bytes());
    assert_eq!(openmetrics, expected, "{complaint}");
    assert_eq!((&*complaint, code), ("", Some(0)));
    // And back, in another order, and without the time at which a start was told.
    let args = ["convert", "-", "--to", "text", "--created"];
    let (again, ..) = run_with(&args, openmetrics.as_bytes());
    let (mut again, mut lines): (Vec<_>, Vec<_>) =
        (again.lines().collect(), text.lines().collect());
    for line in &mut again {
        *line = line.strip_suffix(" 2.5 5000").map_or(*line, |_| "jobs_created{queue=\"sms\"} 2.5");
    }
    again.sort_unstable();
    lines.sort_unstable();
    assert_eq!(again, lines);
    // One of a series that is not there is none.
    let lonely = "# TYPE a counter\na{x=\"1\"} 1\n# TYPE a_created gauge\na_created{x=\"2\"} 1\n";
    let args = ["convert", "-", "--to", "openmetrics"];
    let (_, complaint, code) = run_with(&args, lonely.as_bytes());
    assert!(complaint.contains("a family whose names are no other's"), "{complaint}");
    assert_eq!(code, Some(1));
}

#[test]
fn all_formats_are_written_and_read_again() {
    let text = "# HELP wait In the queue.\n# TYPE wait histogram\n\
        wait_bucket{le=\"1.0\"} 2.0\nwait_bucket{le=\"+Inf\"} 3.0\nwait_count 3.0\nwait_sum 4.5\n\
        # HELP up Is it?\n# TYPE up gauge\nup 1.0\n# EOF\n";
    for format in ["openmetrics2", "protobuf", "openmetrics"] {
        let (written, complaint, code) =
            run_bytes(&["convert", "-", "--to", format], text.as_bytes());
        assert_eq!((complaint.as_str(), code), ("", Some(0)), "{format}");
        // The format is seen from what is there.
        let (again, complaint, code) =
            run_bytes(&["convert", "-", "--to", "openmetrics"], &written);
        assert_eq!((complaint.as_str(), code), ("", Some(0)), "{format}");
        assert_eq!(String::from_utf8(again).unwrap(), text, "{format}");
        let (alike, complaint, code) = run_bytes(&["check", "-", "--from", format], &written);
        assert_eq!((alike, complaint.as_str(), code), (Vec::new(), "", Some(0)), "{format}");
    }
}

#[test]
fn what_is_wrong_with_messages_has_an_offset() {
    let broken = b"\x0a\x0a\x02up\x18\x01\x22\x02\x12\x09";
    let (printed, complaint, code) = run_bytes(&["parse", "-", "--from", "protobuf"], broken);
    assert_eq!(code, Some(1));
    let said = "metric of \\\"up\\\": expected 9 bytes, found 0";
    let json = format!("{{\"error\":\"{said}\",\"offset\":11}}\n");
    assert_eq!(String::from_utf8(printed).unwrap(), json);
    assert!(complaint.contains("standard input:11: metric of \"up\""), "{complaint}");
}
