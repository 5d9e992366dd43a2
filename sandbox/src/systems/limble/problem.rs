//! The error bodies of Limble, in their two shapes: one of the sign-in layer, one of everything behind it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// An error that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// No Authorization header, or one that is not Basic.
    NoCredentials,
    /// A wrong or revoked key: the same status as a missing permission.
    BadCredentials,
    /// The key is good but may not see this.
    NotPermitted,
    /// A parameter has a bad value or is unknown.
    Parameter(String),
    /// Parameters that do not go together, or a state that does not allow the change.
    Conflict(&'static str),
    NotFound(String),
    /// What is to be made is there already.
    Exists(String),
    /// The order may not go to this state from the present one.
    Transition,
    MethodNotSupported,
    TooMany,
}

impl Problem {
    pub(super) fn into_response(self) -> Response {
        let signing_in = |status: StatusCode, text: &str| {
            (
                status,
                Json(json!({"error": status.as_u16(), "success": false, "msg": text})),
            )
                .into_response()
        };
        let other = |status: StatusCode, text: &str| (status, Json(json!({"message": text}))).into_response();
        match self {
            Self::NoCredentials => signing_in(StatusCode::UNAUTHORIZED, "Authorization is missing"),
            Self::BadCredentials => signing_in(StatusCode::FORBIDDEN, "The client id or secret is not valid"),
            Self::NotPermitted => other(StatusCode::FORBIDDEN, "The resource cannot be accessed"),
            Self::Parameter(text) => {
                let status = StatusCode::BAD_REQUEST;
                (
                    status,
                    Json(json!({"error": {"status": status.as_u16(), "message": text}})),
                )
                    .into_response()
            }
            Self::Conflict(text) => other(StatusCode::BAD_REQUEST, text),
            Self::Exists(text) => other(StatusCode::CONFLICT, &text),
            Self::Transition => {
                let text = "Transition not allowed from current state";
                let body = json!({"success": false, "message": text});
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::NotFound(path) => other(StatusCode::NOT_FOUND, &format!("{path} was not found")),
            Self::MethodNotSupported => other(StatusCode::NOT_IMPLEMENTED, "The method is not supported"),
            Self::TooMany => other(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        }
    }
}
