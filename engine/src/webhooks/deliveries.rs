//! The log of deliveries, and sending again: one delivery, a range of events, or a test.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use lineshaft_entities::{
    connection_event, webhook_attempt,
    webhook_delivery::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Endpoints, Error, MOST_REPLAYED, TEST, endpoints, outbox};
use crate::{audit::Act, database, events::Event, origin::Origin};

pub use lineshaft_entities::webhook_delivery::State;

/// Rows that are written by one statement.
const WRITTEN_AT_ONCE: usize = 500;

/// One event on its way to one endpoint, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The identifier, which orders deliveries by time.
    pub id: Uuid,
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// The event; none for a test.
    pub event_id: Option<Uuid>,
    /// What receivers tell repetitions by: the header `webhook-id`.
    pub webhook_id: Uuid,
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
    pub attempts: u32,
    /// When it is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// When it was delivered, given up or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The identifier.
    pub id: Uuid,
    /// Counts the attempts of the delivery, from 1.
    pub number: u32,
    /// When it was sent.
    pub started_at: DateTime<Utc>,
    /// Milliseconds until the answer was there or the attempt ended.
    pub duration_ms: u32,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The headers that were sent, without signatures: a JSON object.
    pub request_headers: Value,
    /// The headers of the answer: a JSON object.
    pub response_headers: Option<Value>,
    /// The beginning of the answer.
    pub response_body: Option<String>,
}

/// Which deliveries to list. `None` asks for any, an empty list for none.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The endpoint.
    pub endpoint_id: Option<Uuid>,
    /// Where they stand.
    pub states: Option<Vec<State>>,
    /// The kinds of their events, `webhook.test` among them.
    pub kinds: Option<Vec<String>>,
    /// The connections of their events.
    pub connection_ids: Option<Vec<Uuid>>,
}

/// One page of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The deliveries, the newest first.
    pub deliveries: Vec<Delivery>,
    /// Whether more follow behind the last one.
    pub has_more: bool,
}

/// Which events to send again.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// Events that happened at this moment or later,
    pub from: DateTime<Utc>,
    /// and before this one.
    pub to: DateTime<Utc>,
    /// Only those that the endpoint never took.
    pub undelivered_only: bool,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events that were put into the outbox again.
    pub count: u64,
    /// Events that were left out: on their way already, or delivered where only others were asked for.
    pub skipped: u64,
}

