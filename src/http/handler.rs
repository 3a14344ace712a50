//! From a request to a response: no socket, no async, no server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::collector::Collector;
use crate::error::Result;
#[cfg(feature = "auth")]
use crate::http::auth::{Authentication, Verdict, Verification};
use crate::http::handler_metrics::{self, HandlerMetrics};
use crate::http::request::Request;
use crate::http::response::{ALLOW, Response};
use crate::http::scrape::{ScrapeTask, ScrapeWish};
use crate::http::settings::{Route, Settings, State};
use crate::http::source;
#[cfg(feature = "web-config")]
use crate::http::web_config::WebConfig;
use crate::registry::CollectorRegistry;

/// Answers requests for metrics; cheap to clone.
///
/// It knows neither sockets nor async, so that it can be put behind any server.
/// `GET` and `HEAD` on the metrics path scrape the registry: in the format that
/// `Accept` prefers, compressed if `Accept-Encoding` allows it, restricted to
/// the samples that `name[]` parameters name, within the time that
/// `X-Prometheus-Scrape-Timeout-Seconds` gives. `/` shows a link to the metrics.
/// It keeps the memory of up to four scrapes for those that follow.
///
/// Implements Prometheus's [content negotiation](https://prometheus.io/docs/instrumenting/content_negotiation/).
///
/// ```
/// use narthex::http::{MetricsHandler, Request};
/// use narthex::{CollectorRegistry, Gauge};
///
/// let registry = CollectorRegistry::new();
/// Gauge::builder("answer", "To everything.").register(&registry)?.set(42.0);
/// let handler = MetricsHandler::new(&registry);
///
/// let response = handler.respond(&Request::new("GET", "/metrics"));
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
/// assert_eq!(response.body(), b"# HELP answer To everything.\n# TYPE answer gauge\nanswer 42.0\n");
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "make_wsgi_app")]
#[doc(alias = "make_asgi_app")]
pub struct MetricsHandler {
    state: Arc<State>,
}

impl MetricsHandler {
    /// A handler that serves a registry on `/metrics`.
    pub fn new(registry: &CollectorRegistry) -> Self {
        Self { state: Arc::new(State::new(Settings::new(registry.clone()))) }
    }

    /// A handler with settings of its own.
    pub fn builder(registry: &CollectorRegistry) -> MetricsHandlerBuilder {
        MetricsHandlerBuilder { settings: Settings::new(registry.clone()) }
    }

    /// A handler that serves any collector, such as a view of a registry.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use narthex::http::{MetricsHandler, Request};
    /// use narthex::{CollectorRegistry, Gauge};
    ///
    /// let registry = CollectorRegistry::new();
    /// let view = registry.with_prefix("shop_")?;
    /// let handler = MetricsHandler::builder_of(Arc::new(view))?.build()?;
    /// Gauge::builder("carts", "Carts in use.").register(&registry)?.set(3.0);
    ///
    /// let response = handler.respond(&Request::new("GET", "/metrics?name[]=shop_carts"));
    /// assert!(response.body().ends_with(b"\nshop_carts 3.0\n"));
    /// # Ok::<(), narthex::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CollectorRegistry::register`].
    pub fn builder_of(collector: Arc<dyn Collector>) -> Result<MetricsHandlerBuilder> {
        let settings = source::registry_of(collector).map(Settings::new)?;
        Ok(MetricsHandlerBuilder { settings })
    }

    /// Answers one request.
    ///
    /// It takes as long as the collectors take; async programs want
    /// [`MetricsService`](crate::http::MetricsService).
    pub fn respond(&self, request: &Request<'_>) -> Response {
        let underway = self.begin();
        let plan = self.plan(request);
        #[cfg(feature = "auth")]
        let plan = plan.settled();
        underway.answered(match plan {
            Plan::Answer(response) => response,
            Plan::Scrape(task) => task.run(),
            #[cfg(feature = "auth")]
            Plan::Verify(guest) => guest.refused(),
        })
    }

    /// What this handler tells of itself, for a registry to tell.
    pub fn metrics(&self) -> HandlerMetrics {
        self.state.metrics.clone()
    }

    /// Counts a request from now on.
    pub(super) fn begin(&self) -> Underway {
        Underway { request: self.state.metrics.begin(), state: Arc::clone(&self.state) }
    }

    /// Decides what is to be done, without running any collector.
    pub(super) fn plan(&self, request: &Request<'_>) -> Plan {
        if !self.state.allows_another() {
            let refused =
                Response::plain(429, "too many requests\n").with_header("retry-after", "1");
            return Plan::Answer(refused.for_head(request.method() == "HEAD"));
        }
        #[cfg(feature = "auth")]
        if let Some(authentication) = &self.state.settings.authentication {
            let guest = |verification| Guest {
                wish: self.wish(request),
                state: Arc::clone(&self.state),
                is_head: request.method() == "HEAD",
                challenge: authentication.challenge(),
                verification,
            };
            return match authentication.judge(request.path(), request.authorization()) {
                Verdict::Known => self.wish(request).granted(&self.state),
                Verdict::Unknown => Plan::Answer(guest(None).refused()),
                Verdict::Costly(verification) => Plan::Verify(guest(Some(verification))),
            };
        }
        self.wish(request).granted(&self.state)
    }

