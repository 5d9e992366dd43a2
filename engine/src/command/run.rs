//! Carries out a write that this process has claimed. Before each request that changes something the row says so, and
//! only while this process owns it: whoever was taken over sends nothing more.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error, ErrorKind,
    context::CallContext,
    write::{Journal, ShownRequest, WriteRequest},
};
use lineshaft_entities::write_operation::{ActiveModel, Column, Entity, Model, State};
use lineshaft_schema::{Catalogue, Record, RemoteKey};
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _, Set};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    WriteResult, Writer,
    ending::{Ending, Guard},
    simulate,
    target::Target,
};
use crate::database;

/// Waits between the tries to write an outcome down.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// Requests of one write that are kept in the log.
const REQUESTS_KEPT: usize = 50;
/// Bytes of all of them.
const BYTES_KEPT: usize = 256 * 1024;
/// Bytes of a body that are kept in the log.
const BODY_KEPT: usize = 64 * 1024;

/// A claimed write with what carries it out.
pub(super) struct Order {
    pub(super) row: Model,
    pub(super) request: WriteRequest,
    pub(super) target: Arc<dyn Target>,
    /// The model whose fields the input names.
    pub(super) catalogue: Arc<Catalogue>,
    /// Whether it is only simulated.
    pub(super) simulated: bool,
}

impl Writer {
    /// Carries a write out and writes down what came of it.
    pub(super) async fn carry_out(&self, order: Order) -> WriteResult {
        let Order {
            row,
            request,
            target,
            catalogue,
            simulated,
        } = order;
        let deadline = Instant::now() + self.settings.timeout;
        let context = CallContext::new(deadline, row.request_id.clone().unwrap_or_else(|| row.id.to_string()));
        if simulated {
            let (ending, record) = simulate::answer(&catalogue, &*target, &context, &request, row.id).await;
            return self.end(row, ending, record).await;
        }
        let notes = Notes {
            writer: self,
            row: &row,
            log: Mutex::default(),
        };
        // The connector keeps the deadline; this is for one that does not come back before others take the row over.
        let last = deadline + self.settings.slack * 3 / 4;
        let mut ending = match timeout_at(last, target.write(&context, &request, &notes)).await {
            Ok(reply) => reply.into(),
            Err(_) => {
                let error = Error::new(ErrorKind::Timeout, "the time of the write is used up");
                match notes.has_sent() {
                    true => Ending::in_doubt(&error, None),
                    false => Ending::failed(&error),
                }
            }
        };
        ending.warnings.extend(notes.left_out());
        self.end(row, ending, None).await
    }

    async fn end(&self, row: Model, ending: Ending, record: Option<Arc<Record>>) -> WriteResult {
        let finished = match self.write_down(&row, &ending).await {
            Ok(Some(finished)) => finished,
            // Somebody else took the write over and tells how it stands.
            Ok(None) => self.present(row).await,
            Err(error) => {
                tracing::error!(%error, write.id = %row.id, "the outcome of a write could not be written down; it is looked up later");
                as_if_written(row, &ending)
            }
        };
        WriteResult {
            record,
            ..WriteResult::of(finished, false)
        }
    }

    async fn write_down(&self, row: &Model, ending: &Ending) -> Result<Option<Model>, DbErr> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let written = self.try_to_write_down(row, ending).await;
            let Err(error) = written else { return written };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            tracing::warn!(%error, write.id = %row.id, "the outcome of a write could not be written down, trying again");
            sleep(pause).await;
        }
    }

    async fn try_to_write_down(&self, row: &Model, ending: &Ending) -> Result<Option<Model>, DbErr> {
        if let Some(finished) = self.finish_row(row, ending, Guard::Owned).await? {
            return Ok(Some(finished));
        }
        // What was done in part is for the caller to judge.
        if ending.state != State::Succeeded || ending.is_part() {
            return Ok(None);
        }
        // It was given up for lost, and yet the system has said that it is done.
        let late = ending.clone().settled_by("answer");
        self.finish_row(row, &late, Guard::InDoubt).await
    }

    async fn present(&self, row: Model) -> Model {
        let found = Entity::for_organization(row.organization_id)
            .filter(Column::Id.eq(row.id))
            .one(self.database())
            .await;
        found.ok().flatten().unwrap_or(row)
    }
}

