//! Counts what a client did to sign in: logins with a password, token exchanges, and each use of a refresh token.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::account::Account;

/// What clients of one system did to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignIns {
    /// Passwords tried in order to get a session, whether right or wrong.
    pub logins: u64,
    /// Passwords, keys and client secrets that were refused, in whatever call they came.
    pub refused_secrets: u64,
    /// Tokens that were handed out, for each grant.
    pub exchanges: BTreeMap<String, u64>,
    /// Requests for a token that were refused, for each grant.
    pub refused_exchanges: BTreeMap<String, u64>,
    /// Every refresh token that was handed out, in that order.
    pub refresh_tokens: Vec<RefreshToken>,
}

impl SignIns {
    /// Returns how many tokens were handed out for a grant.
    #[must_use]
    pub fn exchanges_of(&self, grant: &str) -> u64 {
        self.exchanges.get(grant).copied().unwrap_or_default()
    }

    /// Returns how many requests for a token were refused for a grant.
    #[must_use]
    pub fn refused_exchanges_of(&self, grant: &str) -> u64 {
        self.refused_exchanges.get(grant).copied().unwrap_or_default()
    }

    /// Returns how often the refresh token that was presented most was presented.
    #[must_use]
    pub fn most_refresh_uses(&self) -> u32 {
        self.refresh_tokens.iter().map(|token| token.uses).max().unwrap_or(0)
    }
}

/// A refresh token with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The token itself.
    pub token: String,
    /// Whose it is.
    pub account: Account,
    /// The same for all tokens that go back to one sign-in.
    pub family: u64,
    /// How often it was presented by the right client, refused uses included.
    pub uses: u32,
    /// It is refused: it or its family was revoked.
    pub revoked: bool,
}

/// The counters of a running system.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<SignIns>);

impl Counters {
    /// Counts a password that was tried in order to get a session.
    pub(crate) fn login(&self, is_right: bool) {
        let mut counted = self.counted();
        counted.logins += 1;
        counted.refused_secrets += u64::from(!is_right);
    }

    /// Counts a secret that was refused in a call that is no login.
    pub(crate) fn refused_secret(&self) {
        self.counted().refused_secrets += 1;
    }

    /// Counts a request for a token.
    pub(crate) fn exchange(&self, grant: &str, is_granted: bool) {
        let mut counted = self.counted();
        let counts = match is_granted {
            true => &mut counted.exchanges,
            false => &mut counted.refused_exchanges,
        };
        *counts.entry(grant.to_owned()).or_default() += 1;
    }

    /// Returns the counts with the refresh tokens left empty.
    pub(crate) fn read(&self) -> SignIns {
        self.counted().clone()
    }

    pub(crate) fn clear(&self) {
        *self.counted() = SignIns::default();
    }

    fn counted(&self) -> MutexGuard<'_, SignIns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
