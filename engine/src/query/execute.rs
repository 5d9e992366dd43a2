//! Runs a planned list: all connections at once, under one deadline, merged into one page.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt as _, stream};
use lineshaft_connect::{Error, ErrorKind, connector::Connector};
use lineshaft_schema::{Catalogue, ConnectionId, Cursor, TypeDef};
use tokio::time::Instant;

use super::{
    Page, PageRequest, QueryError, Row, Source, SourceStatus,
    branch::Branch,
    fingerprint::fingerprint,
    merge,
    plan::{self, Decision},
};
use crate::{
    Engine,
    connections::{self, Connection},
    live::Live,
    session::Session,
};

/// Connections that are read at the same time by one query.
const FAN_OUT: usize = 64;

impl Engine {
    /// Reads one page of an entity over the connections in scope that the session may see.
    ///
    /// # Errors
    /// Refuses the whole query for a bad cursor, scope or page size. What goes wrong with one connection is told in
    /// its source, and the other connections' records arrive.
    pub async fn page(&self, session: &Session, request: PageRequest) -> Result<Page, QueryError> {
        let settings = &self.settings.query;
        if request.first == 0 || request.first > settings.max_page_size {
            return Err(QueryError::PageSize {
                asked: request.first.into(),
                most: settings.max_page_size,
            });
        }
        let def = session
            .model
            .catalogue
            .type_at(request.kind)
            .ok_or(QueryError::Database)?;
        let query = fingerprint(&session.model.catalogue, def, &request);
        let mut cursor = match &request.after {
            Some(text) => Cursor::decode(text, query)?,
            None => Cursor::start(query),
        };
        let connections = self.in_scope(session, &request.scope).await?;
        let live: Vec<Live> = connections
            .iter()
            .map(|connection| self.ready(session, connection.clone()))
            .collect();
        let mut sources = Vec::with_capacity(connections.len());
        let mut branches = Vec::new();
        for (at, live) in live.iter().enumerate() {
            match decide(&session.model.catalogue, def, &request, live, &cursor) {
                Ok((reading, connector)) => {
                    let position = cursor.position(ConnectionId(live.connection.id)).cloned();
                    branches.push(Branch::new(
                        at,
                        connector,
                        live.context.clone(),
                        request.order,
                        position,
                        *reading,
                    ));
                }
                Err(source) => sources.push(Source {
                    connection: at,
                    ..*source
                }),
            }
        }
        let wanted = usize::try_from(request.first).unwrap_or(usize::MAX);
        let rows = collect(
            &mut branches,
            &request,
            wanted,
            settings.max_scanned,
            session.list_deadline(request.relations),
            |branches, record| {
                request.edge_cursors.then(|| {
                    let mut cursor = cursor.clone();
                    set_positions(&mut cursor, &connections, branches, |branch| branch.position.clone());
                    let _ = record;
                    cursor.encode()
                })
            },
        )
        .await;
        self.note_refused_credentials(&connections, &branches).await;

        let has_next = branches.iter().any(Branch::goes_on);
        set_positions(&mut cursor, &connections, &branches, Branch::final_position);
        let total = total_of(&request, &sources, &branches);
        sources.extend(branches.iter().map(|branch| source_of(branch, &rows)));
        sources.sort_by_key(|source| source.connection);
        let end_cursor = (!cursor.branches.is_empty()).then(|| cursor.encode());
        Ok(Page {
            connections,
            live,
            rows,
            sources,
            has_next,
            end_cursor,
            total,
        })
    }

    /// Lists the connections that a query runs over.
    async fn in_scope(&self, session: &Session, scope: &super::Scope) -> Result<Vec<Arc<Connection>>, QueryError> {
        let filter = connections::Filter {
            ids: scope
                .connections
                .as_ref()
                .map(|ids| ids.iter().map(|id| id.0).collect()),
            customers: scope.customers.clone(),
            connectors: scope.connectors.clone(),
            statuses: None,
        };
        let most = self.settings.query.max_connections;
        let found = self
            .connections
            .in_scope(session.visible, filter, most.into())
            .await
            .map_err(|error| {
                tracing::error!(%error, "the connections of a query could not be read");
                QueryError::Database
            })?;
        if found.has_more {
            return Err(QueryError::TooManyConnections(most));
        }
        if let Some(asked) = &scope.connections {
            let missing = asked
                .iter()
                .find(|id| !found.connections.iter().any(|connection| connection.id == id.0));
            if let Some(id) = missing {
                return Err(QueryError::UnknownConnection(*id));
            }
        }
        let live = found
            .connections
            .iter()
            .filter(|connection| scope.connections.is_some() || connection.status != connections::Status::Disconnected);
        Ok(live.cloned().collect())
    }

    /// Marks connections whose credentials were refused, so that no further call is sent with them.
    async fn note_refused_credentials(&self, connections: &[Arc<Connection>], branches: &[Branch]) {
        for branch in branches.iter().filter(|branch| branch.refused_credentials) {
            if let Some(connection) = connections.get(branch.connection) {
                self.mark_reauthorization(connection).await;
            }
        }
    }
}

