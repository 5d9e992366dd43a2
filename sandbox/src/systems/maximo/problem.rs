//! The error bodies of Maximo. Callers tell errors apart by reason code, because the HTTP status is 400 for a missing
//! permission and for a bad clause alike.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::query::Refusal;

/// An error that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) text: String,
}

impl Problem {
    fn new(status: StatusCode, reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            text: text.into(),
        }
    }

    /// No credentials, a bad key, or a session without a user.
    pub(super) fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "BMXAA0021E",
            "The user name and password are not valid",
        )
    }

    /// A wrong password at the login.
    pub(super) fn wrong_password() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "BMXAA7901E", "This user cannot sign in now")
    }

    /// The user may not read the object.
    pub(super) fn not_allowed(object: &str) -> Self {
        let text = format!("The READ action is not allowed for the object {object}");
        Self::new(StatusCode::BAD_REQUEST, "BMXAA0024E", text)
    }

    /// There is no such resource.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BMXAA8727E",
            format!("The resource {what} was not found"),
        )
    }

    /// The page size is above the server's maximum. The sources say that the request fails, not with which code.
    pub(super) fn page_too_large(size: u64, maximum: u64) -> Self {
        let text = format!("The page size {size} is above the maximum of {maximum}");
        Self::new(StatusCode::BAD_REQUEST, "BMXAA9549E", text)
    }

    /// A number of the query is no number.
    pub(super) fn bad_number(name: &str, value: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BMXAA2661E",
            format!("The value {value} of {name} is not a number"),
        )
    }

    /// A server-side cursor is unknown, was idle too long, or is asked to go back.
    pub(super) fn cursor_gone() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BMXAA8727E",
            "The stable page is no longer available",
        )
    }

    /// The server only reads.
    pub(super) fn method_not_supported() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "BMXAA8729E",
            "The method is not supported for this resource",
        )
    }

    /// Writes the error body, lean or with prefixes.
    pub(super) fn answer(&self, base: &str, lean: bool) -> Response {
        let status = self.status.as_str();
        let message = format!("{} - {}.", self.reason, self.text);
        let more = format!("{base}/error/messages/{}", self.reason);
        let body = if lean {
            json!({"Error": {
                "extendedError": {"moreInfo": {"href": more}},
                "reasonCode": self.reason,
                "message": message,
                "statusCode": status,
            }})
        } else {
            json!({"oslc:Error": {
                "oslc:extendedError": {"oslc:moreInfo": {"rdf:resource": more}},
                "spi:reasonCode": self.reason,
                "oslc:message": message,
                "oslc:statusCode": status,
            }})
        };
        (self.status, Json(body)).into_response()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        match refusal {
            Refusal::Syntax(text) => Self::new(bad, "BMXAA8744E", format!("The clause is not valid: {text}")),
            Refusal::Unknown(name) => Self::new(
                bad,
                "BMXAA8781E",
                format!("The property {name} is not valid for this resource"),
            ),
            Refusal::Value(text) => Self::new(bad, "BMXAA2661E", format!("The value is not valid: {text}")),
        }
    }
}
