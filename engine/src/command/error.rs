//! Why a write was not accepted. What a system refuses is no error here but an outcome.

use lineshaft_entities::write_operation::State;
use sea_orm::DbErr;
use uuid::Uuid;

use crate::{connections, query::SourceError};

/// Why a write was not accepted; nothing was sent and nothing is kept under its key.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    ConnectionUnknown(Uuid),
    /// The connection cannot be used now.
    #[error("{}", .0.message)]
    Unusable(Box<SourceError>),
    /// Writes to the connection are switched off.
    #[error("the connection can only be read; nothing was sent")]
    ReadOnly,
    /// The system does not have the operation.
    #[error("the connection cannot {operation} {entity}{}", instead(.alternative.as_deref()))]
    NotSupported {
        /// The unified type.
        entity: String,
        /// The operation.
        operation: String,
        /// What serves instead: the name of an action, or a sentence.
        alternative: Option<String>,
    },
    /// The key does not have 1 to 255 printable characters of ASCII.
    #[error("an idempotency key must have 1 to 255 printable ASCII characters")]
    InvalidKey,
    /// The key was used with another input.
    #[error("the idempotency key was used before, by write `{id}` with another input")]
    KeyReused {
        /// The write that used it.
        id: Uuid,
    },
    /// A write with this key is under way, or the write takes longer than the request may.
    #[error("write `{id}` is under way and goes on; {}", next(*.has_key))]
    InProgress {
        /// The write.
        id: Uuid,
        /// Whether it has a key, so that the same request finds it again and is no second write.
        has_key: bool,
    },
    /// The time of the request was over before the write was begun.
    #[error("the time of the request was over before the write was begun; nothing was sent")]
    TooLate,
    /// More writes to the connection wait than are allowed.
    #[error("{most} writes to the connection are {what} already, which is as many as may be; nothing was sent")]
    TooMany {
        /// How many there may be.
        most: usize,
        /// What they are.
        what: &'static str,
    },
    /// Too many operations in one batch.
    #[error("a batch may have {most} operations, not {count}")]
    BatchTooLarge {
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The unified model has no such operation.
    #[error("the model has no such type or operation")]
    Unknown,
    /// The input could not be kept.
    #[error("the input could not be sealed or opened")]
    Secrets(#[from] crate::secrets::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
    /// The task that carried it out broke off.
    #[error("the write broke off")]
    BrokeOff,
}

fn instead(alternative: Option<&str>) -> String {
    alternative.map_or_else(String::new, |alternative| format!("; instead: {alternative}"))
}

fn next(has_key: bool) -> &'static str {
    match has_key {
        true => "send the same request again in a moment",
        false => "ask for it by its id; the same request without an idempotency key would be a second write",
    }
}

impl WriteError {
    /// Returns the stable code of the public API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConnectionUnknown(_) => "CONNECTION_NOT_FOUND",
            Self::Unusable(error) => error.code,
            Self::ReadOnly => "CONNECTION_READ_ONLY",
            Self::NotSupported { .. } => "OPERATION_NOT_SUPPORTED",
            Self::InvalidKey => "INVALID_IDEMPOTENCY_KEY",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::InProgress { .. } => "REQUEST_IN_PROGRESS",
            Self::TooLate => "DEADLINE_EXCEEDED",
            Self::TooMany { .. } => "RATE_LIMITED",
            Self::BatchTooLarge { .. } => "BATCH_TOO_LARGE",
            Self::Unknown => "INVALID_ARGUMENT",
            Self::Secrets(_) | Self::Database(_) | Self::BrokeOff => "INTERNAL",
        }
    }

    /// Returns whether it is a fault of ours, of which the caller is told nothing.
    #[must_use]
    pub const fn is_internal(&self) -> bool {
        matches!(self, Self::Secrets(_) | Self::Database(_) | Self::BrokeOff)
    }
}

impl From<SourceError> for WriteError {
    fn from(error: SourceError) -> Self {
        Self::Unusable(Box::new(error))
    }
}

impl From<connections::Error> for WriteError {
    fn from(error: connections::Error) -> Self {
        match error {
            connections::Error::NotFound(id) => Self::ConnectionUnknown(id),
            connections::Error::Database(error) => Self::Database(error),
            other => Self::Database(DbErr::Custom(other.to_string())),
        }
    }
}

/// Why a caller could not tell the outcome of a write.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// There is no such write for whoever asks.
    #[error("there is no write `{0}`")]
    NotFound(Uuid),
    /// Its outcome is known, or it is under way.
    #[error("the outcome of the write is not in doubt: it is {0:?}")]
    NotInDoubt(State),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl SettleError {
    /// Returns the stable code of the public API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "WRITE_NOT_FOUND",
            Self::NotInDoubt(_) => "WRITE_NOT_IN_DOUBT",
            Self::Database(_) => "INTERNAL",
        }
    }
}

/// Why the mode of a connection could not be set.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    ConnectionUnknown(Uuid),
    /// The operator lets only sandboxes simulate.
    #[error("writes can only be simulated on connections whose system runs on the server's own machine")]
    SimulateNotAllowed,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl ModeError {
    /// Returns the stable code of the public API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ConnectionUnknown(_) => "CONNECTION_NOT_FOUND",
            Self::SimulateNotAllowed => "SIMULATE_NOT_ALLOWED",
            Self::Database(_) => "INTERNAL",
        }
    }
}

impl From<connections::Error> for ModeError {
    fn from(error: connections::Error) -> Self {
        match error {
            connections::Error::NotFound(id) => Self::ConnectionUnknown(id),
            connections::Error::Database(error) => Self::Database(error),
            other => Self::Database(DbErr::Custom(other.to_string())),
        }
    }
}
