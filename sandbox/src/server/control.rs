//! The `/_sandbox` paths by which another process sets faults and reads the call log.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::{Json, body};
use http::{Method, Request, StatusCode};

use super::{Shared, lock};
use crate::fault::Fault;

pub(super) async fn answer(shared: &Shared, request: Request<Body>) -> Response {
    let path = request.uri().path().trim_start_matches("/_sandbox/").to_owned();
    match (request.method(), path.as_str()) {
        (&Method::PUT, "fault") => set_fault(shared, request).await,
        (&Method::GET, "fault") => Json(lock(&shared.fault).clone()).into_response(),
        (&Method::DELETE, "fault") => {
            shared.set_fault(None);
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::GET, "calls") => Json(lock(&shared.calls).clone()).into_response(),
        (&Method::DELETE, "calls") => {
            lock(&shared.calls).clear();
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::POST, "credentials/expire") => {
            shared.state.expire_credentials();
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::POST, "credentials/revoke") => {
            shared.state.revoke_credentials();
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::POST, "credentials/restore") => {
            shared.state.restore_credentials();
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn set_fault(shared: &Shared, request: Request<Body>) -> Response {
    let Ok(content) = body::to_bytes(request.into_body(), 64 * 1024).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match serde_json::from_slice::<Fault>(&content) {
        Ok(fault) => {
            shared.set_fault(Some(fault));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}
