//! A secret that signs what is delivered to an endpoint, sealed. Several are valid while one is replaced.

use sea_orm::entity::prelude::*;

/// One secret.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_secret")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// The key of the key ring that sealed the row.
    pub key_id: String,
    /// The nonce of the cipher.
    pub nonce: Vec<u8>,
    /// The sealed text.
    pub ciphertext: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it stops signing, if it was replaced.
    pub expires_at: Option<DateTimeUtc>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the secrets of all organizations, for the worker that signs.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the rows of all organizations that another key than this one sealed, for resealing them.
    pub fn sealed_by_other_than(key_id: &str) -> Select<Self> {
        Self::find().filter(Column::KeyId.ne(key_id))
    }
}
