//! The platform's own types: connections, connectors and what they can do, page information, sources.

use std::sync::Arc;

use async_graphql::{
    Context, Enum, ID, InputType, Object, OutputType, Positioned, SimpleObject, Value, parser::types::SelectionSet,
    registry::Registry,
};
use chrono::{DateTime, Utc};
use lineshaft_engine::{
    Engine, Session, connections,
    query::{self, Page, SourceError},
};

use crate::{error::coded, transport::write_value, walk::RecordProblem};

mod connector;

pub(crate) use connector::Connector;

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    /// Smallest, or earliest, first.
    Asc,
    /// Largest, or latest, first.
    Desc,
}

/// Whether and where a list goes on.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether records follow behind this page.
    has_next_page: bool,
    /// Whether the page began behind a cursor. Lists go forward only.
    has_previous_page: bool,
    /// The cursor of the first record, when edges with cursors were asked for.
    start_cursor: Option<String>,
    /// The cursor behind the last record: the `after` of the next page.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// Returns the information of a page.
    pub(crate) fn of(page: &Page, continued: bool) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: continued,
            start_cursor: page.rows.first().and_then(|row| row.cursor.clone()),
            end_cursor: page.end_cursor.clone(),
        }
    }
}

/// How it went with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum SourceStatus {
    /// Everything that was asked for is there.
    Ok,
    /// Some records are there, but not all; `error` tells why.
    Partial,
    /// Nothing is there; `error` tells why.
    Failed,
    /// The connector does not offer the entity, or a field that the query filters or sorts by.
    Unsupported,
    /// The connection is not usable now; nothing was sent to the system.
    Skipped,
}

/// What one connection contributed to a page.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Source {
    /// The connection.
    connection: Connection,
    /// How it went.
    status: SourceStatus,
    /// Why something is missing.
    error: Option<Failure>,
    /// Records on this page.
    records: i32,
    /// Requests that were sent to the system for this page, nested records included.
    upstream_calls: i32,
    /// Milliseconds until its records were there.
    latency_ms: f64,
    /// Conditions and order that the system applied.
    pushed_down: Vec<String>,
    /// Conditions and order that were applied here.
    applied_here: Vec<String>,
    /// Fields of records that could not be read, at most 50 on a page. The rest of each record stands.
    problems: Vec<FieldProblem>,
}

/// Why a connection's part is missing.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Failure {
    /// Stable code; each has a page in the documentation.
    code: &'static str,
    /// What happened, for people.
    message: String,
    /// Whether asking again later may help.
    retryable: bool,
    /// The system's own code.
    remote_code: Option<String>,
    /// The system's own message.
    remote_message: Option<String>,
    /// Seconds to wait before asking again.
    retry_after_seconds: Option<u64>,
}

/// A field of a record that could not be read.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FieldProblem {
    /// The id of the record.
    record_id: ID,
    /// The field.
    field: String,
    /// Where its value stands in the source.
    remote_path: String,
    /// What is wrong with it.
    message: String,
}

impl From<&SourceError> for Failure {
    fn from(error: &SourceError) -> Self {
        Self {
            code: error.code,
            message: error.message.clone(),
            retryable: error.retryable,
            remote_code: error.remote_code.clone(),
            remote_message: error.remote_message.clone(),
            retry_after_seconds: error.retry_after.map(|wait| wait.as_secs()),
        }
    }
}

/// Returns what each connection contributed to a page.
pub(crate) fn sources(page: &Page, problems: &[RecordProblem]) -> Vec<Source> {
    let one = |source: &query::Source| {
        let connection = page.connections.get(source.connection)?;
        let calls = page
            .live
            .get(source.connection)
            .map_or(source.upstream_calls, |live| live.context.calls());
        let own = problems.iter().filter(|problem| problem.source == source.connection);
        Some(Source {
            connection: Connection(connection.clone()),
            status: match source.status {
                query::SourceStatus::Ok => SourceStatus::Ok,
                query::SourceStatus::Partial => SourceStatus::Partial,
                query::SourceStatus::Failed => SourceStatus::Failed,
                query::SourceStatus::Unsupported => SourceStatus::Unsupported,
                query::SourceStatus::Skipped => SourceStatus::Skipped,
            },
            error: source.error.as_ref().map(Failure::from),
            records: i32::try_from(source.records).unwrap_or(i32::MAX),
            upstream_calls: i32::try_from(calls).unwrap_or(i32::MAX),
            latency_ms: (source.latency.as_secs_f64() * 100_000.0).round() / 100.0,
            pushed_down: source.pushed_down.clone(),
            applied_here: source.applied_here.clone(),
            problems: own
                .map(|problem| FieldProblem {
                    record_id: ID(problem.id.clone()),
                    field: problem.problem.field.clone(),
                    remote_path: problem.problem.path.clone(),
                    message: problem.problem.message.clone(),
                })
                .collect(),
        })
    };
    page.sources.iter().filter_map(one).collect()
}

/// Where the system of a connection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum Deployment {
    /// Run by its maker or in a public cloud.
    Cloud,
    /// Run by the customer.
    OnPremises,
}

/// Where a connection stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
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

