//! Pushing to a Pushgateway, against another end that answers as it is told.

use std::time::{Duration, Instant};

use narthex::client::{Connection, Retry};
use narthex::exposition::{ContentCoding, Encoding, Format};
use narthex::model::EscapingScheme;
use narthex::push::{PeriodicPush, PushGateway, PushGatewayBuilder};
use narthex::{CollectorRegistry, Error, Gauge, collector_fn, parser};

use crate::push_fixture::{OtherEnd, Reply, ok, status};
use crate::support::block_on;
use crate::vectors::{check, rows, text};

const TEXT: &str = "# HELP g help\n# TYPE g gauge\ng 2.0\n";

fn registry() -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "help").register(&registry).unwrap().set(2);
    registry
}

/// Pauses that are over at once, and no proxy that the environment may have.
fn connection() -> Connection {
    let pauses = Duration::from_millis(1);
    let retry = Retry::default().with_attempts(3).with_pauses(pauses, Duration::from_secs(9));
    Connection::new().no_proxy().retry(retry)
}

fn to(other: &OtherEnd) -> PushGatewayBuilder {
    PushGateway::builder(other.address(), "batch").connection(connection())
}

#[test]
fn groups_have_the_urls_that_pythons_client_gives_them() {
    let on_purpose = [
        ("pushgateway_0008", "another scheme is refused"),
        ("pushgateway_0036", "the name of a label is escaped"),
    ];
    check(&rows("pushgateway.jsonl"), &on_purpose, |row| {
        if row["error"].as_bool() == Some(true) {
            // Compression by a name: there is a type here.
            return Ok(());
        }
        let url = text(&row["url"]);
        if url.starts_with("https") && !cfg!(feature = "tls") {
            return Ok(());
        }
        let mut builder = PushGateway::builder(text(&row["gateway"]), text(&row["job"]));
        for (name, value) in row["grouping_key"].as_object().into_iter().flatten() {
            builder = builder.grouping_key(name, text(value));
        }
        match builder.build() {
            Ok(gateway) if gateway.url() == url => Ok(()),
            Ok(gateway) => Err(format!("{} and not {url}", gateway.url())),
            Err(error) => Err(error.to_string()),
        }
    });
}

