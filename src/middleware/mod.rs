//! HTTP servers and clients that are measured by a layer around them, request by request.
//!
//! [`HttpMetricsLayer`] is a [`tower_layer::Layer`]: axum, tonic and their like take it as it is, and
//! for a server of hyper alone `hyper_util::service::TowerToHyperService` makes its own of the service.
//! A request counts until its answer is sent whole, or given up.

mod body;
mod instruments;
mod layer;

pub use self::body::MeasuredBody;
pub use self::layer::{HttpMetricsBuilder, HttpMetricsLayer, HttpMetricsService, MeasuredFuture};
