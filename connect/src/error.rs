//! What can go wrong with a system, in one closed set of kinds.

use std::{fmt, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::BusinessRule;

/// The kind of a failure. Closed: every connector's failures fall into one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The system refused the credentials. Somebody must sign in again; never retried.
    InvalidCredentials,
    /// The session or token has ended; a new login is tried once.
    SessionExpired,
    /// The account may not do this.
    PermissionDenied,
    /// The system, or this installation of it, does not offer this.
    NotSupported,
    /// The system asks for fewer calls.
    RateLimited,
    /// The system refused the request as wrong.
    InvalidRequest,
    /// The record was changed or is locked by somebody else.
    Conflict,
    /// There is no such record.
    NotFound,
    /// The system is down, overloaded or in maintenance.
    Unavailable,
    /// The system did not answer in time.
    Timeout,
    /// The system cannot be reached.
    Network,
    /// No safe channel to the system could be made.
    Tls,
    /// The answer is not what the system's API promises.
    MalformedResponse,
    /// The answer is larger than allowed.
    ResponseTooLarge,
    /// Too many failures in a row; calls are held back for a while.
    CircuitOpen,
    /// The time that the query had is used up.
    DeadlineExceeded,
    /// The connection waits for somebody to sign in again; nothing was sent.
    ReauthorizationRequired,
    /// The connection's settings do not fit the connector.
    InvalidSettings,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Returns the stable code of the public API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotSupported => "NOT_SUPPORTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::InvalidRequest => "UPSTREAM_INVALID_REQUEST",
            Self::Conflict => "CONFLICT",
            Self::NotFound => "NOT_FOUND",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Network => "UNREACHABLE",
            Self::Tls => "TLS_FAILED",
            Self::MalformedResponse => "MALFORMED_RESPONSE",
            Self::ResponseTooLarge => "RESPONSE_TOO_LARGE",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::ReauthorizationRequired => "REAUTH_REQUIRED",
            Self::InvalidSettings => "INVALID_SETTINGS",
            Self::Internal => "INTERNAL",
        }
    }

    /// Returns whether asking again later may succeed without a change by anybody.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Unavailable
                | Self::Timeout
                | Self::Network
                | Self::CircuitOpen
                | Self::DeadlineExceeded
                | Self::MalformedResponse
        )
    }

    /// Returns whether the failure speaks against the health of the system, and so counts for the breaker.
    #[must_use]
    pub const fn is_fault_of_system(self) -> bool {
        matches!(
            self,
            Self::Unavailable
                | Self::Timeout
                | Self::Network
                | Self::Tls
                | Self::MalformedResponse
                | Self::ResponseTooLarge
        )
    }
}

/// What an explicit answer says about the credentials. Busy or broken systems and the network never say such a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialReason {
    /// They are wrong.
    InvalidCredentials,
    /// They have run out.
    Expired,
    /// Somebody took them back.
    Revoked,
    /// They do not cover what is asked for.
    MissingScope,
}

impl CredentialReason {
    /// Returns the stable code of the public API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::Expired => "EXPIRED",
            Self::Revoked => "REVOKED",
            Self::MissingScope => "MISSING_SCOPE",
        }
    }
}

/// Returns whether an answer with this status can say something about credentials at all.
pub(crate) const fn speaks_of_credentials(status: u16) -> bool {
    status != 429 && status < 500
}

/// A failure of one operation on one connection. Cheap to clone: one failure may answer many callers.
#[derive(Clone, Debug)]
pub struct Error(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    remote_code: Option<String>,
    remote_message: Option<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    reason: Option<CredentialReason>,
    reach: Reach,
    rule: Option<BusinessRule>,
    remote_field: Option<String>,
    wrong_fields: Vec<WrongField>,
    spoken_of: Option<SpokenOf>,
    cursor_expired: bool,
    nothing_found: bool,
}

/// One of several fields that the system found wrong, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongField {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) rule: Option<BusinessRule>,
}

/// A record that the system spoke of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpokenOf {
    /// The table, model or entity set.
    pub(crate) remote: String,
    pub(crate) key: String,
}

/// How far a request came before it failed: whether the system may have carried it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It did not leave: nothing was carried out.
    #[default]
    NotSent,
    /// The system answered.
    Answered,
    /// It left and no answer came, or none that could be read.
    Unknown,
}

