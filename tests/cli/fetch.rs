//! What the program reads from servers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::{Sidecar, copy_of, pool, read, run};

/// A server that answers one request with these bytes; it gives back what it was asked.
fn answering(answer: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics?a=b", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut bytes = [0; 1024];
        while !asked.ends_with(b"\r\n\r\n") {
            let len = stream.read(&mut bytes).unwrap();
            asked.extend_from_slice(&bytes[..len]);
        }
        stream.write_all(&answer).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, served)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_server_is_read_in_the_format_that_it_says() {
    let dir = copy_of("counters");
    let sidecar = Sidecar::start(dir.path(), &[]);
    let url = format!("http://{}/metrics", sidecar.address);
    let merged = pool("counters").join("merged.txt");
    let merged = merged.to_str().unwrap();
    assert_eq!(run(&["diff", &url, merged], &[]), (String::new(), String::new(), Some(0)));
    // The best that there is, with the best names that there are, is asked for.
    let (text, complaint, code) = run(&["convert", &url, "--to", "openmetrics"], &[]);
    assert!(text.contains("# TYPE jobs counter\n"), "{text}");
    assert_eq!((&*complaint, code), ("", Some(0)));
    let (text, ..) = run(&["convert", &url, "--from", "text", "--to", "text"], &[]);
    assert_eq!(text, read(merged.as_ref()));

    // What is no OpenMetrics is not read as such, whatever it looks like.
    let (url, served) = answering(answer(
        "200 OK\r\nContent-Type: application/OpenMetrics-Text; version=1.0.0",
        b"a 1\n",
    ));
    let (text, _, code) = run(&["parse", &url], &[]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["line"], &report["column"], code), (&json!(2), &json!(1), Some(1)));
    let asked = served.join().unwrap();
    assert!(asked.starts_with("GET /metrics?a=b HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\naccept: application/openmetrics-text;version=2.0.0;"), "{asked}");
}

#[test]
fn a_packed_answer_is_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a 1\n").unwrap();
    let packed = packed.finish().unwrap();
    let (url, served) = answering(answer("200 OK\r\nContent-Encoding: gzip", &packed));
    let (text, complaint, code) = run(&["convert", &url, "--to", "text"], &[]);
    let asked = served.join().unwrap();
    if asked.contains("\r\naccept-encoding: gzip\r\n") {
        assert_eq!((&*text, &*complaint), ("# HELP a \n# TYPE a untyped\na 1.0\n", ""));
        assert_eq!(code, Some(0));
    } else {
        assert!(complaint.contains("the answer is packed with \"gzip\""), "{complaint}");
        assert_eq!(code, Some(2));
    }
}

#[test]
fn a_server_that_does_not_answer_is_an_error() {
    let (missing, served) = answering(answer("404 Not Found", b"a 1\n"));
    let cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n".to_vec();
    let (cut_off, also_served) = answering(cut_off);
    // It accepts connections, and nobody reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = (format!("http://{}/", silent.local_addr().unwrap()), silent);
    for (url, what) in [
        (&*missing, "the server answers 404 Not Found"),
        (&*cut_off, ""),
        (&*silent.0, "no whole answer within 1 s"),
        ("https://localhost/", "only URLs that begin with http:// can be fetched"),
        ("http://me:secret@localhost/", "a user in a URL is not sent"),
        ("http://[::1", "no URL"),
    ] {
        let (text, complaint, code) = run(&["parse", "--timeout", "1", url], &[]);
        assert_eq!((&*text, code), ("", Some(2)), "{complaint}");
        assert!(complaint.starts_with("narthex: ") && complaint.contains(url), "{complaint}");
        assert!(complaint.contains(what), "{complaint}");
    }
    served.join().unwrap();
    also_served.join().unwrap();
}
