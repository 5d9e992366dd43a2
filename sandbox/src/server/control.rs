//! The `/_sandbox` paths by which another process sets faults, expires credentials, denies entities and reads the logs.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::{Json, body};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Shared, credentials, guards, lock};
use crate::account::Account;
use crate::fault::Fault;
use crate::grants::TokenRules;

/// Whose credentials expire; the demo account's when nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Whose {
    account: Account,
}

/// Which entity is denied or allowed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    entity: String,
}

/// Why nothing was done.
enum Refusal {
    NotFound,
    Bad(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Bad(text) => (StatusCode::BAD_REQUEST, text).into_response(),
        }
    }
}

pub(super) async fn answer(shared: &Shared, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(content) = body::to_bytes(body, 64 * 1024).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = head.uri.path().trim_start_matches("/_sandbox/");
    let answered = match path {
        "fault" | "calls" => log_and_fault(shared, &head.method, path, &content),
        "deny" | "allow" => permissions(shared, &head.method, path, &content),
        "sign-ins" => sign_ins(shared, &head.method),
        "token-rules" => token_rules(shared, &head.method, &content),
        "csrf/end" | "locks" | "periods" => {
            let done_so = guards::control(shared, &head.method, path, &content);
            done_so.map_or(Err(Refusal::NotFound), |result| {
                result.map(|()| done()).map_err(Refusal::Bad)
            })
        }
        _ => sessions(shared, &head.method, path, &content),
    };
    answered.into_response()
}

fn log_and_fault(shared: &Shared, method: &Method, path: &str, content: &[u8]) -> Result<Response, Refusal> {
    match (method, path) {
        (&Method::PUT, "fault") => shared.set_fault(Some(parse::<Fault>(content)?)),
        (&Method::GET, "fault") => return Ok(Json(lock(&shared.fault).clone()).into_response()),
        (&Method::DELETE, "fault") => shared.set_fault(None),
        (&Method::GET, "calls") => return Ok(Json(lock(&shared.calls).clone()).into_response()),
        (&Method::DELETE, "calls") => lock(&shared.calls).clear(),
        _ => return Err(Refusal::NotFound),
    }
    Ok(done())
}

fn permissions(shared: &Shared, method: &Method, path: &str, content: &[u8]) -> Result<Response, Refusal> {
    match *method {
        Method::POST => {
            let which: Which = parse(content)?;
            let changed = shared.state.permit(&which.entity, path == "allow");
            changed.map_err(|unknown| Refusal::Bad(unknown.to_string()))?;
            Ok(done())
        }
        Method::GET => Ok(Json(shared.state.denied()).into_response()),
        _ => Err(Refusal::NotFound),
    }
}

fn sign_ins(shared: &Shared, method: &Method) -> Result<Response, Refusal> {
    match *method {
        Method::GET => Ok(Json(shared.state.sign_ins()).into_response()),
        Method::DELETE => {
            shared.state.counters.clear();
            Ok(done())
        }
        _ => Err(Refusal::NotFound),
    }
}

fn token_rules(shared: &Shared, method: &Method, content: &[u8]) -> Result<Response, Refusal> {
    match *method {
        Method::GET => Ok(Json(shared.state.grants.rules()).into_response()),
        Method::PUT => {
            shared.state.grants.set_rules(parse::<TokenRules>(content)?);
            Ok(done())
        }
        _ => Err(Refusal::NotFound),
    }
}

fn sessions(shared: &Shared, method: &Method, path: &str, content: &[u8]) -> Result<Response, Refusal> {
    let state = &shared.state;
    match (method, path) {
        (&Method::GET, "credentials") => return Ok(Json(credentials::overview(state)).into_response()),
        (&Method::POST, "credentials/expire") => {
            let whose: Whose = if content.is_empty() {
                Whose::default()
            } else {
                parse(content)?
            };
            state.expire_credentials(whose.account);
            return Ok(Json(credentials::document(state, whose.account)).into_response());
        }
        (&Method::POST, "credentials/revoke") => state.revoke_credentials(),
        (&Method::POST, "credentials/restore") => state.restore_credentials(),
        (&Method::POST, "credentials/revoke-refresh") => shared.revoke_refresh_tokens(),
        (&Method::POST, "sessions/end") => state.end_sessions(),
        _ => return Err(Refusal::NotFound),
    }
    Ok(done())
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(content).map_err(|error| Refusal::Bad(error.to_string()))
}
