//! How a write ends, and how that is written down: the row, its event and the audit log in one change.

use lineshaft_connect::{
    Error, ErrorKind,
    write::{Reply, UserError, UserErrorCode},
};
use lineshaft_entities::write_operation::{ActiveModel, Column, Entity, Mode, Model, State};
use lineshaft_schema::{ConnectionId, GlobalId, RemoteKey};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, QueryFilter as _, Set, UpdateMany,
    sea_query::IntoCondition as _,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Outcome, Writer, claim::ScopedKey, writer::delta};
use crate::{
    audit::Act,
    database,
    events::{EventKind, NewEvent},
    origin::Origin,
};

/// Most errors that are told of one write.
const MOST_ERRORS: usize = 100;
/// Most characters of a message about one.
const MOST_CHARACTERS: usize = 500;

/// How a write ends.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) state: State,
    pub(super) key: Option<RemoteKey>,
    pub(super) user_errors: Vec<UserError>,
    pub(super) warnings: Vec<String>,
    pub(super) error: Option<(String, String)>,
    /// Whether its key may be used again: nothing was carried out, and trying again may help.
    pub(super) frees_key: bool,
    pub(super) settled_by: Option<String>,
    pub(super) step: Option<String>,
}

/// In which rows an ending is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// While this process works on it.
    Owned,
    /// While its outcome is unknown.
    InDoubt,
}

impl Ending {
    fn new(state: State) -> Self {
        Self {
            state,
            key: None,
            user_errors: Vec::new(),
            warnings: Vec::new(),
            error: None,
            frees_key: false,
            settled_by: None,
            step: None,
        }
    }

    /// The system carried it out.
    pub(super) fn done(key: Option<RemoteKey>, warnings: Vec<String>) -> Self {
        Self {
            key,
            warnings,
            ..Self::new(State::Succeeded)
        }
    }

    /// Another write of the same record was under way for too long.
    pub(super) fn locked() -> Self {
        let message = "another write of the record was under way; nothing was sent";
        Self::refused(vec![UserError {
            path: Vec::new(),
            code: UserErrorCode::Locked,
            message: message.to_owned(),
            remote_code: None,
            remote_message: None,
        }])
    }

    /// It was refused for reasons that the caller can mend.
    pub(super) fn refused(errors: Vec<UserError>) -> Self {
        let errors = limited(errors);
        let passes = |error: &UserError| matches!(error.code, UserErrorCode::NotSent | UserErrorCode::RateLimited);
        let first = errors.first();
        Self {
            frees_key: !errors.is_empty() && errors.iter().all(passes),
            error: first.map(|error| (code_of(error.code), error.message.clone())),
            user_errors: errors,
            ..Self::new(State::Failed)
        }
    }

    /// Nothing was carried out.
    pub(super) fn failed(error: &Error) -> Self {
        let code = match error.kind() {
            ErrorKind::RateLimited => UserErrorCode::RateLimited,
            ErrorKind::PermissionDenied => UserErrorCode::PermissionDenied,
            _ => UserErrorCode::NotSent,
        };
        Self {
            user_errors: vec![told(code, error)],
            error: Some((error.kind().code().to_owned(), error.to_string())),
            frees_key: true,
            ..Self::new(State::Failed)
        }
    }

    /// Nothing was carried out, by no fault of the system.
    pub(super) fn not_carried_out(code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let error = UserError {
            path: Vec::new(),
            code: UserErrorCode::NotSent,
            message: message.clone(),
            remote_code: None,
            remote_message: None,
        };
        Self {
            user_errors: vec![error],
            error: Some((code.to_owned(), message)),
            frees_key: true,
            ..Self::new(State::Failed)
        }
    }

    /// It is not known whether the system carried it out.
    pub(super) fn in_doubt(error: &Error, key: Option<RemoteKey>) -> Self {
        Self {
            key,
            user_errors: vec![told(UserErrorCode::InDoubt, error)],
            error: Some((error.kind().code().to_owned(), error.to_string())),
            ..Self::new(State::InDoubt)
        }
    }

    /// Returns whether the system carried it out, but not all of it.
    pub(super) fn is_part(&self) -> bool {
        self.state == State::Succeeded && !self.user_errors.is_empty()
    }

