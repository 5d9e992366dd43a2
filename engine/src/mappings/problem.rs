//! What is wrong with a mapping, and why something about mappings was refused as a whole.

use lineshaft_connect::manifest::overlay::{self, OverlayProblem, ProblemCode};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::{connections, customers, query::SourceError};

pub use lineshaft_connect::manifest::overlay::Severity;

/// One thing that is wrong with a mapping, or is lost by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// Stable code.
    pub code: &'static str,
    /// The entity that it is about.
    pub entity: Option<String>,
    /// The field that it is about.
    pub field: Option<String>,
    /// JSON pointer into the document.
    pub pointer: String,
    /// The line of the YAML text, from 1, when there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// How to put it right, when that is known.
    pub help: Option<String>,
}

impl Problem {
    /// Returns whether the mapping cannot be saved because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Returns whether it must be accepted before the mapping is saved: values are lost.
    #[must_use]
    pub fn must_be_accepted(&self) -> bool {
        self.code == ProblemCode::LossyCodec.as_str()
    }
}

impl From<&OverlayProblem> for Problem {
    fn from(problem: &OverlayProblem) -> Self {
        Self {
            severity: problem.severity,
            code: problem.code.as_str(),
            entity: problem.entity(),
            field: problem.field(),
            pointer: problem.pointer.clone(),
            line: problem.line,
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

/// Tells problems with the lines where they stand, each once, the worst first.
pub(super) fn tell(mut problems: Vec<OverlayProblem>, lines: &overlay::Lines) -> Vec<Problem> {
    lines.fill(&mut problems);
    problems.sort_by_key(|problem| problem.severity);
    let mut told: Vec<Problem> = Vec::new();
    for problem in &problems {
        let problem = Problem::from(problem);
        let is_same = |known: &Problem| {
            (known.code, &known.pointer, &known.message) == (problem.code, &problem.pointer, &problem.message)
        };
        if !told.iter().any(is_same) {
            told.push(problem);
        }
    }
    told
}

/// Why something about mappings was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// What a layer is to hold for is not said, said twice, or not for whoever asks.
    #[error("{0}")]
    Scope(String),
    /// There is no such connection for whoever asks.
    #[error("there is no connection `{0}`")]
    NotFound(Uuid),
    /// The token may not do it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Somebody else saved meanwhile.
    #[error("version {present} is the present one; somebody saved meanwhile")]
    VersionConflict {
        /// The present version.
        present: i32,
    },
    /// The request is not one that can be answered.
    #[error("{0}")]
    Argument(String),
    /// The system has no such object.
    #[error("the system has no object `{0}`, or the account may not see it")]
    ObjectNotFound(String),
    /// More than may be.
    #[error("{0}")]
    TooMany(String),
    /// The connector does not allow a request of one's own.
    #[error("{0}")]
    RawNotAllowed(String),
    /// Requests of one's own are switched off for the token.
    #[error("the token may not send requests of its own: it lacks the scope `passthrough`")]
    RawDisabled,
    /// The connection may not be written to.
    #[error("writes to the connection are switched off; nothing was sent")]
    ReadOnly,
    /// The connection cannot be used now, or the system failed.
    #[error("{}", .0.message)]
    Source(Box<SourceError>),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl MappingError {
    /// Returns the stable code of the public API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scope(_) => "MAPPING_SCOPE_INVALID",
            Self::NotFound(_) => "CONNECTION_NOT_FOUND",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::Argument(_) => "INVALID_ARGUMENT",
            Self::ObjectNotFound(_) => "OBJECT_NOT_FOUND",
            Self::TooMany(_) => "TOO_MANY",
            Self::RawNotAllowed(_) => "RAW_NOT_ALLOWED",
            Self::RawDisabled => "RAW_DISABLED",
            Self::ReadOnly => "CONNECTION_READ_ONLY",
            Self::Source(error) => error.code,
            Self::Database(_) => "INTERNAL",
        }
    }

    pub(super) fn unknown_entity(name: &str) -> Self {
        Self::Argument(format!("there is no entity `{name}`"))
    }
}

impl From<SourceError> for MappingError {
    fn from(error: SourceError) -> Self {
        Self::Source(Box::new(error))
    }
}

impl From<&lineshaft_connect::Error> for MappingError {
    fn from(error: &lineshaft_connect::Error) -> Self {
        SourceError::from(error).into()
    }
}

impl From<connections::Error> for MappingError {
    fn from(error: connections::Error) -> Self {
        match error {
            connections::Error::NotFound(id) => Self::NotFound(id),
            connections::Error::Database(error) => Self::Database(error),
            other => Self::Argument(other.to_string()),
        }
    }
}

impl From<customers::Error> for MappingError {
    fn from(error: customers::Error) -> Self {
        match error {
            customers::Error::Database(error) => Self::Database(error),
            other => Self::Argument(other.to_string()),
        }
    }
}
