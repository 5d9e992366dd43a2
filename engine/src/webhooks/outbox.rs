//! Puts an event into the outbox of every endpoint that wants it, in the transaction that writes the event.

use chrono::{DateTime, Utc};
use lineshaft_entities::{connection_event, webhook_delivery, webhook_endpoint};
use sea_orm::{ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, Set};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{database, events::Event};

/// Writes a delivery of the event for every enabled endpoint whose filter it passes.
pub(crate) async fn enqueue(transaction: &impl ConnectionTrait, event: &Event) -> Result<(), DbErr> {
    let of_connection = Condition::any()
        .add(webhook_endpoint::Column::ConnectionId.is_null())
        .add_option(
            event
                .connection_id
                .map(|id| webhook_endpoint::Column::ConnectionId.eq(id)),
        );
    let endpoints = webhook_endpoint::Entity::for_organization(event.organization_id)
        .filter(webhook_endpoint::Column::Enabled.eq(true))
        .filter(of_connection)
        .all(transaction)
        .await?;
    let now = database::now();
    let body = body(event).to_string();
    let rows = endpoints
        .into_iter()
        .filter(|endpoint| wants(endpoint, &event.kind))
        .map(|endpoint| delivery(event, endpoint.id, body.clone(), now));
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        webhook_delivery::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Returns the delivery of an event to an endpoint, due now.
pub(super) fn delivery(
    event: &Event,
    endpoint_id: Uuid,
    body: String,
    now: DateTime<Utc>,
) -> webhook_delivery::ActiveModel {
    webhook_delivery::ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(event.organization_id),
        endpoint_id: Set(endpoint_id),
        event_id: Set(Some(event.id)),
        connection_id: Set(event.connection_id),
        sequence: Set(event.sequence),
        kind: Set(event.kind.clone()),
        body: Set(body),
        state: Set(webhook_delivery::State::Pending),
        attempts: Set(0),
        next_attempt_at: Set(Some(now)),
        claimed_until: Set(None),
        created_at: Set(now),
        finished_at: Set(None),
    }
}

/// Returns when the event of a delivery happened.
pub(super) async fn moment_of_event(
    database: &impl ConnectionTrait,
    delivery: &webhook_delivery::Model,
) -> Result<DateTime<Utc>, DbErr> {
    let Some(id) = delivery.event_id else {
        return Ok(delivery.created_at);
    };
    let event = connection_event::Entity::for_organization(delivery.organization_id)
        .filter(connection_event::Column::Id.eq(id))
        .one(database)
        .await?;
    Ok(event.map_or(delivery.created_at, |event| event.created_at))
}

/// Returns whether an endpoint asks for events of a kind.
fn wants(endpoint: &webhook_endpoint::Model, kind: &str) -> bool {
    match &endpoint.kinds {
        Some(Value::Array(kinds)) => kinds.iter().any(|wanted| wanted.as_str() == Some(kind)),
        _ => true,
    }
}

/// Returns what a receiver is sent for an event.
pub(super) fn body(event: &Event) -> Value {
    json!({
        "id": event.id,
        "type": event.kind,
        "timestamp": event.created_at,
        "connectionId": event.connection_id,
        "sequence": event.sequence,
        "data": event.data,
    })
}
