//! The log of writes, how an unknown outcome is settled by the caller, and whether a connection can be written to.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_connect::write;
use lineshaft_engine::{
    Engine,
    command::{self, Verdict, Write},
    connections,
    query::loaders::Loaders,
};
use lineshaft_schema::{ConnectionId, GlobalId, RemoteKey};

use super::{
    Connection, PageInfo,
    access::{self, cursor, id, ids, page_size, refused},
};
use crate::write::{AnyRecord, Written};

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "command::Outcome")]
pub(crate) enum WriteOutcome {
    /// The system carried it out.
    Succeeded,
    /// Nothing was carried out; `userErrors` tells why.
    Failed,
    /// It is not known whether the system carried it out. It is never sent again; the outcome is looked up, or told by
    /// `settleWrite`.
    InDoubt,
    /// It was only checked.
    DryRun,
    /// It waits for its turn, or is under way.
    Queued,
}

/// Where a write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "command::State")]
pub(crate) enum WriteState {
    /// It waits for its turn; nothing was sent.
    Queued,
    /// It is prepared; nothing was sent that changes anything.
    Running,
    /// A request that changes something may have left.
    Sending,
    /// The system carried it out.
    Succeeded,
    /// Nothing was carried out.
    Failed,
    /// It is not known whether the system carried it out.
    InDoubt,
}

/// Whether the answer waits for the outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "command::Mode")]
pub(crate) enum WriteMode {
    /// The answer tells the outcome.
    Sync,
    /// The answer comes at once; the outcome is told by an event and by `write`.
    Async,
}

/// Whether the writes of a connection reach its system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "command::WriteMode")]
pub(crate) enum ConnectionWriteMode {
    /// They do.
    Enabled,
    /// They are refused, and nothing is sent.
    ReadOnly,
    /// They are checked and answered as if they had been carried out, and nothing is sent that changes anything.
    Simulate,
}

/// How a record is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum DeleteMode {
    /// It is removed for good.
    Permanent,
    /// What the system does itself instead of removing: marking, archiving, blocking. The record is still there.
    SystemDefault,
}

/// What a caller tells of a write whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum WriteVerdict {
    /// The system carried it out.
    Succeeded,
    /// Nothing was carried out.
    Failed,
}

/// What is wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "write::UserErrorCode")]
pub(crate) enum UserErrorCode {
    /// A value is missing.
    Required,
    /// A value is wrong: too long, out of range, not among the allowed ones.
    InvalidValue,
    /// The connection cannot write this field.
    NotWritable,
    /// The connection cannot write this type in this way; the message names what serves instead.
    OperationNotSupported,
    /// A record that is referred to does not exist, belongs to another connection, or cannot be used.
    UnknownReference,
    /// The record does not exist.
    NotFound,
    /// A record like this exists already.
    Duplicate,
    /// The state of the record does not allow it.
    StatusForbids,
    /// The accounting period is closed.
    PeriodClosed,
    /// Somebody is working on the record.
    Locked,
    /// The record has another version than was expected.
    VersionConflict,
    /// It must be approved first.
    ApprovalRequired,
    /// There is not enough in stock, or the quantity does not fit.
    Quantity,
    /// The account may not do this.
    PermissionDenied,
    /// The system asks for fewer calls; nothing was carried out.
    RateLimited,
    /// The system refused it by a rule of its own; `remoteMessage` has its words.
    BusinessRule,
    /// The system could not be reached or was not asked; nothing was carried out.
    NotSent,
    /// It is not known whether the system carried it out.
    InDoubt,
    /// It was carried out in part: the errors beside this one tell which part was not, and why.
    Partly,
}

/// One thing that is wrong with a write, for the caller to mend.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct UserError {
    /// Where in the input it is: names of fields and positions in lists; empty when it concerns the whole.
    path: Vec<String>,
    /// Its stable code.
    code: UserErrorCode,
    /// What is wrong, for people.
    message: String,
    /// The system's own code.
    remote_code: Option<String>,
    /// The system's own words.
    remote_message: Option<String>,
}

impl From<write::UserError> for UserError {
    fn from(error: write::UserError) -> Self {
        Self {
            path: error.path,
            code: error.code.into(),
            message: error.message,
            remote_code: error.remote_code,
            remote_message: error.remote_message,
        }
    }
}

/// One header of a request.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteRequestHeader {
    /// Its name.
    name: String,
    /// Its value; secrets are replaced.
    value: String,
}

