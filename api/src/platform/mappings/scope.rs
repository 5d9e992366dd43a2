//! What a layer of mappings holds for, as clients name it and are told it.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use lineshaft_engine::mappings::{self, Place};

use super::failed;
use crate::platform::access::id;

/// What a layer of mappings holds for: a connection alone, a connector alone (all connections of it), or a connector and a
/// customer (the connections of it that belong to the customer).
#[derive(Clone, Debug, InputObject)]
pub(crate) struct MappingScopeInput {
    /// The id of the connection.
    connection_id: Option<ID>,
    /// The id of the connector, such as `odoo`.
    connector: Option<String>,
    /// Your own id of the customer.
    customer: Option<String>,
}

impl MappingScopeInput {
    pub(super) fn read(self) -> async_graphql::Result<Place> {
        let connection = self.connection_id.map(|text| id(&text, "a connection")).transpose()?;
        Place::new(connection, self.connector, self.customer).map_err(|error| failed(&error))
    }
}

/// The kind of what a layer of mappings holds for. Layers lie over one another in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::ScopeKind")]
pub(crate) enum MappingScopeKind {
    /// All connections of the organization to a kind of system.
    Organization,
    /// Those that belong to one customer.
    Customer,
    /// One connection.
    Connection,
}

/// What a layer of mappings holds for.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingScope {
    /// Its kind.
    kind: MappingScopeKind,
    /// The id of the connection, for a layer of one.
    connection_id: Option<ID>,
    /// The id of the connector, such as `odoo`.
    connector: String,
    /// Your own id of the customer, for a layer of one.
    customer: Option<String>,
}

impl From<&mappings::Scope> for MappingScope {
    fn from(scope: &mappings::Scope) -> Self {
        Self {
            kind: scope.kind().into(),
            connection_id: scope.connection_id().map(|id| ID(id.to_string())),
            connector: scope.connector.clone(),
            customer: scope.customer_id().map(str::to_owned),
        }
    }
}

/// What a copy was to hold for, as the request named it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingTarget {
    /// The id of the connection.
    connection_id: Option<ID>,
    /// The id of the connector.
    connector: Option<String>,
    /// Your own id of the customer.
    customer: Option<String>,
}

impl From<Place> for MappingTarget {
    fn from(place: Place) -> Self {
        let (connection, connector, customer) = match place {
            Place::Connection(id) => (Some(id), None, None),
            Place::Connector(connector) => (None, Some(connector), None),
            Place::Customer { connector, customer } => (None, Some(connector), Some(customer)),
        };
        Self {
            connection_id: connection.map(|id| ID(id.to_string())),
            connector,
            customer,
        }
    }
}

/// A layer that holds for a connection, and which version of it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingLayerInfo {
    /// What it holds for.
    scope: MappingScope,
    /// Its version.
    version: i32,
}

impl From<mappings::LayerInfo> for MappingLayerInfo {
    fn from(layer: mappings::LayerInfo) -> Self {
        Self {
            scope: (&layer.scope).into(),
            version: layer.version,
        }
    }
}
