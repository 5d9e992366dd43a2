//! One operation that runs: its results as they come, each ready to be sent.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::{Executor, Response, Value, parser::types::OperationType};
use futures_util::{FutureExt, Stream, StreamExt, stream, stream::BoxStream};
use tokio::time::{Sleep, sleep};

use super::{
    Code, Endpoint, EventIdSlot, Pass, Prepare, Refusal, RequestId, Settings,
    check::{AskedFor, Checked},
    outcome::Outcome,
};

/// A running operation. Dropping it stops the work.
pub(super) struct Running {
    source: BoxStream<'static, Response>,
    asked: AskedFor,
    kind: OperationType,
    phase: Phase,
    /// Events that have come but were not asked for yet; boxed, so that the queue is small.
    held: VecDeque<Box<Event>>,
    slot: EventIdSlot,
    deadline: Option<Pin<Box<Sleep>>>,
    id: RequestId,
    settings: Arc<Settings>,
    pass: Option<Pass>,
    _count: Option<Count>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    Starting,
    /// The operation has been executed, at least once.
    Flowing,
    Ended,
}

/// What an operation comes up with. The end of the stream is the end of the operation.
pub(super) enum Event {
    /// A result, and the id to resume behind it.
    Next { outcome: Outcome, id: Option<String> },
    /// The operation was not executed or had to be stopped; nothing follows.
    Failed(Outcome),
}

impl<E: Executor, P: Prepare> Endpoint<E, P> {
    /// Starts an operation. The pass is held while the operation is checked against the schema, and by a query until
    /// its end.
    pub(super) fn start(&self, checked: Checked, pass: Pass, id: &RequestId) -> Running {
        Running {
            source: self.executor.execute_stream(checked.request, None),
            asked: checked.asked,
            kind: checked.kind,
            phase: Phase::Starting,
            held: VecDeque::new(),
            slot: checked.slot,
            deadline: None,
            id: id.clone(),
            settings: Arc::clone(&self.settings),
            pass: Some(pass),
            _count: (checked.kind == OperationType::Subscription).then(Count::start),
        }
    }
}

impl Running {
    pub(super) fn is_subscription(&self) -> bool {
        self.kind == OperationType::Subscription
    }

    /// Checks the operation against the schema and begins to wait, so that a subscription gives back its pass.
    pub(super) fn begin(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Some(event)) = self.poll_next_unpin(context) {
            self.held.push_front(Box::new(event));
        }
    }

    /// Takes the next response; a panic becomes a refusal.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Response, Refusal>>> {
        match catch_unwind(AssertUnwindSafe(|| self.source.poll_next_unpin(context))) {
            Ok(polled) => polled.map(|response| response.map(Ok)),
            Err(_) => Poll::Ready(Some(Err(panicked()))),
        }
    }

    fn take(&mut self, mut response: Response, context: &mut Context<'_>) -> Event {
        self.asked.arrange(&mut response);
        let mark = self.slot.take();
        if self.is_subscription() {
            self.deadline = None;
        }
        let is_first = std::mem::replace(&mut self.phase, Phase::Flowing) == Phase::Starting;
        let has_failed = response.data == Value::Null && !response.errors.is_empty();
        if is_first && has_failed && mark.is_none() {
            let outcome = Outcome::executed(response, &self.id, &self.settings);
            if !outcome.is_executed() || (self.is_subscription() && self.ends(context)) {
                self.end();
                return Event::Failed(outcome);
            }
            return Event::Next { outcome, id: None };
        }
        let outcome = match self.kind {
            OperationType::Subscription => Outcome::event(response, &self.id, &self.settings),
            OperationType::Query | OperationType::Mutation => Outcome::executed(response, &self.id, &self.settings),
        };
        let id = mark.flatten().filter(|id| !id.chars().any(char::is_control));
        Event::Next { outcome, id }
    }

    /// Says whether nothing follows: a resolver that refuses a subscription answers once, and its stream ends. Keeps
    /// what does follow.
    fn ends(&mut self, context: &mut Context<'_>) -> bool {
        match self.poll_source(context) {
            Poll::Ready(None) => return true,
            Poll::Ready(Some(Ok(response))) => {
                let event = Box::new(self.take(response, context));
                self.held.push_back(event);
            }
            Poll::Ready(Some(Err(refusal))) => {
                let event = Box::new(self.fail(refusal));
                self.held.push_back(event);
            }
            Poll::Pending => {}
        }
        false
    }

    fn fail(&mut self, refusal: Refusal) -> Event {
        self.end();
        Event::Failed(Outcome::refused(refusal, &self.id, &self.settings))
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.source = stream::empty().boxed();
        self.deadline = None;
        self.pass = None;
    }

    /// Bounds the time of a query, and of an event once it is marked; waiting for an event takes as long as it takes.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.is_subscription() && !self.slot.is_marked() {
            return Poll::Pending;
        }
        let limit = self.settings.query_timeout_ms;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(Duration::from_millis(limit))));
        if deadline.poll_unpin(context).is_pending() {
            return Poll::Pending;
        }
        let message = format!("the operation did not end within {limit} ms");
        Poll::Ready(Some(self.fail(Refusal::new(Code::Timeout, message))))
    }
}

impl Stream for Running {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        if let Some(held) = this.held.pop_front() {
            return Poll::Ready(Some(*held));
        }
        if this.phase == Phase::Ended {
            return Poll::Ready(None);
        }
        let polled = this.poll_source(context);
        if this.is_subscription() {
            this.pass = None;
        }
        match polled {
            Poll::Pending => this.poll_deadline(context),
            Poll::Ready(Some(Ok(response))) => Poll::Ready(Some(this.take(response, context))),
            Poll::Ready(Some(Err(refusal))) => Poll::Ready(Some(this.fail(refusal))),
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
        }
    }
}

/// Counts a subscription in the metrics until it is dropped.
struct Count;

impl Count {
    fn start() -> Self {
        metrics::gauge!("lineshaft_subscriptions_open").increment(1.0);
        Self
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        metrics::gauge!("lineshaft_subscriptions_open").decrement(1.0);
    }
}

/// The panic itself was reported by the panic hook.
pub(super) fn panicked() -> Refusal {
    Refusal::new(Code::Internal, "a panic stopped the request")
}
