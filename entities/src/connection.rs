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
    /// What is to be told about the state, for people.
    pub status_message: Option<String>,
    /// When an operation last succeeded, to about ten seconds.
    pub last_success_at: Option<DateTimeUtc>,
    /// When an operation last failed by the system's fault, to about ten seconds.
    pub last_error_at: Option<DateTimeUtc>,
    /// The code of that failure.
    pub last_error_code: Option<String>,
    /// What that failure said.
    pub last_error_message: Option<String>,
    /// When a caller last asked something of the connection, to about a minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// When the connection is to be tried next without being asked.
    pub next_check_at: Option<DateTimeUtc>,
    /// When the credentials end, if that is known.
    pub credentials_expire_at: Option<DateTimeUtc>,
    /// Until when calls are held back because too many failed.
    pub circuit_open_until: Option<DateTimeUtc>,
    /// Until when calls are held back because the system asked for it.
    pub rate_limited_until: Option<DateTimeUtc>,
    /// How each entity fares: a JSON object by the names of the entities.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub entity_health: Option<Json>,
    /// The account that the credentials open, as the system tells it.
    pub account: Option<String>,
    /// The credits that are reserved for the connection.
    pub credits: i64,
    /// Counts the events of the connection.
    pub event_sequence: i64,
    /// Counts the changes of what its status endpoint tells.
    pub revision: i64,
    /// Whether writes reach the system.
    pub write_mode: WriteMode,
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

/// Whether the writes of a connection reach its system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WriteMode {
    /// They do.
    #[default]
    #[sea_orm(string_value = "enabled")]
    Enabled,
    /// They are refused.
    #[sea_orm(string_value = "read_only")]
    ReadOnly,
    /// They are checked and answered as if they had been carried out, and nothing is sent.
    #[sea_orm(string_value = "simulate")]
    Simulate,
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

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the connections of all organizations, for the worker that tries them.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns an update of the connections of all organizations, for the worker that claims them.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }
}
