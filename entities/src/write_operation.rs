//! One write to a system: its idempotency key, its place in the queue, and its entry in the log.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "write_operation")]
pub struct Model {
    /// The identifier, a time-ordered UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that the row belongs to.
    pub organization_id: Uuid,
    /// The connection that is written to.
    pub connection_id: Uuid,
    /// The batch that it came in.
    pub batch_id: Option<Uuid>,
    /// What kind of caller asked for it.
    pub actor_kind: String,
    /// The token of the caller.
    pub actor_id: Option<Uuid>,
    /// The name of the caller.
    pub actor_name: Option<String>,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// The unified type of the record.
    pub entity: String,
    /// What is done: `create`, `update`, `delete`, or the short name of an action.
    pub operation: String,
    /// Whether the caller waits for it.
    pub mode: Mode,
    /// The caller's key; none was given, or it may be used again.
    pub idempotency_key: Option<String>,
    /// What tells one input from another.
    pub fingerprint: Vec<u8>,
    /// Our own mark, which systems that can carry one get.
    pub client_reference: String,
    /// The key of the record in its system, as cursors write it.
    pub record_key: Option<String>,
    /// What must not be written twice at once: the record, or the one that it belongs to.
    pub lane: Option<String>,
    /// Where it stands.
    pub state: State,
    /// The step that is under way or was the last.
    pub step: Option<String>,
    /// The key that the input is sealed with.
    pub key_id: Option<String>,
    /// The nonce of the sealed input.
    pub nonce: Option<Vec<u8>>,
    /// The sealed input; wiped when it is needed no more.
    pub ciphertext: Option<Vec<u8>>,
    /// What was sent, without secrets: a JSON list.
    #[sea_orm(column_type = "JsonBinary")]
    pub requests: Json,
    /// What was wrong: a JSON list.
    #[sea_orm(column_type = "JsonBinary")]
    pub user_errors: Json,
    /// What the system remarked: a JSON list of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub warnings: Json,
    /// The code of the failure.
    pub error_code: Option<String>,
    /// What the failure said.
    pub error_message: Option<String>,
    /// How an unknown outcome was settled: `look_up`, or the name of the caller who told.
    pub settled_by: Option<String>,
    /// How often an unknown outcome was looked up; before, how often it was begun anew.
    pub look_ups: i32,
    /// When it is to be carried out or looked up next.
    pub due_at: Option<DateTimeUtc>,
    /// The process that works on it.
    pub owner: Option<Uuid>,
    /// Until when that process may be believed to live.
    pub owned_until: Option<DateTimeUtc>,
    /// When it was asked for.
    pub created_at: DateTimeUtc,
    /// When the first request that changes something was about to be sent.
    pub sent_at: Option<DateTimeUtc>,
    /// When the last such request was about to be sent.
    pub last_sent_at: Option<DateTimeUtc>,
    /// When a look at the system first found nothing of it.
    pub none_found_at: Option<DateTimeUtc>,
    /// When its outcome was known.
    pub finished_at: Option<DateTimeUtc>,
}

/// Whether the caller waits for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// The answer tells the outcome.
    #[sea_orm(string_value = "sync")]
    Sync,
    /// The answer tells that it is queued; the outcome is told by an event.
    #[sea_orm(string_value = "async")]
    Async,
}

/// Where a write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It waits for its turn; nothing was sent.
    #[sea_orm(string_value = "queued")]
    Queued,
    /// A process prepares it; nothing was sent that changes anything.
    #[sea_orm(string_value = "running")]
    Running,
    /// A request that changes something may have left.
    #[sea_orm(string_value = "sending")]
    Sending,
    /// The system carried it out.
    #[sea_orm(string_value = "succeeded")]
    Succeeded,
    /// Nothing was carried out.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// It is not known whether the system carried it out.
    #[sea_orm(string_value = "in_doubt")]
    InDoubt,
}

/// The relations of the table; none is followed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::owned_by_organization!();

#[expect(clippy::disallowed_methods, reason = "the starting points are made here")]
impl Entity {
    /// Returns a query of the writes of all organizations, for the worker.
    pub fn of_all() -> Select<Self> {
        Self::find()
    }

    /// Returns a query of the writes of all organizations whose input another key than this one sealed, for resealing.
    pub fn sealed_by_other_than(key_id: &str) -> Select<Self> {
        Self::find().filter(Column::KeyId.ne(key_id))
    }

    /// Returns an update of the writes of all organizations, for the worker that claims and settles them.
    pub fn update_of_all() -> sea_orm::UpdateMany<Self> {
        Self::update_many()
    }

    /// Returns a deletion of writes of all organizations, for clearing away those that are old.
    pub fn delete_of_all() -> sea_orm::DeleteMany<Self> {
        Self::delete_many()
    }
}
