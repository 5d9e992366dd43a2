//! The line to one system: repeats what may be repeated, keeps to the system's limits, classifies the answers.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use tokio::time::{Instant, sleep};

use super::{
    Access, Limits, Outgoing, Response, Wire,
    concurrency::Slots,
    log,
    rate::Rates,
    retry::{self, Retries},
    timeout,
    windows::Counted,
};
use crate::{
    blueprint::Blueprint,
    connector::LARGE_BODY,
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    layers::breaker::Breaker,
    layers::observe::Meter,
    request::RequestPlan,
};

/// Systems in maintenance ask for hours, but are often back sooner.
const LONGEST_OUTAGE_PAUSE: Duration = Duration::from_secs(60);

/// The line to one system.
pub(crate) struct Line {
    wire: Arc<dyn Wire>,
    blueprint: Arc<Blueprint>,
    breaker: Arc<Breaker>,
    meter: Meter,
    retries: Retries,
    slots: Slots,
    rates: Rates,
    attempt: Duration,
    most_bytes: usize,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("slots", &self.slots)
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}

/// Classifies an answer: a failure, or none.
type Classify<'a> = &'a (dyn Fn(&Response) -> Option<Error> + Sync);

/// Is told of each request that changes something right before it leaves, when nothing but the network can stop it any
/// more.
pub(crate) trait Departure: Send + Sync {
    /// Takes note of a request, which is signed in with these headers. When that fails the request is not sent.
    fn leaving<'a>(
        &'a self,
        plan: &'a RequestPlan,
        access: &'a Access,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// A request that changes something, on its way.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) plan: &'a RequestPlan,
    pub(crate) access: &'a Access,
    /// The headers of the sign-in, with the mark that the system wants.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) departure: Option<&'a dyn Departure>,
    /// Who judges the answer.
    pub(crate) judge: Judge,
}

/// Who judges what an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// The connector: what is no success is an error.
    Connector,
    /// Whoever asked: all answers are handed on but those that concern the connection itself, such as an end of the
    /// session.
    Caller,
    /// The connector, each of so many parts of an envelope.
    Batch(usize),
    /// The connector, each of so many parts of an envelope that change something.
    Changes(usize),
}

/// How a request that changes something failed.
pub(crate) enum Refusal {
    /// The system no longer takes the mark that the request carried: nothing was carried out.
    Mark(Error),
    /// Anything else.
    Other(Error),
}

/// How a request differs from others.
#[derive(Clone, Copy)]
struct Way<'a> {
    /// How many calls it is to the system.
    calls: u32,
    /// What it is signed in with, if not with the headers of the sign-in alone.
    headers: Option<&'a HeaderMap>,
}

impl Default for Way<'_> {
    fn default() -> Self {
        Self {
            calls: 1,
            headers: None,
        }
    }
}

/// A failed attempt, and whether anything was sent.
struct Failure {
    error: Error,
    sent: bool,
}

impl Line {
    pub(crate) fn new(
        wire: Arc<dyn Wire>,
        blueprint: Arc<Blueprint>,
        breaker: Arc<Breaker>,
        meter: Meter,
        limits: Limits,
        retry: retry::Settings,
    ) -> Self {
        let manifest = blueprint.manifest();
        let attempt = manifest
            .http
            .timeout_ms
            .map_or(limits.attempt, |ms| Duration::from_millis(ms).min(limits.attempt));
        let most_bytes = manifest
            .http
            .max_response_bytes
            .unwrap_or(usize::MAX)
            .min(limits.most_bytes);
        let in_flight = manifest
            .limits
            .concurrency
            .map_or(usize::MAX, usize::from)
            .min(limits.in_flight);
        let rates = match limits.rates {
            true => manifest.limits.rates.as_slice(),
            false => &[],
        };
        Self {
            retries: Retries::new(retry),
            slots: Slots::new(in_flight),
            rates: Rates::new(&manifest.id, rates, wire.windows().unwrap_or_default()),
            wire,
            breaker,
            meter,
            attempt,
            most_bytes,
            blueprint,
        }
    }

    /// Returns how many requests may be under way at the same time.
    pub(crate) const fn width(&self) -> usize {
        self.slots.most()
    }

    /// Returns the longest time of one attempt.
    pub(crate) const fn attempt_time(&self) -> Duration {
        self.attempt
    }

    /// Returns whether calls are held back because the system keeps failing.
    pub(crate) fn is_held_back(&self) -> bool {
        !self.breaker.is_closed()
    }

