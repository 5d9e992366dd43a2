//! Webhook endpoints, their deliveries, and what is done with them.

use std::time::Duration;

use async_graphql::{Context, Enum, ID, InputObject, Json, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::webhooks::{self, deliveries, endpoints};
use secrecy::ExposeSecret as _;

use super::{
    PageInfo,
    access::{self, cursor, id, page_size, refused},
};

/// An address that events are delivered to.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WebhookEndpoint {
    /// The id of the endpoint.
    id: ID,
    /// The address.
    url: String,
    /// What it is for, for people.
    description: String,
    /// The types of events that are delivered; null for all.
    types: Option<Vec<String>>,
    /// The id of the only connection whose events are delivered; null for all.
    connection_id: Option<ID>,
    /// Whether the events of one connection are delivered one after the other, by `sequence`.
    ordered: bool,
    /// Whether events are delivered.
    enabled: bool,
    /// Why the server switched it off.
    disabled_reason: Option<String>,
    /// When it was switched off.
    disabled_at: Option<DateTime<Utc>>,
    /// Since when every delivery failed.
    failing_since: Option<DateTime<Utc>>,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "deliveries::State")]
pub(crate) enum WebhookDeliveryState {
    /// It is due at `nextAttemptAt`.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up after the last attempt.
    Failed,
    /// The endpoint was disabled or removed first.
    Cancelled,
}

/// One event on its way to one endpoint, or there.
#[derive(Clone, Debug)]
pub(crate) struct WebhookDelivery(deliveries::Delivery);

/// One event on its way to one endpoint, or there.
#[Object]
impl WebhookDelivery {
    /// The id of the delivery.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The id of the endpoint.
    async fn endpoint_id(&self) -> ID {
        ID(self.0.endpoint_id.to_string())
    }

    /// The id of the event; null for a test.
    async fn event_id(&self) -> Option<ID> {
        self.0.event_id.map(|id| ID(id.to_string()))
    }

    /// What receivers tell repetitions by: the header `webhook-id`.
    async fn webhook_id(&self) -> ID {
        ID(self.0.webhook_id.to_string())
    }

    /// The id of the connection of the event.
    async fn connection_id(&self) -> Option<ID> {
        self.0.connection_id.map(|id| ID(id.to_string()))
    }

    /// The place of the event among those of its connection.
    async fn sequence(&self) -> Option<i64> {
        self.0.sequence
    }

    /// The type of the event.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The exact text that is sent.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// Where it stands.
    async fn state(&self) -> WebhookDeliveryState {
        self.0.state.into()
    }

    /// How often it was tried.
    async fn attempt_count(&self) -> u32 {
        self.0.attempts
    }

    /// When it is due.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_attempt_at
    }

    /// When the event happened, or was replayed.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was delivered, given up or cancelled.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// The attempts, the first one first.
    async fn attempts(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WebhookAttempt>> {
        let session = access::organization(ctx)?;
        let endpoints = &access::engine(ctx)?.webhooks;
        let (_, attempts) = endpoints
            .delivery(session.caller.organization_id, self.0.id)
            .await
            .map_err(failed)?;
        Ok(attempts.into_iter().map(WebhookAttempt::from).collect())
    }
}

/// One attempt of a delivery.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WebhookAttempt {
    /// Counts the attempts, from 1.
    number: u32,
    /// When it was sent.
    started_at: DateTime<Utc>,
    /// Milliseconds until the answer was there or the attempt ended.
    duration_ms: u32,
    /// The HTTP status of the answer.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
    /// The headers that were sent, without signatures.
    request_headers: Json<serde_json::Value>,
    /// The headers of the answer.
    response_headers: Option<Json<serde_json::Value>>,
    /// The beginning of the answer.
    response_body: Option<String>,
}

/// A page of deliveries.
#[derive(SimpleObject)]
pub(crate) struct WebhookDeliveryPage {
    /// The deliveries, the newest first.
    nodes: Vec<WebhookDelivery>,
    /// Whether and where the list goes on; `endCursor` is the `before` of the next page.
    page_info: PageInfo,
}

