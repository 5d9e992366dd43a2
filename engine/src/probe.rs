//! Tries the credentials of a connection and settles its status by the answer.

use std::time::Duration;

use lineshaft_connect::{Error, context::CallContext};
use lineshaft_schema::ConnectionId;

use crate::{
    Engine, Session,
    connections::{Connection, Status},
    lifecycle::{
        machine::{Ailment, Signal},
        verdict::{Verdict, verdict},
    },
    query::{SourceError, plan},
};

/// What a trial of the credentials gave.
#[derive(Clone, Debug)]
pub struct ProbeReport {
    /// Whose account it is, if the system tells.
    pub identity: Option<String>,
    /// Why it failed.
    pub error: Option<SourceError>,
    /// How long it took.
    pub latency: Duration,
    /// Requests that were sent.
    pub upstream_calls: u32,
}

/// Who asks for a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A person: success counts even when the credentials had been refused.
    Person,
    /// The server itself.
    Server,
}

impl Engine {
    /// Tries the credentials of a connection with the request that its connector names for it. One that is paused,
    /// switched off or removed is not tried.
    ///
    /// # Errors
    /// When there is no such connection for the session.
    pub async fn probe(&self, session: &Session, id: ConnectionId) -> Result<ProbeReport, crate::connections::Error> {
        let connection = self.connections.get(session.visible, id.0).await?;
        let context = session.context();
        let started = tokio::time::Instant::now();
        let outcome = match refusal(&connection) {
            Some(error) => Err(error),
            None => {
                self.pool.forget(connection.id);
                self.try_credentials(&connection, &context, By::Person).await
            }
        };
        let (identity, error) = match outcome {
            Ok(identity) => (identity, None),
            Err(error) => (None, Some(error)),
        };
        Ok(ProbeReport {
            identity,
            error,
            latency: started.elapsed(),
            upstream_calls: context.calls(),
        })
    }

    /// Tries a connection for the server itself: never one whose credentials were refused.
    pub(crate) async fn check(&self, connection: &Connection, context: &CallContext) {
        if plan::unusable(crate::status_of(connection.status)).is_some() {
            return;
        }
        let refused = self
            .pool
            .plain(connection)
            .is_ok_and(|connector| connector.health().credentials_refused);
        if !refused && let Err(error) = self.try_credentials(connection, context, By::Server).await {
            tracing::debug!(connection.id = %connection.id, code = error.code, "the check of a connection failed");
        }
    }

    /// Sends the probe and settles the state by its answer. Returns the account.
    pub(crate) async fn try_credentials(
        &self,
        connection: &Connection,
        context: &CallContext,
        by: By,
    ) -> Result<Option<String>, SourceError> {
        let connector = self.pool.plain(connection)?;
        let watch = self.lifecycle.desk.watch(connection);
        match connector.probe(context).await {
            Ok(identity) => {
                let signal = match by {
                    By::Person => Signal::Vouched(None),
                    By::Server => Signal::Worked(None),
                };
                self.settle_watch(&watch, vec![signal], identity.account.clone()).await;
                Ok(identity.account)
            }
            Err(error) => {
                let signals = unreachable(&error).into_iter().collect();
                self.settle_watch(&watch, signals, None).await;
                Err(SourceError::from(&error))
            }
        }
    }
}

/// Returns what a failed trial says besides what the watch has seen: that the system cannot be reached.
fn unreachable(error: &Error) -> Option<Signal> {
    match verdict(error) {
        Verdict::Fault(reason) => Some(Signal::Unreachable(Ailment {
            reason,
            message: error.to_string(),
        })),
        _ => None,
    }
}

/// Returns why a connection is not to be tried even on demand.
pub(crate) fn refusal(connection: &Connection) -> Option<SourceError> {
    match connection.status {
        Status::ReauthRequired => None,
        status => plan::unusable(crate::status_of(status)),
    }
}
