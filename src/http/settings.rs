//! What a handler was told, and what its scrapes share.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "auth")]
use crate::http::auth::Authentication;
use crate::http::handler_metrics::HandlerMetrics;
use crate::http::pool::Pool;
use crate::http::rate::RateLimit;
use crate::http::share::Sharing;
use crate::registry::CollectorRegistry;

/// The settings of a handler.
#[derive(Clone)]
pub(super) struct Settings {
    /// The first is the one that the handler was made for.
    pub(super) routes: Vec<Route>,
    pub(super) created: Option<bool>,
    pub(super) compression: bool,
    pub(super) max_concurrent_scrapes: usize,
    /// Whether scrapes for the same share a collection.
    pub(super) shares: bool,
    /// The interval and the burst.
    pub(super) rate: Option<(Duration, u32)>,
    /// What is added to every answer.
    pub(super) headers: Vec<(&'static str, String)>,
    #[cfg(feature = "auth")]
    pub(super) authentication: Option<Authentication>,
}

/// A path, and what is there.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) path: String,
    pub(super) registry: CollectorRegistry,
}

impl Settings {
    pub(super) fn new(registry: CollectorRegistry) -> Self {
        Self {
            routes: vec![Route { path: "/metrics".to_owned(), registry }],
            created: None,
            compression: true,
            max_concurrent_scrapes: usize::MAX,
            shares: true,
            rate: None,
            headers: Vec::new(),
            #[cfg(feature = "auth")]
            authentication: None,
        }
    }

    pub(super) fn check(&self) -> Result {
        let mut paths: Vec<&str> = self.paths().collect();
        paths.iter().try_for_each(|path| check_path(path))?;
        paths.sort_unstable();
        if let Some(twice) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(invalid(format!("the metrics path {:?} stands twice", twice[0])));
        }
        if self.max_concurrent_scrapes == 0 {
            return Err(invalid("the number of concurrent scrapes cannot be zero"));
        }
        if self.rate.is_some_and(|(_, burst)| burst == 0) {
            return Err(invalid("a burst of no request at all lets nobody in"));
        }
        #[cfg(feature = "auth")]
        if self.authentication.as_ref().is_some_and(Authentication::is_empty) {
            return Err(invalid("authentication without users and tokens lets nobody in"));
        }
        Ok(())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|route| &*route.path)
    }

    pub(super) fn compresses(&self) -> bool {
        cfg!(any(feature = "gzip", feature = "zstd")) && self.compression
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("MetricsHandler");
        told.field("paths", &self.paths().collect::<Vec<_>>())
            .field("created", &self.created)
            .field("compression", &self.compresses())
            .field("max_concurrent_scrapes", &self.max_concurrent_scrapes)
            .field("shared_scrapes", &self.shares)
            .field("rate_limit", &self.rate)
            .field("headers", &self.headers);
        #[cfg(feature = "auth")]
        told.field("authentication", &self.authentication);
        told.finish_non_exhaustive()
    }
}

/// That metrics can be at a path.
pub(crate) fn check_path(path: &str) -> Result {
    if !path.starts_with('/') {
        return Err(invalid(format!("the metrics path {path:?} does not begin with a slash")));
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "/-._~%+:@,;=!$*()".contains(c);
    if let Some(bad) = path.chars().find(|&c| !known(c)) {
        return Err(invalid(format!("the metrics path {path:?} has the character {bad:?}")));
    }
    Ok(())
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

/// What all scrapes of a handler share.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) pool: Arc<Pool>,
    pub(super) metrics: HandlerMetrics,
    pub(super) sharing: Arc<Sharing>,
    rate: Option<RateLimit>,
    in_flight: AtomicUsize,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            rate: settings.rate.map(|(interval, burst)| RateLimit::new(interval, burst)),
            settings,
            pool: Arc::default(),
            metrics: HandlerMetrics::default(),
            sharing: Arc::default(),
            in_flight: AtomicUsize::new(0),
        }
    }

    pub(super) fn allows_another(&self) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.allows(Instant::now()))
    }
}

/// One of the scrapes that may be under way, until it is dropped.
pub(super) struct Permit {
    pub(super) state: Arc<State>,
}

impl Permit {
    pub(super) fn take(state: &Arc<State>) -> Option<Self> {
        let most = state.settings.max_concurrent_scrapes;
        let more = |now: usize| now.checked_add(1).filter(|then| *then <= most);
        state.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self { state: Arc::clone(state) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
