//! Events: their history, and the streams of those to come.

use std::{collections::HashSet, sync::Arc};

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use lineshaft_engine::{
    Engine,
    connections::{self, Visible},
    events::{self, Event, EventKind, FeedEnd},
};
use moka::future::Cache;
use uuid::Uuid;

use super::{
    Connection, PageInfo,
    access::{self, cursor, ids, page_size, refused},
    connection::ConnectionStatus,
};
use crate::transport::{EventIdSlot, LastEventId};

/// Connections as they were read for an event, so that one event costs one look-up for all who are told it.
pub(crate) struct Told(Cache<(Uuid, i64), Arc<connections::Connection>>);

impl Default for Told {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(1_000);
        Self(cache.time_to_live(std::time::Duration::from_secs(30)).build())
    }
}

impl Told {
    async fn connection(&self, engine: &Engine, event: &Event) -> async_graphql::Result<Option<Connection>> {
        let Some(id) = event.connection_id else { return Ok(None) };
        let read = engine.connections.get(event.organization_id, id);
        let found = self
            .0
            .try_get_with((id, event.position), async { read.await.map(Arc::new) });
        match found.await {
            Ok(connection) => Ok(Some(Connection(connection))),
            Err(error) if matches!(*error, connections::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(access::internal(&*error)),
        }
    }
}

/// Something that happened to a connection, to the credits or to a webhook endpoint.
#[derive(Clone)]
pub(crate) struct ConnectionEvent {
    event: Arc<Event>,
}

/// Something that happened to a connection, to the credits or to a webhook endpoint.
#[Object]
impl ConnectionEvent {
    /// The id of the event. Webhooks carry the same one.
    async fn id(&self) -> ID {
        ID(self.event.id.to_string())
    }

    /// What happened, such as `connection.reauth_required`. The documentation lists all types.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.event.kind
    }

    /// Where the event stands in the log of the organization: the `after` that goes on behind it.
    async fn cursor(&self) -> String {
        self.event.position.to_string()
    }

    /// The id of the connection that it happened to.
    async fn connection_id(&self) -> Option<ID> {
        self.event.connection_id.map(|id| ID(id.to_string()))
    }