    pub(super) fn settled_by(self, who: impl Into<String>) -> Self {
        Self {
            settled_by: Some(who.into()),
            ..self
        }
    }
}

impl From<Reply> for Ending {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done { key, warnings, refused } => Self {
                user_errors: limited(refused),
                ..Self::done(key, warnings)
            },
            Reply::Refused(errors) => Self::refused(errors),
            Reply::Failed(error) => Self::failed(&error),
            Reply::InDoubt { error, key } => Self::in_doubt(&error, key),
        }
    }
}

/// Keeps what is wrong with a write within bounds: the first errors, with the beginnings of their messages.
#[must_use]
pub fn limited(mut errors: Vec<UserError>) -> Vec<UserError> {
    let more = errors.len().saturating_sub(MOST_ERRORS);
    let code = errors.get(MOST_ERRORS).map(|error| error.code);
    errors.truncate(MOST_ERRORS);
    for error in &mut errors {
        shorten(&mut error.message);
        error.remote_message.as_mut().map(shorten);
    }
    if let Some(code) = code {
        errors.push(UserError {
            path: Vec::new(),
            code,
            message: format!("and {more} more"),
            remote_code: None,
            remote_message: None,
        });
    }
    errors
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
}

fn told(code: UserErrorCode, error: &Error) -> UserError {
    UserError {
        path: Vec::new(),
        code,
        message: error.message().to_owned(),
        remote_code: error.remote_code().map(str::to_owned),
        remote_message: error.remote_message().map(str::to_owned),
    }
}

fn code_of(code: UserErrorCode) -> String {
    json!(code).as_str().unwrap_or_default().to_owned()
}

impl Guard {
    fn narrow(self, update: UpdateMany<Entity>, owner: Uuid) -> UpdateMany<Entity> {
        match self {
            Self::Owned => update.filter(
                Condition::all()
                    .add(Column::Owner.eq(owner))
                    .add(Column::State.is_in([State::Running, State::Sending])),
            ),
            Self::InDoubt => update.filter(Column::State.eq(State::InDoubt)),
        }
    }
}

impl Writer {
    /// Writes down how a write ends. Returns the row afterwards; none when it was no longer what the guard asks for.
    ///
    /// What nobody waits for, or nobody could be told, is told by an event.
    pub(super) async fn finish_row(&self, row: &Model, ending: &Ending, guard: Guard) -> Result<Option<Model>, DbErr> {
        let tells = row.mode == Mode::Async || ending.state == State::InDoubt || guard == Guard::InDoubt;
        let finished = if tells {
            let change = self.journal.begin().await?;
            self.finish_told(row, ending, guard, change, None).await?
        } else {
            self.update(self.database(), row, ending, guard).await?
        };
        if let Some(finished) = &finished {
            count(finished);
            if let Some(lane) = &finished.lane {
                self.lanes.free(finished.connection_id, lane);
            }
        }
        Ok(finished)
    }

    /// The same by a caller, whose act is written into the audit log.
    pub(super) async fn finish_by_caller(
        &self,
        row: &Model,
        ending: &Ending,
        origin: &Origin,
    ) -> Result<Option<Model>, DbErr> {
        let change = self.journal.begin().await?;
        let finished = self
            .finish_told(row, ending, Guard::InDoubt, change, Some(origin))
            .await?;
        if let Some(finished) = &finished {
            count(finished);
        }
        Ok(finished)
    }

    async fn finish_told(
        &self,
        row: &Model,
        ending: &Ending,
        guard: Guard,
        mut change: crate::events::journal::Change,
        origin: Option<&Origin>,
    ) -> Result<Option<Model>, DbErr> {
        let Some(finished) = self.update(change.transaction(), row, ending, guard).await? else {
            return Ok(None);
        };
        change.tell(event(&finished, row.idempotency_key.as_deref())).await?;
        if let Some(origin) = origin {
            let act = Act {
                action: "write.settle",
                target_id: Some(finished.id),
                detail: json!({
                    "outcome": Outcome::of(finished.state).as_str(),
                    "connectionId": finished.connection_id,
                    "remoteId": finished.record_key,
                }),
            };
            change.note(finished.organization_id, origin, act).await?;
        }
        change.commit().await?;
        Ok(Some(finished))
    }

