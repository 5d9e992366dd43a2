//! What a layer of mappings holds for, and who may see and change it.

use std::sync::Arc;

use uuid::Uuid;

use super::MappingError;
use crate::{
    Engine, Session,
    connections::{self, Connection, Status},
    customers::{self, Customer},
    model::Layer,
    tokens,
};

/// The scope that a token needs to work on mappings.
const MAPPINGS: &str = "mappings";
/// The scope that a token needs for requests of its own.
const PASSTHROUGH: &str = "passthrough";

/// Most connections of one layer that are looked at.
const MOST_CONNECTIONS: usize = 10_000;
const AT_ONCE: u64 = 500;

/// What a layer holds for, as callers name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One connection.
    Connection(Uuid),
    /// All connections of a connector.
    Connector(String),
    /// The connections of a connector that belong to one customer.
    Customer {
        /// The connector.
        connector: String,
        /// The organization's own identifier of the customer.
        customer: String,
    },
}

impl Place {
    /// Reads what a caller named.
    ///
    /// # Errors
    /// When too little or too much is named.
    pub fn new(
        connection_id: Option<Uuid>,
        connector: Option<String>,
        customer: Option<String>,
    ) -> Result<Self, MappingError> {
        match (connection_id, connector, customer) {
            (Some(id), None, None) => Ok(Self::Connection(id)),
            (None, Some(connector), None) => Ok(Self::Connector(connector)),
            (None, Some(connector), Some(customer)) => Ok(Self::Customer { connector, customer }),
            _ => Err(MappingError::Scope(
                "name a connection alone, a connector alone, or a connector and a customer".to_owned(),
            )),
        }
    }
}

/// The kind of what a layer holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// All connections of a connector.
    Organization,
    /// Those of one customer.
    Customer,
    /// One connection.
    Connection,
}

impl ScopeKind {
    /// Returns its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "ORGANIZATION",
            Self::Customer => "CUSTOMER",
            Self::Connection => "CONNECTION",
        }
    }
}

/// What a layer holds for.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Its name in the model.
    pub layer: Layer,
    /// The connector.
    pub connector: String,
    /// The customer, when it holds for the connections of one.
    pub customer: Option<Customer>,
    /// The connection, when it holds for one.
    pub connection: Option<Arc<Connection>>,
}

impl Scope {
    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> ScopeKind {
        match self.layer {
            Layer::Connector(_) => ScopeKind::Organization,
            Layer::Customer(..) => ScopeKind::Customer,
            Layer::Connection(_) => ScopeKind::Connection,
        }
    }

    /// Returns the connection, when it holds for one.
    #[must_use]
    pub const fn connection_id(&self) -> Option<Uuid> {
        match self.layer {
            Layer::Connection(id) => Some(id),
            _ => None,
        }
    }

    /// Returns the organization's own identifier of the customer, when it holds for the connections of one.
    #[must_use]
    pub fn customer_id(&self) -> Option<&str> {
        self.customer.as_ref().map(|customer| customer.external_id.as_str())
    }

    /// Returns what one of the layers of a connection holds for.
    pub(super) fn of(layer: &Layer, connection: &Arc<Connection>) -> Self {
        Self {
            layer: layer.clone(),
            connector: connection.connector.clone(),
            customer: match layer {
                Layer::Customer(..) => connection.customer.clone(),
                _ => None,
            },
            connection: matches!(layer, Layer::Connection(_)).then(|| connection.clone()),
        }
    }
}

/// What somebody wants to do with a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// See it.
    See,
    /// Change it.
    Change,
}

/// Returns whether the caller is bound to one connection.
pub(super) fn is_bound(session: &Session) -> bool {
    matches!(session.caller.scope, tokens::Scope::Connection(_))
}

/// Refuses callers who may not see or change layers.
pub(super) fn may(session: &Session, need: Need) -> Result<(), MappingError> {
    let caller = &session.caller;
    let is_allowed = match (is_bound(session), need) {
        (true, _) => caller.may(MAPPINGS),
        (false, Need::See) => true,
        (false, Need::Change) => caller.scopes.is_empty() || caller.may(MAPPINGS),
    };
    match is_allowed {
        true => Ok(()),
        false => Err(MappingError::Forbidden(
            "the token may not work on mappings: it lacks the scope `mappings`",
        )),
    }
}

