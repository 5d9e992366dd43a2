//! How the receiver answers: a status, late or never, with a Retry-After or a Location header.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// How the receiver answers one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// The status of the answer.
    pub status: u16,
    /// Milliseconds before the answer.
    pub delay_ms: u64,
    /// Seconds in a Retry-After header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// Never answers; the connection stays open until the client or the receiver ends it.
    pub hang: bool,
    /// Where a redirect leads, for statuses of redirects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The text of the answer.
    pub body: String,
}

impl Default for Reply {
    fn default() -> Self {
        Self::status(204)
    }
}

impl Reply {
    /// Answers at once with a status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            delay_ms: 0,
            retry_after_s: None,
            hang: false,
            location: None,
            body: String::new(),
        }
    }

    /// Takes the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self {
            hang: true,
            ..Self::default()
        }
    }

    /// Answers later.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Adds a Retry-After header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(super) fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body.clone()).into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let location = self.location.as_ref().and_then(|to| HeaderValue::from_str(to).ok());
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
