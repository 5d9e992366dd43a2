//! A connection to a database of any kind, and how a statement is stopped whose answer nobody waits for any more.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use crate::{
    fault::Fault,
    mysql, postgres,
    request::{Database, Statement},
    sqlserver,
    way::{Way, slow},
};

/// A connection that is signed in.
pub(crate) enum Session {
    Postgres(postgres::Session),
    Mysql(mysql::Session),
    SqlServer(Box<sqlserver::Session>),
}

impl Session {
    /// Connects and signs in.
    pub(crate) async fn open(way: &Way, statement: &Statement) -> Result<Self, Fault> {
        let addresses = way.addresses(&statement.target, statement.encryption).await?;
        let opened = async {
            Ok(match statement.target.database {
                Database::Postgres => Self::Postgres(postgres::Session::open(way, statement, &addresses).await?),
                Database::Mysql => Self::Mysql(mysql::Session::open(way, statement, &addresses).await?),
                Database::SqlServer => {
                    Self::SqlServer(Box::new(sqlserver::Session::open(way, statement, &addresses).await?))
                }
            })
        };
        // Resolving, encryption and signing in each take as long as connecting may.
        let opened: Result<Self, Fault> = timeout(way.connect * 3, opened).await.map_err(|_| slow())?;
        opened.map_err(Fault::while_opening)
    }

    /// Runs a statement.
    pub(crate) async fn select(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Postgres(session) => session.select(statement).await,
            Self::Mysql(session) => session.select(statement).await,
            Self::SqlServer(session) => session.select(statement).await,
        }
    }

    /// Returns whether it can be used, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Postgres(session) => session.is_open(),
            Self::Mysql(session) => session.is_open(),
            Self::SqlServer(session) => session.is_open(),
        }
    }

    /// Returns what stops the statement under way when it is dropped.
    pub(crate) fn cancel_when_dropped(&self, way: &Arc<Way>) -> Cancel {
        let way = Arc::clone(way);
        Cancel(match self {
            Self::Postgres(session) => Some(session.cancellation(way)),
            Self::Mysql(session) => Some(session.cancellation(way)),
            // A broken connection ends its statement by itself.
            Self::SqlServer(_) => None,
        })
    }
}

/// Stops the statement of a connection when it is dropped. How that ends does not matter: the database also bounds the time
/// of statements by itself.
pub(crate) struct Cancel(Option<BoxFuture<'static, ()>>);

impl Cancel {
    /// Leaves the statement alone: it has ended.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if let (Some(cancel), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(cancel);
        }
    }
}
