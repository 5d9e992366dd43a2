//! Why the server closes a socket: code and reason.

use std::borrow::Cow;

use crate::transport::{AuthError, EndReason};

/// Bytes that a reason may have by the protocol: a control frame has 125, the code takes two.
const REASON_BYTES: usize = 123;

/// A code and a reason that fits into a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
    /// Whether what waits in the queue is sent first.
    pub(super) is_orderly: bool,
}

impl Close {
    pub(super) fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: cut(reason.into()),
            is_orderly: false,
        }
    }

    /// A message that the protocol does not know.
    pub(super) fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(4400, reason)
    }

    /// The server stops; clients come back to another one, or later.
    pub(super) fn stopping() -> Self {
        Self {
            is_orderly: true,
            ..Self::new(1001, "the server is stopping")
        }
    }

    pub(super) fn internal() -> Self {
        Self::new(4500, "Internal server error")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(1009, format!("a message may have at most {limit} bytes"))
    }
}

impl From<AuthError> for Close {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unauthenticated(message) | AuthError::Forbidden(message) => {
                Self::new(4403, format!("Forbidden: {message}"))
            }
            AuthError::TooManyRequests { .. } | AuthError::Unavailable { .. } => Self::new(1013, error.to_string()),
            AuthError::Internal(_) => {
                tracing::error!(%error, "a caller could not be checked");
                Self::internal()
            }
        }
    }
}

impl From<EndReason> for Close {
    fn from(reason: EndReason) -> Self {
        Self::new(4403, format!("Forbidden: {}", reason.message()))
    }
}

fn cut(reason: Cow<'static, str>) -> Cow<'static, str> {
    if reason.len() <= REASON_BYTES {
        return reason;
    }
    let mut reason = reason.into_owned();
    let end = (0..=REASON_BYTES).rfind(|&at| reason.is_char_boundary(at));
    reason.truncate(end.unwrap_or_default());
    reason.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_cut_to_123_bytes_between_characters() {
        assert_eq!(Close::new(4400, "ä".repeat(100)).reason, "ä".repeat(61));
        assert_eq!(Close::new(4400, "x".repeat(123)).reason.len(), 123);
        assert_eq!(Close::new(4400, "x".repeat(124)).reason.len(), 123);
    }
}