    fn wish(&self, request: &Request<'_>) -> Wish {
        let settings = &self.state.settings;
        let route = settings.paths().position(|path| path == request.path());
        let answer = match (request.method(), request.path(), route) {
            ("GET" | "HEAD", _, Some(route)) => {
                return Wish::Scrape(ScrapeWish::new(request, route, &self.state));
            }
            ("GET" | "HEAD", "/", None) => Response::landing_page(settings.paths()),
            ("GET" | "HEAD", "/favicon.ico", None) => Response::new(200, Vec::new()),
            (method, _, Some(_)) | (method, "/" | "/favicon.ico" | "*", None) => match method {
                "OPTIONS" => Response::new(200, Vec::new()),
                _ => Response::plain(405, format!("method not allowed; use {ALLOW}\n")),
            }
            .with_header("allow", ALLOW),
            _ => Response::plain(404, "not found\n"),
        };
        Wish::Answer(answer.for_head(request.method() == "HEAD"))
    }
}

impl fmt::Debug for MetricsHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.settings.fmt(f)
    }
}

/// Settings of a [`MetricsHandler`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct MetricsHandlerBuilder {
    settings: Settings,
}

impl MetricsHandlerBuilder {
    /// Where the metrics are, instead of `/metrics`.
    ///
    /// At `/` they take the place of the page with the link.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.routes[0].path = path.into();
        self
    }

    /// Another path, with a registry of its own.
    ///
    /// ```
    /// use narthex::http::{MetricsHandler, Request};
    /// use narthex::{CollectorRegistry, Gauge};
    ///
    /// let (program, jobs) = (CollectorRegistry::new(), CollectorRegistry::new());
    /// Gauge::builder("queue_depth", "Jobs waiting.").register(&jobs)?.set(3.0);
    /// let handler = MetricsHandler::builder(&program).route("/metrics/jobs", &jobs).build()?;
    ///
    /// let response = handler.respond(&Request::new("GET", "/metrics/jobs"));
    /// assert!(response.body().ends_with(b"\nqueue_depth 3.0\n"));
    /// assert_eq!(handler.respond(&Request::new("GET", "/metrics")).body(), b"");
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn route(mut self, path: impl Into<String>, registry: &CollectorRegistry) -> Self {
        self.settings.routes.push(Route { path: path.into(), registry: registry.clone() });
        self
    }

    /// Another path, with any collector.
    ///
    /// # Errors
    /// Those of [`CollectorRegistry::register`].
    pub fn route_of(self, path: impl Into<String>, collector: Arc<dyn Collector>) -> Result<Self> {
        Ok(self.route(path, &source::registry_of(collector)?))
    }

    /// Who may see the metrics; without it everybody may.
    #[cfg(feature = "auth")]
    pub fn authentication(mut self, who: Authentication) -> Self {
        self.settings.authentication = Some(who);
        self
    }

    /// Whether to show when series began, as `_created` samples.
    ///
    /// Without it OpenMetrics shows them and the text format does not.
    pub fn created(mut self, shown: bool) -> Self {
        self.settings.created = Some(shown);
        self
    }

    /// Whether to compress for clients that ask for it; the default is yes.
    ///
    /// With what, [`ContentCoding::negotiate`](crate::exposition::ContentCoding::negotiate) decides. A scrape is compressed
    /// once and read once, so it is done fast rather than small: gzip and zstd at
    /// level 1. Measured with 100,000 counters of 79.4 bytes a line, and with
    /// histograms of 65.4; writing the text takes some 10 ns and 6 ns beside that:
    ///
    /// | | counters: ns, bytes a line | histograms: ns, bytes a line |
    /// |---|---|---|
    /// | **gzip 1** | **97, 9.8** | **78, 8.6** |
    /// | gzip 2 | 132, 7.1 | 107, 6.5 |
    /// | gzip 3 | 191, 6.7 | 147, 6.0 |
    /// | gzip 6 | 558, 5.9 | 377, 5.4 |
    /// | zstd -3 | 71, 10.4 | 53, 6.8 |
    /// | zstd -1 | 76, 8.2 | 55, 6.1 |
    /// | **zstd 1** | **81, 7.4** | **59, 4.9** |
    /// | zstd 3 | 103, 7.2 | 78, 5.2 |
    #[doc(alias = "disable_compression")]
    pub fn compression(mut self, wanted: bool) -> Self {
        self.settings.compression = wanted;
        self
    }

    /// How many scrapes may be under way, on all paths together; others are
    /// answered 503. The default is any number.
    pub fn max_concurrent_scrapes(mut self, most: usize) -> Self {
        self.settings.max_concurrent_scrapes = most;
        self
    }

    /// Whether scrapes that ask for the same share a collection; by default they do.
    ///
    /// If one is under way, those that come meanwhile, to the same path, for the same names, format
    /// and coding, wait for its end and are then answered with one collection more, so that nobody
    /// is told what was collected before it asked. They do not wait for longer than a second, or a
    /// quarter of the time that the first of them gave: their collection then begins beside the
    /// other, with the longest time that any of them gave. Each counts as a scrape that is under
    /// way. [`MetricsService`](crate::http::MetricsService) and servers share;
    /// [`respond`](MetricsHandler::respond) collects at once.
    pub fn shared_scrapes(mut self, wanted: bool) -> Self {
        self.settings.shares = wanted;
        self
    }

    /// Answers as many requests as `burst` at once, and one more after each interval; others are
    /// answered 429. The default is any number.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use narthex::CollectorRegistry;
    /// use narthex::http::{MetricsHandler, Request};
    ///
    /// let handler = MetricsHandler::builder(&CollectorRegistry::new())
    ///     .rate_limit(Duration::from_secs(3600), 2)
    ///     .build()?;
    /// let statuses = [(); 3].map(|()| handler.respond(&Request::new("GET", "/")).status());
    /// assert_eq!(statuses, [200, 200, 429]);
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn rate_limit(mut self, interval: Duration, burst: u32) -> Self {
        self.settings.rate = Some((interval, burst));
        self
    }

    /// What a configuration file says of answers.
    #[cfg(feature = "web-config")]
    pub(super) fn web_config(mut self, config: &WebConfig) -> Self {
        let settings = &mut self.settings;
        settings.headers.clone_from(&config.headers);
        settings.rate = config.rate.or(settings.rate);
        if config.authentication.is_some() {
            settings.authentication.clone_from(&config.authentication);
        }
        self
    }

    /// Builds the handler.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`](crate::Error::is_invalid_value) if a path does not begin with
    /// `/`, has characters other than letters, digits and `/-._~%+:@,;=!$*()`, or stands twice; if
    /// no scrape at all would be allowed, or nobody would be let in.
    pub fn build(self) -> Result<MetricsHandler> {
        self.settings.check()?;
        Ok(MetricsHandler { state: Arc::new(State::new(self.settings)) })
    }
}

