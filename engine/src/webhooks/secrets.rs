//! Keeps the secrets of endpoints sealed, and replaces them while the old ones go on for a while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::webhook_secret::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, Set,
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{Endpoints, Error, Secret};
use crate::{
    audit::Act,
    database,
    origin::Origin,
    secrets::{self, Binding, KeyRing, Sealed},
};

const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Secrets that sign at once; with one more the oldest ends.
const MOST_VALID: usize = 5;

/// A secret that took the place of others.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The text of the new one, which cannot be had again.
    pub secret: SecretString,
    /// Until when the old ones sign as well.
    pub old_secrets_end_at: DateTime<Utc>,
}

impl Endpoints {
    /// Gives an endpoint a new secret. The old ones sign beside it for a while, so that receivers can change over.
    ///
    /// # Errors
    /// When there is no such endpoint, or the overlap is longer than 30 days.
    pub async fn rotate_secret(
        &self,
        organization_id: Uuid,
        id: Uuid,
        overlap: Duration,
        origin: &Origin,
    ) -> Result<Rotated, Error> {
        if overlap > LONGEST_OVERLAP {
            return Err(Error::InvalidOverlap);
        }
        let now = database::now();
        let end = now + TimeDelta::from_std(overlap).unwrap_or_default();
        let change = self.journal.begin().await?;
        let transaction = change.transaction();
        super::endpoints::lock(transaction, organization_id).await?;
        super::endpoints::row(transaction, organization_id, id).await?;
        let valid = valid_of(Entity::for_organization(organization_id), &[id], now)
            .all(transaction)
            .await?;
        for (place, old) in valid.iter().enumerate() {
            let end = if place + 1 < MOST_VALID { end } else { now };
            Entity::update_for_organization(organization_id)
                .set(ActiveModel {
                    expires_at: Set(Some(old.expires_at.map_or(end, |sooner| sooner.min(end)))),
                    ..Default::default()
                })
                .filter(Column::Id.eq(old.id))
                .exec(transaction)
                .await?;
        }
        let secret = Secret::generate()?;
        insert(transaction, &self.keys, organization_id, id, &secret).await?;
        let act = Act {
            action: "webhook.rotate_secret",
            target_id: Some(id),
            detail: json!({"oldSecretsEndAt": end}),
        };
        change.note(organization_id, origin, act).await?;
        change.commit().await?;
        Ok(Rotated {
            secret: secret.text().clone(),
            old_secrets_end_at: end,
        })
    }
}

/// Returns what a sealed secret belongs to.
pub(crate) const fn binding(organization_id: Uuid, endpoint_id: Uuid) -> Binding {
    Binding {
        organization_id,
        connection_id: endpoint_id,
        purpose: "webhook secret",
    }
}

/// Stores a secret of an endpoint.
pub(super) async fn insert(
    transaction: &impl ConnectionTrait,
    keys: &KeyRing,
    organization_id: Uuid,
    endpoint_id: Uuid,
    secret: &Secret,
) -> Result<(), Error> {
    let sealed = keys.seal(&binding(organization_id, endpoint_id), secret.bytes())?;
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(organization_id),
        endpoint_id: Set(endpoint_id),
        key_id: Set(sealed.key_id),
        nonce: Set(sealed.nonce),
        ciphertext: Set(sealed.ciphertext),
        created_at: Set(database::now()),
        expires_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// The valid secrets of endpoints, the newest first, or why they cannot be opened.
pub(super) type Valid = HashMap<Uuid, Result<Arc<[Secret]>, secrets::Error>>;

/// Returns the valid secrets of endpoints.
pub(super) async fn valid(database: &impl ConnectionTrait, keys: &KeyRing, endpoints: &[Uuid]) -> Result<Valid, DbErr> {
    let rows = valid_of(Entity::of_all(), endpoints, database::now())
        .all(database)
        .await?;
    let mut by_endpoint: HashMap<Uuid, Vec<Model>> = HashMap::new();
    for row in rows {
        by_endpoint.entry(row.endpoint_id).or_default().push(row);
    }
    let open = |rows: Vec<Model>| rows.into_iter().map(|row| open(keys, row)).collect();
    Ok(by_endpoint.into_iter().map(|(id, rows)| (id, open(rows))).collect())
}

fn valid_of(query: sea_orm::Select<Entity>, endpoints: &[Uuid], now: DateTime<Utc>) -> sea_orm::Select<Entity> {
    let goes_on = Condition::any()
        .add(Column::ExpiresAt.is_null())
        .add(Column::ExpiresAt.gt(now));
    query
        .filter(Column::EndpointId.is_in(endpoints.iter().copied()))
        .filter(goes_on)
        .order_by_desc(Column::Id)
}

fn open(keys: &KeyRing, row: Model) -> Result<Secret, secrets::Error> {
    let binding = binding(row.organization_id, row.endpoint_id);
    let sealed = Sealed {
        key_id: row.key_id,
        nonce: row.nonce,
        ciphertext: row.ciphertext,
    };
    let text = keys.open(&binding, &sealed)?;
    let secret = std::str::from_utf8(&text).ok().and_then(Secret::parse);
    secret.ok_or(secrets::Error::Tampered)
}