/// Which deliveries to list.
#[derive(Default, InputObject)]
pub(crate) struct WebhookDeliveryFilter {
    /// Only those of this endpoint.
    endpoint_id: Option<ID>,
    /// Only those that stand so.
    states: Option<Vec<WebhookDeliveryState>>,
    /// Only these types of events, `webhook.test` among them.
    types: Option<Vec<String>>,
    /// Only events of these connections.
    connection_ids: Option<Vec<ID>>,
}

/// The fields of the query root about webhooks.
#[derive(Default)]
pub(crate) struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// Lists the webhook endpoints, the oldest first. Needs an organization's key.
    async fn webhook_endpoints(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WebhookEndpoint>> {
        let session = access::organization(ctx)?;
        let listed = access::engine(ctx)?.webhooks.list(session.caller.organization_id).await;
        Ok(listed.map_err(failed)?.into_iter().map(WebhookEndpoint::from).collect())
    }

    /// Finds a webhook endpoint; null when there is none. Needs an organization's key.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the endpoint.")] id: ID,
    ) -> async_graphql::Result<Option<WebhookEndpoint>> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a webhook endpoint")?;
        match access::engine(ctx)?
            .webhooks
            .get(session.caller.organization_id, id)
            .await
        {
            Ok(endpoint) => Ok(Some(endpoint.into())),
            Err(webhooks::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Lists deliveries, the newest first. Needs an organization's key.
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to list; all unless it is said.")] filter: Option<WebhookDeliveryFilter>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor before which, in time, the page begins.")] before: Option<String>,
    ) -> async_graphql::Result<WebhookDeliveryPage> {
        let session = access::organization(ctx)?;
        let size = page_size(first)?;
        let before = cursor(before)?;
        let filter = filter.unwrap_or_default();
        let filter = deliveries::Filter {
            endpoint_id: filter
                .endpoint_id
                .map(|text| id(&text, "a webhook endpoint"))
                .transpose()?,
            states: filter.states.map(|states| states.into_iter().map(Into::into).collect()),
            kinds: filter.types,
            connection_ids: access::ids(filter.connection_ids, "a connection")?,
        };
        let endpoints = &access::engine(ctx)?.webhooks;
        let page = endpoints
            .deliveries(session.caller.organization_id, &filter, before, size)
            .await
            .map_err(failed)?;
        let cursors = page.deliveries.iter().map(|delivery| delivery.id.to_string());
        let page_info = PageInfo::between(cursors, page.has_more, before.is_some());
        Ok(WebhookDeliveryPage {
            nodes: page.deliveries.into_iter().map(WebhookDelivery).collect(),
            page_info,
        })
    }

    /// Finds a delivery with its attempts; null when there is none. Needs an organization's key.
    async fn webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the delivery.")] id: ID,
    ) -> async_graphql::Result<Option<WebhookDelivery>> {
        let session = access::organization(ctx)?;
        let id = access::id(&id, "a delivery")?;
        let endpoints = &access::engine(ctx)?.webhooks;
        match endpoints.delivery(session.caller.organization_id, id).await {
            Ok((delivery, _)) => Ok(Some(WebhookDelivery(delivery))),
            Err(webhooks::Error::DeliveryNotFound(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// An endpoint to add.
#[derive(InputObject)]
pub(crate) struct CreateWebhookEndpointInput {
    /// The address: https, on the public internet unless the operator allows more.
    url: String,
    /// What it is for, for people: at most 200 characters.
    #[graphql(default)]
    description: String,
    /// The types of events that are delivered; all unless it is said.
    types: Option<Vec<String>>,
    /// The only connection whose events are delivered; all unless it is said.
    connection_id: Option<ID>,
    /// Whether the events of one connection are delivered one after the other. One that fails holds the later ones of
    /// its connection back.
    #[graphql(default = false)]
    ordered: bool,
    /// Whether events are delivered from the start.
    #[graphql(default = true)]
    enabled: bool,
}

/// What to change of an endpoint; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateWebhookEndpointInput {
    /// The id of the endpoint.
    id: ID,
    /// The address.
    url: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// The types of events; null for all.
    types: MaybeUndefined<Vec<String>>,
    /// Whether the events of one connection are delivered one after the other.
    ordered: Option<bool>,
    /// Whether events are delivered.
    enabled: Option<bool>,
}

/// An endpoint just added.
#[derive(SimpleObject)]
pub(crate) struct CreatedWebhookEndpoint {
    /// The endpoint.
    endpoint: WebhookEndpoint,
    /// What signs the deliveries: `whsec_…`. It is shown this once.
    secret: String,
}

/// An endpoint just changed.
#[derive(SimpleObject)]
pub(crate) struct UpdatedWebhookEndpoint {
    /// The endpoint.
    endpoint: WebhookEndpoint,
    /// Events that it missed while it was switched off, when it was just switched on; a replay brings them.
    missed: Option<MissedEvents>,
}

/// Events that an endpoint was not sent while it was switched off.
#[derive(SimpleObject)]
pub(crate) struct MissedEvents {
    /// How many.
    count: u64,
    /// When the first of them happened: where a replay is to begin.
    since: DateTime<Utc>,
}

/// A secret that took the place of others.
#[derive(SimpleObject)]
pub(crate) struct RotatedWebhookSecret {
    /// The new secret: `whsec_…`. It is shown this once.
    secret: String,
    /// Until when the old ones sign as well.
    old_secrets_end_at: DateTime<Utc>,
}

/// What a replay did.
#[derive(SimpleObject)]
pub(crate) struct ReplayedWebhooks {
    /// Events that are sent again.
    count: u64,
    /// Events that were left out: on their way already, or delivered where only others were asked for.
    skipped: u64,
}

/// The mutations about webhooks.
#[derive(Default)]
pub(crate) struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Adds a webhook endpoint. Needs an organization's key.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateWebhookEndpointInput,
    ) -> async_graphql::Result<CreatedWebhookEndpoint> {
        let session = access::organization(ctx)?;
        let new = endpoints::NewEndpoint {
            url: input.url,
            description: input.description,
            kinds: input.types,
            connection_id: input.connection_id.map(|text| id(&text, "a connection")).transpose()?,
            ordered: input.ordered,
            enabled: input.enabled,
        };
        let created = access::engine(ctx)?
            .webhooks
            .create(session.caller.organization_id, new, &session.origin())
            .await
            .map_err(failed)?;
        Ok(CreatedWebhookEndpoint {
            endpoint: created.endpoint.into(),
            secret: created.secret.expose_secret().to_owned(),
        })
    }

    /// Changes a webhook endpoint. Needs an organization's key.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateWebhookEndpointInput,
    ) -> async_graphql::Result<UpdatedWebhookEndpoint> {
        let session = access::organization(ctx)?;
        let endpoint = id(&input.id, "a webhook endpoint")?;
        let patch = endpoints::Patch {
            url: input.url,
            description: input.description,
            kinds: match input.types {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(kinds) => Some(Some(kinds)),
            },
            ordered: input.ordered,
            enabled: input.enabled,
        };
        let updated = access::engine(ctx)?
            .webhooks
            .update(session.caller.organization_id, endpoint, patch, &session.origin())
            .await
            .map_err(failed)?;
        Ok(UpdatedWebhookEndpoint {
            endpoint: updated.endpoint.into(),
            missed: updated.missed.map(|missed| MissedEvents {
                count: missed.count,
                since: missed.since,
            }),
        })
    }

    /// Removes a webhook endpoint with its deliveries. Needs an organization's key.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the endpoint.")] id: ID,
    ) -> async_graphql::Result<ID> {
        let session = access::organization(ctx)?;
        let endpoint = access::id(&id, "a webhook endpoint")?;
        access::engine(ctx)?
            .webhooks
            .delete(session.caller.organization_id, endpoint, &session.origin())
            .await
            .map_err(failed)?;
        Ok(id)
    }

    /// Gives a webhook endpoint a new secret; the old ones sign beside it for a while. Needs an organization's key.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the endpoint.")] endpoint_id: ID,
        #[graphql(
            default = 86_400,
            desc = "Seconds that the old secrets sign as well: at most 30 days."
        )]
        overlap_seconds: u64,
    ) -> async_graphql::Result<RotatedWebhookSecret> {
        let session = access::organization(ctx)?;
        let endpoint = id(&endpoint_id, "a webhook endpoint")?;
        let overlap = Duration::from_secs(overlap_seconds);
        let rotated = access::engine(ctx)?
            .webhooks
            .rotate_secret(session.caller.organization_id, endpoint, overlap, &session.origin())
            .await
            .map_err(failed)?;
        Ok(RotatedWebhookSecret {
            secret: rotated.secret.expose_secret().to_owned(),
            old_secrets_end_at: rotated.old_secrets_end_at,
        })
    }

    /// Sends a test event to a webhook endpoint. Needs an organization's key.
    async fn send_test_event(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the endpoint.")] endpoint_id: ID,
    ) -> async_graphql::Result<WebhookDelivery> {
        let session = access::organization(ctx)?;
        let endpoint = id(&endpoint_id, "a webhook endpoint")?;
        let sent = access::engine(ctx)?
            .webhooks
            .send_test(session.caller.organization_id, endpoint, &session.origin())
            .await;
        sent.map(WebhookDelivery).map_err(failed)
    }

    /// Sends a delivery again. Receivers see the same `webhook-id`. Needs an organization's key.
    async fn redeliver_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the delivery.")] delivery_id: ID,
    ) -> async_graphql::Result<WebhookDelivery> {
        let session = access::organization(ctx)?;
        let delivery = id(&delivery_id, "a delivery")?;
        let sent = access::engine(ctx)?
            .webhooks
            .redeliver(session.caller.organization_id, delivery, &session.origin())
            .await;
        sent.map(WebhookDelivery).map_err(failed)
    }

    /// Sends the events of a span of time to a webhook endpoint again. Needs an organization's key.
    async fn replay_webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the endpoint.")] endpoint_id: ID,
        #[graphql(desc = "Events that happened at this moment or later,")] from: DateTime<Utc>,
        #[graphql(desc = "and before this one.")] to: DateTime<Utc>,
        #[graphql(default = false, desc = "Only those that the endpoint never took.")] undelivered_only: bool,
    ) -> async_graphql::Result<ReplayedWebhooks> {
        let session = access::organization(ctx)?;
        let endpoint = id(&endpoint_id, "a webhook endpoint")?;
        let replay = deliveries::Replay {
            from,
            to,
            undelivered_only,
        };
        let replayed = access::engine(ctx)?
            .webhooks
            .replay(session.caller.organization_id, endpoint, replay, &session.origin())
            .await
            .map_err(failed)?;
        Ok(ReplayedWebhooks {
            count: replayed.count,
            skipped: replayed.skipped,
        })
    }
}

