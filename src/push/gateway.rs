//! One group of metrics in a Pushgateway: replaced, added to, deleted.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, Url};

use crate::checked::Checked;
use crate::client::{Answered, Client, Connection, Outgoing};
use crate::collector::Collector;
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{ContentCoding, Encoder, Encoding, Format};
use crate::model::Family;
use crate::push::group;
use crate::registry::CollectorRegistry;

/// Sends metrics to a Pushgateway, into one group: those of a job, and of a grouping key.
///
/// It is cheap to clone, keeps its connections, and sends from a thread of its own, which begins
/// with the first request. So its blocking methods may be called within an asynchronous runtime,
/// which they then block, and its asynchronous ones from any runtime. Before anything is sent, all
/// of it is encoded; what could not be sent is sent again as [`Retry`](crate::client::Retry) says.
///
/// ```
/// use narthex::push::PushGateway;
/// use narthex::{CollectorRegistry, Gauge};
///
/// let registry = CollectorRegistry::new();
/// let finished = Gauge::builder("backup_finished_seconds", "When it was.").register(&registry)?;
/// finished.set_to_current_time();
///
/// let gateway = PushGateway::builder("localhost:9091", "backup")
///     .grouping_key("instance", "db/1")
///     .build()?;
/// assert_eq!(
///     gateway.url(),
///     "http://localhost:9091/metrics/job/backup/instance@base64/ZGIvMQ==",
/// );
/// # let sends = || -> narthex::Result {
/// gateway.push(&registry)?;
/// # Ok(())
/// # };
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// The [API](https://github.com/prometheus/pushgateway#api) of the Pushgateway.
#[derive(Clone, Debug)]
pub struct PushGateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: Url,
    group: BTreeMap<String, String>,
    encoding: Encoding,
    compression: ContentCoding,
    client: Client,
}

impl PushGateway {
    /// A Pushgateway at an address such as `localhost:9091` or `https://host/prefix`, and the job
    /// whose metrics are sent.
    pub fn builder(address: impl Into<String>, job: impl Into<String>) -> PushGatewayBuilder {
        PushGatewayBuilder {
            address: address.into(),
            job: job.into(),
            labels: BTreeMap::new(),
            encoding: Encoding::default(),
            compression: ContentCoding::Identity,
            connection: Connection::new(),
        }
    }

    /// The URL of the group.
    pub fn url(&self) -> &str {
        self.inner.url.as_str()
    }

    /// Replaces all metrics of the group.
    ///
    /// # Errors
    /// Those of the collector; [`Error::is_invalid_label`] if a metric has a label that the group
    /// has, which would take its place; [`Error::is_timed_out`] and [`Error::is_io`] if there is no
    /// answer; and if it says no, an error that has its [`status`](Error::status) and the beginning
    /// of what it says.
    #[doc(alias = "push_to_gateway")]
    pub fn push(&self, collector: &dyn Collector) -> Result {
        self.send(Method::PUT, collector)?.wait()
    }

    /// Replaces those metrics of the group that have the same names.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    #[doc(alias = "pushadd_to_gateway")]
    pub fn push_add(&self, collector: &dyn Collector) -> Result {
        self.send(Method::POST, collector)?.wait()
    }

    /// Deletes the group.
    ///
    /// # Errors
    /// Those of [`push`](Self::push), but for those of the collector.
    #[doc(alias = "delete_from_gateway")]
    pub fn delete(&self) -> Result {
        self.send_body(Method::DELETE, Bytes::new()).wait()
    }

