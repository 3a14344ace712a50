//! `narthex convert`.

use narthex::exposition::protobuf;
use narthex::model::{
    Exemplar, HistogramMetricFamily, MetricFamily, NO_LABELS, NativeHistogram, Timestamp,
};

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
        "narthex: standard input: text has no infos or state sets: 1 family, the first of \"build\", become gauges\n\
         narthex: standard input: text has no units: 1 family, the first of \"wait_seconds\", have them in their names alone\n\
         narthex: standard input: text has no exemplars: 1 exemplar, the first of \"mail.sent\", are left out\n\
         narthex: standard input: text has no start times: 1 series, the first of \"mail.sent\", lose theirs; --created shows them as gauges\n\
         narthex: standard input: text has no times below a millisecond: 1 sample, the first of \"wait_seconds\", have theirs cut off\n\
         narthex: standard input: names are escaped: 2, such as \"mail.sent\", which becomes \"mail_sent\"\n"
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
    assert_eq!((&*text, code), ("", Some(1)));
    assert_eq!(
        complaint,
        "narthex: standard input: it would not be valid openmetrics: expected each series once, \
         found a second sample of one, whose metric begins in line 3, in \"a 2.0\"; nothing is written without \
         --force\n"
    );
    let (text, complaint, code) = run_with(&[&args[..], &["--force"]].concat(), twice);
    assert_eq!((&*text, code), ("# HELP a \n# TYPE a unknown\na 1.0\na 2.0\n# EOF\n", Some(1)));
    assert!(complaint.ends_with(", in \"a 2.0\"\n"), "{complaint}");
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
    assert!(complaint.contains("standard input: byte 11: metric of \"up\""), "{complaint}");
}

