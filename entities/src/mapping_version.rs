//! A version of what an organization changes about mappings, for a connector, a customer or a connection.

use sea_orm::entity::prelude::*;

/// One version of one layer. The one that is not superseded holds.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapping_version")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// What it holds for: `connector:odoo`, `customer:<id>:odoo` or `connection:<id>`.
    pub scope: String,
    /// Its number in its scope, from 1.
    pub version: i32,
    /// The name of the connector.
    pub connector: String,
    /// The customer, when it holds for the connections of one.
    pub customer_id: Option<Uuid>,
    /// The connection, when it holds for one.
    pub connection_id: Option<Uuid>,
    /// The changes: a JSON object in the grammar of overlays.
    #[sea_orm(column_type = "JsonBinary")]
    pub document: Json,
    /// Who saved it, for people.
    pub author: String,
    /// Why, for people.
    pub comment: Option<String>,
    /// When it was saved.
    pub created_at: DateTimeUtc,
    /// When the next version took its place.
    pub superseded_at: Option<DateTimeUtc>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
