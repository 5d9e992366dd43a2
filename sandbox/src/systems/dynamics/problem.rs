//! What the directory refuses, with its numbers: told as JSON at the token endpoint, on a page or by a redirect at the
//! sign-in.

use http::StatusCode;
use serde_json::{Value, json};

use crate::grants::Refusal;
use crate::state::SystemState;

/// A refusal: its status at the token endpoint, its OAuth error, its number and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    number: u32,
    text: String,
}

impl Problem {
    pub(super) fn new(error: &'static str, number: u32, text: impl Into<String>) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error,
            number,
            text: text.into(),
        }
    }

    pub(super) fn invalid_grant(number: u32, text: impl Into<String>) -> Self {
        Self::new("invalid_grant", number, text)
    }

    pub(super) fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            ..Self::new("invalid_request", 900_561, "The endpoint only accepts POST requests.")
        }
    }

    pub(super) fn tenant(name: &str) -> Self {
        let text = format!("Tenant '{name}' not found. Check to make sure you have the correct tenant ID.");
        Self::new("invalid_request", 90_002, text)
    }

    pub(super) fn application(id: &str) -> Self {
        let text = format!("Application with identifier '{id}' was not found in the directory.");
        Self::new("unauthorized_client", 700_016, text)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, text)
    }

    pub(super) fn scope(scope: &str) -> Self {
        let text = format!("The provided value for the input parameter 'scope' is not valid: '{scope}'.");
        Self::new("invalid_scope", 70_011, text)
    }

    pub(super) fn code(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Expired => Self::invalid_grant(
                70_008,
                "The provided authorization code has expired. Send a new interactive authorization request.",
            ),
            Refusal::Redeemed => Self::invalid_grant(54_005, "The authorization code was already redeemed."),
            other => Self::grant("code", other),
        }
    }

    pub(super) fn refresh_token(refusal: Refusal) -> Self {
        Self::grant("refresh_token", refusal)
    }

    fn grant(parameter: &str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::PasswordChanged => Self::invalid_grant(
                50_173,
                "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
            ),
            Refusal::Revoked => Self::invalid_grant(
                50_173,
                "The provided grant has been revoked, a fresh auth token is needed.",
            ),
            Refusal::Reused => Self::invalid_grant(
                70_000,
                "The refresh token was used too often; its grant has been revoked.",
            ),
            Refusal::Unknown | Refusal::Expired | Refusal::Redeemed => Self::invalid_grant(
                70_000,
                format!("The provided value for the input parameter '{parameter}' is not valid."),
            ),
        }
    }

    /// Returns the text with its number in front.
    pub(super) fn description(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// Returns the body of an answer of the token endpoint.
    pub(super) fn document(&self, state: &SystemState) -> Value {
        json!({
            "error": self.error,
            "error_description": self.description(),
            "error_codes": [self.number],
            "timestamp": state.now().format("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": "1c5d0d0e-5d65-4a3c-9b02-1f1f2a7b0c00",
            "correlation_id": "8a1f6a1e-7a0f-45c5-8f3b-3a5f0f9e4d11",
            "error_uri": format!("{}/error?code={}", state.base_url, self.number),
        })
    }
}
