//! The servers for programs that have a tokio runtime.

use std::net::SocketAddr;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use narthex::http::{Listener, MetricsHandler, MetricsServer, MetricsService, serve};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::task;

use crate::http_client::{Connection, get};
use crate::http_fixture::{address_of_its_own, both, registry, registry_of, waiting};

fn runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn serves_until_it_is_told(listener: impl Into<Listener>, addr: SocketAddr) {
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let server = task::spawn(serve(listener.into(), MetricsHandler::new(&registry()), shutdown));
    let answer = task::spawn_blocking(move || get(addr, "/metrics")).await.unwrap();
    assert_eq!(answer.text(), both());
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    TcpListener::bind(addr).await.unwrap();
}

#[test]
fn a_listener_of_tokio_is_served() {
    runtime().block_on(async {
        let listener = TcpListener::bind(address_of_its_own(101)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        serves_until_it_is_told(listener, addr).await;
    });
}

#[test]
fn a_listener_of_the_standard_library_is_served() {
    runtime().block_on(async {
        let listener = std::net::TcpListener::bind(address_of_its_own(102)).unwrap();
        let addr = listener.local_addr().unwrap();
        serves_until_it_is_told(listener, addr).await;
    });
}

#[test]
fn a_scrape_under_way_is_finished_at_shutdown() {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (slow, asked, leave) = waiting();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = MetricsServer::builder(&registry_of([slow])).path("/m");
        let server = task::spawn(server.serve(listener, async { drop(stopped.await) }));
        let client = task::spawn_blocking(move || get(addr, "/m"));
        // The runtime has one thread, which the collector does not hold.
        task::spawn_blocking(move || asked.recv()).await.unwrap().unwrap();
        stop.send(()).unwrap();
        leave.send(()).unwrap();
        assert_eq!(client.await.unwrap().status, 200);
        server.await.unwrap().unwrap();
    });
}

#[test]
fn connections_end_with_a_server_that_is_dropped() {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let never = std::future::pending();
        let server = task::spawn(serve(listener, MetricsHandler::new(&registry()), never));
        let client = task::spawn_blocking(move || {
            let mut connection = Connection::open(addr);
            assert_eq!(connection.ask("GET", "/metrics", &[]).status, 200);
            connection
        });
        let mut connection = client.await.unwrap();
        server.abort();
        assert!(task::spawn_blocking(move || connection.is_closed()).await.unwrap());
    });
}

#[test]
fn the_service_can_be_mounted_into_any_hyper_server() {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let client = task::spawn_blocking(move || get(addr, "/metrics?name[]=nothing"));
        let (stream, _) = listener.accept().await.unwrap();
        let service = MetricsService::new(MetricsHandler::new(&registry()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connection.await.unwrap();
        let answer = client.await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b""[..]));
    });
}

#[test]
fn the_service_needs_no_runtime() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use hyper::body::Body as _;
    use hyper::service::Service as _;

    let service = MetricsService::new(MetricsHandler::new(&registry()));
    let request = hyper::Request::get("/metrics").body(()).unwrap();
    let mut answer = pin!(service.call(request));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut context) else {
        panic!("not ready at once");
    };
    assert_eq!(response.headers()["content-length"], both().len().to_string());
    let mut body = pin!(response.into_body());
    let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) else {
        panic!("no body");
    };
    assert_eq!(frame.into_data().unwrap(), both());
    assert!(body.is_end_stream());
}
