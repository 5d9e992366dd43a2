//! A write as callers may see it.

use chrono::{DateTime, Utc};
use lineshaft_connect::write::{ShownRequest, UserError};
use lineshaft_entities::write_operation::{Mode, Model, State};
use lineshaft_schema::RemoteKey;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Outcome, WriteResult, claim::ScopedKey, simulate};

/// One write, as the log tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The identifier, which orders writes by time.
    pub id: Uuid,
    /// The organization.
    pub organization_id: Uuid,
    /// The connection that is written to.
    pub connection_id: Uuid,
    /// The batch that it came in.
    pub batch_id: Option<Uuid>,
    /// Who asked for it.
    pub author: Author,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// The unified type of the record.
    pub entity: String,
    /// What is done: `create`, `update`, `delete`, or the short name of an action.
    pub operation: String,
    /// Whether the caller waits for it.
    pub mode: Mode,
    /// Where it stands.
    pub state: State,
    /// Whether it was only simulated.
    pub simulated: bool,
    /// The key of the record, as far as it is known.
    pub key: Option<RemoteKey>,
    /// The step that is under way or was the last.
    pub step: Option<String>,
    /// What was sent, without secrets.
    pub requests: Vec<ShownRequest>,
    /// What was wrong.
    pub user_errors: Vec<UserError>,
    /// What the system remarked.
    pub warnings: Vec<String>,
    /// The code of the failure.
    pub error_code: Option<String>,
    /// What the failure said.
    pub error_message: Option<String>,
    /// The caller's key; none was given, or it may be used again.
    pub idempotency_key: Option<String>,
    /// How an unknown outcome was settled: `look_up`, or the name of the caller who told.
    pub settled_by: Option<String>,
    /// How often an unknown outcome was looked up.
    pub look_ups: i32,
    /// When it is to be carried out or looked up next.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the first request that changes something was about to be sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When its outcome was known.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Who asked for a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The kind of caller, such as `token`.
    pub kind: String,
    /// The token.
    pub id: Option<Uuid>,
    /// The name of the token.
    pub name: Option<String>,
}

impl Write {
    /// Returns how it stands for its caller.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome::of(self.state)
    }

    /// Returns how long it took, once its outcome is known.
    #[must_use]
    pub fn duration(&self) -> Option<std::time::Duration> {
        self.finished_at
            .and_then(|finished| (finished - self.created_at).to_std().ok())
    }
}

impl From<Model> for Write {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            connection_id: row.connection_id,
            batch_id: row.batch_id,
            author: Author {
                kind: row.actor_kind,
                id: row.actor_id,
                name: row.actor_name,
            },
            request_id: row.request_id,
            entity: row.entity,
            operation: row.operation,
            mode: row.mode,
            state: row.state,
            simulated: row.step.as_deref() == Some(simulate::STEP),
            key: row.record_key.as_deref().map(RemoteKey::from),
            step: row.step,
            requests: list(row.requests),
            user_errors: list(row.user_errors),
            warnings: list(row.warnings),
            error_code: row.error_code,
            error_message: row.error_message,
            idempotency_key: row.idempotency_key.map(|key| ScopedKey::shown(&key).to_owned()),
            settled_by: row.settled_by,
            look_ups: row.look_ups,
            due_at: row.due_at,
            created_at: row.created_at,
            sent_at: row.sent_at,
            finished_at: row.finished_at,
        }
    }
}

impl WriteResult {
    /// Returns what a row tells.
    pub(super) fn of(row: Model, replayed: bool) -> Self {
        let write = Write::from(row);
        Self {
            outcome: write.outcome(),
            key: write.key.clone(),
            record: None,
            user_errors: write.user_errors.clone(),
            warnings: write.warnings.clone(),
            requests: write.requests.clone(),
            operation: Some(write),
            replayed,
        }
    }
}

/// Reads a list of the database; what another version wrote and this one cannot read is left out.
fn list<T: DeserializeOwned>(value: serde_json::Value) -> Vec<T> {
    let serde_json::Value::Array(list) = value else {
        return Vec::new();
    };
    let read = list.into_iter().map(serde_json::from_value);
    read.filter_map(Result::ok).collect()
}