/// Decides how one connection is read, or why it is not.
fn decide(
    catalogue: &Catalogue,
    def: &TypeDef,
    request: &PageRequest,
    live: &Live,
    cursor: &Cursor,
) -> Result<(Box<plan::Reading>, Arc<Connector>), Box<Source>> {
    if let Some(error) = &live.refused {
        let usable = crate::status_of(live.connection.status).is_usable();
        let status = if usable {
            SourceStatus::Failed
        } else {
            SourceStatus::Skipped
        };
        return Err(Box::new(refused(status, error.clone())));
    }
    let Some(connector) = &live.connector else {
        return Err(Box::new(nothing()));
    };
    let id = ConnectionId(live.connection.id);
    match plan::plan(catalogue, def, request, id, connector.blueprint(), cursor.position(id)) {
        Decision::Read(reading) => Ok((reading, connector.clone())),
        Decision::Nothing => Err(Box::new(nothing())),
        Decision::Refuse(status, error) => Err(Box::new(refused(status, error))),
    }
}

/// Reads until the page is full, every branch has ended, or the time is up.
async fn collect(
    branches: &mut [Branch],
    request: &PageRequest,
    wanted: usize,
    most_scanned: u32,
    deadline: Instant,
    mut cursor_of: impl FnMut(&[Branch], &lineshaft_schema::Record) -> Option<String>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(wanted);
    loop {
        let missing = wanted - rows.len();
        let open = branches
            .iter()
            .filter(|branch| !branch.ended() && branch.error.is_none())
            .count();
        let share = merge::share(request.order, missing, open);
        fill(branches, share, most_scanned, deadline).await;
        merge::take(request.order, branches, missing, |branches, at, record| {
            let cursor = cursor_of(branches, &record);
            let connection = branches.get(at).map_or(0, |branch| branch.connection);
            rows.push(Row {
                connection,
                record: Arc::new(record),
                cursor,
            });
        });
        let more = branches.iter().any(|branch| !branch.ended() && branch.error.is_none());
        // When one system has used the time up, the others are not blamed for records they were not asked for.
        if rows.len() >= wanted || !more || Instant::now() >= deadline {
            return rows;
        }
    }
}

async fn fill(branches: &mut [Branch], share: usize, most_scanned: u32, deadline: Instant) {
    let needy = branches
        .iter_mut()
        .filter(|branch| branch.error.is_none() && !branch.ended() && branch.buffer.len() < share);
    stream::iter(needy)
        .for_each_concurrent(FAN_OUT, |branch| async move {
            if tokio::time::timeout_at(deadline, branch.fill(share, most_scanned))
                .await
                .is_err()
            {
                branch.fail(&Error::new(
                    ErrorKind::DeadlineExceeded,
                    "the system did not answer within the time of the query",
                ));
            }
        })
        .await;
}

fn set_positions(
    cursor: &mut Cursor,
    connections: &[Arc<Connection>],
    branches: &[Branch],
    position: impl Fn(&Branch) -> lineshaft_schema::Position,
) {
    let mut positions: HashMap<ConnectionId, lineshaft_schema::Position> = cursor.branches.drain(..).collect();
    for branch in branches {
        if let Some(connection) = connections.get(branch.connection) {
            let position = position(branch);
            if position.key.is_some() || position.ended {
                positions.insert(ConnectionId(connection.id), position);
            }
        }
    }
    cursor.branches = positions.into_iter().collect();
    cursor.branches.sort_unstable_by_key(|(id, _)| *id);
}

fn total_of(request: &PageRequest, sources: &[Source], branches: &[Branch]) -> Option<u64> {
    if !request.count
        || sources
            .iter()
            .any(|source| source.error.is_some() && source.status != SourceStatus::Unsupported)
    {
        return None;
    }
    branches.iter().map(|branch| branch.total).sum()
}

fn source_of(branch: &Branch, rows: &[Row]) -> Source {
    let records = rows.iter().filter(|row| row.connection == branch.connection).count();
    let status = match (&branch.error, records) {
        (None, _) => SourceStatus::Ok,
        (Some(_), 0) => SourceStatus::Failed,
        (Some(_), _) => SourceStatus::Partial,
    };
    Source {
        connection: branch.connection,
        status,
        error: branch.error.clone(),
        records: u32::try_from(records).unwrap_or(u32::MAX),
        upstream_calls: branch.calls(),
        latency: branch.latency,
        pushed_down: branch.pushed_down.clone(),
        applied_here: branch.applied_here.clone(),
    }
}

fn nothing() -> Source {
    Source {
        connection: 0,
        status: SourceStatus::Ok,
        error: None,
        records: 0,
        upstream_calls: 0,
        latency: std::time::Duration::ZERO,
        pushed_down: Vec::new(),
        applied_here: Vec::new(),
    }
}

fn refused(status: SourceStatus, error: super::SourceError) -> Source {
    Source {
        status,
        error: Some(error),
        ..nothing()
    }
}
