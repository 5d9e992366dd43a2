//! A connection with its connector, ready to be asked.

use std::sync::Arc;

use lineshaft_connect::{connector::Connector, context::CallContext};
use lineshaft_schema::ConnectionId;

use crate::{
    Engine, Session,
    connections::{Connection, Status},
    lifecycle::Reason,
    query::{Reconnect, SourceError, plan},
};

/// A connection with its connector, ready to be asked.
#[derive(Clone)]
pub struct Live {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its connector; none when the connection cannot be used now.
    pub connector: Option<Arc<Connector>>,
    /// The context that counts the calls made for one request.
    pub context: CallContext,
    /// Why it cannot be used now.
    pub refused: Option<SourceError>,
}

impl Engine {
    /// Makes a connection ready for one request.
    pub(crate) fn ready(&self, session: &Session, connection: Arc<Connection>) -> Live {
        let context = session.context();
        if let Some(error) = self.refusal(&connection) {
            return Live {
                connection,
                connector: None,
                context,
                refused: Some(error),
            };
        }
        match self.pool.connector(&connection, &session.model) {
            Ok(connector) => Live {
                connection,
                connector: Some(connector),
                context,
                refused: None,
            },
            Err(error) => Live {
                connection,
                connector: None,
                context,
                refused: Some(error),
            },
        }
    }

    /// Returns why nothing is to be sent to a connection now.
    pub(crate) fn refusal(&self, connection: &Connection) -> Option<SourceError> {
        let waits_for_credits = connection.status == Status::Pending
            && connection.status_reason.as_deref() == Some(Reason::CreditsExhausted.as_str());
        if waits_for_credits {
            let message = "the organization has too few credits for the connection; nothing was sent";
            return Some(SourceError::new("CREDITS_EXHAUSTED", message));
        }
        let mut error = plan::unusable(crate::status_of(connection.status))?;
        error.reconnect = self.reconnect_url(connection).map(|url| Box::new(Reconnect { url }));
        Some(error)
    }

    /// Finds a connection that the session may see and makes it ready. One of another organization is not found.
    pub async fn live(&self, session: &Session, id: ConnectionId) -> Option<Live> {
        match self.connections.get(session.visible, id.0).await {
            Ok(connection) => Some(self.ready(session, Arc::new(connection))),
            Err(crate::connections::Error::NotFound(_)) => None,
            Err(error) => {
                tracing::error!(%error, connection.id = %id, "a connection could not be read");
                None
            }
        }
    }
}
