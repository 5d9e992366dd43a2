//! Carries many writes out in one request, each with an outcome of its own.

use std::sync::Arc;

use async_graphql::{ID, ServerResult, SimpleObject, Value};
use lineshaft_engine::{
    command::{BatchCommand, BatchMode, MOST_IN_BATCH, Mode, Outcome, WriteCommand, WriteError, WriteResult},
    query::loaders::Loaders,
};

use super::{
    asked::{Asked, Manner, Members},
    offer::offer,
    payload,
    record::AnyRecord,
};
use crate::{
    error::coded,
    platform::{
        self,
        writes::{self as told, WriteOperation},
    },
    root::Root,
};

/// What came of a batch.
#[derive(SimpleObject)]
pub(crate) struct WriteBatchPayload {
    /// The id of the batch, which the log tells of each of its writes; null when nothing was to be carried out.
    batch_id: Option<ID>,
    /// What came of each operation, in the order of the request.
    results: Vec<WriteBatchResult>,
}

/// What came of one operation of a batch.
#[derive(SimpleObject)]
pub(crate) struct WriteBatchResult {
    /// Its position in the request, from 0.
    index: i32,
    /// What came of it.
    outcome: told::WriteOutcome,
    /// Why nothing was carried out, as far as the caller can mend it.
    user_errors: Vec<told::UserError>,
    /// What the system remarked, and what could not be done to the end.
    warnings: Vec<String>,
    /// Why the operation as a whole was not accepted.
    error: Option<WriteRefusal>,
    /// The entry in the log of writes.
    operation: Option<WriteOperation>,
    /// The record as read back from the system; null when there is none to show, and for parts, which `recordId` names.
    record: Option<AnyRecord>,
    /// The global id of the record, as far as it is known.
    record_id: Option<ID>,
    /// The requests of a dry run, without secrets.
    requests: Vec<told::WriteRequest>,
    /// Whether this is the stored outcome of an earlier request with the same key.
    replayed: bool,
}

/// Why an operation was not accepted: what a mutation of its own tells in `errors`.
#[derive(SimpleObject)]
pub(crate) struct WriteRefusal {
    /// Stable code; each has a page in the documentation.
    code: String,
    /// What happened, for people.
    message: String,
    /// Whether asking again later may help.
    retryable: bool,
    /// What serves instead of an operation that the system does not have.
    alternative: Option<String>,
}

impl<'a> Root<'a> {
    /// Carries a batch out.
    pub(super) async fn write_batch(&self) -> ServerResult<Value> {
        self.may_write()?;
        let mut members = self.given();
        let manner = Manner::read(&members);
        let asked = self.operations(&mut members, manner.mode)?;
        let shared = self.header_key()?;
        let mut commands = Vec::with_capacity(asked.len());
        for (at, asked) in asked.iter().enumerate().filter(|(_, asked)| asked.problems.is_empty()) {
            commands.push((at, asked.command.clone()));
        }
        let (batch_id, results) = self.carry_all_out(commands, shared, manner).await?;
        let mut carried_out = results.into_iter();
        let loaders = Arc::<Loaders>::default();
        let mut results = Vec::with_capacity(asked.len());
        for (at, asked) in asked.into_iter().enumerate() {
            let result = if asked.problems.is_empty() {
                carried_out.next().unwrap_or(Err(WriteError::BrokeOff))
            } else {
                Ok(payload::refused(asked.problems.clone(), manner.dry_run))
            };
            results.push(self.result(at, &asked, result, &loaders).await);
        }
        let payload = WriteBatchPayload { batch_id, results };
        Ok(platform::resolve(self.ctx, &self.sets, &payload).await)
    }

