//! The handler alone: what is answered to which request.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex::http::{MetricsHandler, Request, Response};
use narthex::model::Family;
use narthex::{CollectorRegistry, collector_fn, parser};
use proptest::prelude::*;

use crate::http_fixture::{COUNTER, GAUGE, both, registry, registry_of};

fn ask(method: &str, target: &str) -> Response {
    MetricsHandler::new(&registry()).respond(&Request::new(method, target))
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn get_shows_the_metrics_and_says_on_what_the_answer_depends() {
    let answer = ask("GET", "/metrics");
    assert_eq!(answer.status(), 200);
    assert_eq!(text(&answer), both());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("content-length"), Some(&*both().len().to_string()));
    assert_eq!(answer.header("content-encoding"), None);
}

#[test]
fn protobuf_is_answered_to_those_who_name_it() {
    let handler = MetricsHandler::builder(&registry()).created(false).build().unwrap();
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
        encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3";
    let ask = |target, coding| {
        let request = Request::new("GET", target).with_header("accept", accept);
        handler.respond(&request.with_header("accept-encoding", coding))
    };
    let names = |body: &[u8]| {
        let families = parser::protobuf::parse_all(body).unwrap();
        families.iter().map(|family| family.desc().name().to_owned()).collect::<Vec<_>>()
    };
    let whole = ask("/metrics", "identity");
    assert_eq!(
        whole.header("content-type"),
        Some(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
             encoding=delimited; escaping=underscores"
        )
    );
    assert_eq!(names(whole.body()), ["c", "g"]);
    assert_eq!(names(ask("/metrics?name[]=g", "identity").body()), ["g"]);
    if cfg!(feature = "gzip") {
        let packed = ask("/metrics", "gzip");
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.body()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, whole.body());
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    for target in ["/metrics", "/", "/favicon.ico", "/nowhere"] {
        let (get, head) = (ask("GET", target), ask("HEAD", target));
        assert_eq!(head.status(), get.status(), "{target}");
        assert_eq!(Vec::from_iter(head.headers()), Vec::from_iter(get.headers()), "{target}");
        assert_eq!(head.body(), b"", "{target}");
    }
}

#[test]
fn options_lists_the_methods() {
    for target in ["/metrics", "/", "*"] {
        let answer = ask("OPTIONS", target);
        assert_eq!((answer.status(), answer.body()), (200, &b""[..]), "{target}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{target}");
    }
}

#[test]
fn other_methods_are_refused() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "", "SCRAPE"] {
        let answer = ask(method, "/metrics");
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        assert_eq!(text(&answer), "method not allowed; use GET, HEAD, OPTIONS\n", "{method}");
    }
}

#[test]
fn other_paths_are_not_found_and_not_repeated() {
    for target in ["/nowhere", "/metrics/", "/Metrics", "", "metrics", "/<script>"] {
        let answer = ask("GET", target);
        assert_eq!((answer.status(), text(&answer)), (404, "not found\n"), "{target}");
    }
}