#[test]
fn labels_that_would_be_steps_in_a_path_are_encoded() {
    let url = |job: &str, name: &str, value: &str| {
        let gateway = PushGateway::builder("h", job).grouping_key(name, value);
        gateway.build().map(|gateway| gateway.url().to_owned())
    };
    // "." and ".." in base64 are Lg== and Li4=.
    assert_eq!(url("..", "a", ".").unwrap(), "http://h/metrics/job@base64/Li4=/a@base64/Lg==");
    assert_eq!(url("j", "a", "").unwrap(), "http://h/metrics/job/j/a@base64/=");
    // The value of the Pushgateway's own documentation.
    assert_eq!(
        url("directory_cleaner", "path", "/var/tmp").unwrap(),
        "http://h/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA="
    );
    // U+002E, as the scheme `values` writes it.
    assert_eq!(url("j", "a.b", "c").unwrap(), "http://h/metrics/job/j/U__a_2e_b/c");

    for (name, told) in [
        ("job", "the grouping key has the label \"job\", which the job itself is"),
        (
            "le",
            "the grouping key has the label \"le\", which tells apart the samples of one metric",
        ),
        ("", "the grouping key: a label name cannot be empty"),
        ("__a", "the grouping key: label name \"__a\" is reserved: it begins with two underscores"),
    ] {
        let error = url("j", name, "v").unwrap_err();
        assert!(error.is_invalid_label());
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn each_way_to_push_has_its_method() {
    let other = OtherEnd::start([]);
    let gateway = to(&other).grouping_key("instance", "a").build().unwrap();
    let registry = registry();
    gateway.push(&registry).unwrap();
    gateway.push_add(&registry).unwrap();
    gateway.delete().unwrap();

    let got = other.got();
    let methods: Vec<_> = got.iter().map(|got| (&*got.method, &*got.path, got.text())).collect();
    let path = "/metrics/job/batch/instance/a";
    assert_eq!(methods, [("PUT", path, TEXT), ("POST", path, TEXT), ("DELETE", path, "")]);
    for got in &got {
        assert_eq!(got.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(got.header("content-encoding"), None);
        assert!(got.header("user-agent").unwrap().starts_with("narthex/"));
        assert_eq!(got.connection, 0, "the connection was not kept");
    }
}

#[test]
fn what_is_sent_is_text_or_protobuf_and_may_be_compressed() {
    let other = OtherEnd::start([]);
    let protobuf = Encoding::new(Format::Protobuf, EscapingScheme::AllowUtf8);
    let mut builder = to(&other).encoding(protobuf);
    if cfg!(feature = "gzip") {
        builder = builder.compression(ContentCoding::negotiate(Some("gzip")));
    }
    let gateway = builder.build().unwrap();
    gateway.push(&registry()).unwrap();
    gateway.delete().unwrap();

    let [put, delete] = &other.got()[..] else { panic!("two requests") };
    assert_eq!(put.header("content-type"), Some(protobuf.content_type()));
    let body = match put.header("content-encoding") {
        None => put.body.clone(),
        Some("gzip") => {
            let mut body = Vec::new();
            let mut unpacked = flate2::read::GzDecoder::new(&*put.body);
            std::io::Read::read_to_end(&mut unpacked, &mut body).unwrap();
            body
        }
        Some(other) => panic!("{other}"),
    };
    assert_eq!(put.header("content-encoding").is_some(), cfg!(feature = "gzip"));
    let families: Vec<_> = parser::protobuf::parse(&body).collect::<Result<_, _>>().unwrap();
    assert_eq!(families.len(), 1);
    assert_eq!(delete.header("content-encoding"), None);

    let openmetrics = Encoding::new(Format::OpenMetrics100, EscapingScheme::AllowUtf8);
    let error = to(&other).encoding(openmetrics).build().unwrap_err();
    assert!(error.is_invalid_value());
    assert_eq!(error.to_string(), "a Pushgateway does not read OpenMetrics100");
}

#[test]
fn credentials_and_headers_are_sent_with_each_request() {
    let other = OtherEnd::start([]);
    let push = |connection: Connection| {
        to(&other).connection(connection).build().unwrap().delete().unwrap();
        other.got().last().unwrap().clone()
    };
    // The example of RFC 7617, section 2.
    let got = push(connection().basic_auth("Aladdin", "open sesame").header("X-Scope", "a"));
    assert_eq!(got.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_eq!(got.header("x-scope"), Some("a"));
    let got = push(connection().bearer_auth("mF_9.B5f-4.1JqM"));
    assert_eq!(got.header("authorization"), Some("Bearer mF_9.B5f-4.1JqM"));

    let refused = |connection: Connection| {
        let error = to(&other).connection(connection).build().unwrap_err();
        assert!(error.is_invalid_value(), "{error}");
        error.to_string()
    };
    assert_eq!(
        refused(connection().basic_auth("a:b", "c")),
        "the user \"a:b\" has a colon, which cannot be sent"
    );
    let told = refused(connection().header("two words", "v"));
    assert!(told.starts_with("the name \"two words\" of a header cannot be used: "), "{told}");
    let told = refused(connection().bearer_auth("a\nb"));
    assert!(told.starts_with("the value of the header \"authorization\" cannot be used"), "{told}");
}

#[test]
fn python_encodes_credentials_alike() {
    let other = OtherEnd::start([]);
    check(&rows("basic_auth.jsonl"), &[], |row| {
        let (Some(user), Some(password)) = (row["username"].as_str(), row["password"].as_str())
        else {
            return Ok(());
        };
        if user.contains(':') {
            return Ok(());
        }
        let connection = connection().basic_auth(user, password);
        to(&other).connection(connection).build().unwrap().delete().unwrap();
        let sent = other.got().last().unwrap().header("authorization").map(str::to_owned);
        match sent.as_deref() == row["authorization"].as_str() {
            true => Ok(()),
            false => Err(format!("sent {sent:?}")),
        }
    });
}

#[test]
fn what_may_arrive_later_is_sent_again_as_it_is() {
    let again = ["500 Oops", "503 Busy", "429 Slow Down", "408 Late"];
    for line in again {
        let other = OtherEnd::start([status(line, "later"), Reply::Close, ok()]);
        to(&other).build().unwrap().push(&registry()).unwrap();
        let bodies: Vec<_> = other.got().into_iter().map(|got| got.body).collect();
        assert_eq!(bodies, [TEXT.as_bytes(); 3], "{line}");
    }
}

#[test]
fn after_the_last_attempt_the_error_says_what_was_answered() {
    let other = OtherEnd::start(vec![status("503 Busy", "come back\nlater"); 3]);
    let gateway = to(&other).build().unwrap();
    let error = gateway.push(&registry()).unwrap_err();
    assert_eq!(other.got().len(), 3);
    assert_eq!(error.status(), Some(503));
    assert_eq!(
        error.to_string(),
        format!(
            "PUT {}, 3 times: the answer is 503 Service Unavailable: come back later",
            gateway.url()
        )
    );
}

#[test]
fn what_was_refused_is_not_sent_again() {
    for line in ["400 Bad", "401 Who", "404 Where", "413 Much", "501 What"] {
        let other = OtherEnd::start([status(line, "no")]);
        let error = to(&other).build().unwrap().push(&registry()).unwrap_err();
        assert_eq!(other.got().len(), 1, "{line}");
        assert_eq!(error.status(), line.split(' ').next().unwrap().parse().ok());
    }
}

#[test]
fn a_pause_that_is_asked_for_is_made_unless_it_is_too_long() {
    let asks = |seconds: u32| {
        let header = vec![format!("retry-after: {seconds}")];
        Reply::Status("503 Busy", header, "")
    };
    let other = OtherEnd::start([asks(1)]);
    let begun = Instant::now();
    to(&other).build().unwrap().delete().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(other.got().len(), 2);

    let other = OtherEnd::start([asks(10)]);
    let error = to(&other).build().unwrap().delete().unwrap_err();
    assert_eq!((error.status(), other.got().len()), (Some(503), 1));
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    let other = OtherEnd::start([Reply::Silence]);
    let connection = connection().timeout(Duration::from_millis(50)).retry(Retry::never());
    let error = to(&other).connection(connection).build().unwrap().delete().unwrap_err();
    assert!(error.is_timed_out(), "{error:?}");
    assert!(error.to_string().ends_with("there was no whole answer in time"), "{error}");
}

#[test]
fn where_nobody_listens_the_error_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let gateway = PushGateway::builder(&address, "batch").connection(connection());
    let error = gateway.build().unwrap().delete().unwrap_err();
    assert!(error.is_io(), "{error:?}");
    let told = error.to_string();
    assert!(told.starts_with(&format!("DELETE http://{address}/metrics/job/batch, 3 times: ")));
    assert!(told.contains(": no connection: "), "{told}");
}

#[test]
fn redirections_are_followed_if_they_keep_the_method() {
    let home = OtherEnd::start([]);
    let elsewhere = format!("location: http://{}/there", home.address());
    for line in ["307 There", "308 There"] {
        let other = OtherEnd::start([Reply::Status(line, vec![elsewhere.clone()], "")]);
        to(&other).build().unwrap().push(&registry()).unwrap();
        let got = home.got().pop().unwrap();
        assert_eq!((&*got.method, &*got.path, got.text()), ("PUT", "/there", TEXT));
    }
    for line in ["301 There", "302 There", "303 There"] {
        let other = OtherEnd::start([Reply::Status(line, vec![elsewhere.clone()], "")]);
        let error = to(&other).build().unwrap().push(&registry()).unwrap_err();
        let place = format!("which is at http://{}/there", home.address());
        assert!(error.to_string().ends_with(&place), "{error}");
        assert_eq!(home.got().len(), 2);
    }
}

#[test]
fn nothing_is_sent_if_a_collector_fails() {
    let other = OtherEnd::start([]);
    let broken = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
    let error = to(&other).build().unwrap().push(&broken).unwrap_err();
    assert!(error.is_collector());
    assert_eq!(other.got().len(), 0);
}

#[test]
fn it_is_pushed_from_any_executor_and_within_one() {
    let other = OtherEnd::start([]);
    let gateway = to(&other).build().unwrap();
    let registry = registry();
    block_on(gateway.push_async(&registry)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        gateway.push_add_async(&registry).await.unwrap();
        // It blocks the thread of the runtime, as it says, and does not need it.
        gateway.push(&registry).unwrap();
        gateway.delete_async().await.unwrap();
    });
    let methods: Vec<_> = other.got().into_iter().map(|got| got.method).collect();
    assert_eq!(methods, ["PUT", "POST", "PUT", "DELETE"]);
}

#[test]
fn what_nobody_waits_for_is_not_sent_again() {
    let other = OtherEnd::start([Reply::Silence]);
    let gateway = to(&other).build().unwrap();
    let registry = registry();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let push = gateway.push_async(&registry);
        assert!(tokio::time::timeout(Duration::from_millis(100), push).await.is_err());
    });
    // The one that was dropped has gone to the end of its first attempt at most.
    gateway.delete().unwrap();
    assert_eq!(other.wait_for(2)[1].method, "DELETE");
}

