//! The web configuration file: what it does, and what is wrong with it.

use narthex::http::{MetricsServer, WebConfig};
use rustls::version::{TLS12, TLS13};

use crate::http_client::{ask, get};
use crate::http_fixture::{both, registry};
use crate::tls_fixture::{Authority, Client, Files};

/// The hash of `p:ä ss`, made by `htpasswd -nbBC 4`.
const HASH: &str = "$2y$04$ycwHGepRtK.s60IJiDHSHuGhlWYFE3PUqgkQVrjOSMuFZHIOVRaLm";
/// Of `alice:p:ä ss`, by `printf 'alice:p:ä ss' | base64`.
const ALICE: &str = "Basic YWxpY2U6cDrDpCBzcw==";

#[test]
fn users_headers_and_limits_are_those_of_the_file() {
    let text = format!(
        "# Written as in the documentation of the format.\n\
         http_server_config:\n  headers:\n    X-Frame-Options: deny\n    \
         Strict-Transport-Security: max-age=31536000\n\
         basic_auth_users:\n  alice: {HASH}\n\
         auth_excluded_paths:\n  - /favicon.ico\n\
         rate_limit: {{interval: 1h, burst: 4}}\n"
    );
    let config = WebConfig::parse(&text, "").unwrap();
    assert!(!config.is_tls());
    let server = MetricsServer::builder(&registry()).web_config(config).start("127.0.0.1:0");
    let server = server.unwrap();
    let addr = server.local_addr();
    let refused = get(addr, "/metrics");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("x-frame-options"), Some("deny"));
    assert_eq!(get(addr, "/favicon.ico").status, 200);
    let answer = ask(addr, "GET", "/metrics", &[("Authorization", ALICE)]);
    assert_eq!((answer.status, answer.text()), (200, both()));
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(ask(addr, "GET", "/", &[("Authorization", ALICE)]).status, 200);
    // Those were the four of this hour.
    let limited = ask(addr, "GET", "/metrics", &[("Authorization", ALICE)]);
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")));
}

#[test]
fn files_are_those_beside_the_file() {
    let authority = Authority::new();
    let files = Files::new(&authority.signs("localhost", None), &authority.pem);
    files.replace(
        "web.yml",
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
         client_allowed_sans: [scraper]\n  min_version: TLS13\n  \
         cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n  \
         curve_preferences: [X25519, CurveP256]\n  prefer_server_cipher_suites: false\n",
    );
    let config = WebConfig::read(files.path("web.yml")).unwrap();
    assert!(config.is_tls());
    let server = MetricsServer::builder(&registry()).web_config(config).start("127.0.0.1:0");
    let server = server.unwrap();
    let scraper = authority.signs("scraper", None);
    for (shows, version, is_answered) in [
        (Some(&scraper), &TLS13, true),
        (Some(&scraper), &TLS12, false),
        (None, &TLS13, false),
        (Some(&authority.signs("somebody", None)), &TLS13, false),
    ] {
        let client = Client { trusts: &authority.pem, shows, versions: &[version] };
        assert_eq!(client.get(server.local_addr()).is_ok(), is_answered);
    }
}

#[test]
fn whatever_says_nothing_is_a_server_as_it_was() {
    for text in [
        "",
        "# nothing\n",
        "{}",
        "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
        "tls_server_config: {min_version: TLS12}\nrate_limit: {interval: 0}\n",
    ] {
        let config = WebConfig::parse(text, "").unwrap();
        assert!(!config.is_tls(), "{text:?}");
        let server = MetricsServer::builder(&registry()).web_config(config).start("127.0.0.1:0");
        assert_eq!(get(server.unwrap().local_addr(), "/metrics").status, 200, "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, expected) in [
        ("basic_auth_users:\n  a: b\n", "the password of the user \"a\" is no bcrypt hash"),
        ("tls_config: {}\n", "unknown field `tls_config`"),
        ("tls_config: {}\n", "at line 1"),
        ("\n\ntls_server_config:\n  cert_fil: x\n", "at line 4 column 3"),
        (
            "tls_server_config:\n  min_version: TLS10\n",
            "the TLS version \"TLS10\" is none of TLS12 and TLS13 at line 2",
        ),
        (
            "tls_server_config:\n  client_auth_type: Maybe\n",
            "the client_auth_type \"Maybe\" is not known at line 2",
        ),
        (
            "tls_server_config:\n  cert_file: x\n",
            "tls_server_config has to have cert_file and key_file, or cert and key",
        ),
        (
            "tls_server_config: {client_auth_type: RequestClientCert}\n",
            "tls_server_config has to have cert_file",
        ),
        (
            "tls_server_config: {cert_file: a, cert: b, key_file: c}\n",
            "tls_server_config has to have cert_file",
        ),
        (
            "tls_server_config: {cert_file: a, key_file: c, client_ca: d, client_ca_file: e}\n",
            "tls_server_config has both client_ca and client_ca_file",
        ),
        (
            "http_server_config: {headers: {Server: x}}\n",
            "the header \"Server\" cannot be configured",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: maybe}}\n",
            "the header \"X-Frame-Options\" cannot be \"maybe\"",
        ),
        (
            "rate_limit: {interval: 1 s, burst: 2}\n",
            "\"1 s\" is no duration such as \"1m30s\" at line 1",
        ),
        (
            "rate_limit: {interval: 1s}\n",
            "rate_limit has an interval, and a burst of no request at all",
        ),
        ("rate_limit: {interval: 1s, burst: -1}\n", "at line 1"),
        ("basic_auth_users: {a: b, a: c}\n", "\"a\" stands twice"),
        ("basic_auth_users: {a: b\n", "at line 2"),
        ("- a\n", "at line 1"),
    ] {
        let error = WebConfig::parse(text, "").unwrap_err();
        assert!(error.is_invalid_value(), "{text:?}");
        assert!(error.to_string().contains(expected), "{text:?}: {error}");
    }
    let error = WebConfig::read("/nowhere/web.yml").unwrap_err();
    assert!(error.is_io());
    assert!(
        error
            .to_string()
            .starts_with("the web configuration \"/nowhere/web.yml\" cannot be read: ")
    );
}
