//! What can go wrong with links, codes and sign-ins elsewhere, as stable codes and in words for people.

use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    connections::{CreateError, ReauthorizeError},
    credentials,
    forms::{FormProblem, Part},
    secrets, tokens,
    trial::TrialFailure,
};

/// Why something with a link could not be done.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no such link.
    #[error("there is no such link")]
    NotFound,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// It led to a connection already.
    #[error("the link was used already")]
    Used,
    /// It was withdrawn.
    #[error("the link was withdrawn")]
    Revoked,
    /// Too many tries failed.
    #[error("the link was withdrawn after too many failed tries")]
    TriesExhausted,
    /// Another browser has it open.
    #[error("the link is open in another browser")]
    OpenedElsewhere,
    /// Credentials are being tried with it just now.
    #[error("credentials are being tried with this link just now")]
    Busy,
    /// So many reconnect pages were opened that no more is made for a while.
    #[error("too many pages were opened for this connection")]
    TooMany,
    /// The address to go back to cannot be used.
    #[error("the redirect URL cannot be used: {0}")]
    InvalidRedirectUrl(&'static str),
    /// Another option cannot be used.
    #[error("{option}: {problem}")]
    InvalidOption {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The connector is not one of those that the link offers.
    #[error("the link does not offer the connector `{0}`")]
    ConnectorNotAllowed(String),
    /// The state that came back from a sign-in is not one that was given out to this browser.
    #[error(
        "the sign-in cannot be told apart from a forged one: it is unknown, too old, used already or of another browser"
    )]
    StateInvalid,
    /// The code is unknown, has expired or was used.
    #[error("the code is unknown, has expired or was used already")]
    CodeInvalid,
    /// A connection could not be made.
    #[error(transparent)]
    Create(CreateError),
    /// A connection could not be brought back.
    #[error(transparent)]
    Reauthorize(ReauthorizeError),
    /// The sign-in at the system's own page failed.
    #[error("{0}")]
    SignIn(TrialFailure),
    /// The database or the key ring failed.
    #[error("the link could not be read or written")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a page shows when something failed. No text holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
    /// What is wrong with the form, by field.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// What the system said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_message: Option<String>,
    /// How many tries the link has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
}

