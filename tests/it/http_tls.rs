//! Metrics over TLS: versions, protocols, certificates of both sides, and clients that say nothing.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use narthex::http::{ClientAuth, MetricsServer, MetricsServerBuilder, TlsConfig, TlsVersion};
use rustls::version::{TLS12, TLS13};

use crate::http_client::Connection;
use crate::http_fixture::{both, registry};
use crate::tls_fixture::{Authority, Client, Files};

const LOOPBACK: &str = "127.0.0.1:0";

fn serving(tls: TlsConfig) -> MetricsServerBuilder {
    MetricsServer::builder(&registry()).tls(tls)
}

fn from(files: &Files) -> TlsConfig {
    TlsConfig::from_files(files.path("server.pem"), files.path("server.key"))
}

#[test]
fn both_versions_are_spoken_unless_one_is_ruled_out() {
    let authority = Authority::new();
    let pair = authority.signs("localhost", None);
    let tls = || TlsConfig::from_pem(&*pair.certificate, &*pair.key);
    for (config, spoken) in [
        (tls(), [true, true]),
        (tls().min_version(TlsVersion::Tls13), [false, true]),
        (tls().max_version(TlsVersion::Tls12), [true, false]),
        (tls().cipher_suites(["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]), [true, true]),
        (tls().curve_preferences(["CurveP384"]), [true, true]),
    ] {
        let server = serving(config).start(LOOPBACK).unwrap();
        for (version, is_spoken) in [&TLS12, &TLS13].into_iter().zip(spoken) {
            let client = Client { trusts: &authority.pem, shows: None, versions: &[version] };
            match client.get(server.local_addr()) {
                Ok(answer) => {
                    assert!(is_spoken, "{version:?}");
                    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                    assert!(answer.ends_with(&format!("\r\n\r\n{}", both())), "{answer}");
                }
                Err(error) => assert!(!is_spoken, "{version:?}: {error}"),
            }
        }
    }
}

#[test]
fn http2_is_spoken_with_those_who_offer_it() {
    let authority = Authority::new();
    let pair = authority.signs("localhost", None);
    for wanted in [true, false] {
        let tls = TlsConfig::from_pem(&*pair.certificate, &*pair.key).http2(wanted);
        let server = serving(tls).start(LOOPBACK).unwrap();
        let addr = server.local_addr();
        let client = Client { trusts: &authority.pem, shows: None, versions: &[&TLS13] };
        let mut config = client.config();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(addr).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let stream = connector.connect(name, socket).await.unwrap();
            if !wanted {
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                return;
            }
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            let connection = tokio::spawn(connection);
            for _ in 0..3 {
                let request = hyper::Request::get("https://localhost/metrics")
                    .body(http_body_util::Empty::<&[u8]>::new())
                    .unwrap();
                let answer = sender.send_request(request).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), both());
            }
            // Its end is no longer than that of a connection that is idle.
            let begun = Instant::now();
            tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(4));
            let _ = connection.await.unwrap();
        });
    }
}