/// A request to a system, as it was sent or would be, without secrets.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteRequest {
    /// Name of the step; empty when there is only one.
    step: String,
    /// HTTP method.
    method: String,
    /// The whole address; secrets are replaced.
    url: String,
    /// The headers.
    headers: Vec<WriteRequestHeader>,
    /// The body; secrets are replaced. Null when there is none.
    body: Option<Json<serde_json::Value>>,
}

impl From<write::ShownRequest> for WriteRequest {
    fn from(request: write::ShownRequest) -> Self {
        let headers = request.headers.into_iter();
        Self {
            step: request.step,
            method: request.method,
            url: request.url,
            headers: headers
                .map(|(name, value)| WriteRequestHeader { name, value })
                .collect(),
            body: request.body.map(Json),
        }
    }
}

/// Who asked for a write.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteActor {
    /// The kind of caller, such as `token`.
    kind: String,
    /// The id of the token.
    id: Option<ID>,
    /// The name of the token.
    name: Option<String>,
}

/// One write, as the log tells it.
#[derive(Clone)]
pub(crate) struct WriteOperation {
    write: Arc<Write>,
    loaders: Arc<Loaders>,
}

impl WriteOperation {
    /// Shows a write; its record is loaded by loaders that were made after it.
    pub(crate) fn new(write: Write, loaders: &Arc<Loaders>) -> Self {
        Self {
            write: Arc::new(write),
            loaders: Arc::clone(loaders),
        }
    }
}

/// One write, as the log tells it.
#[Object]
impl WriteOperation {
    /// The id of the write.
    async fn id(&self) -> ID {
        ID(self.write.id.to_string())
    }

    /// The id of the connection that is written to.
    async fn connection_id(&self) -> ID {
        ID(self.write.connection_id.to_string())
    }

    /// The connection that is written to.
    async fn connection(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Connection>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        match engine.connections.get(session.visible, self.write.connection_id).await {
            Ok(connection) => Ok(Some(Connection(Arc::new(connection)))),
            Err(connections::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(access::internal(&error)),
        }
    }

    /// The unified type of the record.
    async fn entity(&self) -> &str {
        &self.write.entity
    }

    /// What is done: `create`, `update`, `delete`, or the short name of an action.
    async fn operation(&self) -> &str {
        &self.write.operation
    }

    /// Who asked for it.
    async fn actor(&self) -> WriteActor {
        let author = self.write.author.clone();
        WriteActor {
            kind: author.kind,
            id: author.id.map(|id| ID(id.to_string())),
            name: author.name,
        }
    }

    /// The id of the request that it came with, as the log of the server has it.
    async fn request_id(&self) -> Option<&str> {
        self.write.request_id.as_deref()
    }

    /// Whether the caller waits for it.
    async fn mode(&self) -> WriteMode {
        self.write.mode.into()
    }

    /// Where it stands.
    async fn state(&self) -> WriteState {
        self.write.state.into()
    }

    /// What came of it; `QUEUED` until that is known.
    async fn outcome(&self) -> WriteOutcome {
        self.write.outcome().into()
    }

    /// Whether it was only simulated: nothing was sent that changes anything.
    async fn simulated(&self) -> bool {
        self.write.simulated
    }

    /// The record, as it is now; null when it is gone, when its key is not known, and for parts, which `recordId` names.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AnyRecord>> {
        let write = &self.write;
        let catalogue = &access::session(ctx)?.model.catalogue;
        let def = catalogue.type_named(&write.entity).filter(|def| def.is_entity());
        Ok(def
            .zip(write.key.clone())
            .filter(|_| !write.simulated)
            .map(|(def, key)| {
                AnyRecord(Written {
                    connection_id: write.connection_id,
                    kind: def.index,
                    key,
                    owner: None,
                    simulated: None,
                    loaders: Arc::clone(&self.loaders),
                })
            }))
    }

    /// The global id of the record, as far as it is known.
    async fn record_id(&self) -> Option<ID> {
        let key = self.write.key.clone()?;
        Some(record_id(self.write.connection_id, &self.write.entity, key))
    }

    /// The key of the record in its own system, as far as it is known.
    async fn remote_id(&self) -> Option<String> {
        self.write.key.as_ref().map(ToString::to_string)
    }

    /// The step that is under way or was the last.
    async fn step(&self) -> Option<&str> {
        self.write.step.as_deref()
    }

