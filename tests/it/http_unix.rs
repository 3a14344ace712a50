//! Sockets at a path.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use narthex::http::{MetricsHandler, MetricsServer, serve};
use tokio::sync::oneshot;

use crate::http_fixture::{both, registry};

fn get(path: &std::path::Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_with_a_thread_serves_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metrics.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = MetricsServer::builder(&registry()).start_on(listener).unwrap();
    assert_eq!(server.local_addr().to_string(), "0.0.0.0:0");
    assert!(get(&path).ends_with(&format!("\r\n\r\n{}", both())));
    server.stop();
    assert!(UnixStream::connect(&path).is_err());
}

#[test]
fn a_runtime_serves_one_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metrics.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let server = tokio::spawn(serve(listener, MetricsHandler::new(&registry()), shutdown));
        let answer = tokio::task::spawn_blocking(move || get(&path)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    });
}
