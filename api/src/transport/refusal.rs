//! A request that is turned away: which code, what is said, where in the document.

use std::time::Duration;

use async_graphql::{ErrorExtensionValues, Pos, ServerError};

use super::Code;

/// Why a request is not executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The public code.
    pub code: Code,
    /// What was wrong, with the value that was wrong.
    pub message: String,
    /// Where in the document.
    pub location: Option<Pos>,
    /// How long the caller is asked to wait.
    pub retry_after: Option<Duration>,
    /// The methods that are possible, for 405.
    pub allow: Option<&'static str>,
}

impl Refusal {
    /// Returns a refusal with this code and message.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            location: None,
            retry_after: None,
            allow: None,
        }
    }

    /// Adds the place in the document.
    #[must_use]
    pub fn at(mut self, position: Pos) -> Self {
        self.location = Some(position);
        self
    }

    /// Adds the time to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the methods that are possible.
    #[must_use]
    pub fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Returns the refusal as an error of a GraphQL response.
    #[must_use]
    pub fn to_server_error(&self) -> ServerError {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code.name());
        let mut error = ServerError::new(self.message.clone(), self.location);
        error.extensions = Some(extensions);
        error
    }
}