/// One thing that is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `setting` or `credential`.
    pub part: String,
    /// The field; none when it is about the part as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl LinkError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "LINK_NOT_FOUND",
            Self::Expired => "LINK_EXPIRED",
            Self::Used => "LINK_USED",
            Self::Revoked => "LINK_REVOKED",
            Self::TriesExhausted => "LINK_TRIES_EXHAUSTED",
            Self::OpenedElsewhere => "LINK_OPENED_ELSEWHERE",
            Self::Busy => "LINK_BUSY",
            Self::TooMany => "LINK_LIMIT_REACHED",
            Self::InvalidRedirectUrl(_) => "INVALID_REDIRECT_URL",
            Self::InvalidOption { .. } => "INVALID_LINK_OPTION",
            Self::ConnectorNotAllowed(_) => "CONNECTOR_NOT_ALLOWED",
            Self::StateInvalid => "STATE_INVALID",
            Self::CodeInvalid => "CODE_INVALID",
            Self::Create(error) => error.code(),
            Self::Reauthorize(error) => error.code(),
            Self::SignIn(failure) => failure.code,
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Returns what is wrong with the form, by field.
    #[must_use]
    pub fn problems(&self) -> &[FormProblem] {
        match self {
            Self::Create(error) => error.problems(),
            Self::Reauthorize(error) => error.problems(),
            _ => &[],
        }
    }

    /// Returns how the page says where the link stands: `expired`, `used` or `unknown`. None for what is not about the
    /// link itself.
    #[must_use]
    pub const fn status(&self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("unknown"),
            Self::Expired => Some("expired"),
            Self::Used | Self::Revoked | Self::TriesExhausted => Some("used"),
            _ => None,
        }
    }

    /// Returns what a page shows.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let trial = match self {
            Self::Create(CreateError::Trial(failure))
            | Self::Reauthorize(ReauthorizeError::Trial(failure))
            | Self::SignIn(failure) => Some(failure),
            _ => None,
        };
        if let Some(trial) = trial {
            return Failure::of_trial(trial);
        }
        Failure {
            code: self.code().to_owned(),
            message: self.message(),
            advice: self.advice().to_owned(),
            problems: self.problems().iter().map(Problem::of).collect(),
            remote_message: None,
            tries_left: None,
        }
    }

    /// Customers are told nothing about credits and not what failed inside.
    fn message(&self) -> String {
        match self {
            Self::Create(CreateError::CreditsExhausted { .. })
            | Self::Reauthorize(ReauthorizeError::CreditsExhausted { .. }) => {
                "no further system can be connected at the moment".to_owned()
            }
            Self::Create(CreateError::InvalidForm(_)) | Self::Reauthorize(ReauthorizeError::InvalidForm(_)) => {
                "some fields are not filled in as expected".to_owned()
            }
            Self::Reauthorize(ReauthorizeError::NotFound(_)) => "the connection does not exist any more".to_owned(),
            error => error.to_string(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::NotFound | Self::Expired | Self::Used | Self::Revoked | Self::TriesExhausted => {
                "Ask whoever sent you the link for a new one."
            }
            Self::OpenedElsewhere => "Open the link again to go on in this browser.",
            Self::Busy => "Wait until the try has ended.",
            Self::TooMany => "Use a page that is open already, or try again in half an hour.",
            Self::StateInvalid => "Go back to the page of the link and sign in again, in the same browser.",
            Self::ConnectorNotAllowed(_) | Self::Create(CreateError::ConnectorUnknown(_)) => {
                "Choose one of the systems that are offered."
            }
            Self::Create(CreateError::InvalidForm(_)) | Self::Reauthorize(ReauthorizeError::InvalidForm(_)) => {
                "Correct the fields that are marked."
            }
            Self::Reauthorize(ReauthorizeError::AccountMismatch) => {
                "Sign in with the account that was connected before. To connect another account, ask for a link to a \
                 new connection."
            }
            Self::Reauthorize(ReauthorizeError::Conflict) => "Try again.",
            _ => "Tell whoever sent you the link.",
        }
    }

    pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    pub(super) const fn no_connection(id: Uuid) -> Self {
        Self::Reauthorize(ReauthorizeError::NotFound(id))
    }
}

impl Failure {
    fn of_trial(trial: &TrialFailure) -> Self {
        let problem = |(part, field): &(Part, String)| Problem {
            part: part.to_string(),
            field: Some(field.clone()),
            message: trial.message.clone(),
        };
        Self {
            code: trial.code.to_owned(),
            message: trial.message.clone(),
            advice: trial.advice.clone(),
            problems: trial.field.iter().map(problem).collect(),
            remote_message: trial.remote_message.clone(),
            tries_left: None,
        }
    }
}

impl Problem {
    fn of(problem: &FormProblem) -> Self {
        Self {
            part: problem.part.to_string(),
            field: problem.field.clone(),
            message: problem.message.clone(),
        }
    }
}

impl From<DbErr> for LinkError {
    fn from(error: DbErr) -> Self {
        Self::internal(error)
    }
}

impl From<secrets::Error> for LinkError {
    fn from(error: secrets::Error) -> Self {
        Self::internal(error)
    }
}

impl From<credentials::Error> for LinkError {
    fn from(error: credentials::Error) -> Self {
        Self::internal(error)
    }
}

impl From<tokens::Error> for LinkError {
    fn from(error: tokens::Error) -> Self {
        Self::internal(error)
    }
}

impl From<CreateError> for LinkError {
    fn from(error: CreateError) -> Self {
        Self::Create(error)
    }
}

impl From<ReauthorizeError> for LinkError {
    fn from(error: ReauthorizeError) -> Self {
        Self::Reauthorize(error)
    }
}
