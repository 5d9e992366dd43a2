//! What the request handlers of one running system share: the world, the accounts and their secrets, the tokens issued so
//! far, what may not be read, and the fixed clock.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::account::{Account, Generation};
use crate::grants::{Grants, Refusal};
use crate::guards::Guards;
use crate::permission::{self, UnknownEntity};
use crate::server::System;
use crate::sign_ins::{Counters, SignIns};
use crate::world::{World, now};
use crate::written::Written;

/// Shared by all handlers of one system.
#[derive(Debug)]
pub(crate) struct SystemState {
    /// Which system this is.
    pub(crate) system: System,
    /// Like `http://127.0.0.1:40123`, without a slash at the end.
    pub(crate) base_url: String,
    /// Codes and refresh tokens, for a system with an authorization server.
    pub(crate) grants: Grants,
    /// What a test set so that writes are refused.
    pub(crate) guards: Guards,
    /// What clients did to sign in.
    pub(crate) counters: Counters,
    /// Whether no request is refused for being one too many.
    pub(crate) without_limits: AtomicBool,
    world: RwLock<World>,
    written: RwLock<Written>,
    version: AtomicU64,
    tokens: Mutex<Tokens>,
    denied: RwLock<BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Tokens {
    issued: HashMap<String, Token>,
    count: u64,
    epoch: u64,
    revoked: bool,
    generations: HashMap<Account, Generation>,
}

#[derive(Debug)]
struct Token {
    user: String,
    ends_at: Option<Instant>,
}

impl SystemState {
    pub(crate) fn new(system: System, base_url: String, world: World) -> Self {
        Self {
            system,
            base_url,
            grants: Grants::default(),
            guards: Guards::default(),
            counters: Counters::default(),
            without_limits: AtomicBool::new(false),
            world: RwLock::new(world),
            written: RwLock::default(),
            version: AtomicU64::new(0),
            tokens: Mutex::default(),
            denied: RwLock::default(),
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

    /// Locks what clients wrote for reading. Whoever needs the world too locks the world first.
    pub(crate) fn written(&self) -> RwLockReadGuard<'_, Written> {
        self.written.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks what clients wrote for a change. Whoever needs the world too locks the world first.
    pub(crate) fn written_mut(&self) -> RwLockWriteGuard<'_, Written> {
        let written = self.written.write().unwrap_or_else(PoisonError::into_inner);
        self.version.fetch_add(1, Ordering::SeqCst);
        written
    }

    /// Returns a number that grows with each change of the world, for caches made from it.
    pub(crate) fn world_version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Says whether no request is refused for being one too many.
    pub(crate) fn is_without_limits(&self) -> bool {
        self.without_limits.load(Ordering::Relaxed)
    }

    /// Returns the fixed instant the system takes for now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        now()
    }

    /// Issues a token (session key, cookie) that has no end of its own, for a user name: 64 hex digits. Gives none when
    /// the credentials were revoked. The caller has verified the password.
    pub(crate) fn issue_token(&self, user: &str) -> Option<String> {
        self.issue(user, None)
    }

    /// Issues a bearer token that lives as long as the rules say; returns its seconds too.
    pub(crate) fn issue_bearer(&self, user: &str) -> Option<(String, u64)> {
        let seconds = self.grants.rules().access_lifetime_s;
        let ends_at = Instant::now().checked_add(Duration::from_secs(seconds));
        Some((self.issue(user, ends_at)?, seconds))
    }

    fn issue(&self, user: &str, ends_at: Option<Instant>) -> Option<String> {
        let mut tokens = self.tokens();
        if tokens.revoked {
            return None;
        }
        tokens.count += 1;
        let mut rng = fastrand::Rng::with_seed(tokens.count ^ (tokens.epoch << 32) ^ 0x5eed);
        let token: String = (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect();
        let user = user.to_owned();
        tokens.issued.insert(token.clone(), Token { user, ends_at });
        Some(token)
    }

    /// Returns the user name a living token was issued for.
    pub(crate) fn token_user(&self, token: &str) -> Option<String> {
        let tokens = self.tokens();
        let found = tokens.issued.get(token)?;
        let lives = found.ends_at.is_none_or(|end| Instant::now() < end);
        lives.then(|| found.user.clone())
    }

    /// Forgets one token, as a log-out does.
    pub(crate) fn drop_token(&self, token: &str) {
        self.tokens().issued.remove(token);
    }

    /// Kills all tokens issued so far.
    pub(crate) fn end_sessions(&self) {
        let mut tokens = self.tokens();
        tokens.issued.clear();
        tokens.epoch += 1;
    }

    /// Returns a number that grows when sessions end.
    pub(crate) fn session_epoch(&self) -> u64 {
        self.tokens().epoch
    }

    /// Returns how often the secrets of an account were replaced.
    pub(crate) fn generation(&self, account: Account) -> Generation {
        self.tokens().generations.get(&account).copied().unwrap_or_default()
    }

    /// Replaces the secrets of an account. The old ones are refused, and all that was made from them ends.
    pub(crate) fn expire_credentials(&self, account: Account) {
        {
            let mut tokens = self.tokens();
            let generation = tokens.generations.entry(account).or_default();
            *generation = generation.next();
            tokens
                .issued
                .retain(|_, token| self.system.account_of(&token.user) != Some(account));
            tokens.epoch += 1;
        }
        self.grants.end(Some(account), Refusal::PasswordChanged);
    }

    /// Kills all tokens and makes every further check of a password or key fail.
    pub(crate) fn revoke_credentials(&self) {
        self.end_sessions();
        self.tokens().revoked = true;
    }

    /// Makes the present credentials valid again after a revocation.
    pub(crate) fn restore_credentials(&self) {
        self.tokens().revoked = false;
    }

    /// Says whether passwords and keys are refused. Every check of a password or key asks this.
    pub(crate) fn credentials_revoked(&self) -> bool {
        self.tokens().revoked
    }

    /// Takes the right to read an entity away, or gives it back.
    pub(crate) fn permit(&self, entity: &str, is_allowed: bool) -> Result<(), UnknownEntity> {
        permission::tables(self.system, entity)?;
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        if is_allowed {
            denied.remove(entity);
        } else {
            denied.insert(entity.to_owned());
        }
        Ok(())
    }

    /// Returns the entities that may not be read.
    pub(crate) fn denied(&self) -> Vec<String> {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        denied.iter().cloned().collect()
    }

    /// Says whether a table, by the system's own name, may not be read.
    pub(crate) fn denies(&self, table: &str) -> bool {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        denied
            .iter()
            .filter_map(|entity| permission::tables(self.system, entity).ok())
            .any(|tables| tables.contains(&table))
    }

    /// Returns what clients did to sign in.
    pub(crate) fn sign_ins(&self) -> SignIns {
        SignIns {
            refresh_tokens: self.grants.refresh_tokens(),
            ..self.counters.read()
        }
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
    /// How many requests came in the envelope, if it is one.
    pub(crate) parts: usize,
}

impl CallNote {
    /// Returns the note of a log-in call.
    pub(crate) fn login() -> Self {
        Self {
            login: true,
            ..Self::default()
        }
    }

    /// Returns the note of a named operation.
    pub(crate) fn operation(name: impl Into<String>) -> Self {
        Self {
            operation: Some(name.into()),
            ..Self::default()
        }
    }
}
