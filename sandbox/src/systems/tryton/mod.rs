//! Simulates Tryton 8.0: JSON-RPC at `/<database>/rpc/` with a session or Basic log-in.

mod call;
mod domain;
mod error;
mod models;
mod rpc;
mod values;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};

use super::orm::Database;
use crate::account::{Account, Generation};
use crate::state::SystemState;

pub(crate) const DATABASE: &str = "lineshaft";
const PASSWORD: &str = "admin-Passw0rd";

/// What the handlers of one running Tryton share.
pub(crate) struct Tryton {
    database: Database,
    /// Failed log-ins in a row, for each login name and each of its passwords in turn.
    failures: Mutex<HashMap<(String, Generation), u32>>,
}

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let tryton = Arc::new(Tryton {
        database: Database::new(state, models::build, values::LAID),
        failures: Mutex::default(),
    });
    Router::new()
        .route("/rpc/", post(rpc::server_call))
        .route("/{database}/rpc/", post(rpc::database_call))
        .with_state(tryton)
}

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    (
        json!({"base_url": base_url, "database": DATABASE, "vendor_codes": "V-%"}),
        json!({"username": login(account), "password": password(account, generation)}),
    )
}

/// Returns the account that a session was made for; sessions know `login:uid`.
pub(crate) fn account_of(token_user: &str) -> Option<Account> {
    let name = token_user.split(':').next();
    Account::ALL.into_iter().find(|account| Some(login(*account)) == name)
}

fn login(account: Account) -> &'static str {
    account.pick("admin", "user02")
}

fn password(account: Account, generation: Generation) -> String {
    generation.password(account.pick(PASSWORD, "user02-Passw0rd"))
}
