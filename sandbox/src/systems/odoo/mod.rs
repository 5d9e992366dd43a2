//! Simulates Odoo 19.0: JSON-RPC at `/jsonrpc`, JSON-2 at `/json/2`, and the web session calls.

mod call;
mod domain;
mod error;
mod json2;
mod models;
mod rpc;
mod values;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use serde_json::{Value, json};

use super::orm::Database;
use crate::state::SystemState;

pub(crate) const DATABASE: &str = "lineshaft";
const PASSWORD: &str = "admin";
/// The administrator's key, which may read everything.
pub(crate) const API_KEY: &str = "5f0c8a1d2b3e4f60718293a4b5c6d7e8f9012345";
/// The key of a technician, who may not read purchases.
pub(crate) const LIMITED_KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let database = Arc::new(Database::new(state, models::build));
    Router::new()
        .route("/jsonrpc", post(rpc::json_rpc))
        .route("/json/2/{model}/{method}", any(json2::call))
        .route("/web/version", get(rpc::version))
        .route("/web/database/list", post(rpc::databases))
        .route("/web/session/authenticate", post(rpc::web_login))
        .route("/web/dataset/call_kw", post(rpc::web_call))
        .route("/web/dataset/call_kw/{*path}", post(rpc::web_call))
        .with_state(database)
}

/// Returns the settings and the credentials of a demo connection.
pub(crate) fn demo_connection(base_url: &str) -> (Value, Value) {
    (
        json!({"base_url": base_url, "database": DATABASE}),
        json!({"login": "admin", "api_key": API_KEY}),
    )
}

/// Who a call is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Id in `res.users`.
    pub(crate) uid: u32,
    /// May read purchases.
    pub(crate) buyer: bool,
}

impl Caller {
    const ADMIN: Self = Self { uid: 2, buyer: true };
    const TECHNICIAN: Self = Self { uid: 6, buyer: false };

    /// Returns who a key belongs to.
    fn of_key(state: &SystemState, key: &str) -> Option<Self> {
        if state.credentials_revoked() {
            return None;
        }
        match key {
            API_KEY => Some(Self::ADMIN),
            LIMITED_KEY => Some(Self::TECHNICIAN),
            _ => None,
        }
    }

    /// Returns who logs in with a login name and a password or key.
    fn of_login(state: &SystemState, login: &str, secret: &str) -> Option<Self> {
        if state.credentials_revoked() {
            return None;
        }
        match (login, secret) {
            ("admin", PASSWORD | API_KEY) => Some(Self::ADMIN),
            ("user05", LIMITED_KEY) => Some(Self::TECHNICIAN),
            _ => None,
        }
    }

    /// Returns who calls with a user id and a password or key.
    fn of_uid(state: &SystemState, uid: u64, secret: &str) -> Option<Self> {
        let login = match uid {
            2 => "admin",
            6 => "user05",
            _ => return None,
        };
        Self::of_login(state, login, secret)
    }
}