    /// What was sent, without secrets.
    async fn requests(&self) -> Vec<WriteRequest> {
        self.write.requests.iter().cloned().map(WriteRequest::from).collect()
    }

    /// What was wrong.
    async fn user_errors(&self) -> Vec<UserError> {
        self.write.user_errors.iter().cloned().map(UserError::from).collect()
    }

    /// What the system remarked, and what could not be done to the end.
    async fn warnings(&self) -> &[String] {
        &self.write.warnings
    }

    /// The code of the failure: that of a user error, or one that has a page in the documentation.
    async fn error_code(&self) -> Option<&str> {
        self.write.error_code.as_deref()
    }

    /// What the failure said, for people.
    async fn error_message(&self) -> Option<&str> {
        self.write.error_message.as_deref()
    }

    /// The caller's key; null when none was given, and when it may be used again.
    async fn idempotency_key(&self) -> Option<&str> {
        self.write.idempotency_key.as_deref()
    }

    /// The batch that it came in.
    async fn batch_id(&self) -> Option<ID> {
        self.write.batch_id.map(|id| ID(id.to_string()))
    }

    /// How an unknown outcome was settled: `look_up`, or the name of the caller who told.
    async fn settled_by(&self) -> Option<&str> {
        self.write.settled_by.as_deref()
    }

    /// How often an unknown outcome was looked up.
    async fn look_ups(&self) -> i32 {
        self.write.look_ups
    }

    /// When it is to be carried out or looked up next.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.write.due_at
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.write.created_at
    }

    /// When the first request that changes something was about to be sent.
    async fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.write.sent_at
    }

    /// When its outcome was known.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.write.finished_at
    }

    /// Milliseconds until its outcome was known.
    async fn duration_ms(&self) -> Option<u64> {
        let took = self.write.duration()?;
        Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Returns the global id of a record.
pub(crate) fn record_id(connection: uuid::Uuid, entity: &str, key: RemoteKey) -> ID {
    let id = GlobalId {
        connection: ConnectionId(connection),
        kind: entity.into(),
        key,
    };
    ID(id.to_string())
}

/// A page of writes.
#[derive(SimpleObject)]
pub(crate) struct WriteOperationConnection {
    /// The writes: the oldest first with `after`, the newest first else.
    nodes: Vec<WriteOperation>,
    /// Whether and where the list goes on.
    page_info: PageInfo,
}

/// Which writes to list. All conditions that are given must hold.
#[derive(Default, InputObject)]
pub(crate) struct WriteOperationFilter {
    /// Only writes to these connections.
    connections: Option<Vec<ID>>,
    /// Only records of these unified types.
    entities: Option<Vec<String>>,
    /// Only these operations: `create`, `update`, `delete`, or short names of actions.
    operations: Option<Vec<String>>,
    /// Only writes that stand there.
    states: Option<Vec<WriteState>>,
    /// Only writes that were asked for with these tokens, by their ids.
    actors: Option<Vec<ID>>,
    /// Only writes of these batches.
    batches: Option<Vec<ID>>,
    /// Only writes to this record, by its global id.
    record: Option<ID>,
    /// Only writes that were asked for at this moment or later.
    since: Option<DateTime<Utc>>,
    /// Only writes that were asked for before this moment.
    until: Option<DateTime<Utc>>,
}

impl WriteOperationFilter {
    fn read(self, with_requests: bool) -> async_graphql::Result<command::Filter> {
        let record = self.record.map(|text| text.parse::<GlobalId>()).transpose();
        let record = record.map_err(|error| refused("INVALID_ID", error.to_string()))?;
        let states = self.states.map(|states| states.into_iter().map(Into::into).collect());
        Ok(command::Filter {
            connections: ids(self.connections, "a connection")?,
            entities: self.entities,
            operations: self.operations,
            states,
            actors: ids(self.actors, "a token")?,
            batches: ids(self.batches, "a batch")?,
            record: record.map(|id| (id.connection.0, id.kind.to_string(), id.key)),
            since: self.since,
            until: self.until,
            without_requests: !with_requests,
        })
    }
}

/// The fields of the query root about writes.
#[derive(Default)]
pub(crate) struct WriteQuery;

#[Object]
impl WriteQuery {
    /// Lists writes that the token may see: with `after` the oldest first behind that cursor, else the newest first.
    async fn writes(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins, the oldest write first.")] after: Option<String>,
        #[graphql(desc = "The cursor before which the page begins, the newest write first.")] before: Option<String>,
        #[graphql(desc = "Which to list; all unless it is said.")] filter: Option<WriteOperationFilter>,
    ) -> async_graphql::Result<WriteOperationConnection> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let size = page_size(first)?;
        let with_requests = ctx.look_ahead().field("nodes").field("requests").exists();
        let filter = filter.unwrap_or_default().read(with_requests)?;
        let continued = after.is_some() || before.is_some();
        let place = match (cursor(after)?, cursor(before)?) {
            (Some(after), None) => command::Place::After(Some(after)),
            (None, before) => command::Place::Before(before),
            (Some(_), Some(_)) => return Err(refused("INVALID_CURSOR", "give `after` or `before`, not both")),
        };
        let page = engine.writes(session.visible, &filter, place, size).await;
        let page = page.map_err(|error| access::internal(&error))?;
        let cursors = page.writes.iter().map(|write| write.id.to_string());
        let page_info = PageInfo::between(cursors, page.has_more, continued);
        let loaders = Arc::<Loaders>::default();
        let nodes = page.writes.into_iter();
        Ok(WriteOperationConnection {
            nodes: nodes.map(|write| WriteOperation::new(write, &loaders)).collect(),
            page_info,
        })
    }

    /// Finds a write by its id; null when there is none for this token.
    async fn write(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the write.")] id: ID,
    ) -> async_graphql::Result<Option<WriteOperation>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let id = access::id(&id, "a write")?;
        let found = engine.write_by_id(session.visible, id).await;
        let found = found.map_err(|error| access::internal(&error))?;
        Ok(found.map(|write| WriteOperation::new(write, &Arc::default())))
    }
}