#[test]
fn losses_are_counted_by_what_is_lost() {
    // Three series with start times, of one, two and four samples.
    let text = "# TYPE c counter\nc_total 1\nc_created 5\n# TYPE s summary\ns_count 1\ns_sum 1\n\
        s_created 5\n# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {id=\"1\"} 0.5\n\
        h_bucket{le=\"+Inf\"} 2 # {id=\"2\"} 3 4\nh_count 2\nh_sum 3.5\nh_created 5\n# EOF\n";
    let (_, complaint, code) = run_with(&["convert", "-", "--to", "text"], text.as_bytes());
    assert_eq!(
        complaint,
        "narthex: standard input: text has no exemplars: 2 exemplars, the first of \"h\", are left out\n\
         narthex: standard input: text has no start times: 3 series, the first of \"c\", lose theirs; --created \
         shows them as gauges\n"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn parts_that_are_made_up_are_told() {
    let text = "# TYPE h histogram\nh_bucket{le=\"1.0\"} 2.0\nh_bucket{le=\"+Inf\"} 3.0\n\
        # TYPE s summary\ns{quantile=\"0.5\"} 2.0\ns_count 1.0\ns_sum 2.0\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    std::fs::write(&file, text).unwrap();
    for format in ["openmetrics2", "protobuf"] {
        let (written, complaint, code) =
            run_bytes(&["convert", "-", "--to", format], text.as_bytes());
        assert_eq!(
            complaint,
            format!(
                "narthex: standard input: {format} has no histograms or summaries without a count or a sum: 1 \
                 series, the first of \"h\", gain them: a count of all buckets and a sum of NaN, \
                 or 0 in summaries\n"
            )
        );
        assert_eq!(code, Some(0));
        // A sum that is no number is none.
        let (told, ..) = run_bytes(&["diff", file.to_str().unwrap(), "-"], &written);
        let told = String::from_utf8(told).unwrap();
        assert_eq!(told, "+ h_count: 3.0\n1 difference in 1 family\n", "{format}");
    }
    let (_, complaint, _) = run_bytes(&["convert", "-", "--to", "text"], text.as_bytes());
    assert_eq!(complaint, "");
}

/// A histogram with both kinds of buckets, each with an exemplar.
fn with_both() -> Vec<u8> {
    let exemplar = |id: &str, value| {
        let exemplar = Exemplar::new([("id", id)], value).unwrap();
        exemplar.with_timestamp(Timestamp::from_whole_seconds(5))
    };
    let mut family = HistogramMetricFamily::new("h", "").unwrap();
    let native = NativeHistogram::new(0).unwrap().positive([(0, 1.0), (2, 1.0)]).unwrap();
    let native = native.exemplar(exemplar("1", 0.75)).exemplar(exemplar("2", 3.0));
    let buckets = [(1.0, 1.0), (f64::INFINITY, 2.0)];
    let added = family.add_metric(NO_LABELS, buckets, Some(3.75)).unwrap();
    added.native(&native).unwrap().exemplar(exemplar("2", 3.0)).unwrap();
    let families: Vec<MetricFamily> = vec![family.into()];
    protobuf::encode(&families).unwrap()
}

#[test]
fn native_exemplars_that_are_left_out_are_told() {
    let both = with_both();
    let (written, complaint, code) = run_bytes(&["convert", "-", "--to", "openmetrics2"], &both);
    assert_eq!(
        String::from_utf8(written.clone()).unwrap(),
        "# TYPE h histogram\nh {count:2,sum:3.75,schema:0,zero_threshold:0.0,zero_count:0,\
         positive_spans:[0:3],positive_buckets:[1,0,1],bucket:[1.0:1,+Inf:2]} # {id=\"2\"} 3.0 5\n\
         # EOF\n"
    );
    assert_eq!(
        (complaint.as_str(), code),
        (
            "narthex: standard input: openmetrics2 has no native exemplars beside those of other buckets: 2 \
             exemplars, the first of \"h\", are left out\n",
            Some(0)
        )
    );
    let (_, complaint, _) = run_bytes(&["convert", "-", "--to", "text"], &both);
    assert!(complaint.contains("text has no exemplars: 3 exemplars, the first"), "{complaint}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.pb");
    std::fs::write(&file, both).unwrap();
    let (told, complaint, code) = run_bytes(&["diff", file.to_str().unwrap(), "-"], &written);
    assert_eq!((told, code), (Vec::new(), Some(0)));
    assert!(
        complaint.ends_with(
            "a.pb: native exemplars beside those of other buckets are not compared, as \
             openmetrics2 does not have both: 2 exemplars, the first of \"h\"\n"
        ),
        "{complaint}"
    );
}

#[test]
fn families_without_series_are_told_of_where_there_are_none() {
    let text = "# HELP a A.\n# TYPE a gauge\n# HELP b B.\n# TYPE b gauge\nb 1\n# EOF\n";
    let (written, complaint, _) = run_bytes(&["convert", "-", "--to", "protobuf"], text.as_bytes());
    let told =
        "protobuf has no families without series: 1 family, the first of \"a\", are left out";
    assert_eq!(complaint, format!("narthex: standard input: {told}\n"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    for text in [text, text.strip_suffix("# EOF\n").unwrap()] {
        std::fs::write(&file, text).unwrap();
        let (told, _, code) = run_bytes(&["diff", file.to_str().unwrap(), "-"], &written);
        assert_eq!((told, code), (Vec::new(), Some(0)));
    }
}

#[test]
fn the_second_version_of_openmetrics_is_seen_by_its_names() {
    let text =
        "# TYPE c_total counter\nc_total 1.0\n# TYPE v_info info\nv_info{a=\"b\"} 1.0\n# EOF\n";
    let (told, complaint, code) =
        run_bytes(&["convert", "-", "--to", "openmetrics2"], text.as_bytes());
    assert_eq!((String::from_utf8(told).unwrap().as_str(), code), (text, Some(0)), "{complaint}");
}

#[test]
fn suffixes_that_are_escaped_are_told() {
    let text = "# TYPE \"a.b\" summary\n{\"a.b_count\"} 3\n{\"a.b_sum\"} 4\n# TYPE c_d counter\n\
        c_d_total 1\n# EOF\n";
    let told = |format: &str, escaping: &str| {
        let args = ["convert", "-", "--to", format, "--escaping", escaping];
        let (_, complaint, _) = run_bytes(&args, text.as_bytes());
        complaint.lines().find(|line| line.contains("suffixes")).map(str::to_owned)
    };
    let of = |families: &str| {
        Some(format!(
            "narthex: standard input: suffixes are escaped, too: readers may not find the samples of {families}, \
             the first of \"a.b\""
        ))
    };
    assert_eq!(told("text", "dots"), of("1 family"));
    assert_eq!(told("openmetrics", "dots"), of("2 families"));
    assert_eq!(told("openmetrics", "values"), of("1 family"));
    assert_eq!(told("openmetrics", "underscores"), None);
    assert_eq!(told("openmetrics2", "dots"), None);
    assert_eq!(told("protobuf", "dots"), None);
}

#[test]
fn what_looks_like_another_format_is_told() {
    let told = |from: &str, input: &[u8]| run_bytes(&["parse", "-", "--from", from], input).1;
    let text = b"# TYPE a gauge\na 3\n";
    assert!(told("protobuf", text).ends_with("; it looks like text\n"));
    assert!(told("openmetrics", text).ends_with("; it looks like text\n"));
    assert!(
        told("text", b"# TYPE a unknown\na 3\n# EOF\n").ends_with("; it looks like openmetrics\n")
    );
    assert!(!told("text", b"a b\n").contains("looks like"));
    // What is broken as messages looks like nothing.
    assert!(!told("protobuf", b"\x0a\x0a\x02up\x18\x01\x22\x02\x12\x09").contains("looks like"));
}
