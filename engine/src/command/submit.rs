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
use sea_orm::{ColumnTrait as _, PaginatorTrait as _, QueryFilter as _, sea_query::Expr};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{
    Outcome, WriteCommand, WriteError, WriteResult, Writer,
    claim::{Claim, Claimed, ScopedKey, client_reference},
    ending::{Ending, limited},
    run::Order,
    simulate,
    target::Target,
    writer::Seat,
};
use crate::{Engine, Session, connections::Connection, origin::Origin, query::SourceError};
use lineshaft_schema::Catalogue;

/// Writes that are queued or under way, in the words of the index that serves this.
const UNDER_WAY: &str = "state IN ('queued', 'running', 'sending')";
/// Time that is kept to tell a caller that a record was not free.
const TO_ANSWER: Duration = Duration::from_millis(250);

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
    pub async fn dry_run(&self, session: &Session, command: WriteCommand) -> Result<WriteResult, WriteError> {
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
            Ok(Err(errors)) => result.user_errors = limited(errors),
            Err(error) => {
                result.outcome = Outcome::Failed;
                result.user_errors = Ending::failed(&error).user_errors;
            }
        }
        Ok(result)
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
            // Whoever is told that the time is over may send it again: then it must not be under way.
            Ok(_) if Instant::now() >= session.deadline => Err(WriteError::TooLate),
            Ok(ready) => self.seat(&command).await.map(|seat| (ready, seat)),
            Err(error) => Err(error),
        };
        let (ready, seat) = match (ready, &key) {
            (Ok(ready), _) => ready,
            (Err(error), None) => return Err(error),
            // What was done is told although nothing more may be sent.
            (Err(error), Some(key)) => match self
                .writer
                .known(session.visible, &session.model.catalogue, &command, key)
                .await?
            {
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
            catalogue: session.model.catalogue.clone(),
        };
        let (writer, target) = (self.writer.clone(), ready.target.clone());
        let simulated = ready.connection.write_mode == WriteMode::Simulate;
        let (id, has_key) = (claim.id, claim.key.is_some());
        let until = Instant::now() + self.writer.settings.timeout;
        let until = until.min(session.deadline.checked_sub(TO_ANSWER).unwrap_or(session.deadline));
        let (tell, told) = oneshot::channel();
        // From the claim on it is no longer the caller's: who leaves between the row and its task would leave it stuck.
        self.writer.spawn(async move {
            let taken = Box::pin(writer.take(claim, target, simulated, until)).await;
            drop(seat);
            // The caller may have left.
            drop(tell.send(taken));
        });
        match timeout_at(session.deadline, told).await {
            Ok(Ok(Ok(Taken::Mine(result)))) => Ok(*result),
            Ok(Ok(Ok(Taken::Known(row, command)))) => self.replay(session, &ready, *command, *row).await,
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(WriteError::BrokeOff),
            Err(_) => Err(WriteError::InProgress { id, has_key }),
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
            return Err(WriteError::InProgress {
                id: row.id,
                has_key: true,
            });
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
            let record = simulate::record(&session.model.catalogue, &*ready.target, &context, &request, key).await;
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
        let target = self.target(&connection, &session.model)?;
        let capability = target.capability(command.kind);
        if capability.is_none_or(|capability| capability.operation(&command.act).is_none()) {
            return Err(Self::not_supported(&session.model.catalogue, command, capability));
        }
        Ok(Ready { connection, target })
    }

    /// Takes a place among the writes to a connection, of which only so many may wait.
    async fn seat(&self, command: &WriteCommand) -> Result<Option<Seat>, WriteError> {
        let settings = &self.writer.settings;
        if command.mode == Mode::Sync {
            let most = settings.sync_per_connection;
            let seat = self.writer.seat(command.connection_id);
            return seat.map(Some).ok_or(WriteError::TooMany {
                most,
                what: "under way",
            });
        }
        let waiting = Entity::of_all()
            .filter(Column::ConnectionId.eq(command.connection_id))
            .filter(Expr::cust(UNDER_WAY))
            .count(&self.database)
            .await?;
        if waiting >= settings.queued_per_connection {
            let most = usize::try_from(settings.queued_per_connection).unwrap_or(usize::MAX);
            return Err(WriteError::TooMany { most, what: "queued" });
        }
        Ok(None)
    }

    fn not_supported(
        catalogue: &Catalogue,
        command: &WriteCommand,
        capability: Option<&WriteCapability>,
    ) -> WriteError {
        let Some(def) = catalogue.type_at(command.kind) else {
            return WriteError::Unknown;
        };
        WriteError::NotSupported {
            entity: def.name.clone(),
            operation: command.act.name().to_owned(),
            alternative: capability.and_then(|capability| alternative(capability, &command.act)),
        }
    }

    /// Returns what writes to a connection.
    pub(super) fn target(
        &self,
        connection: &Connection,
        model: &crate::model::Model,
    ) -> Result<Arc<dyn Target>, SourceError> {
        #[cfg(test)]
        if let Some(script) = self.writer.script.get() {
            return Ok(script.clone());
        }
        Ok(self.pool.connector(connection, model)?)
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
    async fn take(
        &self,
        claim: Claim,
        target: Arc<dyn Target>,
        simulated: bool,
        until: Instant,
    ) -> Result<Taken, WriteError> {
        let row = match self.claim(&claim, until).await? {
            Claimed::Known(row) => return Ok(Taken::Known(row, Box::new(claim.command))),
            Claimed::Locked(row) => return Ok(Taken::Mine(Box::new(WriteResult::of(*row, false)))),
            Claimed::Mine(row) => *row,
        };
        if row.mode == Mode::Async {
            self.ring();
            return Ok(Taken::Mine(Box::new(WriteResult::of(row, false))));
        }
        let order = Order {
            request: request_of(claim.command, row.client_reference.clone()),
            target,
            catalogue: claim.catalogue,
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
