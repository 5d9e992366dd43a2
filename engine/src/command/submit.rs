//! Takes a write in: checks whether it may be sent at all, claims it, and waits for its outcome as long as the caller does.

use std::{sync::Arc, time::Duration};

use lineshaft_connect::{
    context::CallContext,
    write::{Act, WriteCapability, WriteRequest},
};
use lineshaft_entities::{
    connection::WriteMode,
    write_operation::{Column, Entity, Mode, Model, State},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout_at},
};
use uuid::Uuid;

use super::{
    Outcome, WriteCommand, WriteError, WriteResult, Writer,
    claim::{Claim, Claimed, ScopedKey, client_reference},
    ending::Ending,
    run::Order,
    simulate,
    target::Target,
};
use crate::{Engine, Session, connections::Connection, origin::Origin, query::SourceError};

/// How often a write that another caller began is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What became of a write that was taken in.
enum Taken {
    /// It was carried out, or queued.
    Mine(Box<WriteResult>),
    /// A write with this key and input exists.
    Known(Box<Model>, Box<WriteCommand>),
}

/// A connection that may be written to.
pub(super) struct Ready {
    pub(super) connection: Connection,
    pub(super) target: Arc<dyn Target>,
}

impl Engine {
    /// Carries a write out, or queues it. It runs to its end although the caller leaves.
    ///
    /// # Errors
    /// When it is not accepted; nothing was sent then and nothing is kept under its key.
    pub async fn write(
        &self,
        session: &Session,
        command: WriteCommand,
        origin: &Origin,
    ) -> Result<WriteResult, WriteError> {
        let key = command.idempotency_key.as_deref();
        let key = key.map(|key| ScopedKey::new(session.visible, key, None)).transpose()?;
        self.submit(session, command, key, None, origin).await
    }

    /// Checks a write and tells what would be sent.
    ///
    /// # Errors
    /// When it would not be accepted.
    pub async fn dry_run(
        &self,
        session: &Session,
        command: WriteCommand,
        origin: &Origin,
    ) -> Result<WriteResult, WriteError> {
        let _ = origin;
        let ready = self.ready_to_write(session, &command).await?;
        let request = request_of(command, client_reference());
        let time = self.writer.settings.timeout;
        let deadline = session.deadline.min(Instant::now() + time);
        let context = CallContext::new(deadline, session.request_id.clone());
        let mut result = WriteResult {
            operation: None,
            outcome: Outcome::DryRun,
            key: request.key.clone(),
            record: None,
            user_errors: Vec::new(),
            warnings: Vec::new(),
            requests: Vec::new(),
            replayed: false,
        };
        match ready.connection.write_mode {
            WriteMode::ReadOnly => result
                .warnings
                .push("the connection can only be read: the write itself would be refused".to_owned()),
            WriteMode::Simulate => result
                .warnings
                .push("the connection simulates: the write itself would not be sent".to_owned()),
            WriteMode::Enabled => {}
        }
        match ready.target.rehearse(&context, &request).await {
            Ok(Ok(requests)) => result.requests = requests,
            Ok(Err(errors)) => result.user_errors = errors,
            Err(error) => {
                result.outcome = Outcome::Failed;
                result.user_errors = Ending::failed(&error).user_errors;
            }
        }
        Ok(result)
    }

    /// Waits for a write that another caller began, as long as the session may, and returns its outcome.
    ///
    /// # Errors
    /// When there is none for the caller, or it is still under way.
    pub async fn outcome_of_write(&self, session: &Session, id: Uuid) -> Result<Option<WriteResult>, WriteError> {
        loop {
            let Some(row) = self.write_row(session.visible, id).await? else {
                return Ok(None);
            };
            if !is_under_way(row.state) {
                return Ok(Some(WriteResult::of(row, true)));
            }
            if Instant::now() + LOOK >= session.deadline {
                return Err(WriteError::InProgress { id });
            }
            sleep(LOOK).await;
        }
    }

    pub(super) async fn submit(
        &self,
        session: &Session,
        command: WriteCommand,
        key: Option<ScopedKey>,
        batch_id: Option<Uuid>,
        origin: &Origin,
    ) -> Result<WriteResult, WriteError> {
        let ready = match self.ready_to_write(session, &command).await {
            Ok(ready) if ready.connection.write_mode == WriteMode::ReadOnly => Err(WriteError::ReadOnly),
            other => other,
        };
        let ready = match (ready, &key) {
            (Ok(ready), _) => ready,
            (Err(error), None) => return Err(error),
            // What was done is told although nothing more may be sent.
            (Err(error), Some(key)) => match self.writer.known(session.visible, &command, key).await? {
                Some(known) if !is_under_way(known.state) => return Ok(WriteResult::of(known, true)),
                Some(_) | None => return Err(error),
            },
        };
        let claim = Claim {
            id: Uuid::now_v7(),
            visible: session.visible,
            origin: origin.clone(),
            command,
            key,
            batch_id,
        };
        let (writer, target) = (self.writer.clone(), ready.target.clone());
        let simulated = ready.connection.write_mode == WriteMode::Simulate;
        let id = claim.id;
        let (tell, told) = oneshot::channel();
        // From the claim on it is no longer the caller's: who leaves between the row and its task would leave it stuck.
        self.writer.spawn(async move {
            let taken = writer.take(claim, target, simulated).await;
            // The caller may have left.
            drop(tell.send(taken));
        });
        match timeout_at(session.deadline, told).await {
            Ok(Ok(Ok(Taken::Mine(result)))) => Ok(*result),
            Ok(Ok(Ok(Taken::Known(row, command)))) => self.replay(session, &ready, *command, *row).await,
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(WriteError::BrokeOff),
            Err(_) => Err(WriteError::InProgress { id }),
        }
    }

