//! What a write needs of a live connection. A seam, so that tests can let it die at any step.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error,
    connector::Connector,
    context::CallContext,
    json,
    write::{Described, Journal, Reply, Settled, ShownRequest, UserError, WriteCapability, WriteRequest},
};
use lineshaft_schema::{FieldIndex, Projection, Record, RemoteKey, TypeIndex, Value};

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

    /// Looks up what came of a write whose step, sent then, was under way.
    fn settle<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
        step: Option<&'a str>,
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

impl Target for Connector {
    fn capability(&self, kind: TypeIndex) -> Option<&WriteCapability> {
        self.writes(kind)
    }

    fn write<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
        journal: &'a dyn Journal,
    ) -> BoxFuture<'a, Reply> {
        Self::write(self, context, request, journal).boxed()
    }

    fn rehearse<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Rehearsal, Error>> {
        self.dry_run(context, request).boxed()
    }

    fn settle<'a>(
        &'a self,
        context: &'a CallContext,
        request: &'a WriteRequest,
        step: Option<&'a str>,
        sent_at: DateTime<Utc>,
        known_version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.settle_at(context, request, step, sent_at, known_version).boxed()
    }

    fn describe<'a>(
        &'a self,
        context: &'a CallContext,
        kind: TypeIndex,
    ) -> BoxFuture<'a, Result<Option<Described>, Error>> {
        Self::describe(self, context, kind).boxed()
    }

    fn read<'a>(
        &'a self,
        context: &'a CallContext,
        kind: TypeIndex,
        key: &'a RemoteKey,
    ) -> BoxFuture<'a, Result<Option<Arc<Record>>, Error>> {
        async move {
            let def = self.blueprint().catalogue().type_at(kind);
            let projection = def.map(Projection::all).unwrap_or_default();
            let mut found = self
                .get_many(context, kind, std::slice::from_ref(key), &projection)
                .await?;
            Ok(found.swap_remove(key))
        }
        .boxed()
    }

    fn meaning(&self, kind: TypeIndex, field: FieldIndex, value: &str) -> Option<Value> {
        let codec = self.blueprint().resource(kind)?.mapping().field(field)?.codec()?;
        let read = codec.decode(&json::Value::Text(value.into())).ok()?;
        Some(read).filter(|value| !value.is_null())
    }
}
