//! Simulates Tryton 8.0: JSON-RPC at `/<database>/rpc/` with a session or Basic log-in.

mod call;
mod domain;
mod error;
mod models;
mod rpc;
mod values;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};

use super::orm::Database;
use crate::state::SystemState;

pub(crate) const DATABASE: &str = "lineshaft";
const PASSWORD: &str = "admin-Passw0rd";

/// What the handlers of one running Tryton share.
pub(crate) struct Tryton {
    database: Database,
    /// Failed log-ins in a row, for each login name.
    failures: Mutex<HashMap<String, u32>>,
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let tryton = Arc::new(Tryton {
        database: Database::new(state, models::build),
        failures: Mutex::default(),
    });
    Router::new()
        .route("/rpc/", post(rpc::server_call))
        .route("/{database}/rpc/", post(rpc::database_call))
        .with_state(tryton)
}

/// Returns the settings and the credentials of a demo connection.
pub(crate) fn demo_connection(base_url: &str) -> (Value, Value) {
    (
        json!({"base_url": base_url, "database": DATABASE, "vendor_codes": "V-%"}),
        json!({"username": "admin", "password": PASSWORD}),
    )
}