    /// The connection that it happened to, as it is now.
    async fn connection(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Connection>> {
        ctx.data::<Arc<Told>>()?
            .connection(access::engine(ctx)?, &self.event)
            .await
    }

    /// Counts the events of the connection, from 1 and without a gap.
    async fn sequence(&self) -> Option<i64> {
        self.event.sequence
    }

    /// What more there is to tell: the status before and after, the reason, a `reconnectUrl`.
    async fn data(&self) -> Json<&serde_json::Value> {
        Json(&self.event.data)
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime<Utc> {
        self.event.created_at
    }
}

/// A page of events.
#[derive(SimpleObject)]
pub(crate) struct EventPage {
    /// The events: the oldest first with `after`, the newest first else.
    nodes: Vec<ConnectionEvent>,
    /// Whether and where the list goes on.
    page_info: PageInfo,
}

/// Which events to list.
#[derive(Default, InputObject)]
pub(crate) struct EventFilter {
    /// Only these types, such as `connection.reauth_required`.
    types: Option<Vec<String>>,
    /// Only events of these connections.
    connection_ids: Option<Vec<ID>>,
    /// Only events of connections of these customers, by your own ids of them.
    customer_ids: Option<Vec<String>>,
}

impl EventFilter {
    fn read(self) -> async_graphql::Result<events::history::Filter> {
        Ok(events::history::Filter {
            kinds: self.types.map(kinds).transpose()?,
            connection_ids: ids(self.connection_ids, "a connection")?,
            customers: self.customer_ids,
        })
    }
}

/// Reads names of types of events.
pub(crate) fn kinds(names: Vec<String>) -> async_graphql::Result<Vec<EventKind>> {
    let read = |name: String| {
        name.parse()
            .map_err(|error: events::UnknownKind| refused("INVALID_VALUE", error.to_string()))
    };
    names.into_iter().map(read).collect()
}

/// Lists events of what somebody may see.
pub(crate) async fn history(
    engine: &Engine,
    visible: Visible,
    filter: events::history::Filter,
    first: i32,
    after: Option<String>,
    before: Option<String>,
) -> async_graphql::Result<EventPage> {
    use events::history::Place;
    let size = page_size(first)?;
    let (after, before) = (cursor::<i64>(after)?, cursor::<i64>(before)?);
    let place = match (after, before) {
        (Some(after), None) => Place::After(Some(after)),
        (None, before) => Place::Before(before),
        (Some(_), Some(_)) => return Err(refused("INVALID_CURSOR", "give `after` or `before`, not both")),
    };
    let page = events::history(&engine.database, visible, &filter, place, size).await?;
    let cursors = page.events.iter().map(|event| event.position.to_string());
    let page_info = PageInfo::between(cursors, page.has_more, after.is_some() || before.is_some());
    Ok(EventPage {
        nodes: page.events.into_iter().map(ConnectionEvent::from).collect(),
        page_info,
    })
}

impl From<Event> for ConnectionEvent {
    fn from(event: Event) -> Self {
        Self { event: Arc::new(event) }
    }
}

/// The fields of the query root about events.
#[derive(Default)]
pub(crate) struct EventQuery;

#[Object]
impl EventQuery {
    /// Lists what happened: with `after` the oldest first behind that cursor, else the newest first.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to list; all unless it is said.")] filter: Option<EventFilter>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins, the oldest event first.")] after: Option<String>,
        #[graphql(desc = "The cursor before which the page begins, the newest event first.")] before: Option<String>,
    ) -> async_graphql::Result<EventPage> {
        let filter = filter.unwrap_or_default().read()?;
        let visible = access::session(ctx)?.visible;
        history(access::engine(ctx)?, visible, filter, first, after, before).await
    }
}

/// A connection whose status changed.
#[derive(Clone, SimpleObject)]
pub(crate) struct ConnectionStatusChange {
    /// The event that tells the change.
    event: ConnectionEvent,
    /// The connection, as it is now.
    connection: Connection,
}

/// A connection that waits for somebody to sign in.
#[derive(Clone, SimpleObject)]
pub(crate) struct ReauthRequired {
    /// The event that tells it.
    event: ConnectionEvent,
    /// The connection, as it is now.
    connection: Connection,
    /// Where the customer signs in again. Null once that has happened.
    reconnect_url: Option<String>,
}

/// What can be followed as it happens.
#[derive(Default)]
pub struct EventSubscription;

/// What can be followed as it happens. Every stream goes on behind `after`, or behind the header `Last-Event-ID` of
/// server-sent events, without a gap and without a repetition.
#[Subscription(name = "Subscription")]
impl EventSubscription {
    /// Tells when the status of a connection changes.
    async fn connection_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these connections.")] connection_ids: Option<Vec<ID>>,
        #[graphql(desc = "Only connections of these customers, by your own ids of them.")] customer_ids: Option<
            Vec<String>,
        >,
        #[graphql(desc = "Only changes to one of these statuses.")] statuses: Option<Vec<ConnectionStatus>>,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ConnectionStatusChange>>> {
        let only = ids(connection_ids, "a connection")?.map(HashSet::<Uuid>::from_iter);
        let customers = customer_ids.map(HashSet::<String>::from_iter);
        let statuses: Option<HashSet<&'static str>> = statuses.map(|statuses| {
            let known = statuses.into_iter().map(connections::Status::from);
            known
                .map(|status| lineshaft_engine::status_of(status).as_str())
                .collect()
        });
        let wanted = move |event: &Event| {
            let to = event.data.get("status").and_then(serde_json::Value::as_str);
            to.is_some()
                && to != event.data.get("previousStatus").and_then(serde_json::Value::as_str)
                && only
                    .as_ref()
                    .is_none_or(|only| event.connection_id.is_some_and(|id| only.contains(&id)))
                && statuses
                    .as_ref()
                    .is_none_or(|statuses| to.is_some_and(|to| statuses.contains(to)))
        };
        let stream = follow(ctx, after, wanted).await?;
        Ok(with_connection(ctx, stream, customers)?
            .map(|item| item.map(|(event, connection)| ConnectionStatusChange { event, connection })))
    }

    /// Tells when a connection needs somebody to sign in again.
    async fn reauth_required(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only connections of these customers, by your own ids of them.")] customer_ids: Option<
            Vec<String>,
        >,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ReauthRequired>>> {
        let customers = customer_ids.map(HashSet::<String>::from_iter);
        let wanted = |event: &Event| event.kind == EventKind::ReauthRequired.as_str();
        let stream = follow(ctx, after, wanted).await?;
        let engine = Arc::clone(access::engine(ctx)?);
        Ok(with_connection(ctx, stream, customers)?.map(move |item| {
            item.map(|(event, connection)| ReauthRequired {
                reconnect_url: engine.reconnect_url(&connection.0),
                event,
                connection,
            })
        }))
    }

    /// Tells everything that happens.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these types, such as `connection.reauth_required`.")] types: Option<Vec<String>>,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ConnectionEvent>>> {
        let types = types.map(kinds).transpose()?;
        let types = types.map(|kinds| kinds.into_iter().map(EventKind::as_str).collect::<HashSet<_>>());
        let wanted = move |event: &Event| types.as_ref().is_none_or(|types| types.contains(event.kind.as_str()));
        follow(ctx, after, wanted).await
    }
}

