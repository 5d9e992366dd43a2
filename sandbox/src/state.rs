//! What the request handlers of one running system share: the world, the tokens issued so far and
//! the fixed clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};

use crate::server::System;
use crate::world::{World, now};

/// Shared by all handlers of one system.
#[derive(Debug)]
pub(crate) struct SystemState {
    /// Which system this is.
    pub(crate) system: System,
    /// Like `http://127.0.0.1:40123`, without a slash at the end.
    pub(crate) base_url: String,
    world: RwLock<World>,
    version: AtomicU64,
    tokens: Mutex<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    issued: HashMap<String, String>,
    count: u64,
    epoch: u64,
    revoked: bool,
}

impl SystemState {
    pub(crate) fn new(system: System, base_url: String, world: World) -> Self {
        Self {
            system,
            base_url,
            world: RwLock::new(world),
            version: AtomicU64::new(0),
            tokens: Mutex::default(),
        }
    }

    /// Locks the world for reading; the guard must not live over an await.
    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the world for a change.
    pub(crate) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        let world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        // Counted while the lock is held: a cache made in between is taken for an old one.
        self.version.fetch_add(1, Ordering::SeqCst);
        world
    }

    /// Returns a number that grows with each change of the world, for caches made from it.
    pub(crate) fn world_version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Returns the fixed instant the system takes for now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        now()
    }

    /// Issues a token (session key, bearer token, cookie) for a user name: 64 hex digits. Gives
    /// none when the credentials were revoked. The caller has verified the password.
    pub(crate) fn issue_token(&self, user: &str) -> Option<String> {
        let mut tokens = self.tokens();
        if tokens.revoked {
            return None;
        }
        tokens.count += 1;
        let mut rng = fastrand::Rng::with_seed(tokens.count ^ (tokens.epoch << 32) ^ 0x5eed);
        let token: String = (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect();
        tokens.issued.insert(token.clone(), user.to_owned());
        Some(token)
    }

    /// Returns the user name a living token was issued for.
    pub(crate) fn token_user(&self, token: &str) -> Option<String> {
        self.tokens().issued.get(token).cloned()
    }

    /// Forgets one token, as a log-out does.
    pub(crate) fn drop_token(&self, token: &str) {
        self.tokens().issued.remove(token);
    }

    /// Kills all tokens issued so far.
    pub(crate) fn expire_credentials(&self) {
        let mut tokens = self.tokens();
        tokens.issued.clear();
        tokens.epoch += 1;
    }

    /// Kills all tokens and makes every further check of a password or key fail.
    pub(crate) fn revoke_credentials(&self) {
        self.expire_credentials();
        self.tokens().revoked = true;
    }

    /// Makes the demo credentials valid again after a revocation.
    pub(crate) fn restore_credentials(&self) {
        self.tokens().revoked = false;
    }

    /// Says whether passwords and keys are refused. Every check of a password or key asks this.
    pub(crate) fn credentials_revoked(&self) -> bool {
        self.tokens().revoked
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A note a handler attaches to its response's extensions for the call log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallNote {
    /// The call asked for a session or token.
    pub(crate) login: bool,
    /// What was called, when the path does not tell: `purchase.order.search_read`.
    pub(crate) operation: Option<String>,
}

impl CallNote {
    /// Returns the note of a log-in call.
    pub(crate) fn login() -> Self {
        Self {
            login: true,
            operation: None,
        }
    }

    /// Returns the note of a named operation.
    pub(crate) fn operation(name: impl Into<String>) -> Self {
        Self {
            login: false,
            operation: Some(name.into()),
        }
    }
}
