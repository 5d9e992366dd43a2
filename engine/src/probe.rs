//! Tries the credentials of a connection and settles its status by the answer.

use std::time::Duration;

use lineshaft_connect::Error;
use lineshaft_schema::ConnectionId;

use crate::{
    Engine, Session,
    connections::{Connection, Status, StatusChange},
    query::SourceError,
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

impl Engine {
    /// Tries the credentials of a connection with the request that its connector names for it.
    ///
    /// # Errors
    /// When there is no such connection for the session.
    pub async fn probe(&self, session: &Session, id: ConnectionId) -> Result<ProbeReport, crate::connections::Error> {
        let connection = self.connections.get(session.visible, id.0).await?;
        self.pool.forget(connection.id);
        let context = session.context();
        let started = tokio::time::Instant::now();
        let (identity, error) = match self.pool.connector(&connection) {
            Ok(connector) => match connector.probe(&context).await {
                Ok(identity) => {
                    self.settle(&connection, Status::Active, None).await?;
                    (identity.account, None)
                }
                Err(error) => {
                    self.settle_failure(&connection, &error).await?;
                    (None, Some(SourceError::from(&error)))
                }
            },
            Err(error) => (None, Some(error)),
        };
        Ok(ProbeReport {
            identity,
            error,
            latency: started.elapsed(),
            upstream_calls: context.calls(),
        })
    }

    async fn settle_failure(&self, connection: &Connection, error: &Error) -> Result<(), crate::connections::Error> {
        if crate::query::is_about_credentials(error) {
            return self
                .settle(connection, Status::ReauthRequired, Some(error.kind().code()))
                .await;
        }
        if error.kind().is_fault_of_system() {
            return self
                .settle(connection, Status::Unreachable, Some(error.kind().code()))
                .await;
        }
        Ok(())
    }

    async fn settle(
        &self,
        connection: &Connection,
        to: Status,
        reason: Option<&str>,
    ) -> Result<(), crate::connections::Error> {
        let from = [
            Status::Pending,
            Status::Active,
            Status::Degraded,
            Status::Unreachable,
            Status::ReauthRequired,
        ];
        let change = StatusChange {
            from: &from,
            to,
            reason,
        };
        self.connections
            .set_status(connection.organization_id, connection.id, change)
            .await
            .map(|_| ())
    }
}
