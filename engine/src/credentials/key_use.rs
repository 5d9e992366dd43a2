//! Tells how much still needs each key of the ring, so that none is dropped too early.

use std::collections::BTreeMap;

use lineshaft_entities::{
    api_token, authorization_flow, connect_link, credential, credential_session, exchange_code, webhook_secret,
    write_operation,
};
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _, Select, sea_query::Expr,
};

use super::Vault;
use crate::database;

/// What needs one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Credentials, sessions, secrets of webhooks and inputs of writes that it sealed.
    pub sealed: u64,
    /// One-time codes and sign-ins under way that it sealed; they end within minutes.
    pub passing: u64,
    /// Tokens that still work and are known by it. A token moves to the current key when it is used.
    pub tokens: u64,
}

impl KeyUse {
    /// Returns whether nothing needs the key.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Vault {
    /// Returns what needs each key, by the identifiers of the keys; keys that nothing needs are left out. A token of
    /// which it was not written down what it needs is counted for the empty identifier: it may need any key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_uses(&self) -> Result<BTreeMap<String, KeyUse>, DbErr> {
        let (database, now) = (&self.database, database::now());
        let mut uses: BTreeMap<String, KeyUse> = BTreeMap::new();
        for (key, count) in by_key(database, credential::Entity::of_all(), credential::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().sealed += count;
        }
        let sessions = credential_session::Entity::of_all();
        for (key, count) in by_key(database, sessions, credential_session::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().sealed += count;
        }
        for (key, count) in by_key(
            database,
            webhook_secret::Entity::of_all(),
            webhook_secret::Column::KeyId,
        )
        .await?
        {
            uses.entry(key.unwrap_or_default()).or_default().sealed += count;
        }
        let inputs = write_operation::Entity::of_all().filter(write_operation::Column::KeyId.is_not_null());
        for (key, count) in by_key(database, inputs, write_operation::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().sealed += count;
        }
        let codes = exchange_code::Entity::of_all()
            .filter(exchange_code::Column::KeyId.is_not_null())
            .filter(exchange_code::Column::ExpiresAt.gt(now));
        for (key, count) in by_key(database, codes, exchange_code::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().passing += count;
        }
        let flows = authorization_flow::Entity::of_all()
            .filter(authorization_flow::Column::UsedAt.is_null())
            .filter(authorization_flow::Column::ExpiresAt.gt(now));
        for (key, count) in by_key(database, flows, authorization_flow::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().passing += count;
        }
        let works = Condition::any()
            .add(api_token::Column::ExpiresAt.is_null())
            .add(api_token::Column::ExpiresAt.gt(now));
        let tokens = api_token::Entity::of_all()
            .filter(api_token::Column::RevokedAt.is_null())
            .filter(works);
        for (key, count) in by_key(database, tokens, api_token::Column::KeyId).await? {
            uses.entry(key.unwrap_or_default()).or_default().tokens += count;
        }
        Ok(uses)
    }

    /// Returns how many links to the hosted pages work that were made before a moment, and so under an older key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_links(&self, made_before: chrono::DateTime<chrono::Utc>) -> Result<u64, DbErr> {
        connect_link::Entity::of_all()
            .filter(connect_link::Column::CreatedAt.lt(made_before))
            .filter(connect_link::Column::ExpiresAt.gt(database::now()))
            .filter(connect_link::Column::UsedAt.is_null())
            .filter(connect_link::Column::RevokedAt.is_null())
            .count(&self.database)
            .await
    }
}

async fn by_key<E: EntityTrait>(
    database: &DatabaseConnection,
    rows: Select<E>,
    key: E::Column,
) -> Result<Vec<(Option<String>, u64)>, DbErr> {
    let counts: Vec<(Option<String>, i64)> = rows
        .select_only()
        .column(key)
        .column_as(Expr::cust("COUNT(*)"), "rows")
        .group_by(key)
        .into_tuple()
        .all(database)
        .await?;
    Ok(counts
        .into_iter()
        .map(|(key, count)| (key, count.unsigned_abs()))
        .collect())
}
