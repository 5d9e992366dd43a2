//! Keeps the credentials of connections, and the sessions made from them, sealed in the database. Every replacement
//! names the version that it replaces, so of two writers that started from the same version one loses.

mod key_use;
mod reseal;

pub use key_use::KeyUse;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_entities::{credential, credential_session};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter as _,
    QuerySelect as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    database,
    secrets::{self, Binding, KeyRing, Sealed},
};

/// A JSON object that must stay secret. It prints nothing and cannot be serialized.
#[derive(Clone, Debug)]
pub struct SecretFields(SecretString);

/// The credentials of a connection as they were stored.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Which replacement this is, from 1.
    pub version: i64,
    /// The fields that the connector asks for.
    pub fields: SecretFields,
    /// When they were stored.
    pub updated_at: DateTime<Utc>,
}

/// What the credentials were last exchanged for.
#[derive(Clone, Debug)]
pub struct Session {
    /// Which refresh this is.
    pub version: i64,
    /// The version of the credentials that it was made from.
    pub credential_version: i64,
    /// The tokens or cookies.
    pub fields: SecretFields,
    /// When it ends, if the system said so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A session to store.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The version of the credentials that it was made from.
    pub credential_version: i64,
    /// The tokens or cookies.
    pub fields: SecretFields,
    /// When it ends, if the system said so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why credentials could not be stored or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection has no credentials, or is another organization's.
    #[error("there are no credentials for connection `{0}`")]
    Missing(Uuid),
    /// Someone else stored a newer version: load it and use it.
    #[error("the credentials of connection `{0}` were changed in the meantime")]
    Conflict(Uuid),
    /// The opened text is no JSON object.
    #[error("the stored secret is no JSON object")]
    Malformed,
    /// The text could not be sealed or opened.
    #[error("the stored secret cannot be used")]
    Secrets(#[from] secrets::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// The store of credentials and sessions.
#[derive(Clone, Debug)]
pub struct Vault {
    database: DatabaseConnection,
    keys: Arc<KeyRing>,
}

impl SecretFields {
    /// Takes a JSON object into secrecy.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self(SecretString::from(Value::Object(fields).to_string()))
    }

    /// Returns the whole object, for the code that signs in.
    pub fn expose(&self) -> Result<Map<String, Value>, Error> {
        serde_json::from_str(self.0.expose_secret()).map_err(|_| Error::Malformed)
    }

    /// Returns one text field.
    pub fn text(&self, name: &str) -> Result<Option<SecretString>, Error> {
        Ok(self.expose()?.get(name).and_then(Value::as_str).map(SecretString::from))
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed)?;
        Ok(Self(SecretString::from(text)))
    }
}

impl Vault {
    /// Makes a store over a database and a key ring.
    pub fn new(database: DatabaseConnection, keys: Arc<KeyRing>) -> Self {
        Self { database, keys }
    }

    /// Returns the keys that seal.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Stores the first credentials of a connection, within the transaction that creates it.
    pub(crate) async fn insert(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
        fields: &SecretFields,
    ) -> Result<(), Error> {
        let sealed = self
            .keys
            .seal(&credential_binding(organization_id, connection_id), fields.bytes())?;
        let row = credential::ActiveModel {
            connection_id: Set(connection_id),
            organization_id: Set(organization_id),
            version: Set(1),
            key_id: Set(sealed.key_id),
            nonce: Set(sealed.nonce),
            ciphertext: Set(sealed.ciphertext),
            updated_at: Set(database::now()),
        };
        row.insert(transaction).await?;
        Ok(())
    }

    /// Deletes the credentials and the session of a connection, within the transaction that disconnects it.
    pub(crate) async fn wipe(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
    ) -> Result<(), Error> {
        delete_session(transaction, organization_id, connection_id).await?;
        credential::Entity::delete_for_organization(organization_id)
            .filter(credential::Column::ConnectionId.eq(connection_id))
            .exec(transaction)
            .await?;
        Ok(())
    }

    /// Loads the credentials of a connection.
    pub async fn load(&self, organization_id: Uuid, connection_id: Uuid) -> Result<Credentials, Error> {
        let row = credential_row(organization_id, connection_id)
            .one(&self.database)
            .await?;
        let row = row.ok_or(Error::Missing(connection_id))?;
        let sealed = Sealed {
            key_id: row.key_id,
            nonce: row.nonce,
            ciphertext: row.ciphertext,
        };
        let text = self
            .keys
            .open(&credential_binding(organization_id, connection_id), &sealed)?;
        Ok(Credentials {
            version: row.version,
            fields: SecretFields::from_bytes(&text)?,
            updated_at: row.updated_at,
        })
    }

