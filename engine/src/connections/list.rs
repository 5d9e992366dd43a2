//! Lists connections in the order in which they were added, a page at a time.

use lineshaft_entities::{connection, customer};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _};
use uuid::Uuid;

use super::{Connection, Connections, Error, Status, Visible};

/// Which connections to list. `None` asks for any, an empty list for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The identifiers.
    pub ids: Option<Vec<Uuid>>,
    /// The external identifiers of the customers.
    pub customers: Option<Vec<String>>,
    /// The names of the connectors.
    pub connectors: Option<Vec<String>>,
    /// The states.
    pub statuses: Option<Vec<Status>>,
}

/// One page of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The connections, in the order in which they were added.
    pub connections: Vec<Connection>,
    /// Whether more follow after the last one.
    pub has_more: bool,
}

impl Connections {
    /// Lists the connections that fit a filter and come after one, at most `limit`.
    pub async fn list(
        &self,
        visible: impl Into<Visible>,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page, Error> {
        let visible = visible.into();
        let mut query = visible
            .rows()
            .order_by_asc(connection::Column::Id)
            .limit(limit.saturating_add(1));
        if let Some(after) = after {
            query = query.filter(connection::Column::Id.gt(after));
        }
        if let Some(ids) = &filter.ids {
            query = query.filter(connection::Column::Id.is_in(ids.iter().copied()));
        }
        if let Some(customers) = &filter.customers {
            let ids = customer::Entity::for_organization(visible.organization_id)
                .filter(customer::Column::ExternalId.is_in(customers))
                .select_only()
                .column(customer::Column::Id)
                .into_query();
            query = query.filter(connection::Column::CustomerId.in_subquery(ids));
        }
        if let Some(connectors) = &filter.connectors {
            query = query.filter(connection::Column::Connector.is_in(connectors));
        }
        if let Some(statuses) = &filter.statuses {
            query = query.filter(connection::Column::Status.is_in(statuses.iter().copied()));
        }
        let rows = query.find_also_related(customer::Entity).all(&self.database).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        let rows = rows.into_iter().take(limit);
        let connections = rows
            .map(|(row, customer)| Connection::new(row, customer.map(Into::into)))
            .collect();
        Ok(Page { connections, has_more })
    }
}
