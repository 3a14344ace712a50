//! Pushing to real Pushgateways: bare, with TLS and credentials, and behind nginx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use narthex::client::{Connection, Retry};
use narthex::exposition::{ContentCoding, Encoding, Format};
use narthex::model::{EscapingScheme, GaugeMetricFamily, NO_LABELS, Timestamp};
use narthex::push::{PushGateway, PushGatewayBuilder};
use narthex::{CollectorRegistry, Counter, Gauge, Histogram, NativeOptions, collector_fn};

use crate::real_servers::{Running, certificate, get, servers, versions};

/// The password of `user` is `secret`.
const HASH: &str = "$2y$04$6FsI8L62tC13OAXwZpyGVOE18KmUvE.jOAY7L/wgpI1csq1lw0n9.";

fn gateways() -> Vec<PathBuf> {
    versions("usr/bin/prometheus-pushgateway", "--version")
}

fn pushgateway(program: &Path, web: &str, arguments: &[&str]) -> Running {
    Running::start(|address, dir| {
        let config = dir.join("web.yml");
        fs::write(&config, web).unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--web.listen-address={address}"));
        command.arg(format!("--web.config.file={}", config.display()));
        command.args(arguments);
        command
    })
}

/// An nginx that asks for credentials, and speaks TLS, and leads to a gateway below a prefix.
fn nginx(program: &Path, gateway: &Running) -> Running {
    Running::start(|address, dir| {
        let at = dir.display();
        fs::write(dir.join("passwords"), "user:{PLAIN}secret\n").unwrap();
        let config = format!(
            "daemon off; pid {at}/pid; error_log {at}/log; {user}
            events {{}}
            http {{
                access_log off; client_body_temp_path {at}/1; proxy_temp_path {at}/2;
                fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;
                client_max_body_size 16k;
                server {{
                    listen {address} ssl;
                    ssl_certificate {certificate}; ssl_certificate_key {key};
                    location /behind/ {{
                        auth_basic gateway; auth_basic_user_file {at}/passwords;
                        proxy_pass http://{gateway}/;
                    }}
                }}
            }}",
            user = if rustix::process::getuid().is_root() { "user root;" } else { "" },
            certificate = certificate("server.pem").display(),
            key = certificate("server.key").display(),
            gateway = gateway.address(),
        );
        fs::write(dir.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf"));
        command
    })
}

/// The lines of what was pushed.
fn lines(gateway: &Running) -> Vec<String> {
    let text = get(&format!("http://{}/metrics", gateway.address()));
    let pushed = |line: &&str| line.contains("job=\"") && !line.starts_with("push_");
    text.lines().filter(pushed).map(str::to_owned).collect()
}

fn connection() -> Connection {
    Connection::new().no_proxy().retry(Retry::never())
}

fn to(gateway: &Running) -> PushGatewayBuilder {
    PushGateway::builder(gateway.address(), "batch").connection(connection())
}

fn gauge(value: i32) -> CollectorRegistry {
    let registry = CollectorRegistry::new();
    Gauge::builder("g", "A gauge.").register(&registry).unwrap().set(value);
    registry
}

#[test]
fn what_is_pushed_is_there_until_it_is_replaced_or_deleted() {
    for program in gateways() {
        let gateway = pushgateway(&program, "", &[]);
        let group = to(&gateway).grouping_key("zone", "z").build().unwrap();

        let registry = CollectorRegistry::new();
        let counter = Counter::builder("m", "A \"line\"\nand \\ more.").labels(["path"]);
        counter.register(&registry).unwrap().labels(["/a\"\\\n"]).inc_by(3);
        let histogram = Histogram::builder("h_seconds", "").buckets([1.0, 2.0]);
        histogram.register(&registry).unwrap().observe(1.5);
        group.push(&registry).unwrap();
        let first = [
            r#"h_seconds_bucket{instance="",job="batch",zone="z",le="1"} 0"#,
            r#"h_seconds_bucket{instance="",job="batch",zone="z",le="2"} 1"#,
            r#"h_seconds_bucket{instance="",job="batch",zone="z",le="+Inf"} 1"#,
            r#"h_seconds_sum{instance="",job="batch",zone="z"} 1.5"#,
            r#"h_seconds_count{instance="",job="batch",zone="z"} 1"#,
            r#"m_total{instance="",job="batch",path="/a\"\\\n",zone="z"} 3"#,
        ];
        assert_eq!(lines(&gateway), first, "{program:?}");

        group.push_add(&gauge(5)).unwrap();
        let five = r#"g{instance="",job="batch",zone="z"} 5"#;
        assert_eq!(lines(&gateway), [&[five], &first[..]].concat());
        to(&gateway).build().unwrap().push(&gauge(6)).unwrap();
        let six = r#"g{instance="",job="batch"} 6"#;
        group.push(&gauge(5)).unwrap();
        assert_eq!(lines(&gateway), [six, five]);
        group.delete().unwrap();
        assert_eq!(lines(&gateway), [six]);
    }
}

#[test]
fn labels_of_any_value_make_a_group() {
    for program in gateways() {
        let gateway = pushgateway(&program, "", &[]);
        let group = PushGateway::builder(gateway.address(), "a/b é?%")
            .connection(connection())
            .grouping_key("dots", "..")
            .grouping_key("empty", "")
            .grouping_key("instance", "+ \"\\#")
            .build()
            .unwrap();
        group.push(&gauge(1)).unwrap();
        let line = r##"g{dots="..",empty="",instance="+ \"\\#",job="a/b é?%"} 1"##;
        assert_eq!(lines(&gateway), [line], "{program:?}");
        group.delete().unwrap();
        assert!(lines(&gateway).is_empty());
    }
}

#[test]
fn names_of_any_letters_arrive_where_they_are_taken() {
    let mut tried = 0;
    for program in gateways() {
        let help = Command::new(&program).arg("--help").output().unwrap();
        if !String::from_utf8_lossy(&[help.stdout, help.stderr].concat())
            .contains("enable-utf8-names")
        {
            continue;
        }
        tried += 1;
        let gateway = pushgateway(&program, "", &["--push.enable-utf8-names"]);
        let registry = CollectorRegistry::new();
        Gauge::builder("größe.m", "").register(&registry).unwrap().set(2);
        let utf8 = Encoding::new(Format::Text004, EscapingScheme::AllowUtf8);
        let group = to(&gateway).grouping_key("zone.id", "z").encoding(utf8).build().unwrap();
        group.push(&registry).unwrap();
        // Text 0.0.4 as the gateway shows it has no such names: it escapes them.
        assert_eq!(lines(&gateway), [r#"gr__e_m{instance="",job="batch",zone_id="z"} 2"#]);
        let shown = get(&format!("http://{}/api/v1/metrics", gateway.address()));
        assert!(shown.contains("größe.m") && shown.contains("\"zone.id\":\"z\""), "{shown}");
    }
    assert!(tried > 0 || servers().is_none());
}

#[test]
fn native_histograms_arrive_as_protobuf_and_bodies_may_be_compressed() {
    for program in gateways() {
        let gateway = pushgateway(&program, "", &[]);
        let protobuf = Encoding::new(Format::Protobuf, EscapingScheme::Underscores);
        let registry = CollectorRegistry::new();
        let native = Histogram::builder("n", "").native(NativeOptions::new());
        native.register(&registry).unwrap().observe(4.0);
        let mut group = to(&gateway).encoding(protobuf);
        if cfg!(feature = "gzip") {
            group = group.compression(ContentCoding::negotiate(Some("gzip")));
        }
        group.build().unwrap().push(&registry).unwrap();
        let sums = [
            r#"n_bucket{instance="",job="batch",le="+Inf"} 1"#,
            r#"n_sum{instance="",job="batch"} 4"#,
            r#"n_count{instance="",job="batch"} 1"#,
        ];
        assert_eq!(lines(&gateway), sums, "{program:?}");
    }
}

#[test]
fn what_is_refused_is_told_in_the_gateways_words() {
    for program in gateways() {
        let gateway = pushgateway(&program, "", &[]);
        let dated = collector_fn(|scrape| {
            let mut family = GaugeMetricFamily::new("g", "A gauge.")?;
            family.add_metric(NO_LABELS, 1.0)?.timestamp(Timestamp::from_seconds(1.0)?);
            scrape.family(&family)
        });
        let error = to(&gateway).build().unwrap().push(&dated).unwrap_err();
        let told = error.to_string();
        match error.status() {
            Some(400) => assert!(told.contains("must not have timestamps"), "{told}"),
            // Version 1.11.0 panics when it logs what it refuses.
            None => assert!(error.is_io() && told.contains("connection closed"), "{told}"),
            Some(_) => panic!("{told}"),
        }
    }
}

#[test]
fn gateways_ask_for_certificates_and_credentials() {
    let web = |client: &str| {
        format!(
            "tls_server_config: {{cert_file: {:?}, key_file: {:?}{client}}}\n",
            certificate("server.pem"),
            certificate("server.key"),
        )
    };
    let ours = || connection().ca_file(certificate("ca.pem"));
    for program in gateways() {
        let web_and_user = format!("{}basic_auth_users: {{user: {HASH}}}\n", web(""));
        let gateway = pushgateway(&program, &web_and_user, &[]);
        let push = |connection: Connection| {
            let url = format!("https://{}", gateway.address());
            let group = PushGateway::builder(url, "batch").connection(connection).build()?;
            group.push(&gauge(1))
        };
        push(ours().basic_auth("user", "secret")).unwrap();
        let error = push(ours().basic_auth("user", "guessed")).unwrap_err();
        assert_eq!(error.status(), Some(401), "{error}");
        let error = push(connection().basic_auth("user", "secret")).unwrap_err();
        assert!(error.is_io() && error.to_string().contains("UnknownIssuer"), "{error}");
        push(connection().insecure_skip_verify(true).basic_auth("user", "secret")).unwrap();

        let client = format!(
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: {:?}",
            certificate("ca.pem")
        );
        let gateway = pushgateway(&program, &web(&client), &[]);
        let push = |connection: Connection| {
            let url = format!("https://{}", gateway.address());
            let group = PushGateway::builder(url, "batch").connection(connection).build()?;
            group.push(&gauge(1))
        };
        let with = ours().client_certificate(certificate("client.pem"), certificate("client.key"));
        push(with).unwrap();
        let error = push(ours()).unwrap_err();
        // Older ones call it bad, newer ones required.
        assert!(error.is_io() && error.to_string().contains("Certificate"), "{error}");
    }
}

#[test]
fn a_gateway_behind_another_server_is_reached() {
    let Some(program) = gateways().pop() else { return };
    let program_in_front = versions("usr/sbin/nginx", "-v").remove(0);
    let gateway = pushgateway(&program, "", &[]);
    let front = nginx(&program_in_front, &gateway);
    let push = |connection: Connection, registry: &CollectorRegistry| {
        let url = format!("https://{}/behind/", front.address());
        let connection = connection.ca_file(certificate("ca.pem"));
        let group = PushGateway::builder(url, "batch").connection(connection).build().unwrap();
        group.push(registry)
    };
    let known = || connection().basic_auth("user", "secret");
    push(known(), &gauge(7)).unwrap();
    assert_eq!(lines(&gateway), [r#"g{instance="",job="batch"} 7"#]);
    assert_eq!(push(connection(), &gauge(8)).unwrap_err().status(), Some(401));

    let large = CollectorRegistry::new();
    let counter = Counter::builder("c", "").labels(["number"]).register(&large).unwrap();
    // More than 1,000 lines of more than 16 bytes each.
    (0..1000).for_each(|number| counter.labels([number.to_string()]).inc());
    assert_eq!(push(known(), &large).unwrap_err().status(), Some(413));
    assert_eq!(lines(&gateway), [r#"g{instance="",job="batch"} 7"#]);
}
