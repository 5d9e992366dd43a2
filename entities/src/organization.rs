//! An organization: the tenant that every other row belongs to.

use sea_orm::{QueryOrder as _, entity::prelude::*};

/// One organization.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The unique short name that settings and the command line use.
    #[sea_orm(unique)]
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// When the organization was created.
    pub created_at: DateTimeUtc,
    /// Counts the events of the organization.
    pub event_position: i64,
    /// Counts the changes of its mappings.
    pub mapping_revision: i64,
}

/// The relations of an organization; none is followed from this side.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the organization with this identifier.
    pub fn for_organization(id: Uuid) -> Select<Self> {
        Self::find().filter(Column::Id.eq(id))
    }

    /// Returns an update of the organization with this identifier.
    pub fn update_for_organization(id: Uuid) -> sea_orm::UpdateMany<Self> {
        Self::update_many().filter(Column::Id.eq(id))
    }

    /// Returns a query of the organization with this slug.
    pub fn by_slug(slug: &str) -> Select<Self> {
        Self::find().filter(Column::Slug.eq(slug))
    }

    /// Returns a query of the organizations with these identifiers.
    pub fn among(ids: impl IntoIterator<Item = Uuid>) -> Select<Self> {
        Self::find().filter(Column::Id.is_in(ids))
    }

    /// Returns a query of all organizations in the order of their creation, for the operator of the server.
    pub fn all() -> Select<Self> {
        Self::find().order_by_asc(Column::Id)
    }
}
