//! What the handler answers: a status, headers, and the whole body.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Write as _;

use crate::error::Error;
use crate::http::pool::BodyBytes;

pub(super) const ALLOW: &str = "GET, HEAD, OPTIONS";
const PLAIN: &str = "text/plain; charset=utf-8";

/// An answer, ready to be written to any server's response.
///
/// Header names are in lower case, and `content-length` is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: BodyBytes,
}

impl Response {
    /// The status code, such as 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, each once.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, &**value))
    }

    /// The value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The body; empty in an answer to `HEAD`.
    pub fn body(&self) -> &[u8] {
        self.body.as_ref()
    }

    /// The body, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.body.into_vec()
    }

    pub(super) fn into_body_bytes(self) -> BodyBytes {
        self.body
    }

    pub(super) fn new(status: u16, body: impl Into<BodyBytes>) -> Self {
        let body = body.into();
        let length = ("content-length", Cow::Owned(body.as_ref().len().to_string()));
        Self { status, headers: vec![length], body }
    }

    /// A refusal in words of our own: nothing that a client sent is repeated.
    pub(super) fn plain(status: u16, text: impl Into<Vec<u8>>) -> Self {
        Self::new(status, text.into())
            .with_header("content-type", PLAIN)
            .with_header("x-content-type-options", "nosniff")
    }

    /// The error and what caused it, a line each.
    pub(super) fn failed(error: &Error) -> Self {
        let mut text = format!("the metrics cannot be collected: {error}\n");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "caused by: {error}");
            cause = error.source();
        }
        Self::plain(500, text)
    }

    /// A page with links to the metrics, whose paths hold no character that
    /// HTML gives a meaning to.
    pub(super) fn landing_page<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let links: String =
            paths.map(|path| format!("<p><a href=\"{path}\">{path}</a></p>")).collect();
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <title>Metrics</title></head>\n<body><h1>Metrics</h1>\
             {links}</body>\n</html>\n"
        );
        Self::new(200, page.into_bytes()).with_header("content-type", "text/html; charset=utf-8")
    }

    pub(super) fn with_header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer to `HEAD` has the headers of the one to `GET`, and no body.
    pub(super) fn for_head(mut self, head: bool) -> Self {
        if head {
            self.body = Vec::new().into();
        }
        self
    }
}