fn failed(error: webhooks::Error) -> async_graphql::Error {
    use webhooks::Error;
    let code = match &error {
        Error::InvalidUrl(_) => "INVALID_WEBHOOK_URL",
        Error::InvalidDescription
        | Error::UnknownKind(_)
        | Error::NoKinds
        | Error::InvalidOverlap
        | Error::InvalidRange => "INVALID_VALUE",
        Error::TooManyEndpoints | Error::TooManyEvents => "TOO_MANY",
        Error::UnknownConnection(_) => "CONNECTION_NOT_FOUND",
        Error::NotFound(_) => "WEBHOOK_NOT_FOUND",
        Error::DeliveryNotFound(_) => "DELIVERY_NOT_FOUND",
        Error::Disabled => "WEBHOOK_DISABLED",
        Error::UnknownOrganization(_) | Error::Secrets(_) | Error::Database(_) => return access::internal(&error),
    };
    refused(code, error.to_string())
}

impl From<endpoints::Endpoint> for WebhookEndpoint {
    fn from(endpoint: endpoints::Endpoint) -> Self {
        Self {
            id: ID(endpoint.id.to_string()),
            url: endpoint.url,
            description: endpoint.description,
            types: endpoint.kinds,
            connection_id: endpoint.connection_id.map(|id| ID(id.to_string())),
            ordered: endpoint.ordered,
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            disabled_at: endpoint.disabled_at,
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl From<deliveries::Attempt> for WebhookAttempt {
    fn from(attempt: deliveries::Attempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            status: attempt.status,
            error: attempt.error,
            request_headers: Json(attempt.request_headers),
            response_headers: attempt.response_headers.map(Json),
            response_body: attempt.response_body,
        }
    }
}
