//! Mappings as an organization changes them: what is mapped how, drafts tried before they are saved, versions, and what the
//! systems have that is not mapped. What may be done is decided in the engine.

mod layer;
mod preview;
mod raw;
mod remote;
mod save;
mod scope;
mod see;

use async_graphql::{Enum, MergedObject, SimpleObject, Value};
use lineshaft_engine::{mappings, query::SourceError};
use lineshaft_schema::catalogue;

use super::access::{self, refused};

/// The fields of the query root about mappings.
#[derive(Default, MergedObject)]
pub(crate) struct MappingQuery(
    see::SeeQuery,
    layer::LayerQuery,
    preview::PreviewQuery,
    remote::RemoteQuery,
);

/// What can be changed of mappings.
#[derive(Default, MergedObject)]
pub(crate) struct MappingMutation(save::SaveMutation, raw::RawMutation);

/// When clients may write a field of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "catalogue::Writable")]
pub(crate) enum FieldWritable {
    /// Never.
    Never,
    /// Only when the record is made.
    OnCreate,
    /// When the record is made and later.
    Always,
}

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::Severity")]
pub(crate) enum MappingSeverity {
    /// The mapping cannot be saved with it.
    Error,
    /// Something is lost or looks wrong. What loses values must be accepted to be saved.
    Warning,
}

/// One thing that is wrong with a mapping, or is lost by it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingProblem {
    /// How much it weighs.
    severity: MappingSeverity,
    /// Stable code, such as `UNKNOWN_FIELD`, `WRONG_TYPE`, `LOSSY_CODEC` or `NOT_INVERTIBLE`.
    code: String,
    /// The entity that it is about.
    entity: Option<String>,
    /// The field that it is about.
    field: Option<String>,
    /// Where it stands in the document, as a JSON pointer such as `/entities/PurchaseOrder/custom/costCenter`.
    pointer: String,
    /// The line of the YAML text, from 1; null when there is none.
    line: Option<u64>,
    /// What is wrong.
    message: String,
    /// How to put it right, when that is known.
    help: Option<String>,
}

impl From<mappings::Problem> for MappingProblem {
    fn from(problem: mappings::Problem) -> Self {
        Self {
            severity: problem.severity.into(),
            code: problem.code.to_owned(),
            entity: problem.entity,
            field: problem.field,
            pointer: problem.pointer,
            line: problem.line.map(count),
            message: problem.message,
            help: problem.help,
        }
    }
}

fn told(problems: Vec<mappings::Problem>) -> Vec<MappingProblem> {
    problems.into_iter().map(Into::into).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Reads how many samples are wanted.
fn samples(wanted: i32) -> async_graphql::Result<usize> {
    let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted <= 20);
    wanted.ok_or_else(|| refused("INVALID_VALUE", "`samples` must be between 0 and 20"))
}

/// Tells why something about mappings was refused as a whole.
fn failed(error: &mappings::MappingError) -> async_graphql::Error {
    match error {
        mappings::MappingError::Database(_) => access::internal(error),
        mappings::MappingError::Source(cause) => of_source(cause),
        mappings::MappingError::VersionConflict { present } => {
            let mut told = refused(error.code(), error.to_string());
            let extensions = told.extensions.get_or_insert_default();
            extensions.set("presentVersion", *present);
            told
        }
        other => refused(other.code(), other.to_string()),
    }
}

fn of_source(cause: &SourceError) -> async_graphql::Error {
    let mut told = refused(cause.code, cause.message.clone());
    let extensions = told.extensions.get_or_insert_default();
    extensions.set("retryable", cause.retryable);
    if let Some(code) = &cause.remote_code {
        extensions.set("remoteCode", code.as_str());
    }
    if let Some(message) = &cause.remote_message {
        extensions.set("remoteMessage", message.as_str());
    }
    if let Some(wait) = cause.retry_after {
        extensions.set("retryAfterSeconds", Value::from(wait.as_secs()));
    }
    if let Some(reconnect) = &cause.reconnect {
        extensions.set("reconnectUrl", reconnect.url.as_str());
    }
    told
}