    /// Answers a write whose key and input are known.
    async fn replay(
        &self,
        session: &Session,
        ready: &Ready,
        command: WriteCommand,
        row: Model,
    ) -> Result<WriteResult, WriteError> {
        if matches!(row.state, State::Running | State::Sending) && row.mode == Mode::Sync {
            return Err(WriteError::InProgress { id: row.id });
        }
        let reference = row.client_reference.clone();
        let mut result = WriteResult::of(row, true);
        let simulated = result.operation.as_ref().is_some_and(|write| write.simulated);
        if simulated
            && result.outcome == Outcome::Succeeded
            && let Some(key) = &result.key
        {
            let context = CallContext::new(session.deadline, session.request_id.clone());
            let request = request_of(command, reference);
            let record = simulate::record(&self.writer, &*ready.target, &context, &request, key).await;
            result.record = record.ok().flatten().map(Arc::new);
        }
        Ok(result)
    }

    /// Returns a connection that may be asked for a write now, and has the operation.
    pub(super) async fn ready_to_write(&self, session: &Session, command: &WriteCommand) -> Result<Ready, WriteError> {
        let connection = self.connections.get(session.visible, command.connection_id).await?;
        if let Some(error) = self.refusal(&connection) {
            return Err(error.into());
        }
        let target = self.target(&connection)?;
        let capability = target.capability(command.kind);
        if capability.is_none_or(|capability| capability.operation(&command.act).is_none()) {
            return Err(self.not_supported(command, capability));
        }
        Ok(Ready { connection, target })
    }

    fn not_supported(&self, command: &WriteCommand, capability: Option<&WriteCapability>) -> WriteError {
        let Some(def) = self.catalogue.type_at(command.kind) else {
            return WriteError::Unknown;
        };
        WriteError::NotSupported {
            entity: def.name.clone(),
            operation: command.act.name().to_owned(),
            alternative: capability.and_then(|capability| alternative(capability, &command.act)),
        }
    }

    /// Returns what writes to a connection.
    pub(super) fn target(&self, connection: &Connection) -> Result<Arc<dyn Target>, SourceError> {
        #[cfg(test)]
        if let Some(script) = self.writer.script.get() {
            return Ok(script.clone());
        }
        Ok(self.pool.connector(connection)?)
    }

    pub(super) async fn write_row(
        &self,
        visible: crate::connections::Visible,
        id: Uuid,
    ) -> Result<Option<Model>, sea_orm::DbErr> {
        let mut query = Entity::for_organization(visible.organization_id()).filter(Column::Id.eq(id));
        if let Some(only) = visible.connection_id() {
            query = query.filter(Column::ConnectionId.eq(only));
        }
        query.one(&self.database).await
    }
}

impl Writer {
    /// Claims a write and carries it out, or leaves it in the queue.
    async fn take(&self, claim: Claim, target: Arc<dyn Target>, simulated: bool) -> Result<Taken, WriteError> {
        let row = match self.claim(&claim).await? {
            Claimed::Known(row) => return Ok(Taken::Known(row, Box::new(claim.command))),
            Claimed::Mine(row) => *row,
        };
        if row.mode == Mode::Async {
            self.ring();
            return Ok(Taken::Mine(Box::new(WriteResult::of(row, false))));
        }
        let order = Order {
            request: request_of(claim.command, row.client_reference.clone()),
            target,
            simulated,
            row,
        };
        Ok(Taken::Mine(Box::new(self.carry_out(order).await)))
    }
}

/// Returns what serves instead of an operation that a system does not have.
pub(super) fn alternative(capability: &WriteCapability, act: &Act) -> Option<String> {
    if *act == Act::Delete && capability.soft_delete.is_some() {
        return Some("delete with mode SYSTEM_DEFAULT, which does what the system does instead".to_owned());
    }
    capability.instead.get(act.name()).cloned()
}

/// Returns a command as connectors take it.
pub(super) fn request_of(command: WriteCommand, reference: String) -> WriteRequest {
    WriteRequest {
        kind: command.kind,
        key: command.key.filter(|_| command.act != Act::Create),
        act: command.act,
        input: command.input,
        expected_version: command.expected_version,
        client_reference: reference.into(),
    }
}

pub(super) const fn is_under_way(state: State) -> bool {
    matches!(state, State::Queued | State::Running | State::Sending)
}
