//! Gives the page of a settings link the token with which it asks the API, and tells whose mappings it shows.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use lineshaft_engine::{Engine, links};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{answer::failed, input::FromPage, private};

/// Exchanges a link that this browser has open for a token.
pub(super) async fn run(State(engine): State<Arc<Engine>>, Path(token): Path<String>, input: FromPage) -> Response {
    if let Some(refusal) = input.refusal() {
        return refusal;
    }
    match links::enter_settings(&engine, &token, &input.visitor).await {
        Ok(session) => {
            let body = json!({
                "connection": {"id": session.connection.id, "name": session.connection.name},
                "token": session.token.expose_secret(),
                "expiresAt": session.expires_at,
            });
            private(Json(body).into_response())
        }
        Err(error) => failed(&error),
    }
}
