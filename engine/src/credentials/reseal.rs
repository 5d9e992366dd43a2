//! Brings stored secrets under the current key of the ring, so that an older key can be retired without a stop.

use lineshaft_entities::{credential, credential_session, webhook_secret, write_operation};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QuerySelect as _, Set};

use super::{Error, Vault, credential_binding, session_binding};
use crate::{
    command,
    secrets::{Binding, Sealed},
    webhooks,
};

impl Vault {
    /// Seals up to `limit` credentials, sessions, secrets of webhooks and inputs of writes each again that an older key sealed. Returns
    /// how many there were: at 0 the older keys of the ring are no longer needed to open any of them.
    ///
    /// What lives for minutes, such as one-time codes, is left to end.
    pub async fn reseal(&self, limit: u64) -> Result<usize, Error> {
        let credentials = self.reseal_credentials(limit).await?;
        let sessions = self.reseal_sessions(limit).await?;
        let inputs = self.reseal_write_inputs(limit).await?;
        Ok(credentials + sessions + inputs + self.reseal_webhook_secrets(limit).await?)
    }

    async fn reseal_credentials(&self, limit: u64) -> Result<usize, Error> {
        let query = credential::Entity::sealed_by_other_than(&self.keys.current_id()).limit(limit);
        let rows = query.all(&self.database).await?;
        let count = rows.len();
        for row in rows {
            let binding = credential_binding(row.organization_id, row.connection_id);
            let sealed = self.seal_again(&binding, row.key_id, row.nonce, row.ciphertext)?;
            // A row that was replaced in the meantime has another version and the current key.
            credential::Entity::update_for_organization(row.organization_id)
                .set(credential::ActiveModel {
                    key_id: Set(sealed.key_id),
                    nonce: Set(sealed.nonce),
                    ciphertext: Set(sealed.ciphertext),
                    ..Default::default()
                })
                .filter(credential::Column::ConnectionId.eq(row.connection_id))
                .filter(credential::Column::Version.eq(row.version))
                .exec(&self.database)
                .await?;
        }
        Ok(count)
    }

    async fn reseal_sessions(&self, limit: u64) -> Result<usize, Error> {
        let query = credential_session::Entity::sealed_by_other_than(&self.keys.current_id()).limit(limit);
        let rows = query.all(&self.database).await?;
        let count = rows.len();
        for row in rows {
            let binding = session_binding(row.organization_id, row.connection_id);
            let sealed = self.seal_again(&binding, row.key_id, row.nonce, row.ciphertext)?;
            credential_session::Entity::update_for_organization(row.organization_id)
                .set(credential_session::ActiveModel {
                    key_id: Set(sealed.key_id),
                    nonce: Set(sealed.nonce),
                    ciphertext: Set(sealed.ciphertext),
                    ..Default::default()
                })
                .filter(credential_session::Column::ConnectionId.eq(row.connection_id))
                .filter(credential_session::Column::Version.eq(row.version))
                .filter(credential_session::Column::CredentialVersion.eq(row.credential_version))
                .exec(&self.database)
                .await?;
        }
        Ok(count)
    }

    async fn reseal_webhook_secrets(&self, limit: u64) -> Result<usize, Error> {
        let query = webhook_secret::Entity::sealed_by_other_than(&self.keys.current_id()).limit(limit);
        let rows = query.all(&self.database).await?;
        let count = rows.len();
        for row in rows {
            let binding = webhooks::secret_binding(row.organization_id, row.endpoint_id);
            let sealed = self.seal_again(&binding, row.key_id, row.nonce, row.ciphertext)?;
            // A secret is never replaced within its row.
            webhook_secret::Entity::update_for_organization(row.organization_id)
                .set(webhook_secret::ActiveModel {
                    key_id: Set(sealed.key_id),
                    nonce: Set(sealed.nonce),
                    ciphertext: Set(sealed.ciphertext),
                    ..Default::default()
                })
                .filter(webhook_secret::Column::Id.eq(row.id))
                .exec(&self.database)
                .await?;
        }
        Ok(count)
    }

    async fn reseal_write_inputs(&self, limit: u64) -> Result<usize, Error> {
        let query = write_operation::Entity::sealed_by_other_than(&self.keys.current_id()).limit(limit);
        let rows = query.all(&self.database).await?;
        let count = rows.len();
        for row in rows {
            let (Some(key_id), Some(nonce), Some(ciphertext)) = (row.key_id, row.nonce, row.ciphertext) else {
                continue;
            };
            let binding = command::input_binding(row.organization_id, row.connection_id);
            let sealed = self.seal_again(&binding, key_id.clone(), nonce, ciphertext)?;
            // The input of a write that has ended meanwhile is gone, and stays so.
            write_operation::Entity::update_for_organization(row.organization_id)
                .set(write_operation::ActiveModel {
                    key_id: Set(Some(sealed.key_id)),
                    nonce: Set(Some(sealed.nonce)),
                    ciphertext: Set(Some(sealed.ciphertext)),
                    ..Default::default()
                })
                .filter(write_operation::Column::Id.eq(row.id))
                .filter(write_operation::Column::KeyId.eq(key_id))
                .exec(&self.database)
                .await?;
        }
        Ok(count)
    }

    fn seal_again(
        &self,
        binding: &Binding,
        key_id: String,
        nonce: Vec<u8>,
        ciphertext: Vec<u8>,
    ) -> Result<Sealed, Error> {
        let text = self.keys.open(
            binding,
            &Sealed {
                key_id,
                nonce,
                ciphertext,
            },
        )?;
        Ok(self.keys.seal(binding, &text)?)
    }
}