#[test]
fn a_periodic_push_sends_the_last_values_at_its_end() {
    let other = OtherEnd::start([]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "help").register(&registry).unwrap();
    gauge.set(1);
    let pushes = PeriodicPush::builder(&to(&other).build().unwrap(), &registry)
        .interval(Duration::from_millis(5))
        .start()
        .unwrap();
    let some = other.wait_for(3);
    assert!(some.iter().all(|got| got.method == "PUT" && got.text().ends_with("\ng 1.0\n")));
    gauge.set(2);
    pushes.stop().unwrap();
    assert_eq!(other.got().last().unwrap().text(), TEXT);
    let sent = other.got().len();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(other.got().len(), sent);
}

#[test]
fn a_periodic_push_goes_on_after_failures_and_counts_them() {
    let other = OtherEnd::start([status("400 Bad", ""), status("400 Bad", "")]);
    let pushes = PeriodicPush::builder(&to(&other).build().unwrap(), &registry())
        .interval(Duration::from_millis(5))
        .replace(false)
        .delete_at_end(true)
        .start()
        .unwrap();
    let got = other.wait_for(3);
    assert!(got.iter().all(|got| got.method == "POST"));
    assert_eq!(pushes.failures(), 2);
    drop(pushes);
    assert_eq!(other.got().last().unwrap().method, "DELETE");
}

