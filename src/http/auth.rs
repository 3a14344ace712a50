//! Who is let in: by name and password, or by token.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::Semaphore;

use crate::error::{Error, ErrorKind, Result};

/// Who may see the metrics.
///
/// Nobody else does: every path is answered 401, but for those that are excepted. Names, passwords
/// and tokens are compared in a time that depends on their lengths alone. A password that is known
/// as a hash takes as long as the hash was made to cost, once; after that the same password is
/// remembered. Servers hash one password at a time, beside their connections.
///
/// [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617) and
/// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).
///
/// ```
/// use narthex::CollectorRegistry;
/// use narthex::http::{Authentication, MetricsHandler, Request};
///
/// let who = Authentication::new().user("prometheus", "a secret")?.bearer("a token")?;
/// let handler = MetricsHandler::builder(&CollectorRegistry::new()).authentication(who).build()?;
///
/// let request = Request::new("GET", "/metrics");
/// let refused = handler.respond(&request);
/// assert_eq!(refused.status(), 401);
/// assert_eq!(
///     refused.header("www-authenticate"),
///     Some("Basic realm=\"metrics\", charset=\"UTF-8\", Bearer realm=\"metrics\""),
/// );
/// let known = request.with_header("Authorization", "Bearer a token");
/// assert_eq!(handler.respond(&known).status(), 200);
/// # Ok::<(), narthex::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Authentication {
    users: Vec<User>,
    tokens: Vec<String>,
    excepted: Vec<String>,
    /// For who is not known, so that it takes as long to say so.
    decoy: Option<String>,
    turns: Arc<Semaphore>,
}

#[derive(Clone)]
struct User {
    name: String,
    password: Password,
}

#[derive(Clone)]
enum Password {
    Plain(String),
    Hashed(Arc<Hashed>),
}

struct Hashed {
    hash: String,
    /// The password that was found to be right.
    known: Mutex<Option<Vec<u8>>>,
}

impl Authentication {
    /// Nobody is let in yet.
    pub fn new() -> Self {
        Self {
            users: Vec::new(),
            tokens: Vec::new(),
            excepted: Vec::new(),
            decoy: None,
            turns: Arc::new(Semaphore::new(1)),
        }
    }

