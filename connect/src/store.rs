//! What a connection needs from the house above: where its credentials are kept, who watches it, what time it is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_schema::ConnectionId;
use uuid::Uuid;

use crate::{error::Error, layers::breaker, template::SecretMap};

/// The credentials of one connection.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Which replacement they are. Credentials that were refused are not used again in the same version.
    pub version: i64,
    /// Their values by the names of the manifest.
    pub values: SecretMap,
}

/// What credentials were exchanged for: tokens, cookies, refreshed refresh tokens.
#[derive(Clone, Debug)]
pub struct Session {
    /// The version of the credentials that it was made from.
    pub credentials_version: i64,
    /// Its values by the names that templates use after `session.`.
    pub values: SecretMap,
    /// When it ends, if that is known.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// Which refresh it is.
    pub version: i64,
    /// The session.
    pub session: Session,
}

/// Keeps the credentials of one connection and the session made from them. Processes may share it.
pub trait CredentialStore: Send + Sync {
    /// Loads the credentials.
    fn load(&self) -> BoxFuture<'_, Result<Credentials, Error>>;

    /// Loads the session that was made last, even if it has ended: it may hold the token that renews it.
    fn load_session(&self) -> BoxFuture<'_, Result<Option<StoredSession>, Error>>;

    /// Stores a session in the place of the one with that version (none: of no session) and returns its version.
    /// Returns none, and stores nothing, when another session stands there or the credentials were replaced.
    fn store_session<'a>(
        &'a self,
        session: &'a Session,
        replaces: Option<i64>,
    ) -> BoxFuture<'a, Result<Option<i64>, Error>>;

    /// Takes the sole right to renew the session, for so long at most. Returns false while somebody else has it.
    ///
    /// Always granted unless said otherwise, which serves a store that no other process uses.
    fn take_lease(&self, owner: Uuid, time: Duration) -> BoxFuture<'_, Result<bool, Error>> {
        let _ = (owner, time);
        std::future::ready(Ok(true)).boxed()
    }

    /// Gives the right to renew the session back. Does nothing when the owner has it no more.
    fn give_back_lease(&self, owner: Uuid) -> BoxFuture<'_, Result<(), Error>> {
        let _ = owner;
        std::future::ready(Ok(())).boxed()
    }
}

/// What was done on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A page of a list was read.
    List,
    /// Records were read by their keys.
    GetMany,
    /// The children of records were read.
    Children,
    /// Records were counted.
    Count,
    /// The credentials were tried.
    Probe,
    /// It was tried whether the account may list a type.
    Check,
    /// The session was renewed ahead of its end.
    Renew,
    /// Something was written, tried as a dry run, or looked for after an unknown outcome.
    Write,
    /// The system was asked which objects and fields it has.
    Describe,
    /// A request of a client's own was sent.
    Raw,
}

impl Operation {
    /// Returns its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::GetMany => "get_many",
            Self::Children => "children",
            Self::Count => "count",
            Self::Probe => "probe",
            Self::Check => "check",
            Self::Renew => "renew",
            Self::Write => "write",
            Self::Describe => "describe",
            Self::Raw => "raw",
        }
    }
}

/// How one operation went.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The connection.
    pub connection: ConnectionId,
    /// What was done.
    pub operation: Operation,
    /// The unified type that it was done with.
    pub kind: Option<&'a str>,
    /// How it failed, if it did. `Error::reason` tells whether the system said something about the credentials.
    pub error: Option<&'a Error>,
    /// How long it took.
    pub latency: Duration,
    /// How many requests were sent for it.
    pub calls: u32,
}

/// Watches a connection. Called at the end of every operation; must return at once.
pub trait Observer: Send + Sync {
    /// Takes note of an operation.
    fn observe(&self, observation: &Observation<'_>);

    /// Takes note that the breaker of a connection opened or closed. Called once for each change; must return at once.
    fn circuit(&self, connection: ConnectionId, state: breaker::State) {
        let _ = (connection, state);
    }
}

/// An observer that takes no note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _: &Observation<'_>) {}
}

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Returns the present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
