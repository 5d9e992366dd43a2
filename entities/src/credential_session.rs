//! What a connection's credentials were last exchanged for (access and refresh tokens, session cookies), sealed.

use sea_orm::entity::prelude::*;

/// The current session of one connection, encrypted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credential_session")]
pub struct Model {
    /// The connection that the session belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// Counts the refreshes, from 1 for each row.
    pub version: i64,
    /// The version of the credentials that the session was made from; a session of older ones is dead.
    pub credential_version: i64,
    /// The key of the key ring that sealed the row.
    pub key_id: String,
    /// The nonce of the cipher.
    pub nonce: Vec<u8>,
    /// The sealed JSON object.
    pub ciphertext: Vec<u8>,
    /// When the session ends, if the system said so.
    pub expires_at: Option<DateTimeUtc>,
    /// When the session was last stored.
    pub updated_at: DateTimeUtc,
}

/// The relations of a session; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the rows of all organizations, for counting those that need a key.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the rows of all organizations that another key than this one sealed, for resealing them.
    pub fn sealed_by_other_than(key_id: &str) -> Select<Self> {
        Self::find().filter(Column::KeyId.ne(key_id))
    }
}
