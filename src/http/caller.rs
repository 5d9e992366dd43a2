//! Finds out who calls: verifies the bearer token and starts a session for each operation.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use http::{HeaderMap, header, request::Parts};
use lineshaft_api::transport::{AuthError, EndReason, Prepare, Prepared, RequestId};
use lineshaft_engine::{Engine, Session, tokens::Ended};

use super::around::Peer;

/// The callers of the API, by their tokens.
pub(super) struct Callers {
    engine: Arc<Engine>,
    time: Duration,
}

impl Callers {
    pub(super) const fn new(engine: Arc<Engine>, time: Duration) -> Self {
        Self { engine, time }
    }
}

impl Prepare for Callers {
    async fn prepare(&self, parts: &Parts) -> Result<Prepared, AuthError> {
        let Some(token) = bearer(&parts.headers) else {
            return Err(AuthError::Unauthenticated(
                "send a token as `Authorization: Bearer <token>`".to_owned(),
            ));
        };
        let verified = self.engine.tokens.verify(token).await.map_err(|error| {
            tracing::error!(%error, "a token could not be verified");
            AuthError::Unavailable {
                retry_after: Duration::from_secs(1),
            }
        })?;
        let Some(caller) = verified else {
            return Err(AuthError::Unauthenticated(
                "the token is unknown, expired or revoked".to_owned(),
            ));
        };
        let request_id: Arc<str> = RequestId::from_headers(&parts.headers).as_str().into();
        let address: Option<Arc<str>> = parts
            .extensions
            .get::<Peer>()
            .map(|peer| peer.0.ip().to_string().into());
        let time = self.time;
        let (tokens, token) = (self.engine.tokens.clone(), caller.token_id);
        let ended = move || tokens.ended(token).map(end_reason).boxed();
        let prepared = Prepared::new()
            .counted_for(caller.token_id.to_string())
            .ending_when(ended);
        // Each operation of a socket begins with the mappings as they are then.
        let engine = self.engine.clone();
        Ok(prepared.with_data_found(move || {
            let engine = engine.clone();
            let (caller, request_id, address) = (caller.clone(), request_id.clone(), address.clone());
            async move {
                let model = engine.models.current(&caller).await.map_err(|error| {
                    tracing::error!(%error, "the mappings of an organization could not be read");
                    AuthError::Unavailable {
                        retry_after: Duration::from_secs(1),
                    }
                })?;
                Ok(Session::start(caller, model, request_id, time).from_address(address))
            }
        }))
    }
}

const fn end_reason(ended: Ended) -> EndReason {
    match ended {
        Ended::Revoked => EndReason::Revoked,
        Ended::Expired => EndReason::Expired,
    }
}

/// Returns the token of the `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}
