//! A one-time code that is exchanged for the new API token of a connection.

use sea_orm::entity::prelude::*;

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_code")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The connection.
    pub connection_id: Uuid,
    /// The token that it stands for.
    pub token_id: Uuid,
    /// The keyed hash of the code.
    pub hash: Vec<u8>,
    /// The key of the key ring that sealed the token's text.
    pub key_id: Option<String>,
    /// The nonce of the cipher.
    pub nonce: Option<Vec<u8>>,
    /// The sealed text of the token; wiped when the code is used or has expired.
    pub ciphertext: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it stops working.
    pub expires_at: DateTimeUtc,
    /// When it was exchanged.
    pub used_at: Option<DateTimeUtc>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the codes of all organizations, for counting those that need a key.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the codes with one of these hashes, whosever they are.
    pub fn by_hash(hashes: impl IntoIterator<Item = Vec<u8>>) -> Select<Self> {
        Self::find().filter(Column::Hash.is_in(hashes))
    }

    /// Returns an update of the codes of all organizations, for wiping those that have expired.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }
}
