//! Reads what pages send: who they are, and forms with their types checked. A form of another site never passes: it
//! lacks the header, the type of the body and the cookie.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use lineshaft_api::transport::RequestId;
use lineshaft_engine::{
    connections::Deployment,
    credentials::SecretFields,
    links::{Submission, Visitor},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{COOKIE, answer};
use crate::http::around::Peer;

const MOST_BYTES: usize = 128 * 1024;
const TIME: Duration = Duration::from_secs(10);
const PAGE: &str = "x-lineshaft-page";

/// A request of a page.
pub(super) struct FromPage {
    pub(super) visitor: Visitor,
    headers: HeaderMap,
}

/// A form as a page sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    connector: Option<String>,
    deployment: Option<Deployment>,
    #[serde(default)]
    settings: Map<String, Value>,
    way: Option<String>,
    #[serde(default)]
    credentials: Map<String, Value>,
    #[serde(default)]
    window: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for FromPage {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            visitor: visitor(parts),
            headers: parts.headers.clone(),
        })
    }
}

impl FromPage {
    /// Returns the refusal of a request that no page of ours makes.
    pub(super) fn refusal(&self) -> Option<Response> {
        if !is_json(&self.headers) {
            let message = "send the body as `content-type: application/json`";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Some(answer::wrong(status, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        if self.headers.get(PAGE).is_none_or(|value| value != "1") {
            let message = "only the page itself may ask for this";
            return Some(answer::wrong(StatusCode::FORBIDDEN, "FORBIDDEN", message));
        }
        None
    }

    /// Reads a form.
    pub(super) async fn submission(&self, body: Body) -> Result<Submission, Response> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let form: Form = read(body).await?;
        Ok(Submission {
            connector: form.connector,
            deployment: form.deployment,
            settings: form.settings,
            way: form.way,
            credentials: SecretFields::new(form.credentials),
            in_window: form.window,
        })
    }
}

/// Returns who visits.
pub(super) fn visitor(parts: &Parts) -> Visitor {
    Visitor {
        cookie: cookie(&parts.headers),
        address: address(parts),
        request_id: Some(Arc::from(RequestId::from_headers(&parts.headers).as_str())),
    }
}

/// Returns the network address that a request came from.
pub(super) fn address(parts: &Parts) -> Option<String> {
    parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_string())
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Reads a JSON object within bounds of size and time.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Response> {
    let bytes = match tokio::time::timeout(TIME, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let message = format!("the body is longer than {MOST_BYTES} bytes or broke off");
            return Err(answer::wrong(
                StatusCode::PAYLOAD_TOO_LARGE,
                "PAYLOAD_TOO_LARGE",
                &message,
            ));
        }
        Err(_) => {
            let message = "the body did not arrive in time";
            return Err(answer::wrong(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message));
        }
    };
    // A list would be taken for the members of the object in order.
    let text = bytes.trim_ascii_start();
    let parsed = match text.first() {
        Some(b'{') => serde_json::from_slice(text).map_err(|error| place_of(&error)),
        _ => Err("the body is no JSON object".to_owned()),
    };
    parsed.map_err(|problem| answer::wrong(StatusCode::BAD_REQUEST, "INVALID_JSON", &problem))
}

/// Says where JSON is wrong. What it says there may be a credential and is not repeated.
fn place_of(error: &serde_json::Error) -> String {
    let what = if error.is_data() {
        "does not have the expected form"
    } else {
        "is no JSON"
    };
    format!("the body {what} at line {}, column {}", error.line(), error.column())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = all
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// Splits a request so that its parts can be looked at before its body is read.
pub(super) fn split(request: Request) -> (Parts, Body) {
    request.into_parts()
}
