//! What was last seen of the fields of a system that mappings read. The row without an object says when its connection
//! is looked at next.

use sea_orm::entity::prelude::*;

/// What was last seen of one object of one connection.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery_snapshot")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The connection.
    pub connection_id: Uuid,
    /// The name of the object in the system; empty for the row that says when to look next.
    pub object: String,
    /// A digest of the fields.
    pub digest: String,
    /// The fields that are read, with their types in the words of the system: a JSON object.
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    /// When it was last seen.
    pub checked_at: DateTimeUtc,
    /// When the connection is looked at next.
    pub next_at: Option<DateTimeUtc>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the rows of all organizations, for the worker that looks.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns an update of the rows of all organizations, for the worker that claims them.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }
}