#[test]
fn browsers_get_an_icon_that_is_empty_and_a_page_with_a_link() {
    let icon = ask("GET", "/favicon.ico?v=1");
    assert_eq!((icon.status(), icon.body()), (200, &b""[..]));

    let handler = MetricsHandler::builder(&registry()).path("/internal/metrics").build().unwrap();
    let page = handler.respond(&Request::new("GET", "/?<script>"));
    assert_eq!(page.status(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(text(&page).contains("<a href=\"/internal/metrics\">"));
    assert!(!text(&page).contains("<script>"));
}

#[test]
fn several_paths_have_registries_of_their_own() {
    let other = registry_of([crate::http_fixture::gauge("other", "O", 1.0)]);
    let handler = MetricsHandler::builder(&registry())
        .route("/other", &other)
        .route_of("/other/view", Arc::new(other.with_prefix("x_").unwrap()))
        .unwrap()
        .build()
        .unwrap();
    let get = |target| handler.respond(&Request::new("GET", target));
    assert_eq!(text(&get("/metrics")), both());
    assert_eq!(text(&get("/other")), "# HELP other O\n# TYPE other gauge\nother 1.0\n");
    assert_eq!(text(&get("/other/view")), "# HELP x_other O\n# TYPE x_other gauge\nx_other 1.0\n");
    assert_eq!(text(&get("/other?name[]=g")), "");
    assert_eq!(get("/other/").status(), 404);
    assert_eq!(handler.respond(&Request::new("POST", "/other")).status(), 405);
    for path in ["/metrics", "/other", "/other/view"] {
        assert!(text(&get("/")).contains(&format!("<a href=\"{path}\">")), "{path}");
    }

    let twice = MetricsHandler::builder(&registry()).route("/metrics", &other).build();
    assert_eq!(twice.unwrap_err().to_string(), "the metrics path \"/metrics\" stands twice");
    let bad = MetricsHandler::builder(&registry()).route("other", &other).build();
    assert!(bad.unwrap_err().is_invalid_value());
}

#[test]
fn the_path_of_the_metrics_can_be_chosen() {
    let handler = MetricsHandler::builder(&registry()).path("/m").build().unwrap();
    assert_eq!(text(&handler.respond(&Request::new("GET", "/m?x=y"))), both());
    assert_eq!(handler.respond(&Request::new("GET", "/metrics")).status(), 404);

    let root = MetricsHandler::builder(&registry()).path("/").build().unwrap();
    assert_eq!(text(&root.respond(&Request::new("GET", "/"))), both());
    assert_eq!(root.respond(&Request::new("GET", "/metrics")).status(), 404);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (path, complaint) in [
        ("metrics", "the metrics path \"metrics\" does not begin with a slash"),
        ("", "the metrics path \"\" does not begin with a slash"),
        ("/a?b", "the metrics path \"/a?b\" has the character '?'"),
        ("/\"><b>", "the metrics path \"/\\\"><b>\" has the character '\"'"),
        ("/a b", "the metrics path \"/a b\" has the character ' '"),
    ] {
        let error = MetricsHandler::builder(&registry()).path(path).build().unwrap_err();
        assert!(error.is_invalid_value());
        assert_eq!(error.to_string(), complaint);
    }
    let error = MetricsHandler::builder(&registry()).max_concurrent_scrapes(0).build().unwrap_err();
    assert!(error.is_invalid_value());
}

#[test]
fn names_restrict_the_scrape() {
    for (query, expected) in [
        ("name[]=g", GAUGE),
        ("name%5B%5D=g", GAUGE),
        ("name[]=c_total", COUNTER),
        ("name[]=c%5Ftotal&name[]=", COUNTER),
        ("x=y&name[]=c_total&name[]=g", &both()),
        ("name[]=nope", ""),
        ("name[]=%ff%fe", ""),
        ("name[]=", &both()),
        ("name=g", &both()),
    ] {
        let answer = ask("GET", &format!("/metrics?{query}"));
        assert_eq!((answer.status(), text(&answer)), (200, expected), "{query}");
    }
}

#[test]
fn accept_chooses_the_format() {
    let handler = MetricsHandler::new(&registry());
    let request = Request::new("GET", "/metrics?name[]=g")
        .with_header("Accept", "text/plain;q=0.5")
        .with_header("Accept", "application/openmetrics-text; version=1.0.0");
    let answer = handler.respond(&request);
    assert_eq!(text(&answer), "# HELP g G\n# TYPE g gauge\ng 2.0\n# EOF\n");
    let content_type = answer.header("content-type").unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
}

#[test]
fn start_times_are_shown_as_wished() {
    let registry = registry_of([std::sync::Arc::new(collector_fn(|scrape| {
        let mut family = narthex::model::CounterMetricFamily::new("c", "C")?;
        family.add_metric(narthex::model::NO_LABELS, 1.0)?.created(123.5);
        scrape.family(&family)
    })) as _]);
    let shows = |handler: MetricsHandler, accept| {
        let request = Request::new("GET", "/metrics").with_header("Accept", accept);
        text(&handler.respond(&request)).contains("c_created 123.5\n")
    };
    let openmetrics = "application/openmetrics-text";
    let builder = || MetricsHandler::builder(&registry);
    assert!(!shows(builder().build().unwrap(), "text/plain"));
    assert!(shows(builder().build().unwrap(), openmetrics));
    assert!(shows(builder().created(true).build().unwrap(), "text/plain"));
    assert!(!shows(builder().created(false).build().unwrap(), openmetrics));
}

#[test]
fn the_time_that_the_scraper_gives_reaches_the_collectors() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let collector = collector_fn(move |scrape| {
        tell.lock().unwrap().send(scrape.deadline()).unwrap();
        Ok(())
    });
    let registry = CollectorRegistry::new();
    registry.register(std::sync::Arc::new(collector)).unwrap();
    let handler = MetricsHandler::new(&registry);
    let header = "X-Prometheus-Scrape-Timeout-Seconds";

    handler.respond(&Request::new("GET", "/metrics"));
    assert_eq!(told.recv().unwrap(), None);

    let before = Instant::now();
    handler.respond(&Request::new("GET", "/metrics").with_header(header, "60.0"));
    let minute = Duration::from_secs(60);
    let deadline = told.recv().unwrap().unwrap();
    assert!((before + minute..=Instant::now() + minute).contains(&deadline));

    let late = Request::new("GET", "/metrics").with_header(header, "0.001");
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(handler.respond(&late).status(), 500);
    assert!(told.try_recv().is_err());
}

proptest! {
    #[test]
    fn nothing_that_is_sent_breaks_it(
        method in "GET|HEAD|OPTIONS|POST|\\PC*",
        target in "/metrics\\?(name(\\[\\]|%5B%5D)=\\PC{0,8}&?){0,3}|/\\PC*|\\PC*",
        accept in "\\PC*|(text/plain|application/openmetrics-text|\\*/\\*)(;(q|version|escaping)=\\PC{0,6}){0,3}",
        encoding in "\\PC*|(gzip|\\*|identity)(;q=\\PC{0,5})?",
        timeout in "\\PC*|-?[0-9]{0,400}(\\.[0-9]*)?(e[0-9]*)?|NaN|-?inf",
    ) {
        let handler = MetricsHandler::new(&registry());
        let request = Request::new(&method, &target)
            .with_header("accept", &accept)
            .with_header("accept-encoding", &encoding)
            .with_header("x-prometheus-scrape-timeout-seconds", &timeout);
        let answer = handler.respond(&request);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        if method == "HEAD" {
            prop_assert!(answer.body().is_empty());
        } else {
            prop_assert_eq!(answer.body().len(), length);
        }
    }

    #[test]
    fn any_headers_that_http_allows_are_read(
        lines in prop::collection::vec((0..3usize, prop::collection::vec(0x20..=0xffu8, 0..40)), 0..6),
    ) {
        let names = ["accept", "accept-encoding", "x-prometheus-scrape-timeout-seconds"];
        let mut request = hyper::Request::get("/metrics");
        for (name, value) in &lines {
            if let Ok(value) = hyper::header::HeaderValue::from_bytes(value) {
                request = request.header(names[*name], value);
            }
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = MetricsHandler::new(&registry()).respond(&Request::from(&parts));
        prop_assert!(answer.status() == 200 || answer.status() == 500);
    }
}