    /// Lets a user in by name and password.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the name has a colon or is there already.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Result<Self> {
        let name = self.new_name(name.into())?;
        self.users.push(User { name, password: Password::Plain(password.into()) });
        Ok(self)
    }

    /// Lets a user in by name and password, of which the bcrypt hash is given, as `htpasswd -B`
    /// and the [web configuration](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md)
    /// of exporters have it.
    ///
    /// ```
    /// use narthex::http::Authentication;
    ///
    /// let error = Authentication::new().hashed_user("alice", "secret").unwrap_err();
    /// assert_eq!(error.to_string(), "the password of the user \"alice\" is no bcrypt hash");
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if the name has a colon or is there already, or the hash is none.
    pub fn hashed_user(mut self, name: impl Into<String>, hash: impl Into<String>) -> Result<Self> {
        let (name, hash) = (self.new_name(name.into())?, hash.into());
        let parts: Option<bcrypt::HashParts> = hash.parse().ok();
        let cost = parts.map(|parts| parts.get_cost()).filter(|cost| (4..=31).contains(cost));
        let Some(cost) = cost else {
            return Err(invalid(format!("the password of the user {name:?} is no bcrypt hash")));
        };
        if self.decoy.as_deref().and_then(|decoy| decoy.get(4..6)?.parse().ok()) < Some(cost) {
            self.decoy = Some(format!("$2b${cost:02}${}", ".".repeat(53)));
        }
        let hashed = Arc::new(Hashed { hash, known: Mutex::default() });
        self.users.push(User { name, password: Password::Hashed(hashed) });
        Ok(self)
    }

    /// Lets in whoever has a token.
    ///
    /// # Errors
    /// [`Error::is_invalid_value`] if it is empty, or cannot stand in a header.
    pub fn bearer(mut self, token: impl Into<String>) -> Result<Self> {
        let token = token.into();
        if token.is_empty() || token.trim() != token || !token.bytes().all(is_printable) {
            return Err(invalid("a token is empty, or has characters that a header cannot have"));
        }
        self.tokens.push(token);
        Ok(self)
    }

    /// Lets everybody see a path, such as one that tells whether the program is well.
    pub fn except(mut self, path: impl Into<String>) -> Self {
        self.excepted.push(path.into());
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// How one says who one is.
    pub(super) fn challenge(&self) -> &'static str {
        match (self.users.is_empty(), self.tokens.is_empty()) {
            (true, _) => "Bearer realm=\"metrics\"",
            (false, true) => "Basic realm=\"metrics\", charset=\"UTF-8\"",
            (false, false) => {
                "Basic realm=\"metrics\", charset=\"UTF-8\", Bearer realm=\"metrics\""
            }
        }
    }

    /// Who may hash a password now.
    pub(super) fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }

    /// Whether to let in who sends this header to this path.
    pub(super) fn judge(&self, path: &str, authorization: Option<&str>) -> Verdict {
        if self.excepted.iter().any(|excepted| excepted == path) {
            return Verdict::Known;
        }
        let Some((scheme, rest)) = authorization.and_then(|line| line.split_once(' ')) else {
            return Verdict::Unknown;
        };
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.judge_token(rest);
        }
        let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(rest).ok());
        let Some(Some(mut name)) = decoded else { return Verdict::Unknown };
        let Some(colon) = name.iter().position(|byte| *byte == b':') else {
            return Verdict::Unknown;
        };
        let password = name.split_off(colon + 1);
        name.truncate(colon);
        self.judge_user(&name, password)
    }

    fn judge_token(&self, token: &str) -> Verdict {
        let any = self.tokens.iter().fold(Choice::from(0), |any, known| any | same(known, token));
        Verdict::of(any)
    }

    /// Looks at every user, so that the time does not tell who is one.
    fn judge_user(&self, name: &[u8], password: Vec<u8>) -> Verdict {
        let mut known = Choice::from(0);
        let mut is_plain = Choice::from(0);
        let mut hashed = None;
        for user in &self.users {
            let named = same(&user.name, name);
            match &user.password {
                Password::Plain(right) => {
                    is_plain |= named;
                    known |= named & same(right, &password);
                }
                Password::Hashed(right) => {
                    let right_again = right.known.lock();
                    known |=
                        named & right_again.as_ref().map_or(0.into(), |it| same(it, &password));
                    if named.into() {
                        hashed = Some(Arc::clone(right));
                    }
                }
            }
        }
        if known.into() || is_plain.into() {
            return Verdict::of(known);
        }
        match (hashed, &self.decoy) {
            (None, None) => Verdict::Unknown,
            (hashed, decoy) => {
                Verdict::Costly(Verification { hashed, decoy: decoy.clone(), password })
            }
        }
    }

    fn new_name(&self, name: String) -> Result<String> {
        if name.contains(':') || name.chars().any(char::is_control) {
            let message = format!("the user {name:?} has a character that cannot be sent");
            return Err(invalid(message));
        }
        match self.users.iter().any(|user| user.name == name) {
            true => Err(invalid(format!("the user {name:?} is there already"))),
            false => Ok(name),
        }
    }
}

fn same(known: impl AsRef<[u8]>, sent: impl AsRef<[u8]>) -> Choice {
    known.as_ref().ct_eq(sent.as_ref())
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

impl Default for Authentication {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.users.iter().map(|user| &*user.name);
        f.debug_struct("Authentication")
            .field("users", &names.collect::<Vec<_>>())
            .field("tokens", &self.tokens.len())
            .field("excepted", &self.excepted)
            .finish_non_exhaustive()
    }
}

/// What is known of who asks.
pub(super) enum Verdict {
    Known,
    Unknown,
    /// A password has to be hashed, which takes its time.
    Costly(Verification),
}

impl Verdict {
    fn of(known: Choice) -> Self {
        if known.into() { Self::Known } else { Self::Unknown }
    }
}

/// A password that may be right.
pub(super) struct Verification {
    hashed: Option<Arc<Hashed>>,
    decoy: Option<String>,
    password: Vec<u8>,
}

impl Verification {
    /// Hashes it, and remembers it if it is right.
    pub(super) fn holds(self) -> bool {
        let Some(hashed) = self.hashed else {
            // Only for the time that it takes.
            let _ = self.decoy.map(|decoy| bcrypt::verify(&self.password, &decoy));
            return false;
        };
        let holds = hashed.is_known(&self.password)
            || bcrypt::verify(&self.password, &hashed.hash).unwrap_or(false);
        if holds {
            *hashed.known.lock() = Some(self.password);
        }
        holds
    }
}

impl Hashed {
    fn is_known(&self, password: &[u8]) -> bool {
        self.known.lock().as_ref().is_some_and(|known| same(known, password).into())
    }
}
