//! What the library does, seen from outside.

#[cfg(feature = "bridge")]
mod bridge;
#[cfg(all(unix, feature = "bridge", feature = "push", feature = "textfile", feature = "tls"))]
mod bridge_real;
mod build_info;
#[cfg(feature = "catalog")]
mod catalog;
mod custom_collectors;
mod exemplars;
mod exposition_openmetrics;
#[cfg(feature = "openmetrics2")]
mod exposition_openmetrics2;
mod exposition_properties;
mod exposition_protobuf;
mod exposition_text;
mod exposition_vectors;
#[cfg(all(unix, feature = "multiprocess"))]
mod folds;
mod golden;
mod grouped;
#[cfg(feature = "http")]
mod http_async;
#[cfg(feature = "auth")]
mod http_auth;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "http")]
mod http_compression;
#[cfg(feature = "http")]
mod http_fixture;
#[cfg(feature = "http")]
mod http_handler;
#[cfg(feature = "http")]
mod http_server;
#[cfg(feature = "http")]
mod http_sharing;
#[cfg(all(feature = "http", feature = "tls"))]
mod http_tls;
#[cfg(all(unix, feature = "http"))]
mod http_unix;
#[cfg(all(feature = "http", feature = "gzip"))]
mod http_vectors;
#[cfg(feature = "web-config")]
mod http_web_config;
#[cfg(feature = "multiprocess")]
mod inspect;
#[cfg(feature = "derive")]
mod label_sets;
mod labels;
mod line_lengths;
mod lint;
mod metrics_counter;
mod metrics_gauge;
mod metrics_histogram;
mod metrics_info_enum;
mod metrics_native;
mod metrics_quantiles;
mod metrics_summary;
#[cfg(feature = "tower")]
mod middleware;
#[cfg(feature = "multiprocess")]
mod multiprocess;
#[cfg(feature = "multiprocess")]
mod native_files;
mod native_histograms;
mod negotiate;
mod numbers;
mod parser_content_type;
mod parser_openmetrics;
#[cfg(feature = "openmetrics2")]
mod parser_openmetrics2;
mod parser_properties;
mod parser_protobuf;
mod parser_text;
mod parser_vectors;
#[cfg(all(unix, feature = "multiprocess"))]
mod pools;
#[cfg(all(feature = "process", target_os = "linux"))]
mod process;
#[cfg(all(
    unix,
    feature = "bridge",
    feature = "http",
    feature = "push",
    feature = "textfile",
    feature = "tls"
))]
mod prometheus_real;
#[cfg(feature = "push")]
mod push;
#[cfg(any(feature = "push", feature = "remote-write"))]
#[cfg_attr(not(all(feature = "push", feature = "remote-write")), allow(dead_code))]
mod push_fixture;
#[cfg(all(unix, feature = "bridge", feature = "push", feature = "textfile", feature = "tls"))]
mod push_real;
#[cfg(feature = "multiprocess")]
mod quantile_files;
#[cfg(all(unix, feature = "bridge", feature = "push", feature = "textfile", feature = "tls"))]
mod real_servers;
#[cfg(feature = "sinks")]
mod recorder;
mod registry;
#[cfg(feature = "remote-write")]
mod remote_write;
#[cfg(feature = "remote-write")]
mod remote_write_fixture;
#[cfg(all(
    unix,
    feature = "bridge",
    feature = "push",
    feature = "remote-write",
    feature = "textfile",
    feature = "tls"
))]
mod remote_write_real;
#[cfg(feature = "remote-write")]
mod remote_write_series;
#[cfg(feature = "service")]
mod service;
#[cfg(feature = "multiprocess")]
mod side_files;
#[cfg(all(unix, feature = "push", feature = "service", feature = "sinks", feature = "textfile"))]
mod signals;
mod support;
#[cfg(feature = "testing")]
mod testing;
#[cfg(feature = "textfile")]
mod textfile;
#[cfg(all(unix, feature = "bridge", feature = "push", feature = "textfile", feature = "tls"))]
mod textfile_real;
mod threads;
mod timers;
#[cfg(all(feature = "http", feature = "tls"))]
mod tls_fixture;
mod vectors;
mod vectors_metrics;
mod vectors_model;
mod views;
#[cfg(feature = "sinks")]
mod windows;
mod wrapped_collectors;
