//! The status of a connection over plain HTTP: cheap enough to ask for before every call.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use lineshaft_engine::{
    Engine, connections,
    connections::visible_to,
    tokens::{Caller, Scope},
};
use serde_json::json;
use uuid::Uuid;

use super::caller::bearer;

/// Returns the routes.
pub(super) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/connections/{id}/status", get(of_connection))
        .route("/v1/connection/status", get(of_token))
        .with_state(engine)
}

/// Tells the status of a connection that the token may see.
async fn of_connection(State(engine): State<Arc<Engine>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let caller = match authenticate(&engine, &headers).await {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    match id.parse() {
        Ok(id) => tell(&engine, &caller, id, &headers).await,
        Err(_) => refuse(
            StatusCode::NOT_FOUND,
            "CONNECTION_NOT_FOUND",
            "there is no such connection",
        ),
    }
}

/// Tells the status of the connection that the token is for.
async fn of_token(State(engine): State<Arc<Engine>>, headers: HeaderMap) -> Response {
    let caller = match authenticate(&engine, &headers).await {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    match caller.scope {
        Scope::Connection(id) => tell(&engine, &caller, id, &headers).await,
        Scope::Organization => refuse(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "this is for a connection's token (lsc_…); with an organization's key ask /v1/connections/{id}/status",
        ),
    }
}

async fn tell(engine: &Engine, caller: &Caller, id: Uuid, headers: &HeaderMap) -> Response {
    let report = match engine.status_of_connection(visible_to(caller), id).await {
        Ok(report) => report,
        Err(connections::Error::NotFound(_)) => {
            return refuse(
                StatusCode::NOT_FOUND,
                "CONNECTION_NOT_FOUND",
                "there is no such connection",
            );
        }
        Err(error) => {
            tracing::error!(%error, connection.id = %id, "the status of a connection could not be read");
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "INTERNAL",
                "the status cannot be read now",
            );
        }
    };
    let tag = report.etag();
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(report).into_response(),
    };
    let own = response.headers_mut();
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    response
}

/// Finds out who calls, or returns the refusal.
pub(super) async fn authenticate(engine: &Engine, headers: &HeaderMap) -> Result<Caller, Response> {
    let unknown = |message| {
        let mut refused = refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
        let scheme = HeaderValue::from_static("Bearer");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        refused
    };
    let Some(token) = bearer(headers) else {
        return Err(unknown("send a token as `Authorization: Bearer <token>`"));
    };
    match engine.tokens.verify(token).await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => Err(unknown("the token is unknown, expired or revoked")),
        Err(error) => {
            tracing::error!(%error, "a token could not be verified");
            Err(refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "INTERNAL",
                "the token cannot be verified now",
            ))
        }
    }
}

pub(super) fn refuse(status: StatusCode, code: &'static str, message: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
}
