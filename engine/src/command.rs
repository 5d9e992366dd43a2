//! Writes to systems: each is a row before anything is sent, runs to its end although its caller leaves, and is never
//! sent again when its outcome is unknown.
//!
//! A write is claimed with its idempotency key (`claim`), carried out on a task of the engine (`run`), and settled with
//! its event in one change (`ending`). The worker (`worker`, `look_up`) takes over what a process that is gone left behind.

mod batch;
mod claim;
mod describe;
mod ending;
mod error;
mod lanes;
mod log;
mod look_up;
mod mode;
mod retention;
mod run;
mod schema;
mod settle;
mod simulate;
mod stored;
mod submit;
mod target;
mod view;
mod worker;
mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use lineshaft_connect::write::{Act, Input, ShownRequest, UserError};
use lineshaft_schema::{Record, RemoteKey, Text, TypeIndex};
use uuid::Uuid;

pub use batch::{Batch, BatchCommand, BatchMode, MOST_IN_BATCH};
pub use ending::limited;
pub use error::{ModeError, SettleError, WriteError};
pub use lineshaft_entities::{
    connection::WriteMode,
    write_operation::{Mode, State},
};
pub use log::{Filter, Page, Place};
pub(crate) use look_up::settle_doubts;
pub(crate) use retention::sweep;
pub use schema::{Description, Lock, SchemaAction, SchemaChildren, SchemaField, SchemaValue, WriteSchema};
pub use settle::Verdict;
pub(crate) use stored::{input_binding, wipe_inputs};
pub use view::{Author, Write};
pub(crate) use worker::work;
pub(crate) use writer::Writer;

/// How writes are carried out and kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time that a write has.
    pub timeout: Duration,
    /// Time beyond it until another process takes a write over.
    pub slack: Duration,
    /// Days that idempotency keys are kept.
    pub key_days: u32,
    /// Days that the log is kept.
    pub keep_days: u32,
    /// Writes to one connection that one process carries out at once, of a batch and of those that are queued.
    pub batch_width: usize,
    /// Queued writes that one process carries out at once, and unknown outcomes that it looks up at once.
    pub workers: usize,
    /// Time after the sending until an unknown outcome is first looked up; each further wait is twice as long.
    pub settle_after: Duration,
    /// The longest such wait.
    pub settle_longest: Duration,
    /// Time after its last request until a new record, or an action, that no look finds counts as not carried out.
    pub not_done_after: Duration,
    /// Writes to one connection, whose callers wait, that one process has under way at once.
    pub sync_per_connection: usize,
    /// Writes to one connection that may be queued or under way when another one is queued.
    pub queued_per_connection: u64,
    /// Time after which an unknown outcome is looked up no more and waits for the caller.
    pub settle_for: Duration,
    /// Which connections may simulate writes.
    pub simulate: Simulate,
}

/// Which connections may simulate writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Simulate {
    /// All.
    #[default]
    Any,
    /// Those whose system runs on this machine, as sandboxes do.
    Loopback,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            slack: Duration::from_secs(60),
            key_days: 30,
            keep_days: 90,
            batch_width: 4,
            workers: 32,
            settle_after: Duration::from_secs(15),
            settle_longest: Duration::from_secs(3600),
            settle_for: Duration::from_secs(86_400),
            not_done_after: Duration::from_secs(600),
            sync_per_connection: 100,
            queued_per_connection: 10_000,
            simulate: Simulate::Any,
        }
    }
}

/// A write that a caller asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteCommand {
    /// The connection that is written to.
    pub connection_id: Uuid,
    /// The unified type of the record.
    pub kind: TypeIndex,
    /// What is to be done.
    pub act: Act,
    /// The record; none when it is made.
    pub key: Option<RemoteKey>,
    /// The values.
    pub input: Input,
    /// The version that the caller has seen.
    pub expected_version: Option<Text>,
    /// The caller's key: a write with the same key and input is not carried out again.
    pub idempotency_key: Option<String>,
    /// Whether the caller waits for the outcome.
    pub mode: Mode,
}

/// How a write stands for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The system carried it out.
    Succeeded,
    /// Nothing was carried out.
    Failed,
    /// It is not known whether the system carried it out.
    InDoubt,
    /// It was checked and nothing was sent.
    DryRun,
    /// It waits for its turn, or is under way.
    Queued,
}

impl Outcome {
    /// Returns the name that events and the API carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::InDoubt => "IN_DOUBT",
            Self::DryRun => "DRY_RUN",
            Self::Queued => "QUEUED",
        }
    }

    const fn of(state: State) -> Self {
        match state {
            State::Queued | State::Running | State::Sending => Self::Queued,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::InDoubt => Self::InDoubt,
        }
    }
}

/// What came of a write.
#[derive(Clone, Debug)]
pub struct WriteResult {
    /// Its entry in the log; a dry run has none.
    pub operation: Option<Write>,
    /// How it stands.
    pub outcome: Outcome,
    /// The key of the record, as far as it is known.
    pub key: Option<RemoteKey>,
    /// The record as it would be, when the write was only simulated.
    pub record: Option<Arc<Record>>,
    /// What is wrong.
    pub user_errors: Vec<UserError>,
    /// What the system remarked.
    pub warnings: Vec<String>,
    /// What was sent, or would be, without secrets.
    pub requests: Vec<ShownRequest>,
    /// Whether it is the stored outcome of an earlier request with the same key.
    pub replayed: bool,
}
