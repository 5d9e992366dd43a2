//! A sign-in at the system's own page that is under way.

use sea_orm::entity::prelude::*;

/// One sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_flow")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The link whose page began it.
    pub link_id: Uuid,
    /// The keyed hash of the `state` that comes back.
    pub state_hash: Vec<u8>,
    /// The key of the key ring that sealed the row.
    pub key_id: String,
    /// The nonce of the cipher.
    pub nonce: Vec<u8>,
    /// The sealed text.
    pub ciphertext: Vec<u8>,
    /// When it began.
    pub created_at: DateTimeUtc,
    /// When it is too late to come back.
    pub expires_at: DateTimeUtc,
    /// When it came back; that counts once.
    pub used_at: Option<DateTimeUtc>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the sign-ins of all organizations, for counting those that need a key.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the sign-ins with one of these states, whosever they are: the callback names nothing else.
    pub fn by_state(hashes: impl IntoIterator<Item = Vec<u8>>) -> Select<Self> {
        Self::find().filter(Column::StateHash.is_in(hashes))
    }

    /// Returns a deletion of the sign-ins of all organizations, for wiping those that are over.
    pub fn delete_of_all() -> sea_orm::DeleteMany<Self> {
        Self::delete_many()
    }
}
