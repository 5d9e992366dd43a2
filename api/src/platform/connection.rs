//! Connections, and the fields of the query root that find them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::{
    connections,
    lifecycle::{self, StatusReport},
};

use super::{
    Connector, PageInfo,
    access::{self, cursor, page_size},
    event::{self, EventPage},
    token::ApiToken,
    writes::ConnectionWriteMode,
};

/// Where the system of a connection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "connections::Deployment")]
pub(crate) enum Deployment {
    /// Run by its maker or in a public cloud.
    Cloud,
    /// Run by the customer.
    OnPremises,
}

/// Where a connection stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "connections::Status")]
pub(crate) enum ConnectionStatus {
    /// Being set up; its credentials have not been tried yet.
    Pending,
    /// Working.
    Active,
    /// Working in part.
    Degraded,
    /// The system does not answer.
    Unreachable,
    /// The system refused the credentials; somebody must sign in again.
    ReauthRequired,
    /// Paused by its owner.
    Paused,
    /// Disabled by the operator.
    Disabled,
    /// Disconnected; its credentials are gone.
    Disconnected,
}

/// A customer of the organization.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Customer {
    /// Your own id of the customer.
    external_id: String,
    /// The customer's name.
    name: String,
}

/// One customer's link to one system.
#[derive(Clone, Debug)]
pub(crate) struct Connection(pub(crate) Arc<connections::Connection>);

/// One customer's link to one system.
#[Object]
impl Connection {
    /// The id of the connection.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The name that people read.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of system; null when its connector is no longer installed.
    async fn connector(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Connector>> {
        Ok(access::engine(ctx)?.registry.get(&self.0.connector).map(Connector))
    }

    /// The customer whose system it reaches.
    async fn customer(&self) -> Option<Customer> {
        let customer = self.0.customer.as_ref()?;
        Some(Customer {
            external_id: customer.external_id.clone(),
            name: customer.name.clone(),
        })
    }

    /// Where the system runs.
    async fn deployment(&self) -> Deployment {
        self.0.deployment.into()
    }

    /// Where the connection stands in its life.
    async fn status(&self) -> ConnectionStatus {
        self.0.status.into()
    }

    /// Why it stands there: a stable code.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// What more there is to tell of the status, for people.
    async fn status_message(&self) -> Option<&str> {
        self.0.status_message.as_deref()
    }

    /// Whether its writes reach the system.
    async fn write_mode(&self) -> ConnectionWriteMode {
        self.0.write_mode.into()
    }

    /// Since when it stands there.
    async fn status_since(&self) -> DateTime<Utc> {
        self.0.status_since
    }

    /// When an operation last succeeded, to about ten seconds.
    async fn last_success_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime<Utc>>> {
        Ok(self.report(ctx)?.last_success_at)
    }

    /// When an operation last failed, to about ten seconds.
    async fn last_error_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime<Utc>>> {
        Ok(self.report(ctx)?.last_error_at)
    }

    /// That failure.
    async fn last_error(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ConnectionError>> {
        let error = self.report(ctx)?.last_error;
        Ok(error.map(|error| ConnectionError {
            code: error.code,
            message: error.message,
        }))
    }

    /// When the credentials end, if that is known.
    async fn credentials_expire_at(&self) -> Option<DateTime<Utc>> {
        self.0.credentials_expire_at
    }

    /// When it is tried next without being asked; null while it is not asked at all.
    async fn next_check_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime<Utc>>> {
        Ok(self.report(ctx)?.next_check_at)
    }

    /// Whether calls go through. After too many faults in a row they are held back for a while.
    async fn circuit(&self, ctx: &Context<'_>) -> async_graphql::Result<Circuit> {
        let circuit = self.report(ctx)?.circuit;
        Ok(Circuit {
            state: circuit.state.into(),
            open_until: circuit.open_until,
        })
    }

    /// Whether the system asks for fewer calls.
    async fn rate_limit(&self, ctx: &Context<'_>) -> async_graphql::Result<RateLimit> {
        let limit = self.report(ctx)?.rate_limit;
        Ok(RateLimit {
            limited: limit.limited,
            until: limit.until,
        })
    }

    /// Where the customer signs in again; null unless the status is `REAUTH_REQUIRED`.
    async fn reconnect_url(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(access::engine(ctx)?.reconnect_url(&self.0))
    }

    /// The account that the credentials open, as the system tells it.
    async fn account(&self) -> Option<&str> {
        self.0.account.as_deref()
    }

    /// The credits that are reserved for it.
    async fn credits(&self) -> i64 {
        self.0.credits
    }

    /// How each entity fares: a connection may work for vendors and lack permission for work orders.
    async fn entity_health(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EntityHealth>> {
        let report = self.report(ctx)?;
        Ok(report.entity_health.into_iter().map(EntityHealth::from).collect())
    }

    /// The tokens that open this connection alone. Needs an organization's key.
    async fn tokens(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ApiToken>> {
        let session = access::organization(ctx)?;
        let tokens = &access::engine(ctx)?.tokens;
        let listed = tokens
            .list(session.caller.organization_id, Some(self.0.id), None, 250)
            .await;
        let listed = listed.map_err(|error| access::internal(&error))?;
        Ok(listed.into_iter().map(ApiToken::from).collect())
    }

    /// What happened to it: with `after` the oldest first behind that cursor, else the newest first.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins, the oldest event first.")] after: Option<String>,
        #[graphql(desc = "The cursor before which the page begins, the newest event first.")] before: Option<String>,
    ) -> async_graphql::Result<EventPage> {
        let filter = lineshaft_engine::events::history::Filter {
            connection_ids: Some(vec![self.0.id]),
            ..Default::default()
        };
        let visible = access::session(ctx)?.visible;
        event::history(access::engine(ctx)?, visible, filter, first, after, before).await
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was disconnected for good.
    async fn disconnected_at(&self) -> Option<DateTime<Utc>> {
        self.0.disconnected_at
    }
}

impl Connection {
    fn report(&self, ctx: &Context<'_>) -> async_graphql::Result<StatusReport> {
        Ok(access::engine(ctx)?.status_report(&self.0))
    }
}

/// A failure of a connection.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct ConnectionError {
    /// Stable code; each has a page in the documentation.
    code: String,
    /// What it said, for people.
    message: String,
}

/// Where the circuit breaker of a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "lifecycle::CircuitState")]
pub(crate) enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls are held back.
    Open,
    /// One call is let through to see whether the system is back.
    HalfOpen,
}

/// Whether calls to a system go through.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Circuit {
    /// Where the breaker stands.
    state: CircuitState,
    /// Until when calls are held back.
    open_until: Option<DateTime<Utc>>,
}

/// Whether a system asks for fewer calls.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RateLimit {
    /// Whether it does.
    limited: bool,
    /// Until when nothing is sent.
    until: Option<DateTime<Utc>>,
}

