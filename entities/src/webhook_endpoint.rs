//! An address that events are delivered to.

use sea_orm::entity::prelude::*;

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The only connection whose events are delivered; none for all of the organization.
    pub connection_id: Option<Uuid>,
    /// The address.
    pub url: String,
    /// What it is for, for people.
    pub description: String,
    /// The kinds of events that are delivered, a JSON array of strings; none for all.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub kinds: Option<Json>,
    /// Whether the events of one connection are delivered one after the other.
    pub ordered: bool,
    /// Whether events are delivered.
    pub enabled: bool,
    /// Why it is not enabled, when the server switched it off.
    pub disabled_reason: Option<String>,
    /// When it was switched off.
    pub disabled_at: Option<DateTimeUtc>,
    /// Since when no delivery succeeded although some were tried.
    pub failing_since: Option<DateTimeUtc>,
    /// When it was added.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the endpoints of all organizations, for the worker that delivers.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns an update of the endpoints of all organizations, for the worker that notes how they fare.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }
}
