//! What a write needs of a live connection. A seam, so that tests can let it die at any step.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use lineshaft_connect::{
    Error,
    context::CallContext,
    write::{Described, Journal, Reply, Settled, ShownRequest, UserError, WriteCapability, WriteRequest},
};
use lineshaft_schema::{FieldIndex, Record, RemoteKey, TypeIndex, Value};
use std::sync::Arc;

/// What a dry run tells: the requests that would be sent, or what is wrong with the write.
pub(crate) type Rehearsal = Result<Vec<ShownRequest>, Vec<UserError>>;

/// What a write needs of a live connection.
pub(crate) trait Target: Send + Sync {
    /// Returns what can be written of a type.
    fn capability(&self, kind: TypeIndex) -> Option<&WriteCapability>;

    /// Carries a write out.
    fn write<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
        journal: &'a dyn Journal,
    ) -> BoxFuture<'a, Reply>;

    /// Checks a write and tells what would be sent.
    fn rehearse<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Rehearsal, Error>>;

    /// Looks up what came of a write.
    fn settle<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
        sent_at: DateTime<Utc>,
        known_version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Settled, Error>>;

    /// Returns what the system tells of the fields of a type.
    fn describe<'a>(
        &'a self,
        context: &'a CallContext,
        kind: TypeIndex,
    ) -> BoxFuture<'a, Result<Option<Described>, Error>>;

    /// Reads a record with all its fields; none when it does not exist or cannot be read by its key.
    fn read<'a>(
        &'a self,
        context: &'a CallContext,
        kind: TypeIndex,
        key: &'a RemoteKey,
    ) -> BoxFuture<'a, Result<Option<Arc<Record>>, Error>>;

    /// Returns what a value of the system means in a field, as it is read.
    fn meaning(&self, kind: TypeIndex, field: FieldIndex, value: &str) -> Option<Value>;
}
