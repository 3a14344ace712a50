//! `narthex serve`: a signal in the middle of a scrape, and the web configuration file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use narthex::multiprocess::MultiprocessStore;
use narthex::{CollectorRegistry, Counter};
use rustix::process::{Pid, Signal, kill_process};

use crate::narthex;

/// How many series there are, and how long the value of their label is: more than sockets buffer.
const SERIES: usize = 2000;
const VALUE: usize = 12 << 10;

/// A program that serves, and where.
fn serving(args: &[&str], dir: &std::path::Path) -> (Child, String) {
    let mut program = narthex();
    program.arg("serve").arg(dir).args(["--listen", "127.0.0.1:0"]).args(args);
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let (_, url) = line.trim_end().rsplit_once(" on ").unwrap();
    (child, url.to_owned())
}

fn addr(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap().parse().unwrap()
}

#[test]
fn a_signal_in_the_middle_of_a_scrape_lets_it_end_and_the_port_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = MultiprocessStore::open(dir.path()).unwrap();
    let counter = Counter::builder("large", "L")
        .labels(["value"])
        .store(&store)
        .register(&CollectorRegistry::new())
        .unwrap();
    for number in 0..SERIES {
        counter.labels([&*format!("{number:0>VALUE$}")]).inc();
    }
    for signal in [Signal::TERM, Signal::INT] {
        let (mut child, url) = serving(&[], dir.path());
        let addr = addr(&url);
        let mut scraper = TcpStream::connect(addr).unwrap();
        scraper.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        scraper.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = vec![0; 1 << 10];
        scraper.read_exact(&mut answer).unwrap();

        kill_process(Pid::from_child(&child), signal).unwrap();
        let begun = Instant::now();
        while let Err(error) = TcpListener::bind(addr) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            std::thread::sleep(Duration::from_millis(1));
        }
        // The program is still there, and so is the rest of the answer.
        assert!(child.try_wait().unwrap().is_none());
        scraper.read_to_end(&mut answer).unwrap();
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body.lines().filter(|line| line.starts_with("large_total{")).count(), SERIES);
        assert!(child.wait().unwrap().success());
    }
}

#[cfg(feature = "web-config")]
#[test]
fn users_are_those_of_the_web_configuration_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("web.yml");
    // The hash of `p:ä ss`, made by `htpasswd -nbBC 4`.
    let hash = "$2y$04$ycwHGepRtK.s60IJiDHSHuGhlWYFE3PUqgkQVrjOSMuFZHIOVRaLm";
    std::fs::write(&file, format!("basic_auth_users: {{alice: {hash}}}\n")).unwrap();
    let (mut child, url) = serving(&["--web.config.file", file.to_str().unwrap()], dir.path());
    for (header, status) in [("", "401"), ("Authorization: Basic YWxpY2U6cDrDpCBzcw==\r\n", "200")]
    {
        let mut stream = TcpStream::connect(addr(&url)).unwrap();
        stream.write_all(format!("GET /metrics HTTP/1.0\r\n{header}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{answer}");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());

    std::fs::write(&file, "basic_auth_user: {}\n").unwrap();
    let mut wrong = narthex();
    wrong.args(["serve", "--listen", "127.0.0.1:0", "--web.config.file"]).arg(&file);
    let output = wrong.arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("web.yml: unknown field `basic_auth_user`"), "{complaint}");
    assert!(complaint.contains("at line 1"), "{complaint}");
}
