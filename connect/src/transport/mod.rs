//! Sends planned requests: signs them in, shares identical reads, and passes them down the line.
//!
//! From the outside in: authorize, share, retry, concurrency, rate, sign, timeout, log, wire (client, guard, size).
//! Requests that change something are never shared and never repeated: they are sent again only when the system said that
//! it refused the sign-in or the anti-forgery mark, and so carried nothing out.

pub(crate) mod authorize;
mod client;
mod concurrency;
mod forgery;
mod guard;
mod line;
mod log;
mod post;
mod rate;
pub mod retry;
mod share;
mod size;
pub(crate) mod timeout;
mod trace;
mod windows;

#[cfg(test)]
mod change_tests;
#[cfg(test)]
mod client_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod testing_server;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, StatusCode};
use url::Url;

pub(crate) use authorize::Access;
pub use authorize::Farewell;
pub use client::{ClientSettings, HttpClient};
pub use guard::{Guard, InvalidNetwork, Network};
pub(crate) use line::{Departure, Judge, Line};
pub use post::{Post, Posted};
pub use trace::{Stage, Step, encryption, trace_socket};
pub use windows::SharedWindows;

use self::{
    authorize::Authorizer,
    forgery::Marks,
    line::{Change, Refusal},
    share::Shares,
};
use crate::{
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    request::RequestPlan,
};

/// The answer to one request.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

/// What is put on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The request.
    pub plan: &'a RequestPlan,
    /// The headers of the sign-in.
    pub sign_in: &'a HeaderMap,
    /// Bytes that the answer may have after decompression.
    pub most_bytes: usize,
    /// How long the answer is waited for. The future is dropped then; systems that can be told so need not go on.
    pub time: Duration,
}

/// The seam to the network: sends one request once and reads the whole answer.
pub trait Wire: Send + Sync {
    /// Sends a request. Every status is an answer; errors are those of the network and of the limits, and tell by
    /// their reach whether the request may have arrived.
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>>;

    /// Sends a request of whose answer the status counts. Of the body no more than `most_bytes` are read, and what
    /// does not come soon is left out.
    fn notify<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.send(request)
    }

    /// Returns the windows of rates that stand for several connections. None when each connection has its own.
    fn windows(&self) -> Option<SharedWindows> {
        None
    }

    /// Goes the way to an address step by step, up to the first that fails. Sends no request.
    ///
    /// Unless said otherwise there is nothing on the way that could be told.
    fn trace<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Vec<Step>> {
        let detail = format!("the way to {} is not a network", url.host_str().unwrap_or_default());
        let steps = vec![Step::passed(Stage::Url, detail, Duration::ZERO)];
        std::future::ready(steps).boxed()
    }
}

/// Limits of one connection. The manifest may lower them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest time of one attempt.
    pub attempt: Duration,
    /// Bytes that an answer may have after decompression.
    pub most_bytes: usize,
    /// Requests that may be under way at the same time.
    pub in_flight: usize,
    /// Whether calls keep to the rates that manifests tell. Trials against simulated systems would wait for them.
    pub rates: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            most_bytes: 20 * 1024 * 1024,
            in_flight: 64,
            rates: true,
        }
    }
}

/// How often one request is planned with another session before it is given up.
const MOST_SIGN_INS: usize = 4;

/// The way from a planned request to its answer, for one connection.
#[derive(Debug)]
pub(crate) struct Transport {
    line: Arc<Line>,
    authorizer: Arc<Authorizer>,
    shares: Shares,
    marks: Marks,
}

impl Transport {
    pub(crate) fn new(line: Arc<Line>, authorizer: Arc<Authorizer>) -> Self {
        Self {
            line,
            authorizer,
            shares: Shares::default(),
            marks: Marks::default(),
        }
    }

    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    pub(crate) const fn authorizer(&self) -> &Arc<Authorizer> {
        &self.authorizer
    }

    /// Returns what requests are signed in with, signing in first if need be.
    pub(crate) async fn access(&self, context: &CallContext) -> Result<Arc<Access>, Error> {
        self.authorizer.access(context).await
    }

    /// Plans a request with the present sign-in and sends it. When the session has ended meanwhile, signs in once more,
    /// plans anew and sends that. The departure is told of each request that changes something right before it leaves;
    /// when this future is dropped after that, nobody knows whether the system carried the request out.
    pub(crate) async fn send(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        departure: Option<&dyn Departure>,
    ) -> Result<Arc<Response>, Error> {
        self.send_judged(context, access, plan, departure, Judge::Connector)
            .await
    }

    /// The same for a request of a client's own, whose answer is handed on whatever it means.
    pub(crate) async fn send_raw(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
    ) -> Result<Arc<Response>, Error> {
        self.send_judged(context, access, plan, None, Judge::Caller).await
    }

    /// The same for an envelope of so many requests that change nothing. Parts that failed are in its answer.
    pub(crate) async fn send_batch(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        parts: usize,
    ) -> Result<Arc<Response>, Error> {
        self.send_judged(context, access, plan, None, Judge::Batch(parts)).await
    }