/// Follows the events that the caller may see, behind a cursor or from now on.
async fn follow(
    ctx: &Context<'_>,
    after: Option<String>,
    wanted: impl Fn(&Event) -> bool + Send + 'static,
) -> async_graphql::Result<BoxStream<'static, async_graphql::Result<ConnectionEvent>>> {
    let session = access::session(ctx)?;
    // A client that reconnects repeats its query; what it has seen since is told by the header.
    let seen = ctx.data_opt::<LastEventId>().map(|id| id.0.clone());
    let after = cursor::<i64>(seen.or(after))?;
    let slot = ctx.data_opt::<EventIdSlot>().cloned().unwrap_or_default();
    let visible = session.visible;
    let subscription = access::engine(ctx)?
        .feed
        .subscribe(visible.organization_id(), visible.connection_id(), after)
        .await
        .map_err(|end| ended(&end))?;
    let events = subscription.filter_map(move |event| {
        let item = match event {
            Ok(event) if wanted(&event) => {
                slot.set(event.position.to_string());
                Some(Ok(ConnectionEvent { event }))
            }
            Ok(_) => None,
            Err(end) => {
                slot.begin();
                Some(Err(ended(&end)))
            }
        };
        std::future::ready(item)
    });
    Ok(events.boxed())
}

/// Adds the connection to each event, and leaves those of other customers out.
fn with_connection(
    ctx: &Context<'_>,
    stream: BoxStream<'static, async_graphql::Result<ConnectionEvent>>,
    customers: Option<HashSet<String>>,
) -> async_graphql::Result<BoxStream<'static, async_graphql::Result<(ConnectionEvent, Connection)>>> {
    let engine = Arc::clone(access::engine(ctx)?);
    let told = Arc::clone(ctx.data::<Arc<Told>>()?);
    let customers = Arc::new(customers);
    let found = stream.filter_map(move |item| {
        let (engine, told, customers) = (engine.clone(), told.clone(), customers.clone());
        async move {
            let event = match item {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            let connection = match told.connection(&engine, &event.event).await {
                Ok(connection) => connection?,
                Err(error) => return Some(Err(error)),
            };
            let customer = connection.0.customer.as_ref();
            let wanted = customers
                .as_ref()
                .as_ref()
                .is_none_or(|customers| customer.is_some_and(|customer| customers.contains(&customer.external_id)));
            wanted.then_some(Ok((event, connection)))
        }
    });
    Ok(found.boxed())
}

fn ended(end: &FeedEnd) -> async_graphql::Error {
    match end {
        FeedEnd::CursorTooOld { .. } => refused("CURSOR_TOO_OLD", end.to_string()),
        FeedEnd::CursorAhead { .. } => refused("INVALID_CURSOR", end.to_string()),
        FeedEnd::UnknownOrganization(_) | FeedEnd::Database(_) => access::internal(end),
    }
}
