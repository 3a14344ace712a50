//! A process that runs out of file descriptors keeps its metrics server.
#![cfg(all(unix, feature = "http"))]

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use narthex::CollectorRegistry;
use narthex::http::start_http_server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn running_out_of_descriptors_does_not_end_the_server() {
    let limit = Rlimit { current: Some(128), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let server = start_http_server("127.0.0.1:0", &CollectorRegistry::new()).unwrap();

    let file = File::open(".").unwrap();
    let mut hoard = Vec::new();
    while let Ok(copy) = file.try_clone() {
        hoard.push(copy);
    }
    // One is left to the client, and none to the server.
    hoard.pop();
    let mut client = TcpStream::connect(server.local_addr()).unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let refused = client.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(refused, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{refused}");

    drop(hoard);
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}