#[test]
fn clients_show_what_the_server_asks_for() {
    use ClientAuth::*;

    let (ours, theirs) = (Authority::new(), Authority::new());
    let files = Files::new(&ours.signs("localhost", None), &ours.pem);
    let known = ours.signs("scraper.example", Some("spiffe://example/prometheus"));
    let by_address = ours.signs("192.0.2.1", None);
    let stranger = theirs.signs("scraper.example", None);
    // Who is let in: nobody known, who is known, who is signed by somebody else.
    let asks = |auth| from(&files).client_auth(auth);
    let verifies = |auth| asks(auth).client_ca_file(files.path("ca.pem"));
    let names = |name: &str| verifies(RequireAndVerifyClientCert).client_allowed_sans([name]);
    for (config, let_in) in [
        (asks(NoClientCert), [true, true, true, true]),
        (asks(RequestClientCert), [true, true, true, true]),
        (asks(RequireAnyClientCert), [false, true, true, true]),
        (verifies(VerifyClientCertIfGiven), [true, true, true, false]),
        (verifies(RequireAndVerifyClientCert), [false, true, true, false]),
        (names("scraper.example"), [false, true, false, false]),
        (names("spiffe://example/prometheus"), [false, true, false, false]),
        (names("192.0.2.1"), [false, false, true, false]),
        (names("example"), [false, false, false, false]),
    ] {
        let said = format!("{config:?}");
        let server = serving(config).start(LOOPBACK).unwrap();
        let clients = [None, Some(&known), Some(&by_address), Some(&stranger)];
        for (number, (shows, is_let_in)) in clients.into_iter().zip(let_in).enumerate() {
            for version in [&TLS12, &TLS13] {
                let client = Client { trusts: &ours.pem, shows, versions: &[version] };
                let answer = client.get(server.local_addr());
                assert_eq!(
                    answer.is_ok(),
                    is_let_in,
                    "{said}: client {number}, {version:?}: {answer:?}"
                );
            }
        }
    }
    for (config, expected) in [
        (
            asks(RequireAndVerifyClientCert),
            "certificates of clients are verified, and by no authority",
        ),
        (verifies(NoClientCert), "authorities for clients are given, and none is asked for"),
        (
            names("x").client_auth(RequestClientCert),
            "names of clients are given, and no client must show one",
        ),
        (names("a@b"), "the name \"a@b\" of a client is an e-mail address, which is not supported"),
        (asks(NoClientCert).cipher_suites(["X"]), "the cipher suite \"X\" is none of "),
        (
            asks(NoClientCert).curve_preferences(["X"]),
            "the curve \"X\" is none of X25519, CurveP256, CurveP384",
        ),
        (
            asks(NoClientCert).min_version(TlsVersion::Tls13).max_version(TlsVersion::Tls12),
            "the lowest TLS version is above the highest",
        ),
    ] {
        let error = serving(config).start(LOOPBACK).unwrap_err();
        assert!(error.is_invalid_value());
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn certificates_are_read_again_when_they_change() {
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::new(&old.signs("localhost", None), &old.pem);
    let server = serving(from(&files)).start(LOOPBACK).unwrap();
    let shows = |authority: &Authority| {
        let versions = &[&TLS12, &TLS13];
        let client = Client { trusts: &authority.pem, shows: None, versions };
        client.get(server.local_addr()).is_ok()
    };
    assert_eq!((shows(&old), shows(&new)), (true, false));

    let renewed = new.signs("localhost", None);
    files.replace("server.pem", &renewed.certificate);
    // It does not belong to its key yet, so the old one is used on.
    assert_eq!((shows(&old), shows(&new)), (true, false));
    files.replace("server.key", &renewed.key);
    assert_eq!((shows(&old), shows(&new)), (false, true));

    files.replace("server.key", "no key at all");
    std::fs::remove_file(files.path("server.pem")).unwrap();
    assert_eq!((shows(&old), shows(&new)), (false, true));
}

#[test]
fn files_that_cannot_be_used_are_errors_that_name_them() {
    let authority = Authority::new();
    let pair = authority.signs("localhost", None);
    let files = Files::new(&pair, &authority.pem);
    files.replace("other.key", &authority.signs("localhost", None).key);
    files.replace("empty", "");
    let config = |certificate: &str, key: &str| {
        let tls = TlsConfig::from_files(files.path(certificate), files.path(key));
        let error = serving(tls).start(LOOPBACK).unwrap_err();
        error.to_string().replace(&format!("{}/", files.directory().display()), "")
    };
    let missing = "the certificate \"missing\" cannot be read: ";
    assert!(config("missing", "server.key").starts_with(missing));
    assert_eq!(config("empty", "server.key"), "the certificate \"empty\" has no certificate");
    assert_eq!(config("server.pem", "empty"), "the key \"empty\" has no private key");
    assert_eq!(
        config("server.pem", "other.key"),
        "the certificate \"server.pem\" cannot be used with its key"
    );
}

#[test]
fn handshakes_that_do_not_end_keep_nobody_waiting_and_are_cut_off() {
    let authority = Authority::new();
    let pair = authority.signs("localhost", None);
    let server = serving(TlsConfig::from_pem(pair.certificate, pair.key))
        .handshake_timeout(Duration::from_millis(500))
        .start(LOOPBACK)
        .unwrap();
    let mut silent: Vec<_> = (0..20).map(|_| Connection::open(server.local_addr())).collect();
    for (number, connection) in silent.iter_mut().enumerate() {
        // The first bytes of a greeting, or none.
        connection.send_raw(&b"\x16\x03\x01\x02\x00\x01"[..number % 7]);
    }
    let client = Client { trusts: &authority.pem, shows: None, versions: &[&TLS13] };
    assert!(client.get(server.local_addr()).is_ok());
    for connection in &mut silent {
        assert!(connection.is_closed());
    }
    // Who does not speak TLS is told so, or cut off.
    let mut plain = Connection::open(server.local_addr());
    plain.send_raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain.stream(), &mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // A handshake that hangs does not delay the stop.
    let _hanging = TcpStream::connect(server.local_addr()).unwrap();
    let begun = Instant::now();
    thread::scope(|scope| scope.spawn(|| server.stop()).join().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(4));
}
