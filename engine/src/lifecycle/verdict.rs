//! Tells what the failure of an operation says about its connection. The one place where that is decided: only an
//! explicit answer about credentials speaks against them.

use lineshaft_connect::{Error, ErrorKind, error::CredentialReason};

use super::Reason;

/// What a failure says about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The system said that the credentials are no good.
    Refused(Reason),
    /// The system is not well, or cannot be reached.
    Fault(Reason),
    /// Calls are held back; nothing was sent.
    HeldBack,
    /// The system asks for fewer calls.
    Limited,
    /// The account may not do this.
    Denied,
    /// The system does not offer this.
    Unsupported,
    /// Something is wrong on our side or with the settings.
    Unfit,
    /// Nothing about the connection.
    Nothing,
}

/// Returns what a failure says.
pub(crate) fn verdict(error: &Error) -> Verdict {
    if let Some(reason) = refusal(error) {
        return Verdict::Refused(reason);
    }
    match error.kind() {
        ErrorKind::Network => Verdict::Fault(Reason::Network),
        ErrorKind::Tls => Verdict::Fault(Reason::Tls),
        ErrorKind::Timeout => Verdict::Fault(Reason::Timeout),
        ErrorKind::Unavailable => Verdict::Fault(Reason::Remote5xx),
        ErrorKind::MalformedResponse | ErrorKind::ResponseTooLarge => Verdict::Fault(Reason::MalformedResponse),
        ErrorKind::CircuitOpen => Verdict::HeldBack,
        ErrorKind::RateLimited => Verdict::Limited,
        ErrorKind::PermissionDenied => Verdict::Denied,
        ErrorKind::NotSupported => Verdict::Unsupported,
        ErrorKind::InvalidSettings | ErrorKind::Internal => Verdict::Unfit,
        ErrorKind::InvalidCredentials
        | ErrorKind::ReauthorizationRequired
        | ErrorKind::SessionExpired
        | ErrorKind::InvalidRequest
        | ErrorKind::Conflict
        | ErrorKind::NotFound
        | ErrorKind::DeadlineExceeded => Verdict::Nothing,
    }
}

/// Returns why the system refused the credentials, if it said so. A busy or broken system says no such thing, whatever
/// its answer looks like.
fn refusal(error: &Error) -> Option<Reason> {
    if error.status().is_some_and(|status| status == 429 || status >= 500) {
        return None;
    }
    match (error.reason(), error.kind()) {
        (Some(CredentialReason::InvalidCredentials), _) | (None, ErrorKind::ReauthorizationRequired) => {
            Some(Reason::InvalidCredentials)
        }
        (Some(CredentialReason::Expired), _) => Some(Reason::Expired),
        (Some(CredentialReason::Revoked), _) => Some(Reason::Revoked),
        (Some(CredentialReason::MissingScope), _) => Some(Reason::MissingScope),
        (None, _) => None,
    }
}
