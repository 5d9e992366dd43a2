//! One attempt to deliver an event, with what was sent and answered.

use sea_orm::entity::prelude::*;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The delivery.
    pub delivery_id: Uuid,
    /// Counts the attempts of the delivery, from 1.
    pub number: i32,
    /// When it was sent.
    pub started_at: DateTimeUtc,
    /// Milliseconds until the answer was there or the attempt ended.
    pub duration_ms: i32,
    /// The HTTP status of the answer.
    pub status: Option<i32>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The headers that were sent, without signatures.
    #[sea_orm(column_type = "JsonBinary")]
    pub request_headers: Json,
    /// The headers of the answer.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub response_headers: Option<Json>,
    /// The beginning of the answer.
    pub response_body: Option<String>,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();
