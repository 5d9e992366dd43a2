//! What each connection contributed to a page.

use async_graphql::{Enum, ID, SimpleObject};
use lineshaft_engine::query::{self, Page, SourceError};

use super::Connection;
use crate::walk::RecordProblem;

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
