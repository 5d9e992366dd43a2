//! Simulates Odoo 19.0: JSON-RPC at `/jsonrpc`, JSON-2 at `/json/2`, and the web session calls.

mod call;
mod domain;
mod error;
mod json2;
mod models;
mod rpc;
mod values;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use serde_json::{Value, json};

use super::orm::Database;
use crate::account::{Account, Generation};
use crate::state::SystemState;

pub(crate) const DATABASE: &str = "lineshaft";
/// The administrator's key, which may read everything.
pub(crate) const API_KEY: &str = "5f0c8a1d2b3e4f60718293a4b5c6d7e8f9012345";
/// The key of a planner with the same rights.
const SECOND_KEY: &str = "0b7d94c1e8f2a3564798d0c1b2a3f4e5d6c7b8a9";
/// The key of a technician, who may not read purchases.
pub(crate) const LIMITED_KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";

/// Returns the routes of the system.
pub(crate) fn router(state: Arc<SystemState>) -> Router {
    let database = Arc::new(Database::new(state, models::build, write::LAID));
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

/// Returns the settings and the credentials of an account.
pub(crate) fn connection(base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
    (
        json!({"base_url": base_url, "database": DATABASE}),
        json!({"login": login(account), "api_key": key(account, generation)}),
    )
}

/// Returns the account that a web session was made for; sessions know the id of the user.
pub(crate) fn account_of(token_user: &str) -> Option<Account> {
    let uid: u32 = token_user.parse().ok()?;
    Account::ALL
        .into_iter()
        .find(|account| Caller::of_account(*account).uid == uid)
}

fn login(account: Account) -> &'static str {
    account.pick("admin", "user02")
}

fn key(account: Account, generation: Generation) -> String {
    generation.key(account.pick(API_KEY, SECOND_KEY))
}

fn password(account: Account, generation: Generation) -> String {
    generation.password(account.pick("admin", "user02"))
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
    const SECOND: Self = Self { uid: 3, buyer: true };
    const TECHNICIAN: Self = Self { uid: 6, buyer: false };

    fn of_account(account: Account) -> Self {
        account.pick(Self::ADMIN, Self::SECOND)
    }

    /// Returns who a key belongs to.
    fn of_key(state: &SystemState, given: &str) -> Option<Self> {
        if state.credentials_revoked() {
            return None;
        }
        if given == LIMITED_KEY {
            return Some(Self::TECHNICIAN);
        }
        Account::ALL
            .into_iter()
            .find(|account| given == key(*account, state.generation(*account)))
            .map(Self::of_account)
    }

    /// Returns who logs in with a login name and a password or key.
    fn of_login(state: &SystemState, name: &str, secret: &str) -> Option<Self> {
        if let Some(caller) = Self::of_key(state, secret) {
            return (caller.login() == name).then_some(caller);
        }
        if state.credentials_revoked() {
            return None;
        }
        Account::ALL
            .into_iter()
            .find(|account| name == login(*account) && secret == password(*account, state.generation(*account)))
            .map(Self::of_account)
    }

    /// Returns who calls with a user id and a password or key.
    fn of_uid(state: &SystemState, uid: u64, secret: &str) -> Option<Self> {
        let caller = Self::all().find(|caller| u64::from(caller.uid) == uid)?;
        Self::of_login(state, caller.login(), secret)
    }

    /// Returns who a web session was made for.
    fn of_session(state: &SystemState, token: &str) -> Option<Self> {
        let uid = state.token_user(token)?;
        Self::all().find(|caller| caller.uid.to_string() == uid)
    }

    fn all() -> impl Iterator<Item = Self> {
        [Self::ADMIN, Self::SECOND, Self::TECHNICIAN].into_iter()
    }

    fn login(self) -> &'static str {
        match self {
            Self::ADMIN => login(Account::First),
            Self::SECOND => login(Account::Second),
            _ => "user05",
        }
    }
}