/// Returns the row as it would be had it been written.
fn as_if_written(row: Model, ending: &Ending) -> Model {
    let (code, message) = ending.error.clone().unzip();
    let key = ending.key.as_ref().map(ToString::to_string);
    Model {
        state: ending.state,
        record_key: key.or(row.record_key),
        user_errors: json!(ending.user_errors),
        warnings: json!(ending.warnings),
        error_code: code,
        error_message: message,
        ..row
    }
}

/// Writes down what is sent before it is sent.
struct Notes<'a> {
    writer: &'a Writer,
    row: &'a Model,
    log: Mutex<Log>,
}

/// What was sent, as far as the log keeps it.
#[derive(Clone, Default)]
struct Log {
    shown: Vec<ShownRequest>,
    bytes: usize,
    sent: usize,
}

impl Log {
    /// Adds a request. Returns whether the log keeps it.
    fn add(&mut self, request: &ShownRequest) -> bool {
        self.sent += 1;
        if self.shown.len() >= REQUESTS_KEPT || self.sent > self.shown.len() + 1 {
            return false;
        }
        let request = cut(request.clone());
        let bytes = json!(request).to_string().len();
        if self.bytes + bytes > BYTES_KEPT {
            return false;
        }
        self.bytes += bytes;
        self.shown.push(request);
        true
    }
}

/// Returns what writes down what is sent, as a process has it that was taken over.
#[cfg(test)]
pub(super) fn notes_for_tests<'a>(writer: &'a Writer, row: &'a Model) -> impl Journal + 'a {
    Notes {
        writer,
        row,
        log: Mutex::default(),
    }
}

impl Notes<'_> {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_sent(&self) -> bool {
        self.log().sent > 0
    }

    /// Tells that the log does not keep all that was sent.
    fn left_out(&self) -> Option<String> {
        let log = self.log();
        let (kept, sent) = (log.shown.len(), log.sent);
        (kept < sent).then(|| format!("the log keeps the first {kept} of {sent} requests"))
    }

    async fn note(&self, set: ActiveModel) -> Result<(), Error> {
        let updated = Entity::update_for_organization(self.row.organization_id)
            .set(set)
            .filter(Column::Id.eq(self.row.id))
            .filter(Column::Owner.eq(self.writer.owner))
            .filter(Column::State.is_in([State::Running, State::Sending]))
            // Of a connection that was erased nothing more is kept, and nothing more is sent to it.
            .filter(Column::Ciphertext.is_not_null())
            .exec(self.writer.database())
            .await;
        match updated {
            Ok(updated) if updated.rows_affected > 0 => Ok(()),
            Ok(_) => Err(Error::new(
                ErrorKind::Internal,
                "the write was taken over; nothing more was sent",
            )),
            Err(error) => {
                tracing::error!(%error, write.id = %self.row.id, "a request could not be written down and is not sent");
                Err(Error::new(
                    ErrorKind::Internal,
                    "the write could not be written down; nothing more was sent",
                ))
            }
        }
    }
}

impl Journal for Notes<'_> {
    fn sending<'a>(&'a self, request: &'a ShownRequest) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            let (before, now) = {
                let mut log = self.log();
                let before = log.clone();
                let is_kept = log.add(request);
                (before, is_kept.then(|| json!(log.shown)))
            };
            let at = database::now();
            let mut set = ActiveModel {
                state: Set(State::Sending),
                step: Set(Some(request.step.clone()).filter(|step| !step.is_empty())),
                last_sent_at: Set(Some(at)),
                ..Default::default()
            };
            if let Some(shown) = now {
                set.requests = Set(shown);
            }
            if before.sent == 0 {
                set.sent_at = Set(Some(at));
            }
            let noted = self.note(set).await;
            if noted.is_err() {
                *self.log() = before;
            }
            noted
        }
        .boxed()
    }

    fn made<'a>(&'a self, key: &'a RemoteKey) -> BoxFuture<'a, Result<(), Error>> {
        let set = ActiveModel {
            record_key: Set(Some(key.to_string())),
            ..Default::default()
        };
        self.note(set).boxed()
    }
}

/// Keeps the log from growing with what was sent: of large bodies it has the beginning.
fn cut(mut request: ShownRequest) -> ShownRequest {
    if let Some(body) = &request.body {
        let text = body.to_string();
        if text.len() > BODY_KEPT {
            let end = (0..=BODY_KEPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let kept = text.get(..end).unwrap_or_default();
            request.body = Some(Value::String(format!("{kept}… ({} bytes)", text.len())));
        }
    }
    request
}
