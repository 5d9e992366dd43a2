//! Lists writes, a page at a time in both directions. A caller for one connection sees the writes to it alone.

use chrono::{DateTime, Utc};
use lineshaft_entities::write_operation::{Column, Entity, State};
use lineshaft_schema::RemoteKey;
use sea_orm::{
    ColumnTrait as _, DbErr, Iterable as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::Write;
use crate::{Engine, connections::Visible};

/// Which writes to list. `None` asks for any, an empty list for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The connections.
    pub connections: Option<Vec<Uuid>>,
    /// The unified types, by name.
    pub entities: Option<Vec<String>>,
    /// The operations, by short name.
    pub operations: Option<Vec<String>>,
    /// Where they stand.
    pub states: Option<Vec<State>>,
    /// The tokens that they were asked for with.
    pub actors: Option<Vec<Uuid>>,
    /// The batches.
    pub batches: Option<Vec<Uuid>>,
    /// One record: its connection, type and key.
    pub record: Option<(Uuid, String, RemoteKey)>,
    /// Asked for at or after this moment.
    pub since: Option<DateTime<Utc>>,
    /// Asked for before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Whether what was sent, which may be large, is left out.
    pub without_requests: bool,
}

/// Where a page lies. Cursors are the identifiers of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The newest writes before a cursor, the newest first.
    Before(Option<Uuid>),
    /// The oldest writes after a cursor, the oldest first.
    After(Option<Uuid>),
}

/// One page of writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The writes, in the order that the place asks for.
    pub writes: Vec<Write>,
    /// Whether more follow behind the last one.
    pub has_more: bool,
}

/// Leaves the large columns out that a list does not show.
fn listed(query: Select<Entity>, without_requests: bool) -> Select<Entity> {
    let is_left_out = |column: &Column| match column {
        Column::Ciphertext => true,
        Column::Requests => without_requests,
        _ => false,
    };
    let columns = Column::iter().filter(|column| !is_left_out(column));
    let query = query.select_only().columns(columns);
    let query = query.expr_as(Expr::val(None::<Vec<u8>>), "ciphertext");
    match without_requests {
        true => query.expr_as(Expr::val(json!([])), "requests"),
        false => query,
    }
}

impl Engine {
    /// Lists writes that somebody may see, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn writes(
        &self,
        visible: impl Into<Visible>,
        filter: &Filter,
        place: Place,
        limit: u64,
    ) -> Result<Page, DbErr> {
        let visible = visible.into();
        let query = Entity::for_organization(visible.organization_id()).limit(limit.saturating_add(1));
        let mut query = match place {
            Place::After(None) => query.order_by_asc(Column::Id),
            Place::After(Some(cursor)) => query.filter(Column::Id.gt(cursor)).order_by_asc(Column::Id),
            Place::Before(None) => query.order_by_desc(Column::Id),
            Place::Before(Some(cursor)) => query.filter(Column::Id.lt(cursor)).order_by_desc(Column::Id),
        };
        if let Some(only) = visible.connection_id() {
            query = query.filter(Column::ConnectionId.eq(only));
        }
        if let Some(ids) = &filter.connections {
            query = query.filter(Column::ConnectionId.is_in(ids.iter().copied()));
        }
        if let Some(entities) = &filter.entities {
            query = query.filter(Column::Entity.is_in(entities));
        }
        if let Some(operations) = &filter.operations {
            query = query.filter(Column::Operation.is_in(operations));
        }
        if let Some(states) = &filter.states {
            query = query.filter(Column::State.is_in(states.iter().copied()));
        }
        if let Some(actors) = &filter.actors {
            query = query.filter(Column::ActorId.is_in(actors.iter().copied()));
        }
        if let Some(batches) = &filter.batches {
            query = query.filter(Column::BatchId.is_in(batches.iter().copied()));
        }
        if let Some((connection, entity, key)) = &filter.record {
            query = query
                .filter(Column::ConnectionId.eq(*connection))
                .filter(Column::Entity.eq(entity))
                .filter(Column::RecordKey.eq(key.to_string()));
        }
        if let Some(since) = filter.since {
            query = query.filter(Column::CreatedAt.gte(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(Column::CreatedAt.lt(until));
        }
        let rows = listed(query, filter.without_requests).all(&self.database).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Page {
            has_more: rows.len() > limit,
            writes: rows.into_iter().take(limit).map(Write::from).collect(),
        })
    }

    /// Finds a write that somebody may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write_by_id(&self, visible: impl Into<Visible>, id: Uuid) -> Result<Option<Write>, DbErr> {
        Ok(self.write_row(visible.into(), id).await?.map(Write::from))
    }
}