    /// Replaces all metrics of the group, once the collectors that await have done so.
    ///
    /// The collectors run where it is polled. If the future is dropped, it is not sent again, and
    /// it is not known whether it has arrived.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub async fn push_async(&self, collector: &dyn Collector) -> Result {
        refresh(collector).await?;
        self.send(Method::PUT, collector)?.await
    }

    /// Replaces those metrics of the group that have the same names, as
    /// [`push_async`](Self::push_async) does.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub async fn push_add_async(&self, collector: &dyn Collector) -> Result {
        refresh(collector).await?;
        self.send(Method::POST, collector)?.await
    }

    /// Deletes the group.
    ///
    /// # Errors
    /// Those of [`delete`](Self::delete).
    pub async fn delete_async(&self) -> Result {
        self.send_body(Method::DELETE, Bytes::new()).await
    }

    /// Lets a collector refresh itself and sends what it tells, until something completes.
    pub(super) fn push_until<U>(
        &self,
        registry: &CollectorRegistry,
        replaces: bool,
        until: impl Fn() -> U,
    ) -> Result
    where
        U: Future<Output = Error> + Send + 'static,
    {
        let (refreshing, ended) = (registry.clone(), until());
        let refreshed = self.inner.client.run(|_| async move {
            tokio::select! {
                () = refreshing.refresh() => Ok(()),
                error = ended => Err(error),
            }
        });
        refreshed.wait()?;
        let body = self.encode(registry)?;
        let method = if replaces { Method::PUT } else { Method::POST };
        self.inner.client.send_until(self.outgoing(method, body), until()).wait()
    }

    /// Deletes the group, until something completes.
    pub(super) fn delete_until<U>(&self, until: U) -> Result
    where
        U: Future<Output = Error> + Send + 'static,
    {
        let outgoing = self.outgoing(Method::DELETE, Bytes::new());
        self.inner.client.send_until(outgoing, until).wait()
    }

    fn send(&self, method: Method, collector: &dyn Collector) -> Result<Answered<()>> {
        Ok(self.send_body(method, self.encode(collector)?))
    }

    fn send_body(&self, method: Method, body: Bytes) -> Answered<()> {
        self.inner.client.send(self.outgoing(method, body))
    }

    fn encode(&self, collector: &dyn Collector) -> Result<Bytes> {
        let Inner { encoding, compression, group, .. } = &*self.inner;
        let apart =
            Checked::new(collector, |family: &dyn Family| group::check_labels(family, group));
        let mut body = Vec::new();
        let done = Encoder::new().encode(&apart, *encoding, *compression, None, &mut body);
        apart.outcome(done)?;
        Ok(body.into())
    }

    fn outgoing(&self, method: Method, body: Bytes) -> Outgoing {
        let Inner { url, encoding, compression, .. } = &*self.inner;
        let packed = !body.is_empty() && *compression != ContentCoding::Identity;
        Outgoing {
            method,
            url: url.clone(),
            content_type: encoding.content_type(),
            content_encoding: packed.then(|| compression.as_str()),
            headers: Vec::new(),
            body,
        }
    }
}

async fn refresh(collector: &dyn Collector) -> Result {
    match collector.refresh() {
        Some(refresh) => refresh.await,
        None => Ok(()),
    }
}

/// Settings of a [`PushGateway`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct PushGatewayBuilder {
    address: String,
    job: String,
    labels: BTreeMap<String, String>,
    encoding: Encoding,
    compression: ContentCoding,
    connection: Connection,
}

impl PushGatewayBuilder {
    /// One label of the group beside the job; the last value of a name counts.
    ///
    /// No metric may have a label of the group. A name that is not of the form `[a-zA-Z_][a-zA-Z0-9_]*` is escaped as
    /// [`EscapingScheme::Values`](crate::model::EscapingScheme::Values), which a Pushgateway
    /// undoes if it takes UTF-8 names.
    #[doc(alias = "instance_ip_grouping_key")]
    pub fn grouping_key(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// In which format to send: text 0.0.4, which is the default, or protobuf, which has native
    /// histograms. Names with other letters are escaped as the encoding says, by default with
    /// underscores: older gateways, and newer ones that were not told to, refuse them unescaped.
    pub fn encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// What to compress with; the default is not to.
    pub fn compression(self, coding: ContentCoding) -> Self {
        Self { compression: coding, ..self }
    }

    /// How to reach the gateway: credentials, headers, certificates, proxies, time-outs, and when to
    /// try again.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use narthex::client::{Connection, Retry};
    /// use narthex::push::PushGateway;
    ///
    /// let connection = Connection::new()
    ///     .basic_auth("batch", "a secret")
    ///     .header("X-Scope-OrgID", "shop")
    ///     .timeout(Duration::from_secs(5))
    ///     .retry(Retry::default().with_attempts(5));
    /// let gateway = PushGateway::builder("localhost:9091", "backup").connection(connection).build()?;
    /// # Ok::<(), narthex::Error>(())
    /// ```
    pub fn connection(self, connection: Connection) -> Self {
        Self { connection, ..self }
    }

    /// Builds it; nothing is sent yet.
    ///
    /// ```
    /// use narthex::push::PushGateway;
    ///
    /// let error = PushGateway::builder("ftp://host", "backup").build().unwrap_err();
    /// assert!(error.is_invalid_value());
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the address \"ftp://host\" of the Pushgateway begins with ftp://, not with http or https",
    /// );
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the address is no URL of `http` or `https` or has a user, the
    /// job has no name, or the format, the compression or a setting of the connection cannot be used;
    /// [`Error::is_invalid_label`] if a label of the grouping key is not allowed; and
    /// [`Error::is_io`] if a file of the connection cannot be read.
    pub fn build(self) -> Result<PushGateway> {
        let url = group::url(&self.address, &self.job, &self.labels)?;
        if !matches!(self.encoding.format(), Format::Text004 | Format::Protobuf) {
            let message = format!("a Pushgateway does not read {:?}", self.encoding.format());
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        if !matches!(self.compression.as_str(), "identity" | "gzip") {
            let message = format!("a Pushgateway does not unpack {}", self.compression.as_str());
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let client = Client::new(self.connection)?;
        let Self { encoding, compression, labels: group, .. } = self;
        Ok(PushGateway { inner: Arc::new(Inner { url, group, encoding, compression, client }) })
    }
}
