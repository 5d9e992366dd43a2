//! The credentials of a trial, in memory only.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error,
    store::{CredentialStore, Credentials, Session, StoredSession},
    template::SecretMap,
};

/// The version of credentials that are not stored yet.
pub(crate) const VERSION: i64 = 1;

/// Credentials in memory, with the session that was made from them.
pub(super) struct MemoryStore {
    values: SecretMap,
    session: Mutex<Option<StoredSession>>,
}

impl MemoryStore {
    pub(super) fn new(values: SecretMap, session: Option<Session>) -> Self {
        let session = session.map(|session| StoredSession { version: 1, session });
        Self {
            values,
            session: Mutex::new(session),
        }
    }

    /// Returns the session that is to be stored with the credentials.
    pub(super) fn session(&self) -> Option<Session> {
        self.lock().as_ref().map(|stored| stored.session.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<StoredSession>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CredentialStore for MemoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Credentials, Error>> {
        let credentials = Credentials {
            version: VERSION,
            values: self.values.clone(),
        };
        std::future::ready(Ok(credentials)).boxed()
    }

    fn load_session(&self) -> BoxFuture<'_, Result<Option<StoredSession>, Error>> {
        std::future::ready(Ok(self.lock().clone())).boxed()
    }

    fn store_session<'a>(
        &'a self,
        session: &'a Session,
        replaces: Option<i64>,
    ) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        let mut stored = self.lock();
        let version = stored.as_ref().map(|stored| stored.version);
        let next = (version == replaces).then(|| version.unwrap_or_default() + 1);
        if let Some(version) = next {
            *stored = Some(StoredSession {
                version,
                session: session.clone(),
            });
        }
        drop(stored);
        std::future::ready(Ok(next)).boxed()
    }
}
