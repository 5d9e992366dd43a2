//! One event on its way to one endpoint: the outbox and, once finished, the log.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// The event; none for a test.
    pub event_id: Option<Uuid>,
    /// The connection of the event.
    pub connection_id: Option<Uuid>,
    /// The place of the event among those of its connection.
    pub sequence: Option<i64>,
    /// The kind of the event.
    pub kind: String,
    /// The exact text that is sent.
    pub body: String,
    /// Where the delivery stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is due.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// Until when one process works on it.
    pub claimed_until: Option<DateTimeUtc>,
    /// When it was put into the outbox.
    pub created_at: DateTimeUtc,
    /// When it was delivered or given up.
    pub finished_at: Option<DateTimeUtc>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is due at `next_attempt_at`.
    #[sea_orm(string_value = "pending")]
    Pending,
    /// The endpoint took it.
    #[sea_orm(string_value = "delivered")]
    Delivered,
    /// It was given up after the last attempt.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// The endpoint was disabled or removed first.
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the deliveries of all organizations, for the worker that delivers.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns an update of the deliveries of all organizations, for the worker that claims them.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }

    /// Returns a deletion of deliveries of all organizations, for clearing away those that are old.
    pub fn delete_of_all() -> sea_orm::DeleteMany<Self> {
        Self::delete_many()
    }
}
