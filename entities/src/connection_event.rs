//! What happened to connections and credits, in the order in which it happened; rows are never changed.

use sea_orm::entity::prelude::*;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection_event")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// Counts the events of the organization, from 1 and without a gap.
    pub position: i64,
    /// The connection that it happened to, if it was one.
    pub connection_id: Option<Uuid>,
    /// Counts the events of the connection, from 1 and without a gap.
    pub sequence: Option<i64>,
    /// What happened, such as `connection.activated`.
    pub kind: String,
    /// What more is to be told: a JSON object without secrets.
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    /// When it happened.
    pub created_at: DateTimeUtc,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the events of all organizations, for finding those that are old.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a deletion of events of all organizations, for clearing away those that are old.
    pub fn delete_of_all() -> sea_orm::DeleteMany<Self> {
        Self::delete_many()
    }
}