#[test]
fn an_interval_may_be_as_long_as_can_be_and_not_nothing() {
    let other = OtherEnd::start([]);
    let gateway = to(&other).build().unwrap();
    let never = PeriodicPush::builder(&gateway, &registry()).interval(Duration::MAX);
    never.start().unwrap().stop().unwrap();
    assert_eq!(other.got().len(), 1);
    let error = PeriodicPush::builder(&gateway, &registry()).interval(Duration::ZERO).start();
    assert!(error.unwrap_err().is_invalid_value());
}

#[cfg(unix)]
#[test]
fn a_socket_of_the_machine_is_reached() {
    use std::io::{Read, Write};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let gateway =
        PushGateway::builder("gateway", "batch").connection(connection().unix_socket(path));
    gateway.build().unwrap().delete().unwrap();
    let request = served.join().unwrap();
    assert!(request.starts_with("DELETE /metrics/job/batch HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: gateway\r\n"), "{request}");
}

#[test]
fn addresses_that_are_none_are_refused_before_anything_is_sent() {
    let build = |address: &str, job: &str| PushGateway::builder(address, job).build();
    let address = |address: &str, why: &str| {
        let told = format!("the address {address:?} of the Pushgateway {why}");
        (build(address, "batch"), told)
    };
    let user = "the address of the Pushgateway has a user, who is told by `Connection::basic_auth`";
    for (built, told) in [
        address("", "is no URL: empty host"),
        address("http://", "is no URL: empty host"),
        address(":9091", "is no URL: empty host"),
        address("9091", "has no host"),
        address("http:/localhost:9091", "has no host"),
        address("localhost:9091#a", "has a query or a fragment, and must have none"),
        (build("http://user:secret@localhost", "batch"), user.to_owned()),
        (build("localhost:9091", ""), "the job of a push has no name".to_owned()),
    ] {
        let error = built.unwrap_err();
        assert!(error.is_invalid_value());
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn no_metric_has_a_label_of_its_group() {
    let other = OtherEnd::start([]);
    let registry = CollectorRegistry::new();
    let gauge = Gauge::builder("g", "help").labels(["zone", "job"]).register(&registry).unwrap();
    let group = to(&other).grouping_key("zone", "a").build().unwrap();
    // Without children there is nothing that could be replaced.
    group.push(&registry).unwrap();
    gauge.labels(["b", "c"]).set(1);
    let error = group.push(&registry).unwrap_err();
    assert!(error.is_invalid_label());
    assert_eq!(error.to_string(), "\"g\" has the label \"job\", as the group has");
    assert_eq!(other.got().len(), 1);
}

#[test]
fn a_push_under_way_is_given_up_for_the_last_one_and_that_does_not_last_for_ever() {
    let other = OtherEnd::start([Reply::Silence, ok(), Reply::Silence]);
    let gateway = to(&other).build().unwrap();
    let registry = registry();
    let pushes = PeriodicPush::builder(&gateway, &registry).interval(Duration::from_millis(1));
    let first = pushes.clone().start().unwrap();
    // It waits for an answer that does not come, for half a minute.
    other.wait_for(1);
    let begun = Instant::now();
    first.stop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(other.got().len(), 2);

    let never = pushes.interval(Duration::from_secs(3600));
    let last = never.last_push_timeout(Duration::from_millis(50)).start().unwrap();
    let error = last.stop().unwrap_err();
    assert!(error.is_timed_out());
    assert_eq!(error.to_string(), "the last push took longer than 50ms");
}
