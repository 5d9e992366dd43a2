//! What Tryton reports: exceptions inside a 200 answer, or bare HTML pages with a status.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::systems::orm::Failure;

const CONCURRENCY: &str = "Records were modified in the meanwhile";

/// A refusal of the server.
#[derive(Debug, Clone)]
pub(super) enum TrytonError {
    /// `["UserError", [message, description, domain]]`.
    User(String),
    /// `["LoginException", [name, message, type]]`.
    Login(String),
    /// The optimistic lock: somebody else was faster.
    Concurrency,
    /// A Python exception: its text and nothing more.
    Python(String),
    /// An HTML page.
    Page(StatusCode, &'static str),
    /// 401 without a body, as for a session that ended.
    NoSession,
}

impl TrytonError {
    /// A Python `KeyError`: unknown fields and models look the same.
    pub(super) fn key(name: &str) -> Self {
        Self::Python(format!("'{name}'"))
    }

    pub(super) fn not_allowed(label: &str) -> Self {
        Self::User(format!("You are not allowed to access \"{label}\"."))
    }

    pub(super) fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::UnknownField { field, .. } | Failure::UnknownOrder { field, .. } => Self::key(&field),
            Failure::NotStored { model, field } => {
                Self::Python(format!("Missing search function on field \"{field}\" of \"{model}\"."))
            }
            Failure::BadValue(message) => Self::Python(message),
        }
    }

    /// Returns the error member of an answer with an envelope; none for those that are pages.
    pub(super) fn member(&self) -> Option<Value> {
        match self {
            Self::User(message) => Some(json!(["UserError", [message, "", null]])),
            Self::Login(message) => Some(json!(["LoginException", ["password", message, "password"]])),
            Self::Concurrency => Some(json!(["ConcurrencyException", CONCURRENCY])),
            Self::Python(text) => Some(json!([text, ""])),
            Self::Page(..) | Self::NoSession => None,
        }
    }

    /// Returns the answer for a request without an envelope, and for pages.
    pub(super) fn page(&self) -> Response {
        match self {
            Self::User(message) => page(StatusCode::BAD_REQUEST, &format!("{message} - ")),
            Self::Login(message) | Self::Python(message) => page(StatusCode::BAD_REQUEST, message),
            Self::Concurrency => page(StatusCode::CONFLICT, CONCURRENCY),
            Self::Page(status, text) => page(*status, text),
            Self::NoSession => {
                let mut response = StatusCode::UNAUTHORIZED.into_response();
                let headers = response.headers_mut();
                headers.insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; charset=utf-8"),
                );
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"Tryton\""),
                );
                response
            }
        }
    }
}

fn page(status: StatusCode, text: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
    let code = status.as_u16();
    let body =
        format!("<!doctype html>\n<html lang=en>\n<title>{code} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n");
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}
