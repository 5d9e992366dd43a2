//! A customer of an organization: the party whose system a connection reaches.

use sea_orm::entity::prelude::*;

/// One customer, known to its organization by an external identifier.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The organization's own identifier of the customer, unique within the organization.
    pub external_id: String,
    /// The name that people read.
    pub name: String,
    /// When the customer was created.
    pub created_at: DateTimeUtc,
}

/// The relations of a customer; connections point here.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
