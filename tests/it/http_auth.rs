//! Who is let in, and what the others are told.

use narthex::http::{Authentication, MetricsHandler, MetricsServer, Request};

use crate::http_client::{Connection, ask};
use crate::http_fixture::{both, registry};
use crate::vectors;

/// Made by `htpasswd -nbBC 4 "" 'p:ä ss'`, and checked against the C library's `crypt`.
const HASH: &str = "$2y$04$ycwHGepRtK.s60IJiDHSHuGhlWYFE3PUqgkQVrjOSMuFZHIOVRaLm";
const BASIC: &str = "Basic realm=\"metrics\", charset=\"UTF-8\"";

fn status(who: &Authentication, header: &str) -> u16 {
    let handler = MetricsHandler::builder(&registry()).authentication(who.clone()).build().unwrap();
    handler.respond(&Request::new("GET", "/metrics").with_header("authorization", header)).status()
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

#[test]
fn headers_of_pythons_client_are_understood() {
    for row in vectors::rows("basic_auth.jsonl") {
        let (Some(user), Some(password)) = (row["username"].as_str(), row["password"].as_str())
        else {
            continue;
        };
        let who = Authentication::new().user(user, password);
        if user.contains(':') {
            // It could not be told from the password.
            assert!(who.unwrap_err().is_invalid_value(), "{row}");
            continue;
        }
        let header = row["authorization"].as_str().unwrap();
        assert_eq!(status(&who.unwrap(), header), 200, "{row}");
        let other = Authentication::new().user(user, format!("{password}x")).unwrap();
        assert_eq!(status(&other, header), 401, "{row}");
    }
}

#[test]
fn whatever_is_not_known_is_refused() {
    let who = Authentication::new().user("u", "p").unwrap().bearer("t").unwrap();
    for good in ["Basic dTpw", "basic dTpw", "BASIC  dTpw ", "Bearer t", "bearer t"] {
        assert_eq!(status(&who, good), 200, "{good:?}");
    }
    // Of these, `dTpx` is `u:q`, `dQ==` is `u`, `OnA=` is `:p`, and `dTo=` is `u:`.
    for bad in [
        "",
        "Basic",
        "Basic ",
        "Basic dTpx",
        "Basic dQ==",
        "Basic OnA=",
        "Basic dTo=",
        "Basic !",
        "Bearer",
        "Bearer ",
        "Bearer u",
        "Bearer t t",
        "Bearer tt",
        "Digest dTpw",
        "dTpw",
        "t",
    ] {
        assert_eq!(status(&who, bad), 401, "{bad:?}");
    }
    let twice = Request::new("GET", "/metrics")
        .with_header("authorization", "Bearer t")
        .with_header("authorization", "Bearer t");
    let handler = MetricsHandler::builder(&registry()).authentication(who).build().unwrap();
    assert_eq!(handler.respond(&twice).status(), 401);
    assert!(
        !format!("{:?}", Request::new("GET", "/").with_header("authorization", "Bearer t"))
            .contains("Bearer")
    );
}

#[test]
fn a_refusal_says_how_to_be_let_in_on_every_path_but_those_excepted() {
    let who = Authentication::new().user("u", "p").unwrap().except("/");
    let handler = MetricsHandler::builder(&registry()).authentication(who).build().unwrap();
    for (method, target) in [
        ("GET", "/metrics"),
        ("HEAD", "/metrics?x"),
        ("GET", "/nowhere"),
        ("OPTIONS", "*"),
        ("POST", "/metrics"),
        ("GET", "/favicon.ico"),
    ] {
        let answer = handler.respond(&Request::new(method, target));
        assert_eq!(answer.status(), 401, "{method} {target}");
        assert_eq!(answer.header("www-authenticate"), Some(BASIC), "{method} {target}");
        let body: &[u8] = if method == "HEAD" { b"" } else { b"unauthorized\n" };
        assert_eq!(answer.body(), body, "{method} {target}");
    }
    assert_eq!(handler.respond(&Request::new("GET", "/")).status(), 200);
}

#[test]
fn a_password_may_be_known_as_its_hash_alone() {
    let who = Authentication::new().hashed_user("u", HASH).unwrap().user("v", "w").unwrap();
    let right = basic("u", "p:ä ss");
    let wrong = basic("u", "p:ä s");
    let stranger = basic("x", "p:ä ss");
    // Again, since what was right is remembered, and nothing else.
    for _ in 0..2 {
        for (header, expected) in [
            (&right, 200),
            (&wrong, 401),
            (&stranger, 401),
            (&basic("v", "w"), 200),
            (&basic("v", "p:ä ss"), 401),
        ] {
            assert_eq!(status(&who, header), expected, "{header}");
        }
    }
    for bad in ["", "p", "$2y$04$", &HASH[..59], &format!("{HASH}."), &HASH.replace("$04$", "$99$")]
    {
        let error = Authentication::new().hashed_user("u", bad).unwrap_err();
        assert!(error.is_invalid_value(), "{bad:?}");
        assert!(!error.to_string().contains("04"), "{error}");
    }
}

#[test]
fn a_server_hashes_beside_its_connections() {
    let who = Authentication::new().hashed_user("u", HASH).unwrap();
    let server =
        MetricsServer::builder(&registry()).authentication(who).start("127.0.0.1:0").unwrap();
    let (right, wrong) = (basic("u", "p:ä ss"), basic("u", "no"));
    let addr = server.local_addr();
    let mut guessing: Vec<_> = (0..20).map(|_| Connection::open(addr)).collect();
    for connection in &mut guessing {
        connection.send("GET", "/metrics", &[("Authorization", &wrong)]);
    }
    let answer = ask(addr, "GET", "/metrics", &[("Authorization", &right)]);
    assert_eq!((answer.status, answer.text()), (200, both()));
    for connection in &mut guessing {
        let answer = connection.receive(false).unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some(BASIC));
    }
}

#[test]
fn who_cannot_be_let_in_is_an_error_that_says_so() {
    let nobody = MetricsHandler::builder(&registry()).authentication(Authentication::new());
    assert_eq!(
        nobody.build().unwrap_err().to_string(),
        "authentication without users and tokens lets nobody in"
    );
    let twice = Authentication::new().user("u", "p").unwrap().hashed_user("u", HASH);
    assert_eq!(twice.unwrap_err().to_string(), "the user \"u\" is there already");
    for bad in ["", " t", "t\n", "ü"] {
        assert!(Authentication::new().bearer(bad).unwrap_err().is_invalid_value(), "{bad:?}");
    }
}