    /// Reads the operations. What is no operation of the schema refuses the batch as a whole.
    fn operations(&self, members: &mut Members, mode: Mode) -> ServerResult<Vec<Asked<'a>>> {
        let operations = match members.swap_remove("operations") {
            Some(Value::List(operations)) => operations,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        if operations.len() > MOST_IN_BATCH {
            let message = format!(
                "`operations` has {} operations; at most {MOST_IN_BATCH} are allowed",
                operations.len()
            );
            return Err(coded("BATCH_TOO_LARGE", message, Some(self.ctx.item.pos)));
        }
        let mut asked = Vec::with_capacity(operations.len());
        for (at, operation) in operations.into_iter().enumerate() {
            let misused = |what: &str| self.misused(&format!("operations.{at}: {what}"));
            let Value::Object(choice) = operation else {
                return Err(misused("an object is needed"));
            };
            let mut choice = choice.into_iter();
            let (Some((name, Value::Object(members))), None) = (choice.next(), choice.next()) else {
                return Err(misused("exactly one operation is needed"));
            };
            let Some(offer) = offer(&self.session.model.catalogue, &name) else {
                return Err(misused(&format!("there is no operation `{name}`")));
            };
            asked.push(self.asked(offer, members, mode).map_err(|mut error| {
                error.message = format!("operations.{at}: {}", error.message);
                error
            })?);
        }
        Ok(asked)
    }

    async fn carry_all_out(
        &self,
        items: Vec<(usize, WriteCommand)>,
        idempotency_key: Option<String>,
        manner: Manner,
    ) -> ServerResult<(Option<ID>, Vec<Result<WriteResult, WriteError>>)> {
        if items.is_empty() {
            return Ok((None, Vec::new()));
        }
        let command = BatchCommand {
            items,
            idempotency_key,
            mode: match (manner.dry_run, manner.mode) {
                (true, _) => BatchMode::DryRun,
                (false, Mode::Async) => BatchMode::Async,
                (false, Mode::Sync) => BatchMode::Sync,
            },
        };
        match self
            .engine
            .write_batch(self.session, command, &self.session.origin())
            .await
        {
            Ok(batch) => Ok((Some(ID(batch.id.to_string())), batch.results)),
            Err(error) => Err(self.refusal(uuid::Uuid::nil(), &error).await),
        }
    }

    async fn result(
        &self,
        at: usize,
        asked: &Asked<'_>,
        result: Result<WriteResult, WriteError>,
        loaders: &Arc<Loaders>,
    ) -> WriteBatchResult {
        let (result, error) = match result {
            Ok(result) => (result, None),
            Err(error) => {
                let mut result = payload::refused(Vec::new(), false);
                // The write goes on; its outcome is told when it is asked for again.
                if matches!(error, WriteError::InProgress { .. }) {
                    result.outcome = Outcome::Queued;
                }
                (result, Some(self.told(asked, &error).await))
            }
        };
        let connection = asked.command.connection_id;
        let written = payload::written(asked, &result, loaders);
        let key = result.key.clone().filter(|_| result.outcome != Outcome::DryRun);
        let is_dry = result.outcome == Outcome::DryRun;
        let requests = result.requests.into_iter().filter(|_| is_dry);
        WriteBatchResult {
            index: i32::try_from(at).unwrap_or(i32::MAX),
            outcome: result.outcome.into(),
            user_errors: result.user_errors.into_iter().map(Into::into).collect(),
            warnings: result.warnings,
            error,
            operation: result.operation.map(|write| WriteOperation::new(write, loaders)),
            record: written.filter(|_| asked.offer.def.is_entity()).map(AnyRecord),
            record_id: key.map(|key| told::record_id(connection, &asked.offer.def.name, key)),
            requests: requests.map(Into::into).collect(),
            replayed: result.replayed,
        }
    }

    async fn told(&self, asked: &Asked<'_>, error: &WriteError) -> WriteRefusal {
        let told = self.refusal(asked.command.connection_id, error).await;
        let extension = |name: &str| told.extensions.as_ref().and_then(|extensions| extensions.get(name));
        let text = |name: &str| match extension(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        WriteRefusal {
            code: text("code").unwrap_or_default(),
            retryable: extension("retryable") == Some(&Value::Boolean(true)),
            alternative: text("alternative"),
            message: told.message,
        }
    }
}
