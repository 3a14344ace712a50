//! What a client asks for, as the handler sees it: borrowed, and without a body.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use hyper::http;

/// The parts of an HTTP request that decide the answer.
///
/// It is made of any server's request: by hand, or of the parts of the `http`
/// crate.
///
/// ```
/// use narthex::http::Request;
///
/// let request = Request::new("GET", "/metrics?name[]=up")
///     .with_header("Accept", "text/plain")
///     .with_header("Accept-Encoding", "gzip");
/// assert_eq!(request.path(), "/metrics");
/// ```
#[derive(Clone, Debug)]
pub struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    accept: Option<Cow<'a, str>>,
    accept_encoding: Option<Cow<'a, str>>,
    authorization: Authorization<'a>,
    deadline: Option<Instant>,
}

/// Who asks; not for logs.
#[derive(Clone)]
enum Authorization<'a> {
    Missing,
    Line(&'a str),
    /// Nobody can be two.
    Several,
}

impl<'a> Request<'a> {
    /// A request without headers; the path may be followed by `?` and a query.
    pub fn new(method: &'a str, path_and_query: &'a str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Self {
            method,
            path,
            query,
            accept: None,
            accept_encoding: None,
            authorization: Authorization::Missing,
            deadline: None,
        }
    }

    /// Adds a header line. Those that decide nothing are passed over, lines of
    /// the same name add up, and the case of the name does not matter.
    ///
    /// `X-Prometheus-Scrape-Timeout-Seconds` is counted from this call on.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &'a str) -> Self {
        if name.eq_ignore_ascii_case("accept") {
            join(&mut self.accept, value);
        } else if name.eq_ignore_ascii_case("accept-encoding") {
            join(&mut self.accept_encoding, value);
        } else if name.eq_ignore_ascii_case("authorization") {
            self.authorization = match self.authorization {
                Authorization::Missing => Authorization::Line(value),
                _ => Authorization::Several,
            };
        } else if name.eq_ignore_ascii_case("x-prometheus-scrape-timeout-seconds") {
            self.deadline = deadline(value).or(self.deadline);
        }
        self
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The path, not decoded, without the query.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// What follows the `?`; empty if there is none.
    pub fn query(&self) -> &'a str {
        self.query
    }

    /// All `Accept` lines, joined by commas.
    pub fn accept(&self) -> Option<&str> {
        self.accept.as_deref()
    }

    /// All `Accept-Encoding` lines, joined by commas.
    pub fn accept_encoding(&self) -> Option<&str> {
        self.accept_encoding.as_deref()
    }

    /// The `Authorization` line; none if there are several.
    pub fn authorization(&self) -> Option<&'a str> {
        match self.authorization {
            Authorization::Line(line) => Some(line),
            Authorization::Missing | Authorization::Several => None,
        }
    }

    /// When the client stops waiting, if it said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl<'a> From<&'a http::request::Parts> for Request<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        let mut request = Self::new(parts.method.as_str(), parts.uri.path());
        request.query = parts.uri.query().unwrap_or("");
        for (name, value) in &parts.headers {
            // A value that is not plain ASCII cannot say anything we know.
            if let Ok(value) = value.to_str() {
                request = request.with_header(name.as_str(), value);
            }
        }
        request
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "None",
            Self::Line(_) | Self::Several => "…",
        })
    }
}

fn join<'a>(lines: &mut Option<Cow<'a, str>>, line: &'a str) {
    match lines {
        None => *lines = Some(Cow::Borrowed(line)),
        Some(lines) => {
            let lines = lines.to_mut();
            lines.push(',');
            lines.push_str(line);
        }
    }
}

fn deadline(seconds: &str) -> Option<Instant> {
    let seconds = seconds.trim().parse().ok().filter(|seconds: &f64| *seconds > 0.0)?;
    Instant::now().checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_of_one_name_add_up() {
        let request = Request::new("GET", "/")
            .with_header("accept", "text/plain")
            .with_header("ACCEPT", "*/*;q=0.1");
        assert_eq!(request.accept(), Some("text/plain,*/*;q=0.1"));
        assert_eq!(request.accept_encoding(), None);
    }

    #[test]
    fn only_a_positive_number_of_seconds_is_a_deadline() {
        let header = "X-Prometheus-Scrape-Timeout-Seconds";
        for bad in ["", "0", "-1", "NaN", "inf", "1e300", "soon"] {
            let request = Request::new("GET", "/").with_header(header, bad);
            assert_eq!(request.deadline(), None, "{bad:?}");
        }
        let before = Instant::now();
        let deadline = Request::new("GET", "/").with_header(header, "10.000000").deadline();
        let after = Instant::now();
        let ten = Duration::from_secs(10);
        assert!(deadline.is_some_and(|at| (before + ten..=after + ten).contains(&at)));
    }
}