    /// The same for an envelope of so many requests that change something, which is sent once. What was carried out in
    /// part is in its answer.
    pub(crate) async fn send_changes(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        departure: &dyn Departure,
        parts: usize,
    ) -> Result<Arc<Response>, Error> {
        self.send_judged(context, access, plan, Some(departure), Judge::Changes(parts))
            .await
    }

    async fn send_judged(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        departure: Option<&dyn Departure>,
        judge: Judge,
    ) -> Result<Arc<Response>, Error> {
        let mut access = access;
        let mut refused = false;
        for _ in 0..MOST_SIGN_INS {
            let planned = Arc::new(plan(&access)?);
            let changes = !planned.repeatable;
            let error = match self.exchange(context, planned, &access, departure, judge).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match error.kind() {
                // The session ended while the request waited; nothing was sent.
                ErrorKind::ReauthorizationRequired if access.is_renewable() => {}
                // The session is over, but so may be the change: it is not sent again.
                ErrorKind::SessionExpired if changes && error.leaves_doubt() => {
                    access.end();
                    return Err(error.with_reach(Reach::Unknown));
                }
                ErrorKind::SessionExpired | ErrorKind::InvalidCredentials if !refused && access.is_renewable() => {
                    refused = true;
                }
                ErrorKind::SessionExpired | ErrorKind::InvalidCredentials => {
                    if let Some(refused) = self.authorizer.refuse(&access, error).await {
                        return Err(refused);
                    }
                }
                _ => return Err(error),
            }
            let renewed = self.authorizer.renew(context, &access).await;
            // The system refused the request before; what the new sign-in met is not about it.
            access = renewed.map_err(|error| error.with_reach(Reach::NotSent))?;
        }
        Err(Error::new(
            ErrorKind::SessionExpired,
            "the sessions of the system end faster than requests can be sent",
        ))
    }

    async fn exchange(
        &self,
        context: &CallContext,
        plan: Arc<RequestPlan>,
        access: &Arc<Access>,
        departure: Option<&dyn Departure>,
        judge: Judge,
    ) -> Result<Arc<Response>, Error> {
        let _alone = access.wait_until_proven().await;
        if !plan.repeatable {
            return self
                .change(context, &plan, access, departure, judge)
                .await
                .map(Arc::new);
        }
        if let Judge::Batch(parts) = judge {
            return self.envelope(context, &plan, access, parts).await.map(Arc::new);
        }
        if judge == Judge::Caller {
            return self.line.exchange_raw(context, &plan, access).await.map(Arc::new);
        }
        loop {
            let reading = self.shares.join(&plan, || {
                let (line, context, plan, access) = (
                    Arc::clone(&self.line),
                    context.clone(),
                    Arc::clone(&plan),
                    Arc::clone(access),
                );
                async move { line.exchange(&context, &plan, &access).await.map(Arc::new) }
            });
            match reading.await {
                // The query that began the read had less time than this one.
                Err(error) if error.kind() == ErrorKind::DeadlineExceeded && !context.time_left().is_zero() => {}
                result => return result,
            }
        }
    }

    /// Sends an envelope with the mark that the system wants: it is a POST, whatever is in it.
    async fn envelope(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Arc<Access>,
        parts: usize,
    ) -> Result<Response, Error> {
        let mut refused = None;
        loop {
            let mark = self.marks.find(context, &self.line, access, refused.as_ref()).await?;
            let headers = mark.as_ref().map_or(access.headers(), |mark| mark.headers());
            match self.line.exchange_batch(context, plan, access, headers, parts).await {
                Ok(response) => return Ok(response),
                Err(Refusal::Mark(_)) if refused.is_none() && mark.is_some() => refused = mark,
                Err(Refusal::Mark(error) | Refusal::Other(error)) => return Err(error),
            }
        }
    }

    /// Sends a request that changes something, with a new mark when the system refuses the one that it had.
    async fn change(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Arc<Access>,
        departure: Option<&dyn Departure>,
        judge: Judge,
    ) -> Result<Response, Error> {
        let _forget = Forget(&self.shares);
        let mut refused = None;
        loop {
            let mark = self.marks.find(context, &self.line, access, refused.as_ref()).await?;
            let change = Change {
                plan,
                access,
                headers: mark.as_ref().map_or(access.headers(), |mark| mark.headers()),
                departure,
                judge,
            };
            match self.line.change(context, change).await {
                Ok(response) => return Ok(response),
                Err(Refusal::Mark(_)) if refused.is_none() && mark.is_some() => refused = mark,
                Err(Refusal::Mark(error) | Refusal::Other(error)) => return Err(error),
            }
        }
    }

    /// Makes the next reads see what is there now.
    pub(crate) fn forget_reads(&self) {
        self.shares.forget();
    }
}

/// Ends the sharing of reads that began before a change, however the change ends.
struct Forget<'a>(&'a Shares);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}
