//! Turns that processes take: whoever holds the lease of a name does the work.

use sea_orm::entity::prelude::*;

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lease")]
pub struct Model {
    /// What the turn is for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The process that holds it.
    pub owner: Uuid,
    /// When it lapses unless it is given back before.
    pub expires_at: DateTimeUtc,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns an update of the lease of a name.
    pub fn update_of(name: &str) -> sea_orm::UpdateMany<Self> {
        Self::update_many().filter(Column::Name.eq(name))
    }

    /// Returns a deletion of the lease of a name.
    pub fn delete_of(name: &str) -> sea_orm::DeleteMany<Self> {
        Self::delete_many().filter(Column::Name.eq(name))
    }
}