    async fn update(
        &self,
        database: &impl ConnectionTrait,
        row: &Model,
        ending: &Ending,
        guard: Guard,
    ) -> Result<Option<Model>, DbErr> {
        let now = database::now();
        let in_doubt = ending.state == State::InDoubt;
        let (code, message) = ending.error.clone().unzip();
        let mut set = ActiveModel {
            state: Set(ending.state),
            user_errors: Set(json!(ending.user_errors)),
            warnings: Set(json!(ending.warnings)),
            error_code: Set(code),
            error_message: Set(message),
            owner: Set(None),
            owned_until: Set(None),
            due_at: Set(None),
            ..Default::default()
        };
        if let Some(key) = &ending.key {
            set.record_key = Set(Some(key.to_string()));
        }
        if let Some(who) = &ending.settled_by {
            set.settled_by = Set(Some(who.clone()));
        }
        if let Some(step) = &ending.step {
            set.step = Set(Some(step.clone()));
        }
        if ending.frees_key {
            set.idempotency_key = Set(None);
        }
        if in_doubt {
            set.look_ups = Set(0);
            set.due_at = Set(Some(now + delta(self.settings.settle_after)));
        } else {
            set.finished_at = Set(Some(now));
            set.key_id = Set(None);
            set.nonce = Set(None);
            set.ciphertext = Set(None);
        }
        let mut wiped = set.clone();
        let write = async |set: ActiveModel, condition: Condition| {
            let update = Entity::update_for_organization(row.organization_id)
                .set(set)
                .filter(Column::Id.eq(row.id))
                .filter(condition);
            let updated = guard.narrow(update, self.owner).exec_with_returning(database).await;
            Ok::<_, DbErr>(updated?.into_iter().next())
        };
        if guard == Guard::InDoubt {
            return write(set, Condition::all()).await;
        }
        let kept = write(set, Column::Ciphertext.is_not_null().into_condition()).await?;
        if kept.is_some() {
            return Ok(kept);
        }
        // The connection was erased meanwhile, and with it what the system said.
        wiped.user_errors = Set(json!([]));
        wiped.warnings = Set(json!([]));
        wiped.error_message = Set(None);
        write(wiped, Condition::all()).await
    }
}

/// Returns the event that tells how a write stands. Its key is told although it may be free again by now.
pub(super) fn event(row: &Model, key: Option<&str>) -> NewEvent {
    let kind = match row.state {
        State::Succeeded => EventKind::WriteSucceeded,
        State::InDoubt => EventKind::WriteInDoubt,
        State::Failed | State::Queued | State::Running | State::Sending => EventKind::WriteFailed,
    };
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    let record = row.record_key.as_deref().map(|key| GlobalId {
        connection: ConnectionId(row.connection_id),
        kind: row.entity.as_str().into(),
        key: RemoteKey::from(key),
    });
    put("writeId", Some(json!(row.id)));
    put("batchId", row.batch_id.map(|id| json!(id)));
    put("entity", Some(row.entity.as_str().into()));
    put("operation", Some(row.operation.as_str().into()));
    put("recordId", record.map(|id| id.to_string().into()));
    put("outcome", Some(Outcome::of(row.state).as_str().into()));
    let is_part = row.state == State::Succeeded && row.user_errors.as_array().is_some_and(|errors| !errors.is_empty());
    put("partly", is_part.then(|| true.into()));
    put("errorCode", row.error_code.as_deref().map(Into::into));
    put("idempotencyKey", key.map(|key| ScopedKey::shown(key).into()));
    NewEvent {
        organization_id: row.organization_id,
        connection_id: Some(row.connection_id),
        kind,
        data: Value::Object(data),
    }
}

fn count(row: &Model) {
    let outcome = match row.state {
        State::Succeeded => "succeeded",
        State::InDoubt => "in_doubt",
        State::Failed | State::Queued | State::Running | State::Sending => "failed",
    };
    metrics::counter!("lineshaft_writes_total", "outcome" => outcome).increment(1);
    if let Some(time) = row.finished_at.and_then(|at| (at - row.created_at).to_std().ok()) {
        metrics::histogram!("lineshaft_write_seconds").record(time.as_secs_f64());
    }
}