impl Error {
    /// Makes an error. The message is lower case, without full stop, and safe to show to API clients.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            remote_code: None,
            remote_message: None,
            status: None,
            retry_after: None,
            reason: None,
            reach: Reach::NotSent,
            rule: None,
            remote_field: None,
            wrong_fields: Vec::new(),
            spoken_of: None,
            cursor_expired: false,
            nothing_found: false,
        }))
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Adds the system's own code and message, cut to 500 characters.
    #[must_use]
    pub fn with_remote(self, code: Option<String>, message: Option<String>) -> Self {
        self.change(|inner| {
            inner.remote_code = code.map(|text| cut(&text, 100));
            inner.remote_message = message.map(|text| cut(&text, 500));
        })
    }

    /// Adds the HTTP status. With a status the system has answered, unless it is known that the answer is worth nothing.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.change(|inner| {
            inner.status = Some(status);
            if inner.reach == Reach::NotSent {
                inner.reach = Reach::Answered;
            }
        })
    }

    /// Adds how long the system asks to wait.
    #[must_use]
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.change(|inner| inner.retry_after = wait)
    }

    /// Adds what it says about the credentials.
    #[must_use]
    pub fn with_reason(self, reason: Option<CredentialReason>) -> Self {
        self.change(|inner| inner.reason = reason)
    }

    /// Adds how far the request came.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        self.change(|inner| inner.reach = reach)
    }

    /// Adds which rule of the business the system named, and the field that it found wrong, in its own words.
    #[must_use]
    pub fn with_rule(self, rule: Option<BusinessRule>, field: Option<String>) -> Self {
        self.change(|inner| {
            inner.rule = rule;
            inner.remote_field = field.map(|text| cut(&text, 100));
        })
    }

    /// Adds the fields that the system found wrong, each with its own words.
    #[must_use]
    pub(crate) fn with_wrong_fields(self, fields: Vec<WrongField>) -> Self {
        self.change(|inner| {
            inner.wrong_fields = fields;
            for field in &mut inner.wrong_fields {
                field.name = cut(&field.name, 100);
                field.message = cut(&field.message, 500);
            }
        })
    }

    /// Returns the fields that the system found wrong, where it told each by itself.
    #[must_use]
    pub(crate) fn wrong_fields(&self) -> &[WrongField] {
        &self.0.wrong_fields
    }

    /// Adds the record that the system spoke of.
    #[must_use]
    pub(crate) fn with_spoken_of(self, record: Option<SpokenOf>) -> Self {
        self.change(|inner| inner.spoken_of = record)
    }

    /// Marks it as saying that the cursor of a list was forgotten.
    #[must_use]
    pub(crate) fn with_cursor_expired(self, expired: bool) -> Self {
        self.change(|inner| inner.cursor_expired = expired)
    }

    /// Returns whether the system said that it forgot the cursor of a list.
    #[must_use]
    pub(crate) fn cursor_expired(&self) -> bool {
        self.0.cursor_expired
    }

    /// Marks it as saying that a list found nothing.
    #[must_use]
    pub(crate) fn with_nothing_found(self, nothing: bool) -> Self {
        self.change(|inner| inner.nothing_found = nothing)
    }

    /// Returns whether the system said so that a list found nothing.
    #[must_use]
    pub(crate) fn nothing_found(&self) -> bool {
        self.0.nothing_found
    }

    /// Returns whether the system may have carried out the request that failed so, had it been one that changes
    /// something: no answer came, or one that tells nothing.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        match self.reach() {
            Reach::NotSent => false,
            Reach::Unknown => true,
            Reach::Answered if self.rule() == Some(BusinessRule::Repeated) => true,
            Reach::Answered => self.rule().is_none() && tells_nothing(self.kind(), self.status()),
        }
    }

    /// Returns how far the request came.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.0.reach
    }

    /// Returns which rule of the business the system named.
    #[must_use]
    pub fn rule(&self) -> Option<BusinessRule> {
        self.0.rule
    }

    /// Returns the field that the system found wrong, in its own words.
    #[must_use]
    pub fn remote_field(&self) -> Option<&str> {
        self.0.remote_field.as_deref()
    }

    /// Returns the record that the system spoke of.
    #[must_use]
    pub(crate) fn spoken_of(&self) -> Option<&SpokenOf> {
        self.0.spoken_of.as_ref()
    }

    /// Returns whether it is the very same failure, told to another caller.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns its message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the system's own code.
    #[must_use]
    pub fn remote_code(&self) -> Option<&str> {
        self.0.remote_code.as_deref()
    }

    /// Returns the system's own message.
    #[must_use]
    pub fn remote_message(&self) -> Option<&str> {
        self.0.remote_message.as_deref()
    }

    /// Returns the HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns what an explicit answer said about the credentials. None for every failure that is no such answer, and
    /// always for answers of busy or broken systems.
    #[must_use]
    pub fn reason(&self) -> Option<CredentialReason> {
        if self.status().is_some_and(|status| !speaks_of_credentials(status)) {
            return None;
        }
        match self.kind() {
            ErrorKind::InvalidCredentials => self.0.reason.or(Some(CredentialReason::InvalidCredentials)),
            ErrorKind::PermissionDenied | ErrorKind::ReauthorizationRequired => self.0.reason,
            _ => None,
        }
    }

    /// Returns how long the system asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

/// Returns whether an answer leaves open what became of the request. A status below 500 is a refusal, but for one that
/// tells of lost time, and for redirects that may follow a request that was carried out.
const fn tells_nothing(kind: ErrorKind, status: Option<u16>) -> bool {
    let is_fault = kind.is_fault_of_system() || matches!(kind, ErrorKind::Internal | ErrorKind::DeadlineExceeded);
    match status {
        None => true,
        Some(301 | 307 | 308) => false,
        Some(status) => is_fault && (status < 400 || status == 408 || status >= 500),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(remote) = &self.0.remote_message {
            write!(f, ": {remote}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