    /// Returns until when the system wants to be left alone.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.rates.paused_until()
    }

    /// Sends a request that changes nothing and returns the answer whatever it means to the caller.
    pub(crate) async fn exchange_raw(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Access,
    ) -> Result<Response, Error> {
        let classify = |response: &Response| self.judge(Judge::Caller, response);
        self.exchange_with(context, plan, Some(access), Way::default(), &classify)
            .await
    }

    /// Sends a request and returns the answer if it is a success.
    pub(crate) async fn exchange(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Access,
    ) -> Result<Response, Error> {
        let classify = |response: &Response| self.classify(response);
        self.exchange_with(context, plan, Some(access), Way::default(), &classify)
            .await
    }

    /// Sends an envelope of so many requests, signed in with these headers, and returns its answer if it is one. What
    /// concerns the connection itself, such as an end of the session, fails the envelope; other failures of parts are
    /// left to whoever reads them.
    pub(crate) async fn exchange_batch(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Access,
        headers: &HeaderMap,
        parts: usize,
    ) -> Result<Response, Refusal> {
        let Some(batch) = self.blueprint.batch() else {
            let error = Error::new(ErrorKind::Internal, "the connector has no envelopes");
            return Err(Refusal::Other(error));
        };
        let mark_refused = AtomicBool::new(false);
        let classify = |response: &Response| {
            let refused = self.refused_mark(response, &mark_refused);
            refused.or_else(|| batch.judge(&self.blueprint, response, parts))
        };
        let way = Way {
            calls: batch.calls(parts),
            headers: Some(headers),
        };
        match self.exchange_with(context, plan, Some(access), way, &classify).await {
            Ok(response) => Ok(response),
            Err(error) if mark_refused.into_inner() => Err(Refusal::Mark(error)),
            Err(error) => Err(Refusal::Other(error)),
        }
    }

    /// Keeps what a failure of one part of an envelope means for the requests of others.
    pub(crate) fn heed_part(&self, error: &Error) {
        self.heed(error, None);
    }

    /// Sends a request that changes something, once, and returns the answer if it is a success. When the query's time is
    /// up before it leaves it is not sent; once it has left it has the whole time of an attempt.
    pub(crate) async fn change(&self, context: &CallContext, change: Change<'_>) -> Result<Response, Refusal> {
        let mark_refused = AtomicBool::new(false);
        let Change {
            plan, access, judge, ..
        } = change;
        let classify = |response: &Response| {
            let refused = self.refused_mark(response, &mark_refused);
            refused.or_else(|| self.judge(judge, response))
        };
        let way = match (judge, self.blueprint.batch()) {
            (Judge::Changes(parts), Some(batch)) => Way {
                calls: batch.calls(parts),
                ..Way::default()
            },
            _ => Way::default(),
        };
        self.retries.deposit();
        match self
            .attempt(context, plan, Some(access), Some(change), way, &classify)
            .await
        {
            Ok(response) => Ok(response),
            Err(failure) if mark_refused.into_inner() => Err(Refusal::Mark(failure.error)),
            Err(failure) => Err(Refusal::Other(failure.error)),
        }
    }

    /// Sends a request that is signed in and changes nothing, with its own way to tell failures.
    pub(crate) async fn exchange_as(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: &Access,
        classify: Classify<'_>,
    ) -> Result<Response, Error> {
        self.exchange_with(context, plan, Some(access), Way::default(), classify)
            .await
    }

    /// Sends a request that is not signed in, such as a login, with its own way to tell failures.
    pub(crate) async fn exchange_bare(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        classify: Classify<'_>,
    ) -> Result<Response, Error> {
        self.exchange_with(context, plan, None, Way::default(), classify).await
    }

    /// Returns the compiled connector.
    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Classifies an answer by the rules of the manifest and the built-in ones.
    pub(crate) fn classify(&self, response: &Response) -> Option<Error> {
        self.blueprint
            .classify(response.status.as_u16(), &response.headers, &response.body)
    }

    /// Returns an answer in XML as one in JSON. One that is none is a failure only when the status says success: that of
    /// a refusal says enough.
    async fn translated(&self, response: Response) -> Result<Response, Error> {
        let status = response.status;
        let translated = if response.body.len() < LARGE_BODY {
            self.blueprint.reading().translate(&response.headers, &response.body)
        } else {
            let (blueprint, headers, body) = (self.blueprint.clone(), response.headers.clone(), response.body.clone());
            let aside = tokio::task::spawn_blocking(move || blueprint.reading().translate(&headers, &body));
            aside
                .await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "an answer could not be read")))
        };
        match translated {
            Ok(None) => Ok(response),
            Ok(Some(body)) => Ok(Response { body, ..response }),
            Err(_) if !status.is_success() => Ok(response),
            Err(error) => Err(error.with_status(status.as_u16()).with_reach(Reach::Unknown)),
        }
    }

    /// Returns the failure of an answer that refuses the anti-forgery mark, and notes it.
    fn refused_mark(&self, response: &Response, noted: &AtomicBool) -> Option<Error> {
        let status = response.status.as_u16();
        let wanted = self.blueprint.anti_forgery()?;
        if !wanted.is_refused(status, &response.headers, &response.body) {
            return None;
        }
        noted.store(true, Ordering::Relaxed);
        let message = "the system refuses the anti-forgery mark that it gave";
        let error = Error::new(ErrorKind::MalformedResponse, message);
        Some(error.with_status(status).with_reach(Reach::Answered))
    }

    fn judge(&self, judge: Judge, response: &Response) -> Option<Error> {
        if let (Judge::Changes(parts), Some(batch)) = (judge, self.blueprint.batch()) {
            return batch.judge_changes(&self.blueprint, response, parts);
        }
        let error = self.classify(response)?;
        let is_ours = matches!(
            error.kind(),
            ErrorKind::SessionExpired
                | ErrorKind::InvalidCredentials
                | ErrorKind::ReauthorizationRequired
                | ErrorKind::RateLimited
                | ErrorKind::Unavailable
        );
        (judge != Judge::Caller || is_ours).then_some(error)
    }

    async fn exchange_with(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: Option<&Access>,
        way: Way<'_>,
        classify: Classify<'_>,
    ) -> Result<Response, Error> {
        self.retries.deposit();
        let mut repeated = 0;
        loop {
            let failure = match self.attempt(context, plan, access, None, way, classify).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if !plan.repeatable || !failure.sent || !self.breaker.is_closed() {
                return Err(failure.error);
            }
            let Some(wait) = self.retries.next_wait(repeated, &failure.error, context.deadline()) else {
                return Err(failure.error);
            };
            repeated += 1;
            tracing::debug!(
                attempt = repeated,
                wait_ms = wait.as_millis(),
                error.kind = failure.error.kind().code(),
                "sending the request again"
            );
            sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        context: &CallContext,
        plan: &RequestPlan,
        access: Option<&Access>,
        change: Option<Change<'_>>,
        way: Way<'_>,
        classify: Classify<'_>,
    ) -> Result<Response, Failure> {
        let unsent = |error: Error| Failure {
            error: error.with_reach(Reach::NotSent),
            sent: false,
        };
        let _slot = self.slots.take(context.deadline()).await.map_err(unsent)?;
        let counted = Counted {
            method: &plan.method,
            url: &plan.url,
            credentials: access.map(Access::credentials),
            calls: way.calls,
        };
        self.rates.wait(&counted, context.deadline()).await.map_err(unsent)?;
        // Others may have learned while this request waited that its sign-in is worth nothing any more.
        if let Some(access) = access {
            access.check_alive().map_err(unsent)?;
        }
        let none = HeaderMap::new();
        let headers = match change {
            Some(change) => change.headers,
            None => way.headers.or(access.map(Access::headers)).unwrap_or(&none),
        };
        let signed = access
            .map(|access| access.sign(plan, headers))
            .transpose()
            .map_err(unsent)?
            .flatten();
        let headers = signed.as_ref().map_or(headers, |signed| &signed.headers);
        if let Some(change) = change {
            self.depart(context, Change { headers, ..change })
                .await
                .map_err(unsent)?;
        }
        (0..way.calls).for_each(|_| context.count_call());
        let started = Instant::now();
        let end = match change {
            Some(_) => started + self.attempt,
            None => context.deadline(),
        };
        let with_cookies = access.and_then(|access| access.with_cookies(headers, &plan.url));
        let outgoing = Outgoing {
            plan: signed.as_ref().map_or(plan, |signed| &signed.plan),
            sign_in: with_cookies.as_ref().unwrap_or(headers),
            most_bytes: self.most_bytes,
            time: self.attempt.min(end.saturating_duration_since(started)),
        };
        let result = timeout::limit(self.attempt, end, self.wire.send(outgoing)).await;
        log::attempt(context, plan, access, &result, started);
        if let (Some(access), Ok(response)) = (access, &result) {
            access.take_cookies(&plan.url, &response.headers);
        }
        let result = match result {
            Ok(response) => self.translated(response).await,
            Err(error) => Err(error),
        };
        let result = result.and_then(|response| match classify(&response) {
            None => Ok(response),
            Some(error) => Err(error),
        });
        self.meter
            .request(result.as_ref().err().map(Error::kind), started.elapsed());
        match result {
            Ok(response) => {
                self.rates.taken();
                if let Some(access) = access {
                    access.prove();
                }
                Ok(response)
            }
            Err(error) => {
                self.heed(&error, access);
                Err(Failure { error, sent: true })
            }
        }
    }

    /// Lets a request that changes something go while there is time, and has it written down first.
    async fn depart(&self, context: &CallContext, change: Change<'_>) -> Result<(), Error> {
        if context.time_left().is_zero() {
            let message = "the time was up before the request was sent";
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }
        match change.departure {
            Some(departure) => departure.leaving(change.plan, change.access, change.headers).await,
            None => Ok(()),
        }
    }

    /// Keeps what a failure means for the requests of others.
    fn heed(&self, error: &Error, access: Option<&Access>) {
        match error.kind() {
            ErrorKind::RateLimited => self.rates.pause(error.retry_after()),
            ErrorKind::Unavailable => {
                if let Some(asked) = error.retry_after() {
                    self.rates.pause(Some(asked.min(LONGEST_OUTAGE_PAUSE)));
                }
            }
            ErrorKind::SessionExpired | ErrorKind::InvalidCredentials => {
                if let Some(access) = access {
                    access.end();
                }
            }
            _ => {}
        }
    }
}
