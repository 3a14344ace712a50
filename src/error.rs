//! What can go wrong, said once: one opaque error with predicates.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Why a metric could not be built, registered, collected or served.
///
/// The error is opaque; ask it with the `is_…` predicates. Its text names what
/// was wrong and where. A cause, where there is one, is its
/// [`source`](StdError::source).
///
/// ```
/// use narthex::Counter;
///
/// let error = Counter::builder("", "An unnamed counter.").build().unwrap_err();
/// assert!(error.is_invalid_name());
/// assert_eq!(error.to_string(), "a metric name cannot be empty");
/// ```
pub struct Error {
    // Boxed, so that a `Result` stays one word wide.
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    duplicates: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Collector,
    Duplicate,
    InvalidExemplar,
    InvalidLabel,
    InvalidName,
    InvalidValue,
    Io,
    NotFound,
    #[cfg(feature = "client")]
    Status(u16),
    TimedOut,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                duplicates: Vec::new(),
                source: None,
            }),
        }
    }

    /// The same error, said of `what`.
    pub(crate) fn of(mut self, what: impl fmt::Display) -> Self {
        self.inner.message = format!("{what}: {}", self.inner.message).into();
        self
    }

    /// An error of a custom collector: `message` says what it could not read.
    ///
    /// ```
    /// use narthex::{CollectorRegistry, Error, collector_fn, exposition};
    ///
    /// let registry = CollectorRegistry::new();
    /// let sensor = collector_fn(|_| Err(Error::collector("the sensor is unplugged")));
    /// registry.register(std::sync::Arc::new(sensor))?;
    /// let error = exposition::text::encode(&registry).unwrap_err();
    /// assert!(error.is_collector());
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn collector(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Collector, message)
    }

    /// Adds what caused this error.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use narthex::Error;
    ///
    /// let cause = "x".parse::<f64>().unwrap_err();
    /// let error = Error::collector("the sensor sent no number").with_source(cause);
    /// assert_eq!(error.source().unwrap().to_string(), "invalid float literal");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn duplicate(
        message: impl Into<Cow<'static, str>>,
        duplicates: Vec<String>,
    ) -> Self {
        let mut error = Self::new(ErrorKind::Duplicate, message);
        error.inner.duplicates = duplicates;
        error
    }

    #[cfg(feature = "async")]
    pub(crate) fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// A collector, or a whole scrape, failed.
    pub fn is_collector(&self) -> bool {
        self.inner.kind == ErrorKind::Collector
    }

    /// A name is taken; [`duplicates`](Self::duplicates) says which.
    pub fn is_duplicate(&self) -> bool {
        self.inner.kind == ErrorKind::Duplicate
    }

    /// An exemplar is over its limit of 128 characters, or has a bad label.
    pub fn is_invalid_exemplar(&self) -> bool {
        self.inner.kind == ErrorKind::InvalidExemplar
    }

    /// A label name is not allowed, stands twice, or the count of values is wrong.
    pub fn is_invalid_label(&self) -> bool {
        self.inner.kind == ErrorKind::InvalidLabel
    }

    /// A metric name is not allowed.
    pub fn is_invalid_name(&self) -> bool {
        self.inner.kind == ErrorKind::InvalidName
    }

    /// An amount, a bucket bound, a state or a setting is not allowed.
    pub fn is_invalid_value(&self) -> bool {
        self.inner.kind == ErrorKind::InvalidValue
    }

    /// The operating system said no, or another server could not be reached; the
    /// [`source`](StdError::source) is the error of that.
    pub fn is_io(&self) -> bool {
        self.inner.kind == ErrorKind::Io
    }

    /// What was asked for, or was to be removed, is not there.
    pub fn is_not_found(&self) -> bool {
        self.inner.kind == ErrorKind::NotFound
    }

    /// A collector, or another server, took longer than it was given.
    pub fn is_timed_out(&self) -> bool {
        self.inner.kind == ErrorKind::TimedOut
    }

    /// The status of an HTTP answer that says no, such as 404.
    #[cfg(feature = "client")]
    pub fn status(&self) -> Option<u16> {
        match self.inner.kind {
            ErrorKind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The names that clash, each once and sorted; empty unless [`is_duplicate`](Self::is_duplicate).
    pub fn duplicates(&self) -> &[String] {
        &self.inner.duplicates
    }
}

#[cfg(any(
    feature = "bridge",
    feature = "client",
    feature = "gzip",
    feature = "http",
    feature = "multiprocess",
    feature = "sinks",
    feature = "textfile",
    feature = "zstd"
))]
impl Error {
    pub(crate) fn io(message: impl Into<Cow<'static, str>>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, message).with_source(source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

// What a `main` that returns an error prints: the message and all of its causes.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.inner.message, self.inner.kind)?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<std::io::Error> for Error {
    /// For collectors that read files: the operating system's word, as it is.
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string()).with_source(error)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