/// How the last reading of an entity went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "lifecycle::EntityStatus")]
pub(crate) enum EntityStatus {
    /// It was read.
    Ok,
    /// The account may not read it.
    Denied,
    /// The system failed.
    Failed,
    /// The system does not offer it.
    Unsupported,
    /// It has not been read yet.
    Unknown,
}

/// How one entity of a connection fares.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct EntityHealth {
    /// The unified type.
    entity: String,
    /// How its last reading went.
    status: EntityStatus,
    /// The code of the last failure, while it has not been read since.
    code: Option<String>,
    /// What that failure said.
    message: Option<String>,
    /// When it was last read.
    last_success_at: Option<DateTime<Utc>>,
    /// When reading it last failed.
    last_error_at: Option<DateTime<Utc>>,
}

impl From<lifecycle::EntityReport> for EntityHealth {
    fn from(report: lifecycle::EntityReport) -> Self {
        Self {
            entity: report.entity,
            status: report.status.into(),
            code: report.code,
            message: report.message,
            last_success_at: report.last_success_at,
            last_error_at: report.last_error_at,
        }
    }
}

/// A page of connections.
#[derive(SimpleObject)]
pub(crate) struct ConnectionPage {
    /// The connections, in the order in which they were added.
    nodes: Vec<Connection>,
    /// Whether and where the list goes on.
    page_info: PageInfo,
}

/// Which connections to list. Conditions are joined by "and".
#[derive(Default, InputObject)]
pub(crate) struct ConnectionFilter {
    /// Only connections with one of these statuses.
    status: Option<Vec<ConnectionStatus>>,
    /// Only connections of these customers, by your own ids of them.
    customer: Option<Vec<String>>,
    /// Only connections of these connectors.
    connector: Option<Vec<String>>,
}

/// The fields of the query root that find connections.
#[derive(Default)]
pub(crate) struct ConnectionQuery;

#[Object]
impl ConnectionQuery {
    /// Lists the connections that the token may see, in the order in which they were added.
    async fn connections(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which to list; all unless it is said.")] filter: Option<ConnectionFilter>,
    ) -> async_graphql::Result<ConnectionPage> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let first = page_size(first)?;
        let after = cursor(after)?;
        let filter = filter.unwrap_or_default();
        let filter = connections::Filter {
            ids: None,
            customers: filter.customer,
            connectors: filter.connector,
            statuses: filter
                .status
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
        };
        let page = engine.connections.list(session.visible, &filter, after, first).await?;
        let end_cursor = page.connections.last().map(|connection| connection.id.to_string());
        let start_cursor = page.connections.first().map(|connection| connection.id.to_string());
        Ok(ConnectionPage {
            page_info: PageInfo {
                has_next_page: page.has_more,
                has_previous_page: after.is_some(),
                start_cursor,
                end_cursor,
            },
            nodes: page
                .connections
                .into_iter()
                .map(|connection| Connection(Arc::new(connection)))
                .collect(),
        })
    }

    /// Finds a connection by its id; null when there is none for this token.
    async fn connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] id: ID,
    ) -> async_graphql::Result<Option<Connection>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let id = access::id(&id, "a connection")?;
        match engine.connections.get(session.visible, id).await {
            Ok(connection) => Ok(Some(Connection(Arc::new(connection)))),
            Err(connections::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
