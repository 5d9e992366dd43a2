//! Databases behind the wire of the connector framework: a request whose address is that of a database is carried out
//! there as one SELECT statement with bound values, and answered with its rows as JSON.
//!
//! All other requests go on to the wire within. Statements that are no single SELECT are refused, and nothing is ever
//! written: each statement runs in a transaction that is rolled back, and that is read only where a database has such.

mod request;
mod select;

mod answer;
mod bounded;
mod fault;
mod way;

mod pool;
mod session;

mod mysql;
mod postgres;
mod sqlserver;

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use http::StatusCode;
use lineshaft_connect::{
    error::{Error, ErrorKind, Reach},
    transport::{ClientSettings, Outgoing, Response, SharedWindows, Step, Wire, trace_socket},
};
use url::Url;

use self::{
    fault::Fault,
    pool::Pools,
    request::{Database, Statement, Target},
    session::Session,
    way::Way,
};

/// The wire of everything: databases here, all other addresses by the wire within.
pub struct Databases {
    within: Arc<dyn Wire>,
    way: Arc<Way>,
    pools: Arc<Pools>,
}

impl Databases {
    /// Puts databases before a wire. They are connected to as the settings of the HTTP client say.
    #[must_use]
    pub fn new(within: Arc<dyn Wire>, settings: &ClientSettings) -> Self {
        Self {
            within,
            pools: Arc::new(Pools::new(settings.idle)),
            way: Arc::new(Way::new(settings)),
        }
    }

    async fn select(&self, outgoing: Outgoing<'_>) -> Result<Response, Error> {
        let statement = Statement::read(&outgoing)?;
        if let Err(why) = select::check(statement.target.database, &statement.sql) {
            let message = format!("the statement is not sent: {why}");
            return Ok(answer::refusal(StatusCode::BAD_REQUEST, "not_a_select", &message));
        }
        match self.run(&statement).await {
            Ok(rows) => Ok(answer::rows(rows)),
            Err(Fault::Refused { status, code, message }) => Ok(answer::refusal(status, &code, &message)),
            Err(Fault::Failed(error)) => Err(error),
            Err(Fault::Lost) => Err(
                Error::new(ErrorKind::Network, "the connection to the database broke off").with_reach(Reach::Unknown),
            ),
        }
    }

    async fn run(&self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        let pool = self.pools.of(statement);
        let _room = pool.room().await;
        loop {
            let kept = pool.take();
            let is_kept = kept.is_some();
            let mut session = match kept {
                Some(session) => session,
                None => Session::open(&self.way, statement).await?,
            };
            let cancel = session.cancel_when_dropped(&self.way);
            let result = session.select(statement).await;
            match &result {
                // It was closed while nobody used it.
                Err(Fault::Lost) if is_kept => {
                    cancel.disarm();
                    continue;
                }
                Ok(_) | Err(Fault::Refused { .. }) => {
                    cancel.disarm();
                    Pools::put(&pool, session);
                }
                // The statement may still be running.
                Err(Fault::Lost | Fault::Failed(_)) => drop(cancel),
            }
            return result;
        }
    }
}

impl Wire for Databases {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        match Database::of_address(&request.plan.url) {
            Some(_) => self.select(request).boxed(),
            None => self.within.send(request),
        }
    }

    fn notify<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.within.notify(request)
    }

    fn windows(&self) -> Option<SharedWindows> {
        self.within.windows()
    }

    fn trace<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Vec<Step>> {
        match Target::of(url) {
            Some(target) => {
                async move { trace_socket(&self.way.guard, self.way.connect, &target.host, target.port).await }.boxed()
            }
            None => self.within.trace(url),
        }
    }
}