/// The mutations about writes and about who may be written to.
#[derive(Default)]
pub(crate) struct WriteMutation;

#[Object]
impl WriteMutation {
    /// Tells what became of a write whose outcome is unknown, after somebody has looked in the system.
    async fn settle_write(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the write.")] id: ID,
        #[graphql(desc = "What became of it. With `FAILED` its idempotency key may be used again.")]
        verdict: WriteVerdict,
        #[graphql(desc = "The key of the record in its own system, when it was made.")] remote_id: Option<String>,
    ) -> async_graphql::Result<WriteOperation> {
        let (engine, session) = (access::engine(ctx)?, access::writer(ctx)?);
        let id = access::id(&id, "a write")?;
        let verdict = match verdict {
            WriteVerdict::Succeeded => Verdict::Succeeded {
                key: remote_id.map(|text| RemoteKey::from(text.as_str())),
            },
            WriteVerdict::Failed => Verdict::Failed,
        };
        let settled = engine
            .settle_write(session.visible, id, verdict, &session.origin())
            .await;
        let settled = settled.map_err(|error| match error {
            command::SettleError::Database(_) => access::internal(&error),
            error => refused(error.code(), error.to_string()),
        })?;
        Ok(WriteOperation::new(settled, &Arc::default()))
    }

    /// Sets whether the writes of a connection reach its system. Needs an organization's key.
    async fn set_write_mode(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "Whether its writes reach the system.")] mode: ConnectionWriteMode,
    ) -> async_graphql::Result<Connection> {
        access::writer(ctx)?;
        let (engine, session) = (access::engine(ctx)?, access::organization(ctx)?);
        let connection = id(&connection_id, "a connection")?;
        let set = engine
            .set_write_mode(session.visible, connection, mode.into(), &session.origin())
            .await;
        let connection = set.map_err(|error| match error {
            command::ModeError::Database(_) => access::internal(&error),
            error => refused(error.code(), error.to_string()),
        })?;
        Ok(Connection(Arc::new(connection)))
    }
}

/// Makes an error of a write that was not accepted.
pub(super) fn not_accepted(error: &command::WriteError) -> async_graphql::Error {
    if error.is_internal() {
        return access::internal(error);
    }
    refused(error.code(), error.to_string())
}

/// Returns the connection that is meant: the one that is named, or that of the token.
pub(super) fn connection_of(ctx: &Context<'_>, named: Option<ID>) -> async_graphql::Result<(Arc<Engine>, uuid::Uuid)> {
    let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
    let id = match (named, session.visible.connection_id()) {
        (Some(named), _) => id(&named, "a connection")?,
        (None, Some(only)) => only,
        (None, None) => {
            return Err(refused(
                "BAD_USER_INPUT",
                "`connectionId` is needed with the key of an organization",
            ));
        }
    };
    Ok((Arc::clone(engine), id))
}
