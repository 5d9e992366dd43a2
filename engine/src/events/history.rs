//! Lists the events of the past, a page at a time in both directions.

use lineshaft_entities::{connection, connection_event, customer};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use uuid::Uuid;

use super::{Event, EventKind};
use crate::connections::Visible;

/// Which events to list. `None` asks for any, an empty list for none.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The kinds.
    pub kinds: Option<Vec<EventKind>>,
    /// The connections.
    pub connection_ids: Option<Vec<Uuid>>,
    /// The external identifiers of the customers whose connections they are.
    pub customers: Option<Vec<String>>,
}

/// Where a page lies. Cursors are the positions of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The oldest events after a cursor, the oldest first.
    After(Option<i64>),
    /// The newest events before a cursor, the newest first.
    Before(Option<i64>),
}

/// One page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The events, in the order that the place asks for.
    pub events: Vec<Event>,
    /// Whether more follow behind the last one.
    pub has_more: bool,
}

/// Lists events that somebody may see, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn history(
    database: &impl ConnectionTrait,
    visible: impl Into<Visible>,
    filter: &Filter,
    place: Place,
    limit: u64,
) -> Result<Page, DbErr> {
    use connection_event::Column;
    let visible = visible.into();
    let query = connection_event::Entity::for_organization(visible.organization_id()).limit(limit.saturating_add(1));
    let mut query = match place {
        Place::After(None) => query.order_by_asc(Column::Position),
        Place::After(Some(cursor)) => query.filter(Column::Position.gt(cursor)).order_by_asc(Column::Position),
        Place::Before(None) => query.order_by_desc(Column::Position),
        Place::Before(Some(cursor)) => query
            .filter(Column::Position.lt(cursor))
            .order_by_desc(Column::Position),
    };
    if let Some(only) = visible.connection_id() {
        query = query.filter(Column::ConnectionId.eq(only));
    }
    if let Some(kinds) = &filter.kinds {
        query = query.filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(ids) = &filter.connection_ids {
        query = query.filter(Column::ConnectionId.is_in(ids.iter().copied()));
    }
    if let Some(customers) = &filter.customers {
        let customers = customer::Entity::for_organization(visible.organization_id())
            .filter(customer::Column::ExternalId.is_in(customers))
            .select_only()
            .column(customer::Column::Id)
            .into_query();
        let connections = connection::Entity::for_organization(visible.organization_id())
            .filter(connection::Column::CustomerId.in_subquery(customers))
            .select_only()
            .column(connection::Column::Id)
            .into_query();
        query = query.filter(Column::ConnectionId.in_subquery(connections));
    }
    let rows = query.all(database).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    let events = rows.into_iter().take(limit).map(Into::into).collect();
    Ok(Page { events, has_more })
}
