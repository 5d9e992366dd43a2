//! Gives a live connector its credentials and keeps its sessions, sealed in the own database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error, ErrorKind,
    store::{CredentialStore, Credentials, Session, StoredSession},
    template::SecretMap,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    applications,
    credentials::{self, NewSession, SecretFields, Vault},
    leases::Leases,
};

/// The credentials of one connection in the own database.
pub(crate) struct VaultStore {
    vault: Vault,
    leases: Leases,
    organization: Uuid,
    connection: Uuid,
    loaded: Arc<AtomicI64>,
    application: SecretMap,
}

impl VaultStore {
    /// Makes a store that notes which version of the credentials it last gave out.
    pub(crate) fn new(
        vault: Vault,
        leases: Leases,
        organization: Uuid,
        connection: Uuid,
        loaded: Arc<AtomicI64>,
    ) -> Self {
        Self {
            vault,
            leases,
            organization,
            connection,
            loaded,
            application: SecretMap::new(),
        }
    }

    /// Adds the credentials of the operator's application, which are not stored with the connection.
    pub(crate) fn with_application(self, application: SecretMap) -> Self {
        Self { application, ..self }
    }

    fn lease(&self) -> String {
        format!("session:{}", self.connection)
    }
}

impl CredentialStore for VaultStore {
    fn load(&self) -> BoxFuture<'_, Result<Credentials, Error>> {
        async move {
            let stored = self
                .vault
                .load(self.organization, self.connection)
                .await
                .map_err(|error| failed(&error))?;
            self.loaded.store(stored.version, Ordering::Release);
            Ok(Credentials {
                version: stored.version,
                values: applications::complete(secret_map(&stored.fields)?, &self.application),
            })
        }
        .boxed()
    }

    fn load_session(&self) -> BoxFuture<'_, Result<Option<StoredSession>, Error>> {
        async move {
            let stored = self
                .vault
                .load_session(self.organization, self.connection)
                .await
                .map_err(|error| failed(&error))?;
            let Some(stored) = stored else { return Ok(None) };
            let session = Session {
                credentials_version: stored.credential_version,
                values: secret_map(&stored.fields)?,
                expires_at: stored.expires_at,
            };
            Ok(Some(StoredSession {
                version: stored.version,
                session,
            }))
        }
        .boxed()
    }

    fn store_session<'a>(
        &'a self,
        session: &'a Session,
        replaces: Option<i64>,
    ) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        async move {
            let new = new_session(session, session.credentials_version);
            match self
                .vault
                .store_session(self.organization, self.connection, replaces, &new)
                .await
            {
                Ok(version) => Ok(Some(version)),
                Err(credentials::Error::Conflict(_)) => Ok(None),
                Err(error) => Err(failed(&error)),
            }
        }
        .boxed()
    }

    fn take_lease(&self, owner: Uuid, time: Duration) -> BoxFuture<'_, Result<bool, Error>> {
        async move {
            let taken = self.leases.take(&self.lease(), owner, time).await;
            taken.map_err(|error| failed(&credentials::Error::Database(error)))
        }
        .boxed()
    }

    fn give_back_lease(&self, owner: Uuid) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let given = self.leases.give_back(&self.lease(), owner).await;
            given.map_err(|error| failed(&credentials::Error::Database(error)))
        }
        .boxed()
    }
}

/// Returns a session as it is stored, for credentials of a version.
pub(crate) fn new_session(session: &Session, credential_version: i64) -> NewSession {
    let values = session.values.iter();
    let fields = values.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())));
    NewSession {
        credential_version,
        fields: SecretFields::new(fields.collect()),
        expires_at: session.expires_at,
    }
}

pub(crate) fn secret_map(fields: &SecretFields) -> Result<SecretMap, Error> {
    let fields: Map<String, Value> = fields.expose().map_err(|error| failed(&error))?;
    let mut map = SecretMap::new();
    for (name, value) in fields {
        match value {
            Value::String(text) => map.insert(name, text),
            Value::Null => {}
            other => map.insert(name, other.to_string()),
        }
    }
    Ok(map)
}

fn failed(error: &credentials::Error) -> Error {
    tracing::error!(%error, "credentials could not be read or stored");
    Error::new(
        ErrorKind::Internal,
        "the credentials of the connection could not be read or stored",
    )
}
