//! The federated query: one list over many connections, planned without IO, then executed.

mod branch;
mod execute;
mod fingerprint;
pub mod loaders;
mod merge;
pub mod plan;

use std::{sync::Arc, time::Duration};

use lineshaft_connect::Error;
use lineshaft_schema::{ConnectionId, Filter, Order, Projection, Record, TypeIndex};

use crate::{
    connections::Connection,
    lifecycle::verdict::{Verdict, verdict},
    live::Live,
};

/// A page of one entity over many connections.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// The entity.
    pub kind: TypeIndex,
    /// Which records; ids in it may be of any connection.
    pub filter: Filter,
    /// In which order; records of all connections are interleaved when there is none.
    pub order: Option<Order>,
    /// How many records.
    pub first: u32,
    /// The cursor behind which the page begins.
    pub after: Option<String>,
    /// Which connections.
    pub scope: Scope,
    /// Which fields.
    pub projection: Projection,
    /// Whether the number of all records is wanted.
    pub count: bool,
    /// Whether every record needs a cursor of its own.
    pub edge_cursors: bool,
    /// Whether relations of the records are loaded afterwards, for which time must be left.
    pub relations: bool,
}

/// Which of the caller's connections a query runs over. `None` means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// By id.
    pub connections: Option<Vec<ConnectionId>>,
    /// By the external ids of customers.
    pub customers: Option<Vec<String>>,
    /// By connector.
    pub connectors: Option<Vec<String>>,
}

/// One record of a page.
#[derive(Clone, Debug)]
pub struct Row {
    /// The place of its connection in `Page::connections`.
    pub connection: usize,
    /// The record.
    pub record: Arc<Record>,
    /// Its cursor, if asked for.
    pub cursor: Option<String>,
}

/// One page of a list over many connections.
pub struct Page {
    /// The connections in scope, in the order in which they were added.
    pub connections: Vec<Arc<Connection>>,
    /// The same connections, ready to be asked for nested records.
    pub live: Vec<Live>,
    /// The records.
    pub rows: Vec<Row>,
    /// What each connection contributed.
    pub sources: Vec<Source>,
    /// Whether more records follow.
    pub has_next: bool,
    /// The cursor behind the last record; none when there are no records and none before.
    pub end_cursor: Option<String>,
    /// The number of all records, when every connection could tell.
    pub total: Option<u64>,
}

/// What one connection contributed to a page.
#[derive(Clone, Debug)]
pub struct Source {
    /// The place of the connection in `Page::connections`.
    pub connection: usize,
    /// How it went.
    pub status: SourceStatus,
    /// Why it is not complete.
    pub error: Option<SourceError>,
    /// Records on this page.
    pub records: u32,
    /// Requests that were sent to the system.
    pub upstream_calls: u32,
    /// How long the connection took.
    pub latency: Duration,
    /// Conditions and order that the system applied.
    pub pushed_down: Vec<String>,
    /// Conditions and order that were applied here.
    pub applied_here: Vec<String>,
}

/// How it went with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceStatus {
    /// Everything that was asked for is there.
    Ok,
    /// Some records are there, but not all.
    Partial,
    /// Nothing is there because of an error.
    Failed,
    /// The connector does not offer the entity, or a field that the query filters or sorts by.
    Unsupported,
    /// The connection is not usable now; nothing was sent.
    Skipped,
}

/// Why a connection's part of a page is missing or not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// Stable code.
    pub code: &'static str,
    /// What happened, for people.
    pub message: String,
    /// Whether asking again later may help.
    pub retryable: bool,
    /// The system's own code.
    pub remote_code: Option<String>,
    /// The system's own message.
    pub remote_message: Option<String>,
    /// How long to wait.
    pub retry_after: Option<Duration>,
    /// Where somebody can sign in again, when that is what is missing.
    pub reconnect: Option<Box<Reconnect>>,
}

/// Where somebody can sign in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The address of the page.
    pub url: String,
}

impl SourceError {
    /// Makes an error of ours.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: false,
            remote_code: None,
            remote_message: None,
            retry_after: None,
            reconnect: None,
        }
    }
}

impl From<&Error> for SourceError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code(),
            message: error.message().to_owned(),
            retryable: error.kind().is_retryable(),
            remote_code: error.remote_code().map(str::to_owned),
            remote_message: error.remote_message().map(str::to_owned),
            retry_after: error.retry_after(),
            reconnect: None,
        }
    }
}

/// Whether an error says that the credentials of a connection are dead.
#[must_use]
pub fn is_about_credentials(error: &Error) -> bool {
    matches!(verdict(error), Verdict::Refused(_))
}

/// Limits of queries.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Records of a page unless the query says otherwise.
    pub default_page_size: u32,
    /// Most records of a page.
    pub max_page_size: u32,
    /// Most records of one connection that are read to filter or sort them here.
    pub max_scanned: u32,
    /// Most connections that one query runs over.
    pub max_connections: u32,
    /// Time that a query has.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_page_size: 50,
            max_page_size: 250,
            max_scanned: 5_000,
            max_connections: 500,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why a whole query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The cursor is damaged or of another query.
    #[error("{0}")]
    Cursor(#[from] lineshaft_schema::cursor::InvalidCursor),
    /// A connection that does not exist for the caller.
    #[error("there is no connection `{0}`")]
    UnknownConnection(ConnectionId),
    /// More connections in scope than a query may run over.
    #[error(
        "the query would run over more than {0} connections; narrow it by `connections`, `customers` or `connectors`"
    )]
    TooManyConnections(u32),
    /// A page size out of bounds.
    #[error("`first` must be between 1 and {most}, not {asked}")]
    PageSize {
        /// What was asked.
        asked: i64,
        /// The most that is allowed.
        most: u32,
    },
    /// The own database failed.
    #[error("the database failed")]
    Database,
}

impl QueryError {
    /// Returns the stable code of the public API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cursor(lineshaft_schema::cursor::InvalidCursor::Malformed) => "INVALID_CURSOR",
            Self::Cursor(lineshaft_schema::cursor::InvalidCursor::OtherQuery) => "CURSOR_OF_ANOTHER_QUERY",
            Self::UnknownConnection(_) => "CONNECTION_NOT_FOUND",
            Self::TooManyConnections(_) => "TOO_MANY_CONNECTIONS",
            Self::PageSize { .. } => "INVALID_PAGE_SIZE",
            Self::Database => "INTERNAL",
        }
    }
}
