//! Connections, and the fields of the query root that find them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::connections;

use super::{
    Connector, PageInfo,
    access::{self, cursor, page_size},
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
        filter: Option<ConnectionFilter>,
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