impl ConnectionStatus {
    fn of(status: connections::Status) -> Self {
        use lineshaft_schema::ConnectionStatus as Known;
        match lineshaft_engine::status_of(status) {
            Known::Pending => Self::Pending,
            Known::Active => Self::Active,
            Known::Degraded => Self::Degraded,
            Known::Unreachable => Self::Unreachable,
            Known::ReauthRequired => Self::ReauthRequired,
            Known::Paused => Self::Paused,
            Known::Disabled => Self::Disabled,
            Known::Disconnected => Self::Disconnected,
        }
    }
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
        let engine = ctx.data::<Arc<Engine>>()?;
        Ok(engine.registry.get(&self.0.connector).map(Connector))
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
        match self.0.deployment {
            connections::Deployment::Cloud => Deployment::Cloud,
            connections::Deployment::OnPremises => Deployment::OnPremises,
        }
    }

    /// Where the connection stands in its life.
    async fn status(&self) -> ConnectionStatus {
        ConnectionStatus::of(self.0.status)
    }

    /// Why it stands there.
    async fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// Since when it stands there.
    async fn status_since(&self) -> DateTime<Utc> {
        self.0.status_since
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
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

/// The root fields of the platform.
pub(crate) struct PlatformQuery;

#[Object]
impl PlatformQuery {
    /// Lists the connections that the token may see, in the order in which they were added.
    async fn connections(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Only connections of these customers, by your own ids of them.")] customers: Option<
            Vec<String>,
        >,
        #[graphql(desc = "Only connections of these connectors.")] connectors: Option<Vec<String>>,
        #[graphql(desc = "Only connections with one of these statuses.")] statuses: Option<Vec<ConnectionStatus>>,
    ) -> async_graphql::Result<ConnectionPage> {
        let (engine, session) = (ctx.data::<Arc<Engine>>()?, ctx.data::<Session>()?);
        let first = u64::try_from(first).ok().filter(|first| (1..=250).contains(first));
        let first = first.ok_or_else(|| refused("INVALID_PAGE_SIZE", "`first` must be between 1 and 250"))?;
        let after = after
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| refused("INVALID_CURSOR", "the cursor is not one of this API"))?;
        let statuses = statuses.map(|statuses| statuses.into_iter().map(status_of).collect());
        let filter = connections::Filter {
            ids: None,
            customers,
            connectors,
            statuses,
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
        let (engine, session) = (ctx.data::<Arc<Engine>>()?, ctx.data::<Session>()?);
        let id = id
            .parse()
            .map_err(|_| refused("INVALID_ID", "the text is not the id of a connection"))?;
        match engine.connections.get(session.visible, id).await {
            Ok(connection) => Ok(Some(Connection(Arc::new(connection)))),
            Err(connections::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists the connectors that are installed, with what each can do.
    async fn connectors(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Connector>> {
        let engine = ctx.data::<Arc<Engine>>()?;
        Ok(engine.registry.all().map(Connector).collect())
    }

    /// Finds a connector by its id, such as `odoo`.
    async fn connector(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connector.")] id: String,
    ) -> async_graphql::Result<Option<Connector>> {
        let engine = ctx.data::<Arc<Engine>>()?;
        Ok(engine.registry.get(&id).map(Connector))
    }
}

fn status_of(status: ConnectionStatus) -> connections::Status {
    use connections::Status;
    match status {
        ConnectionStatus::Pending => Status::Pending,
        ConnectionStatus::Active => Status::Active,
        ConnectionStatus::Degraded => Status::Degraded,
        ConnectionStatus::Unreachable => Status::Unreachable,
        ConnectionStatus::ReauthRequired => Status::ReauthRequired,
        ConnectionStatus::Paused => Status::Paused,
        ConnectionStatus::Disabled => Status::Disabled,
        ConnectionStatus::Disconnected => Status::Disconnected,
    }
}

fn refused(code: &'static str, message: &str) -> async_graphql::Error {
    let error = coded(code, message, None);
    async_graphql::Error {
        message: error.message,
        source: None,
        extensions: error.extensions,
    }
}

/// Registers the types that only the record walk writes.
pub(crate) fn register(registry: &mut Registry) {
    <PageInfo as OutputType>::create_type_info(registry);
    <Source as OutputType>::create_type_info(registry);
    <OrderDirection as InputType>::create_type_info(registry);
}

/// Writes an object of the platform, or a list of them, as JSON text.
pub(crate) async fn write<T: OutputType>(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    object: &T,
    out: &mut Vec<u8>,
) {
    let mut whole = Value::Null;
    for set in sets {
        match object.resolve(&ctx.with_selection_set(set), ctx.item).await {
            Ok(value) => merge(&mut whole, value),
            Err(error) => ctx.add_error(error),
        }
    }
    write_value(out, &whole);
}

/// Writes a connection as JSON text.
pub(crate) async fn write_connection(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    connection: &Arc<connections::Connection>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(ctx, sets, &Connection(connection.clone()), &mut out).await;
    out
}

fn merge(whole: &mut Value, more: Value) {
    match (whole, more) {
        (Value::Object(whole), Value::Object(more)) => {
            for (name, value) in more {
                match whole.get_mut(&name) {
                    Some(known) => merge(known, value),
                    None => {
                        whole.insert(name, value);
                    }
                }
            }
        }
        (Value::List(whole), Value::List(more)) => {
            whole.iter_mut().zip(more).for_each(|(whole, more)| merge(whole, more))
        }
        (whole @ Value::Null, more) => *whole = more,
        _ => {}
    }
}
