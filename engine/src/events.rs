//! The log of what happens to connections and credits. An event is written in the transaction of the change that it
//! tells, together with its deliveries to webhooks.

pub mod feed;
pub mod history;
pub(crate) mod journal;
mod kind;
mod retention;

#[cfg(test)]
mod tests;

pub use feed::{Feed, FeedEnd};
pub use history::history;
pub use journal::Journal;
pub use kind::{EventKind, UnknownKind};
pub(crate) use retention::first_id_at;
pub use retention::sweep;

use std::time::Duration;

use chrono::{DateTime, Utc};
use lineshaft_entities::{connection, connection_event, organization};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, ExprTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{database, webhooks::outbox};

/// How events are handed on and kept.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often what other processes wrote is looked for.
    pub poll: Duration,
    /// Days that events are kept.
    pub keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            keep_days: 90,
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The identifier, by which receivers tell repetitions.
    pub id: Uuid,
    /// The organization.
    pub organization_id: Uuid,
    /// Counts the events of the organization, from 1 and without a gap: the cursor to go on from.
    pub position: i64,
    /// The connection that it happened to, if it was one.
    pub connection_id: Option<Uuid>,
    /// Counts the events of the connection, from 1 and without a gap.
    pub sequence: Option<i64>,
    /// What happened, such as `connection.activated`.
    pub kind: String,
    /// What more is to be told: a JSON object without secrets.
    pub data: Value,
    /// When it happened.
    pub created_at: DateTime<Utc>,
}

/// An event to write.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The organization.
    pub organization_id: Uuid,
    /// The connection that it happens to, if it is one.
    pub connection_id: Option<Uuid>,
    /// What happens.
    pub kind: EventKind,
    /// What more is to be told: a JSON object without secrets.
    pub data: Value,
}

/// Writes an event and puts its deliveries into the outbox. The organization's row stays locked until the transaction
/// ends, so events become visible in the order of their positions.
async fn append(transaction: &impl ConnectionTrait, new: NewEvent) -> Result<Event, DbErr> {
    let organizations = organization::Entity::update_for_organization(new.organization_id)
        .col_expr(
            organization::Column::EventPosition,
            Expr::col(organization::Column::EventPosition).add(1),
        )
        .exec_with_returning(transaction)
        .await?;
    let position = organizations.first().map(|row| row.event_position);
    let position = position.ok_or_else(|| DbErr::RecordNotFound("the organization of an event".to_owned()))?;
    let sequence = match new.connection_id {
        None => None,
        Some(id) => {
            let connections = connection::Entity::update_for_organization(new.organization_id)
                .col_expr(
                    connection::Column::EventSequence,
                    Expr::col(connection::Column::EventSequence).add(1),
                )
                .filter(connection::Column::Id.eq(id))
                .exec_with_returning(transaction)
                .await?;
            let sequence = connections.first().map(|row| row.event_sequence);
            Some(sequence.ok_or_else(|| DbErr::RecordNotFound("the connection of an event".to_owned()))?)
        }
    };
    let row = connection_event::ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(new.organization_id),
        position: Set(position),
        connection_id: Set(new.connection_id),
        sequence: Set(sequence),
        kind: Set(new.kind.as_str().to_owned()),
        data: Set(new.data),
        created_at: Set(database::now()),
    };
    let event: Event = row.insert(transaction).await?.into();
    outbox::enqueue(transaction, &event).await?;
    Ok(event)
}

impl From<connection_event::Model> for Event {
    fn from(row: connection_event::Model) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            position: row.position,
            connection_id: row.connection_id,
            sequence: row.sequence,
            kind: row.kind,
            data: row.data,
            created_at: row.created_at,
        }
    }
}
