//! A connection: one customer's link to one system, with its state.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The customer whose system this is, when the organization tells its customers apart.
    pub customer_id: Option<Uuid>,
    /// The name of the connector, the kind of system.
    pub connector: String,
    /// The name that people read.
    pub name: String,
    /// Where the system runs.
    pub deployment: Deployment,
    /// The settings that are no secret, such as the address: a JSON object.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Json,
    /// The state of the connection.
    pub status: Status,
    /// Why the connection is in this state.
    pub status_reason: Option<String>,
    /// Since when the connection is in this state.
    pub status_since: DateTimeUtc,
    /// When the connection was created.
    pub created_at: DateTimeUtc,
    /// When the connection was last changed.
    pub updated_at: DateTimeUtc,
    /// When the connection was disconnected for good.
    pub disconnected_at: Option<DateTimeUtc>,
}

/// Where the system of a connection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// The vendor or a hoster runs it; it is reached over the public internet.
    #[sea_orm(string_value = "cloud")]
    Cloud,
    /// The customer runs it; it may lie in a private network.
    #[sea_orm(string_value = "on_premises")]
    OnPremises,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It was created and has not answered yet.
    #[sea_orm(string_value = "PENDING")]
    Pending,
    /// It works.
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    /// It works in part: errors or slowness above the bound.
    #[sea_orm(string_value = "DEGRADED")]
    Degraded,
    /// The system does not answer.
    #[sea_orm(string_value = "UNREACHABLE")]
    Unreachable,
    /// The system said that the credentials are no longer good.
    #[sea_orm(string_value = "REAUTH_REQUIRED")]
    ReauthRequired,
    /// The organization paused it.
    #[sea_orm(string_value = "PAUSED")]
    Paused,
    /// The operator of the server switched it off.
    #[sea_orm(string_value = "DISABLED")]
    Disabled,
    /// It was removed and its credentials were wiped; this is never left.
    #[sea_orm(string_value = "DISCONNECTED")]
    Disconnected,
}

/// The relations of a connection.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The customer whose system this is.
    #[sea_orm(
        belongs_to = "super::customer::Entity",
        from = "(Column::OrganizationId, Column::CustomerId)",
        to = "(super::customer::Column::OrganizationId, super::customer::Column::Id)"
    )]
    Customer,
}

impl Related<super::customer::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Customer.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