impl fmt::Debug for MetricsHandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// A request that is not answered yet.
pub(super) struct Underway {
    request: handler_metrics::Request,
    state: Arc<State>,
}

impl Underway {
    /// The answer as it is sent.
    pub(super) fn answered(self, mut response: Response) -> Response {
        for (name, value) in &self.state.settings.headers {
            if response.header(name).is_none() {
                response = response.with_header(name, value.clone());
            }
        }
        self.request.answered(response.status());
        response
    }
}

/// What becomes of a request.
pub(super) enum Plan {
    Answer(Response),
    /// Collectors run: not where it would keep others waiting.
    Scrape(ScrapeTask),
    /// A password is hashed: likewise.
    #[cfg(feature = "auth")]
    Verify(Guest),
}

/// What a request asks for, before anybody is let in.
enum Wish {
    Answer(Response),
    Scrape(ScrapeWish),
}

impl Wish {
    fn granted(self, state: &Arc<State>) -> Plan {
        match self {
            Self::Answer(response) => Plan::Answer(response),
            Self::Scrape(wish) => wish.admitted(state).map_or_else(Plan::Answer, Plan::Scrape),
        }
    }
}

/// Who may turn out to be let in.
#[cfg(feature = "auth")]
pub(super) struct Guest {
    wish: Wish,
    state: Arc<State>,
    is_head: bool,
    challenge: &'static str,
    verification: Option<Verification>,
}

#[cfg(feature = "auth")]
impl Guest {
    /// Whose turn it is to hash a password.
    pub(super) fn turns(&self) -> Option<Arc<tokio::sync::Semaphore>> {
        let authentication = self.state.settings.authentication.as_ref();
        authentication.map(|authentication| Arc::clone(authentication.turns()))
    }

    /// Hashes the password, and decides.
    pub(super) fn settle(mut self) -> Plan {
        match self.verification.take().is_some_and(Verification::holds) {
            true => self.wish.granted(&self.state),
            false => Plan::Answer(self.refused()),
        }
    }

    fn refused(self) -> Response {
        Response::plain(401, "unauthorized\n")
            .with_header("www-authenticate", self.challenge)
            .for_head(self.is_head)
    }
}

#[cfg(feature = "auth")]
impl Plan {
    fn settled(self) -> Self {
        match self {
            Self::Verify(guest) => guest.settle(),
            settled => settled,
        }
    }
}
