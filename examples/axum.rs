//! A web service of axum that measures its requests and shows its metrics beside them.
//!
//! ```sh
//! cargo run --release --features tower --example axum
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Path};
use axum::routing::get;
use narthex::REGISTRY;
use narthex::http::{MetricsHandler, MetricsService};
use narthex::middleware::HttpMetricsLayer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Requests are told apart by the pattern that they match, of which there are few.
    let measured = HttpMetricsLayer::server()
        .route(|parts| parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
        .register(&REGISTRY)?;
    let handler = MetricsHandler::new(&REGISTRY);
    REGISTRY.register(Arc::new(handler.metrics()))?;

    let app = Router::new()
        .route("/hello/{name}", get(async |Path(name): Path<String>| format!("Hello, {name}!\n")))
        .layer(measured)
        // Behind the layer, so that scrapes are not counted among the requests of the service.
        .route_service("/metrics", MetricsService::new(handler));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    println!("ask http://{addr}/hello/world, then scrape http://{addr}/metrics");
    axum::serve(listener, app).await?;
    Ok(())
}
