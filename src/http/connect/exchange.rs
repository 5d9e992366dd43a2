//! Gives the organization's backend the API token that a one-time code stands for. The code is proof enough; a backend
//! that sends its own token as well is told nothing about codes of others.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use lineshaft_api::transport::RequestId;
use lineshaft_engine::{
    Engine,
    links::{self, LinkError},
    origin::{Actor, Origin},
    tokens::{Caller, Scope},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::{status_of, wrong},
    input, private,
};
use crate::http::caller::bearer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    code: String,
}

/// Exchanges a code.
pub(super) async fn run(State(engine): State<Arc<Engine>>, request: Request) -> Response {
    let (parts, body) = input::split(request);
    if !input::is_json(&parts.headers) {
        let message = "send the body as `content-type: application/json`";
        return wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    let caller = match bearer(&parts.headers) {
        None => None,
        Some(token) => match engine.tokens.verify(token).await {
            Ok(Some(caller)) => Some(caller),
            Ok(None) => {
                let message = "the token is unknown, expired or revoked";
                return wrong(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
            }
            Err(error) => return told(&LinkError::Internal(Box::new(error))),
        },
    };
    if caller
        .as_ref()
        .is_some_and(|caller: &Caller| caller.scope != Scope::Organization)
    {
        let message = "a token of one connection may not exchange codes";
        return wrong(StatusCode::FORBIDDEN, "FORBIDDEN", message);
    }
    let given: Given = match input::read(body).await {
        Ok(given) => given,
        Err(response) => return response,
    };
    let origin = Origin {
        actor: caller
            .as_ref()
            .map_or(Actor::Server, |caller| Actor::Token(caller.token_id)),
        address: input::address(&parts),
        request_id: Some(Arc::from(RequestId::from_headers(&parts.headers).as_str())),
    };
    let organization = caller.map(|caller| caller.organization_id);
    match links::exchange_code(&engine, organization, &given.code, &origin).await {
        Ok(exchanged) => {
            let connection = exchanged.connection;
            let body = json!({
                "connectionId": connection.id,
                "connector": connection.connector,
                "customer": connection.customer.map(|customer| json!({
                    "externalId": customer.external_id,
                    "name": customer.name,
                })),
                "tokenId": exchanged.token_id,
                "token": exchanged.token.expose_secret(),
            });
            private(Json(body).into_response())
        }
        Err(error) => told(&error),
    }
}

fn told(error: &LinkError) -> Response {
    if let LinkError::Internal(source) = error {
        tracing::error!(error = %source, "a code could not be exchanged");
    }
    let body = json!({"code": error.code(), "message": error.failure().message});
    private((status_of(error), Json(body)).into_response())
}