    /// Replaces the credentials of a connection if they still have the expected version, and ends the session that
    /// was made from them. Returns the new version.
    pub async fn replace(
        &self,
        organization_id: Uuid,
        connection_id: Uuid,
        expected_version: i64,
        fields: &SecretFields,
    ) -> Result<i64, Error> {
        let sealed = self
            .keys
            .seal(&credential_binding(organization_id, connection_id), fields.bytes())?;
        let transaction = database::begin_writing(&self.database).await?;
        let version = self
            .replace_within(&transaction, organization_id, connection_id, expected_version, &sealed)
            .await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// Replaces the credentials within the transaction of a change, like `replace`.
    pub(crate) async fn put(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
        expected_version: i64,
        fields: &SecretFields,
    ) -> Result<i64, Error> {
        let sealed = self
            .keys
            .seal(&credential_binding(organization_id, connection_id), fields.bytes())?;
        self.replace_within(transaction, organization_id, connection_id, expected_version, &sealed)
            .await
    }

    async fn replace_within(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
        expected_version: i64,
        sealed: &Sealed,
    ) -> Result<i64, Error> {
        let version = expected_version + 1;
        let updated = credential::Entity::update_for_organization(organization_id)
            .set(credential::ActiveModel {
                version: Set(version),
                key_id: Set(sealed.key_id.clone()),
                nonce: Set(sealed.nonce.clone()),
                ciphertext: Set(sealed.ciphertext.clone()),
                updated_at: Set(database::now()),
                ..Default::default()
            })
            .filter(credential::Column::ConnectionId.eq(connection_id))
            .filter(credential::Column::Version.eq(expected_version))
            .exec(transaction)
            .await?;
        if updated.rows_affected == 0 {
            let found = credential_row(organization_id, connection_id).one(transaction).await?;
            return Err(found.map_or(Error::Missing(connection_id), |_| Error::Conflict(connection_id)));
        }
        delete_session(transaction, organization_id, connection_id).await?;
        Ok(version)
    }

    /// Stores the first session of credentials that were just stored, within the same transaction.
    pub(crate) async fn insert_session(
        &self,
        transaction: &impl ConnectionTrait,
        organization_id: Uuid,
        connection_id: Uuid,
        session: &NewSession,
    ) -> Result<(), Error> {
        let sealed = self
            .keys
            .seal(&session_binding(organization_id, connection_id), session.fields.bytes())?;
        let row = credential_session::ActiveModel {
            connection_id: Set(connection_id),
            organization_id: Set(organization_id),
            version: Set(1),
            credential_version: Set(session.credential_version),
            key_id: Set(sealed.key_id),
            nonce: Set(sealed.nonce),
            ciphertext: Set(sealed.ciphertext),
            expires_at: Set(session.expires_at),
            updated_at: Set(database::now()),
        };
        row.insert(transaction).await?;
        Ok(())
    }

    /// Loads the session of a connection, if there is one that was made from its present credentials. An expired one
    /// is returned as well: it may hold the token that refreshes it.
    pub async fn load_session(&self, organization_id: Uuid, connection_id: Uuid) -> Result<Option<Session>, Error> {
        let Some(row) = session_row(organization_id, connection_id).one(&self.database).await? else {
            return Ok(None);
        };
        let credential = credential_row(organization_id, connection_id)
            .one(&self.database)
            .await?;
        if credential.is_none_or(|credential| credential.version != row.credential_version) {
            return Ok(None);
        }
        let sealed = Sealed {
            key_id: row.key_id,
            nonce: row.nonce,
            ciphertext: row.ciphertext,
        };
        let text = self
            .keys
            .open(&session_binding(organization_id, connection_id), &sealed)?;
        Ok(Some(Session {
            version: row.version,
            credential_version: row.credential_version,
            fields: SecretFields::from_bytes(&text)?,
            expires_at: row.expires_at,
        }))
    }

    /// Stores a session in the place of the expected version (`None`: of no session), if the credentials are still
    /// those that it was made from. Returns the new version. A rotated refresh token is stored before it is used.
    pub async fn store_session(
        &self,
        organization_id: Uuid,
        connection_id: Uuid,
        expected_version: Option<i64>,
        session: &NewSession,
    ) -> Result<i64, Error> {
        let sealed = self
            .keys
            .seal(&session_binding(organization_id, connection_id), session.fields.bytes())?;
        let transaction = database::begin_writing(&self.database).await?;
        // The row of the credentials is the lock that writers of the session take turns on.
        let credential = credential_row(organization_id, connection_id)
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let credential = credential.ok_or(Error::Missing(connection_id))?;
        let present = session_row(organization_id, connection_id).one(&transaction).await?;
        let live = present
            .as_ref()
            .filter(|row| row.credential_version == credential.version);
        let expected = live.map(|row| row.version) == expected_version;
        if !expected || credential.version != session.credential_version {
            return Err(Error::Conflict(connection_id));
        }
        let version = present.as_ref().map_or(0, |row| row.version) + 1;
        let row = credential_session::ActiveModel {
            connection_id: Set(connection_id),
            organization_id: Set(organization_id),
            version: Set(version),
            credential_version: Set(session.credential_version),
            key_id: Set(sealed.key_id),
            nonce: Set(sealed.nonce),
            ciphertext: Set(sealed.ciphertext),
            expires_at: Set(session.expires_at),
            updated_at: Set(database::now()),
        };
        match present {
            Some(_) => row.update(&transaction).await?,
            None => row.insert(&transaction).await?,
        };
        transaction.commit().await?;
        Ok(version)
    }
}

fn credential_binding(organization_id: Uuid, connection_id: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id,
        purpose: "credential",
    }
}

fn session_binding(organization_id: Uuid, connection_id: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id,
        purpose: "credential session",
    }
}

fn credential_row(organization_id: Uuid, connection_id: Uuid) -> sea_orm::Select<credential::Entity> {
    credential::Entity::for_organization(organization_id).filter(credential::Column::ConnectionId.eq(connection_id))
}

fn session_row(organization_id: Uuid, connection_id: Uuid) -> sea_orm::Select<credential_session::Entity> {
    credential_session::Entity::for_organization(organization_id)
        .filter(credential_session::Column::ConnectionId.eq(connection_id))
}

async fn delete_session(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Uuid,
) -> Result<(), DbErr> {
    credential_session::Entity::delete_for_organization(organization_id)
        .filter(credential_session::Column::ConnectionId.eq(connection_id))
        .exec(transaction)
        .await?;
    Ok(())
}
