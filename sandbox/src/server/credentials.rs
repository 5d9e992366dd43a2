//! The accounts of a running system from the owner's side: their present credentials, how those expire, and what was done
//! to sign in.

use serde_json::{Value, json};

use super::{Sandbox, Shared, System};
use crate::account::Account;
use crate::described;
use crate::grants::{Refusal, TokenRules};
use crate::permission::UnknownEntity;
use crate::sign_ins::SignIns;
use crate::state::SystemState;
use crate::systems::dynamics;

impl Sandbox {
    /// Returns the settings and the present credentials of a connection to this system.
    #[must_use]
    pub fn demo_connection(&self) -> (Value, Value) {
        self.demo_connection_as(Account::First)
    }

    /// Returns the settings and the present credentials of a connection with an account.
    #[must_use]
    pub fn demo_connection_as(&self, account: Account) -> (Value, Value) {
        connection(&self.shared.state, account)
    }

    /// Returns the system's authorization server: `authorize_url`, `token_url`, `scope` and the `accounts`, each with
    /// `client_id`, `client_secret`, `username` and `password`. Dynamics has one, and described systems with a sign-in page.
    #[must_use]
    pub fn authorization_server(&self) -> Option<Value> {
        authorization_server(&self.shared.state)
    }

    /// Makes the secrets of the demo account invalid and others valid, which `demo_connection` then returns. Its
    /// sessions, access tokens and refresh tokens end.
    pub fn expire_credentials(&self) {
        self.expire_credentials_of(Account::First);
    }

    /// Does the same to the secrets of one account.
    pub fn expire_credentials_of(&self, account: Account) {
        self.shared.state.expire_credentials(account);
    }

    /// Kills all sessions and access tokens issued so far; a new login with the same secrets works.
    pub fn end_sessions(&self) {
        self.shared.state.end_sessions();
    }

    /// Kills all sessions and tokens; new logins and keys fail too.
    pub fn revoke_credentials(&self) {
        self.shared.state.revoke_credentials();
    }

    /// Makes the present credentials valid again after a revocation.
    pub fn restore_credentials(&self) {
        self.shared.state.restore_credentials();
    }

    /// Ends all refresh tokens and unused codes of the authorization server. Access tokens live on until they expire.
    pub fn revoke_refresh_tokens(&self) {
        self.shared.revoke_refresh_tokens();
    }

    /// Returns how long tokens and codes live and how often refresh tokens are taken.
    #[must_use]
    pub fn token_rules(&self) -> TokenRules {
        self.shared.state.grants.rules()
    }

    /// Changes how long tokens live that are issued from now on, and how often refresh tokens are taken.
    pub fn set_token_rules(&self, rules: TokenRules) {
        self.shared.state.grants.set_rules(rules);
    }

    /// Takes the right to read a unified entity (`WorkOrder`) away from everybody.
    ///
    /// # Errors
    /// When the system has no tables for the entity.
    pub fn deny(&self, entity: &str) -> Result<(), UnknownEntity> {
        self.shared.state.permit(entity, false)
    }

    /// Gives the right to read a unified entity back.
    ///
    /// # Errors
    /// When the system has no tables for the entity.
    pub fn allow(&self, entity: &str) -> Result<(), UnknownEntity> {
        self.shared.state.permit(entity, true)
    }

    /// Returns what clients did to sign in so far.
    #[must_use]
    pub fn sign_ins(&self) -> SignIns {
        self.shared.state.sign_ins()
    }

    /// Sets the counts of logins, refusals and exchanges to zero; refresh tokens keep their uses.
    pub fn clear_sign_ins(&self) {
        self.shared.state.counters.clear();
    }
}

impl Shared {
    pub(super) fn revoke_refresh_tokens(&self) {
        self.state.grants.end(None, Refusal::Revoked);
    }
}

/// Returns the settings and the present credentials of an account.
pub(super) fn connection(state: &SystemState, account: Account) -> (Value, Value) {
    state
        .system
        .connection(&state.base_url, account, state.generation(account))
}

/// Returns the settings and the present credentials of an account as one document.
pub(super) fn document(state: &SystemState, account: Account) -> Value {
    let (settings, credentials) = connection(state, account);
    json!({"settings": settings, "credentials": credentials})
}

/// Returns the present credentials of both accounts, and how to sign in on the page where there is one.
pub(super) fn overview(state: &SystemState) -> Value {
    let mut shown = document(state, Account::First);
    if let Value::Object(members) = &mut shown {
        members.insert("second".to_owned(), document(state, Account::Second));
        if matches!(state.system, System::Described(_)) {
            members.insert("limited".to_owned(), document(state, Account::Limited));
        }
        if let Some(server) = authorization_server(state) {
            members.insert("authorization_server".to_owned(), server);
        }
    }
    shown
}

fn authorization_server(state: &SystemState) -> Option<Value> {
    match state.system {
        System::Dynamics365Fo => Some(dynamics::authorization_server(state)),
        System::Described(description) => described::server::authorization_server(description, state),
        _ => None,
    }
}