impl Endpoints {
    /// Lists the deliveries of an organization that came before one, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        organization_id: Uuid,
        filter: &Filter,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<Page, Error> {
        let mut query = Entity::for_organization(organization_id)
            .order_by_desc(Column::Id)
            .limit(limit.saturating_add(1));
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before));
        }
        if let Some(endpoint) = filter.endpoint_id {
            query = query.filter(Column::EndpointId.eq(endpoint));
        }
        if let Some(states) = &filter.states {
            query = query.filter(Column::State.is_in(states.iter().copied()));
        }
        if let Some(kinds) = &filter.kinds {
            query = query.filter(Column::Kind.is_in(kinds));
        }
        if let Some(ids) = &filter.connection_ids {
            query = query.filter(Column::ConnectionId.is_in(ids.iter().copied()));
        }
        let rows = query.all(self.journal.database()).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        let deliveries = rows.into_iter().take(limit).map(Into::into).collect();
        Ok(Page { deliveries, has_more })
    }

    /// Returns a delivery with its attempts, the first one first.
    ///
    /// # Errors
    /// When there is no such delivery.
    pub async fn delivery(&self, organization_id: Uuid, id: Uuid) -> Result<(Delivery, Vec<Attempt>), Error> {
        let row = delivery_row(self.journal.database(), organization_id, id).await?;
        let attempts = webhook_attempt::Entity::for_organization(organization_id)
            .filter(webhook_attempt::Column::DeliveryId.eq(id))
            .order_by_asc(webhook_attempt::Column::Number)
            .order_by_asc(webhook_attempt::Column::Id)
            .all(self.journal.database())
            .await?;
        Ok((row.into(), attempts.into_iter().map(Into::into).collect()))
    }

    /// Sends a delivery again, under the same `webhook-id`. One that waits for its next attempt is tried now; of one
    /// that is finished a new delivery is made, which is returned.
    ///
    /// # Errors
    /// When there is no such delivery, or its endpoint is switched off.
    pub async fn redeliver(&self, organization_id: Uuid, id: Uuid, origin: &Origin) -> Result<Delivery, Error> {
        let mut change = self.journal.begin().await?;
        let transaction = change.transaction();
        endpoints::lock(transaction, organization_id).await?;
        let old = delivery_row(transaction, organization_id, id).await?;
        if old.event_id.is_none() {
            let endpoint = old.endpoint_id;
            drop(change);
            return self.send_test(organization_id, endpoint, origin).await;
        }
        let endpoint = endpoints::row(transaction, organization_id, old.endpoint_id).await?;
        if !endpoint.enabled {
            return Err(Error::Disabled);
        }
        let now = database::now();
        let row = if old.state == State::Pending {
            let sooner = Entity::update_for_organization(organization_id)
                .set(ActiveModel {
                    next_attempt_at: Set(Some(now)),
                    ..Default::default()
                })
                .filter(Column::Id.eq(id))
                .filter(Column::State.eq(State::Pending))
                .filter(Column::NextAttemptAt.gt(now))
                .exec_with_returning(transaction)
                .await?;
            sooner.into_iter().next().unwrap_or(old)
        } else {
            let again = ActiveModel {
                id: Set(Uuid::now_v7()),
                organization_id: Set(organization_id),
                endpoint_id: Set(old.endpoint_id),
                event_id: Set(old.event_id),
                connection_id: Set(old.connection_id),
                sequence: Set(old.sequence),
                kind: Set(old.kind),
                body: Set(old.body),
                state: Set(State::Pending),
                attempts: Set(0),
                next_attempt_at: Set(Some(now)),
                claimed_until: Set(None),
                created_at: Set(now),
                finished_at: Set(None),
            };
            again.insert(transaction).await?
        };
        let act = Act {
            action: "webhook.redeliver",
            target_id: Some(row.endpoint_id),
            detail: json!({"deliveryId": id}),
        };
        change.note(organization_id, origin, act).await?;
        change.wake();
        change.commit().await?;
        Ok(row.into())
    }

    /// Sends the events of a range again that an endpoint asks for, at most [`MOST_REPLAYED`]; what is on its way to
    /// it already is not doubled.
    ///
    /// # Errors
    /// When there is no such endpoint, it is switched off, or the range is none or too large.
    pub async fn replay(
        &self,
        organization_id: Uuid,
        id: Uuid,
        replay: Replay,
        origin: &Origin,
    ) -> Result<Replayed, Error> {
        if replay.to < replay.from {
            return Err(Error::InvalidRange);
        }
        let mut change = self.journal.begin().await?;
        let transaction = change.transaction();
        endpoints::lock(transaction, organization_id).await?;
        let endpoint = endpoints::row(transaction, organization_id, id).await?;
        if !endpoint.enabled {
            return Err(Error::Disabled);
        }
        let query = endpoints::events_for(&endpoint)
            .filter(connection_event::Column::CreatedAt.gte(replay.from))
            .filter(connection_event::Column::CreatedAt.lt(replay.to))
            .order_by_asc(connection_event::Column::Position)
            .limit(MOST_REPLAYED + 1);
        let rows = query.all(transaction).await?;
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if found > MOST_REPLAYED {
            return Err(Error::TooManyEvents);
        }
        let mut left_out = vec![State::Pending];
        if replay.undelivered_only {
            left_out.push(State::Delivered);
        }
        let left_out: Vec<Option<Uuid>> = Entity::for_organization(organization_id)
            .select_only()
            .column(Column::EventId)
            .filter(Column::EndpointId.eq(id))
            .filter(Column::State.is_in(left_out))
            .into_tuple()
            .all(transaction)
            .await?;
        let left_out: HashSet<Uuid> = left_out.into_iter().flatten().collect();
        let now = database::now();
        let again: Vec<ActiveModel> = rows
            .into_iter()
            .map(Event::from)
            .filter(|event| !left_out.contains(&event.id))
            .map(|event| outbox::delivery(&event, id, outbox::body(&event).to_string(), now))
            .collect();
        let count = u64::try_from(again.len()).unwrap_or(u64::MAX);
        for batch in again.chunks(WRITTEN_AT_ONCE) {
            Entity::insert_many(batch.to_vec())
                .exec_without_returning(transaction)
                .await?;
        }
        let act = Act {
            action: "webhook.replay",
            target_id: Some(id),
            detail: json!({"from": replay.from, "to": replay.to, "count": count}),
        };
        change.note(organization_id, origin, act).await?;
        change.wake();
        change.commit().await?;
        Ok(Replayed {
            count,
            skipped: found - count,
        })
    }

    /// Sends a test event to one endpoint, also to one that is switched off. It is tried once.
    ///
    /// # Errors
    /// When there is no such endpoint.
    pub async fn send_test(&self, organization_id: Uuid, id: Uuid, origin: &Origin) -> Result<Delivery, Error> {
        let mut change = self.journal.begin().await?;
        let transaction = change.transaction();
        endpoints::lock(transaction, organization_id).await?;
        endpoints::row(transaction, organization_id, id).await?;
        let now = database::now();
        let delivery_id = Uuid::now_v7();
        let body = json!({
            "id": delivery_id,
            "type": TEST,
            "timestamp": now,
            "connectionId": null,
            "sequence": null,
            "data": {"endpointId": id},
        });
        let row = ActiveModel {
            id: Set(delivery_id),
            organization_id: Set(organization_id),
            endpoint_id: Set(id),
            event_id: Set(None),
            connection_id: Set(None),
            sequence: Set(None),
            kind: Set(TEST.to_owned()),
            body: Set(body.to_string()),
            state: Set(State::Pending),
            attempts: Set(0),
            next_attempt_at: Set(Some(now)),
            claimed_until: Set(None),
            created_at: Set(now),
            finished_at: Set(None),
        };
        let row = row.insert(transaction).await?;
        let act = Act {
            action: "webhook.test",
            target_id: Some(id),
            detail: json!({"deliveryId": delivery_id}),
        };
        change.note(organization_id, origin, act).await?;
        change.wake();
        change.commit().await?;
        Ok(row.into())
    }
}

async fn delivery_row(database: &impl ConnectionTrait, organization_id: Uuid, id: Uuid) -> Result<Model, Error> {
    let row = Entity::for_organization(organization_id)
        .filter(Column::Id.eq(id))
        .one(database)
        .await?;
    row.ok_or(Error::DeliveryNotFound(id))
}

impl From<Model> for Delivery {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            endpoint_id: row.endpoint_id,
            event_id: row.event_id,
            webhook_id: row.event_id.unwrap_or(row.id),
            connection_id: row.connection_id,
            sequence: row.sequence,
            kind: row.kind,
            body: row.body,
            state: row.state,
            attempts: row.attempts.unsigned_abs(),
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

impl From<webhook_attempt::Model> for Attempt {
    fn from(row: webhook_attempt::Model) -> Self {
        Self {
            id: row.id,
            number: row.number.unsigned_abs(),
            started_at: row.started_at,
            duration_ms: row.duration_ms.unsigned_abs(),
            status: row.status.and_then(|status| u16::try_from(status).ok()),
            error: row.error,
            request_headers: row.request_headers,
            response_headers: row.response_headers,
            response_body: row.response_body,
        }
    }
}
