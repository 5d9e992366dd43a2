//! A token that callers of the API carry, stored as a keyed hash only.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One API token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_token")]
pub struct Model {
    /// The identifier, a time-ordered UUID; it is no secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The only connection that the token may use, for a token of that kind.
    pub connection_id: Option<Uuid>,
    /// The name that people read.
    pub name: String,
    /// The first characters of the token, shown so that people recognize it.
    pub prefix: String,
    /// The keyed hash of the token.
    #[sea_orm(unique)]
    pub hash: Vec<u8>,
    /// The key of the key ring that the hash was made with, if that was written down.
    pub key_id: Option<String>,
    /// What the token speaks for.
    pub kind: Kind,
    /// The names of what the token may do: a JSON array of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// When the token was created.
    pub created_at: DateTimeUtc,
    /// When the token stops working, if ever.
    pub expires_at: Option<DateTimeUtc>,
    /// When the token was revoked.
    pub revoked_at: Option<DateTimeUtc>,
    /// When the token was last used, to about a minute.
    pub last_used_at: Option<DateTimeUtc>,
}

/// What a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// All connections of an organization.
    #[sea_orm(string_value = "organization")]
    Organization,
    /// One connection.
    #[sea_orm(string_value = "connection")]
    Connection,
}

/// The relations of a token; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the tokens with one of these hashes, whosever they are: a caller is not known before it.
    pub fn by_hash(hashes: impl IntoIterator<Item = Vec<u8>>) -> Select<Self> {
        Self::find().filter(Column::Hash.is_in(hashes))
    }

    /// Returns a query of the tokens of all organizations, for counting those that need a key.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of tokens of all organizations by their identifiers, for the watch that ends their streams.
    pub fn among(ids: impl IntoIterator<Item = Uuid>) -> Select<Self> {
        Self::find().filter(Column::Id.is_in(ids))
    }
}