/// Refuses callers who may not send requests of their own.
pub(super) fn may_pass(session: &Session) -> Result<(), MappingError> {
    let caller = &session.caller;
    match caller.may(PASSTHROUGH) || (!is_bound(session) && caller.scopes.is_empty()) {
        true => Ok(()),
        false => Err(MappingError::RawDisabled),
    }
}

impl Engine {
    /// Finds what a layer holds for, if the caller may do with it what is wanted.
    pub(super) async fn scope(&self, session: &Session, place: &Place, need: Need) -> Result<Scope, MappingError> {
        may(session, need)?;
        let bound = is_bound(session);
        let scope = match place {
            Place::Connection(id) => self.scope_of_connection(session, *id).await,
            _ if bound => Err(MappingError::Scope(
                "the token reaches the mapping of its own connection only".to_owned(),
            )),
            Place::Connector(connector) => {
                self.known_connector(connector)?;
                Ok(Scope {
                    layer: Layer::Connector(connector.clone()),
                    connector: connector.clone(),
                    customer: None,
                    connection: None,
                })
            }
            Place::Customer { connector, customer } => self.scope_of_customer(session, connector, customer).await,
        }?;
        let is_over = |connection: &Arc<Connection>| connection.status == Status::Disconnected;
        if need == Need::Change && scope.connection.as_ref().is_some_and(is_over) {
            return Err(MappingError::Scope("the connection is disconnected".to_owned()));
        }
        Ok(scope)
    }

    async fn scope_of_connection(&self, session: &Session, id: Uuid) -> Result<Scope, MappingError> {
        if session.visible.connection_id().is_some_and(|only| only != id) {
            return Err(MappingError::Scope(
                "the token reaches the mapping of its own connection only".to_owned(),
            ));
        }
        let connection = Arc::new(self.connections.get(session.visible, id).await?);
        Ok(Scope::of(&Layer::Connection(id), &connection))
    }

    async fn scope_of_customer(
        &self,
        session: &Session,
        connector: &str,
        customer: &str,
    ) -> Result<Scope, MappingError> {
        self.known_connector(connector)?;
        let organization_id = session.caller.organization_id;
        let found = customers::find_by_external_id(&self.database, organization_id, customer).await?;
        let found = found.ok_or_else(|| MappingError::Scope(format!("there is no customer `{customer}`")))?;
        Ok(Scope {
            layer: Layer::Customer(found.id, connector.to_owned()),
            connector: connector.to_owned(),
            customer: Some(found),
            connection: None,
        })
    }

    fn known_connector(&self, connector: &str) -> Result<(), MappingError> {
        let known = self.registry.get(connector).map(drop);
        known.ok_or_else(|| MappingError::Scope(format!("there is no connector `{connector}`")))
    }

    /// Returns the connections that a layer holds for, without those that were disconnected.
    pub(super) async fn affected(&self, organization_id: Uuid, scope: &Scope) -> Result<Vec<Connection>, MappingError> {
        if let Some(connection) = &scope.connection {
            return Ok(vec![(**connection).clone()]);
        }
        let filter = connections::Filter {
            customers: scope.customer_id().map(|customer| vec![customer.to_owned()]),
            connectors: Some(vec![scope.connector.clone()]),
            ..connections::Filter::default()
        };
        let mut found: Vec<Connection> = Vec::new();
        let mut after = None;
        loop {
            let page = self.connections.list(organization_id, &filter, after, AT_ONCE).await?;
            after = page.connections.last().map(|connection| connection.id);
            let live = page.connections.into_iter();
            found.extend(live.filter(|connection| connection.status != Status::Disconnected));
            if !page.has_more || found.len() >= MOST_CONNECTIONS {
                return Ok(found);
            }
        }
    }
}
