//! Tells machines how the server is: alive, ready and why not, metrics.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{App, caller::bearer};
use crate::start;

/// A database that takes longer counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says that the process lives.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Says whether requests can be served, and if not, why.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let (database, migrations) = match tokio::time::timeout(PATIENCE, start::pending_migrations(&app.engine)).await {
        Ok(Ok(pending)) if pending.is_empty() => ("reachable".to_owned(), "applied".to_owned()),
        Ok(Ok(pending)) => ("reachable".to_owned(), format!("{} missing", pending.len())),
        Ok(Err(error)) => {
            tracing::warn!(error = format!("{error:#}"), "the database is not reachable");
            ("not reachable".to_owned(), "unknown".to_owned())
        }
        Err(_) => (
            format!("no answer within {} s", PATIENCE.as_secs()),
            "unknown".to_owned(),
        ),
    };
    let stopping = app.is_stopping();
    let is_ready = database == "reachable" && migrations == "applied" && !stopping;
    let status = match (is_ready, stopping) {
        (true, _) => "ready",
        (false, true) => "stopping",
        (false, false) => "not ready",
    };
    let rejected = app.engine.registry.rejected();
    let rejected: Vec<&str> = rejected.iter().map(|rejected| rejected.folder.as_str()).collect();
    let body = json!({
        "status": status,
        "database": database,
        "migrations": migrations,
        "connectors": {"loaded": app.engine.registry.all().count(), "rejected": rejected},
        "version": env!("CARGO_PKG_VERSION"),
    });
    let code = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Returns the route of the metrics, behind a token if there is one.
pub(super) fn metrics_router(handle: PrometheusHandle, token: Option<&str>) -> Router {
    let token: Option<Arc<str>> = token.map(Arc::from);
    let answer = async move |headers: HeaderMap| {
        let allowed = token.as_ref().is_none_or(|token| {
            bearer(&headers).is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
        });
        if !allowed {
            return (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, "Bearer")],
                "metrics.token is needed\n",
            )
                .into_response();
        }
        (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            handle.render(),
        )
            .into_response()
    };
    Router::new().route("/metrics", get(answer))
}
