//! What layers count of servers and clients, and the handler as a service of axum.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use hyper::{Request, Response, StatusCode};
use narthex::CollectorRegistry;
use narthex::http::{MetricsHandler, MetricsService};
use narthex::middleware::HttpMetricsLayer;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::http_client;
use crate::http_fixture::{both, registry};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn ask(app: &mut Router, method: &str, target: &str, body: &'static str) -> (u16, Vec<u8>) {
    let request = Request::builder().method(method).uri(target).body(Body::from(body)).unwrap();
    let response: Response<Body> = Service::call(app, request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[test]
fn requests_of_axum_are_counted_by_the_route_that_they_match() {
    let registry = CollectorRegistry::new();
    let layer = HttpMetricsLayer::server()
        .route(|parts| parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
        .register(&registry)
        .unwrap();
    let mut app = Router::new()
        .route("/users/{id}", get(async || "hello").post(async |body: String| body))
        .route("/teapot", post(async || StatusCode::IM_A_TEAPOT))
        .layer(layer);
    block_on(async {
        assert_eq!(ask(&mut app, "GET", "/users/1", "").await, (200, b"hello".to_vec()));
        assert_eq!(ask(&mut app, "GET", "/users/2", "").await.0, 200);
        assert_eq!(ask(&mut app, "POST", "/users/3", "twelve bytes").await.0, 200);
        assert_eq!(ask(&mut app, "POST", "/teapot", "").await.0, 418);
        for target in ["/nowhere", "/nowhere/else", "/users/4/5"] {
            assert_eq!(ask(&mut app, "GET", target, "").await.0, 404);
        }
        for method in ["BREW", "WHEN", "PROPFIND"] {
            assert_eq!(ask(&mut app, method, "/users/1", "").await.0, 405);
        }
    });
    let value = |name: &str, labels: [&str; 3]| {
        let labels = [("method", labels[0]), ("route", labels[1]), ("code", labels[2])];
        registry.get_sample_value(&format!("http_server_{name}"), &labels)
    };
    let users = ["GET", "/users/{id}", "200"];
    assert_eq!(value("requests_total", users), Some(2.0));
    assert_eq!(value("request_duration_seconds_count", users), Some(2.0));
    // Twice the five bytes of `hello`.
    assert_eq!(value("response_body_size_bytes_sum", users), Some(10.0));
    let posted = ["POST", "/users/{id}", "200"];
    assert_eq!(value("request_body_size_bytes_sum", posted), Some(12.0));
    assert_eq!(value("response_body_size_bytes_sum", posted), Some(12.0));
    assert_eq!(value("requests_total", ["POST", "/teapot", "418"]), Some(1.0));
    assert_eq!(value("requests_total", ["GET", "unmatched", "404"]), Some(3.0));
    assert_eq!(value("requests_total", ["other", "/users/{id}", "405"]), Some(3.0));
    let active = [("method", "GET"), ("route", "/users/{id}")];
    assert_eq!(registry.get_sample_value("http_server_active_requests", &active), Some(0.0));
}

/// A service that answers as it is told.
#[derive(Clone)]
struct Told;

impl<B> Service<Request<B>> for Told {
    type Response = Response<http_body_util::Full<&'static [u8]>>;
    type Error = &'static str;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            match &*path {
                "/fails" => Err("no"),
                "/hangs" => std::future::pending().await,
                _ => Ok(Response::new(http_body_util::Full::new(&b"1234"[..]))),
            }
        })
    }
}

#[test]
fn requests_of_clients_are_counted_however_they_end() {
    let registry = CollectorRegistry::new();
    let layer = HttpMetricsLayer::client().register(&registry).unwrap();
    let mut client = layer.layer(Told);
    let request = |path: &str| {
        let body = http_body_util::Empty::<&[u8]>::new();
        Request::builder().uri(path).body(body).unwrap()
    };
    block_on(async {
        let answer = client.call(request("/answers")).await.unwrap();
        let active = [("method", "GET"), ("route", "unmatched")];
        let name = "http_client_active_requests";
        // Its body has not been read yet.
        assert_eq!(registry.get_sample_value(name, &active), Some(1.0));
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), &b"1234"[..]);
        assert_eq!(registry.get_sample_value(name, &active), Some(0.0));
        assert_eq!(client.call(request("/fails")).await.unwrap_err(), "no");
        let hanging = client.call(request("/hangs"));
        assert_eq!(registry.get_sample_value(name, &active), Some(1.0));
        drop(hanging);
        // An answer that is thrown away unread counts with its status.
        drop(client.call(request("/answers")).await.unwrap());
        assert_eq!(registry.get_sample_value(name, &active), Some(0.0));
    });
    let value = |name: &str, code| {
        let labels = [("method", "GET"), ("route", "unmatched"), ("code", code)];
        registry.get_sample_value(&format!("http_client_{name}"), &labels)
    };
    for (code, requests, sent) in [("200", 2.0, 4.0), ("error", 1.0, 0.0), ("aborted", 1.0, 0.0)] {
        assert_eq!(value("requests_total", code), Some(requests), "{code}");
        assert_eq!(value("response_body_size_bytes_sum", code), Some(sent), "{code}");
    }
}

#[test]
fn names_have_a_prefix_of_ones_own_and_are_registered_once() {
    let registry = CollectorRegistry::new();
    let layer = || HttpMetricsLayer::server().prefix("shop_http").register(&registry);
    let measured = layer().unwrap();
    assert!(layer().unwrap_err().is_duplicate());
    assert!(HttpMetricsLayer::server().prefix("").register(&registry).is_ok());
    let mut service = measured.layer(MetricsService::new(MetricsHandler::new(&registry)));
    let request = Request::get("/metrics").body(http_body_util::Empty::<&[u8]>::new()).unwrap();
    let answer: Result<_, Infallible> = block_on(Service::call(&mut service, request));
    assert_eq!(answer.unwrap().status(), 200);
}

#[test]
fn the_handler_is_mounted_in_axum() {
    block_on(async {
        let service = MetricsService::new(MetricsHandler::new(&registry()));
        let app = Router::new().route("/", get(async || "home")).route_service("/metrics", service);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        let ask = |target| tokio::task::spawn_blocking(move || http_client::get(addr, target));
        assert_eq!(ask("/metrics").await.unwrap().text(), both());
        assert_eq!(ask("/").await.unwrap().text(), "home");
        server.abort();
    });
}
