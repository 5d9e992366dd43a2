//! The life of one socket: a state machine over what the client sends, what its operations yield, time,
//! and the signals that end it. All of it runs in one task.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::Executor;
use axum::{
    Error,
    extract::ws::{Message as Frame, Utf8Bytes},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use http::{HeaderValue, Method, header, request::Parts};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{
    Close,
    message::{self, CONNECTION_ACK, Message},
    wire::Wire,
};
use crate::transport::{
    Code, EndReason, Endpoint, Operation, Prepare, Prepared, Refusal, RequestId, Streams,
    outcome::Outcome,
    running::{Event, Running},
    stop::Open,
};

/// Pings without an answer after which a client is taken for gone.
const MISSED_PINGS: u32 = 2;

pub(super) struct Socket<E, P> {
    endpoint: Arc<Endpoint<E, P>>,
    id: RequestId,
    phase: Phase,
    entries: Vec<Entry>,
    /// Where the next look at the operations begins, so that a busy one does not keep the others waiting.
    turn: usize,
    /// Whether the client's messages are looked at before the operations; alternates.
    client_first: bool,
    started: u64,
    stopped: Option<BoxFuture<'static, ()>>,
    timer: Pin<Box<Sleep>>,
    next_ping: Instant,
    unanswered_pings: u32,
    full_since: Option<Instant>,
}

enum Phase {
    /// `connection_init` has to arrive; the head of the handshake may carry the token.
    Opened { parts: Box<Parts>, deadline: Instant },
    Acknowledged {
        prepared: Prepared,
        ended: Option<BoxFuture<'static, EndReason>>,
    },
}

/// An operation that runs under the id that the client gave it.
struct Entry {
    id: Box<str>,
    running: Running,
    /// What its request took of the memory that a socket has for requests.
    bytes: usize,
}

/// The next thing that happens to a socket.
enum Step {
    Received(Frame),
    Unreadable(Error),
    Gone,
    Yielded(usize, Option<Box<Event>>),
    Elapsed,
    Ended(EndReason),
    Stopped,
}

/// How a socket ends.
enum End {
    /// The server closes it.
    Closed(Close),
    /// The client has closed it.
    ByClient,
    /// Nobody is there any more.
    Dropped,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

impl<E: Executor, P: Prepare> Socket<E, P> {
    pub(super) fn new(endpoint: Arc<Endpoint<E, P>>, parts: Box<Parts>, id: RequestId, open: &Open) -> Self {
        let now = Instant::now();
        let settings = &endpoint.settings.streams;
        let deadline = now + Duration::from_millis(settings.init_timeout_ms);
        let next_ping = now + ping_interval(settings);
        Self {
            id,
            phase: Phase::Opened { parts, deadline },
            entries: Vec::new(),
            turn: 0,
            client_first: true,
            started: 0,
            stopped: Some(open.stopped()),
            timer: Box::pin(sleep_until(deadline.min(next_ping))),
            next_ping,
            unanswered_pings: 0,
            full_since: None,
            endpoint,
        }
    }

    /// Serves the socket until it ends.
    pub(super) async fn run(mut self, mut wire: Wire) {
        let end = loop {
            let step = std::future::poll_fn(|context| self.poll_step(&mut wire, context)).await;
            if let Err(end) = self.take(step, &mut wire).await {
                break end;
            }
            if self.stopped.is_none() && self.entries.is_empty() {
                break Close::stopping().into();
            }
        };
        // The operations stop before the farewell, which may take a while.
        drop(self);
        match end {
            End::Closed(close) => wire.close(close).await,
            End::ByClient => wire.closed().await,
            End::Dropped => {}
        }
    }

    fn poll_step(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<Step> {
        if let Poll::Ready(Err(_)) = wire.poll_send(context) {
            return Poll::Ready(Step::Gone);
        }
        if let Some(stopped) = &mut self.stopped
            && stopped.poll_unpin(context).is_ready()
        {
            return Poll::Ready(Step::Stopped);
        }
        if let Phase::Acknowledged { ended: Some(ended), .. } = &mut self.phase
            && let Poll::Ready(reason) = ended.poll_unpin(context)
        {
            return Poll::Ready(Step::Ended(reason));
        }
        if !wire.is_full() {
            self.full_since = None;
            self.client_first = !self.client_first;
            if self.client_first
                && let Poll::Ready(step) = poll_client(wire, context)
            {
                return Poll::Ready(step);
            }
            if let Poll::Ready(step) = self.poll_entries(context) {
                return Poll::Ready(step);
            }
            if !self.client_first
                && let Poll::Ready(step) = poll_client(wire, context)
            {
                return Poll::Ready(step);
            }
        } else if self.full_since.is_none() {
            self.full_since = Some(Instant::now());
        }
        let next = self.next_deadline();
        if self.timer.deadline() != next {
            self.timer.as_mut().reset(next);
        }
        self.timer.poll_unpin(context).map(|()| Step::Elapsed)
    }

    fn poll_entries(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        let count = self.entries.len();
        for offset in 0..count {
            let index = (self.turn + offset) % count;
            if let Some(entry) = self.entries.get_mut(index)
                && let Poll::Ready(event) = entry.running.poll_next_unpin(context)
            {
                self.turn = index + 1;
                return Poll::Ready(Step::Yielded(index, event.map(Box::new)));
            }
        }
        Poll::Pending
    }

    fn next_deadline(&self) -> Instant {
        let init = match &self.phase {
            Phase::Opened { deadline, .. } => Some(*deadline),
            Phase::Acknowledged { .. } => None,
        };
        let deadlines = [init, self.slow_deadline()];
        deadlines.into_iter().flatten().fold(self.next_ping, Instant::min)
    }

    fn slow_deadline(&self) -> Option<Instant> {
        let limit = Duration::from_millis(self.endpoint.settings.streams.slow_ms);
        self.full_since.map(|since| since + limit)
    }

    async fn take(&mut self, step: Step, wire: &mut Wire) -> Result<(), End> {
        match step {
            Step::Received(Frame::Text(text)) => Ok(self.receive(text, wire).await?),
            Step::Received(Frame::Binary(_)) => Err(Close::bad_request("messages must be text").into()),
            // The library answers pings.
            Step::Received(Frame::Ping(_)) => Ok(()),
            Step::Received(Frame::Pong(_)) => {
                self.unanswered_pings = 0;
                Ok(())
            }
            Step::Received(Frame::Close(_)) => Err(End::ByClient),
            Step::Unreadable(error) => Err(self.unreadable(&error).into()),
            Step::Gone => Err(End::Dropped),
            Step::Yielded(index, event) => {
                self.send(index, event, wire);
                Ok(())
            }
            Step::Elapsed => self.elapse(wire),
            Step::Ended(reason) => Err(Close::from(reason).into()),
            Step::Stopped => {
                self.stopped = None;
                // What has a single result is given the time to end.
                self.entries.retain(|entry| !entry.running.is_subscription());
                Ok(())
            }
        }
    }

    fn elapse(&mut self, wire: &mut Wire) -> Result<(), End> {
        let now = Instant::now();
        if let Phase::Opened { deadline, .. } = &self.phase
            && *deadline <= now
        {
            return Err(Close::new(4408, "Connection initialisation timeout").into());
        }
        if self.slow_deadline().is_some_and(|deadline| deadline <= now) {
            return Err(Close::new(4508, "slow consumer: messages are not taken fast enough").into());
        }
        if self.next_ping <= now {
            if self.unanswered_pings >= MISSED_PINGS {
                return Err(End::Dropped);
            }
            self.unanswered_pings += 1;
            self.next_ping = now + ping_interval(&self.endpoint.settings.streams);
            wire.push_ping();
        }
        Ok(())
    }

    fn unreadable(&self, error: &Error) -> Close {
        // The library's error is behind axum's, without its type.
        let text = error.to_string();
        if text.contains("too long") {
            return Close::too_large(self.endpoint.settings.streams.message_bytes);
        }
        Close::bad_request(format!("unreadable message: {text}"))
    }

    async fn receive(&mut self, text: Utf8Bytes, wire: &mut Wire) -> Result<(), Close> {
        let limit = self.endpoint.settings.streams.message_bytes;
        if text.len() > limit {
            return Err(Close::too_large(limit));
        }
        let bytes = text.len();
        let message = Message::parse(&text)?;
        drop(text);
        match message {
            Message::ConnectionInit { token } => self.initialise(token, wire).await,
            Message::Ping { payload } => {
                wire.push(message::pong(payload.as_deref()));
                Ok(())
            }
            Message::Pong => Ok(()),
            Message::Subscribe { id, operation } => self.subscribe(id, *operation, bytes, wire).await,
            Message::Complete { id } => {
                self.entries.retain(|entry| entry.id != id);
                Ok(())
            }
        }
    }

    async fn initialise(&mut self, token: Option<HeaderValue>, wire: &mut Wire) -> Result<(), Close> {
        let Phase::Opened { parts, .. } = &mut self.phase else {
            return Err(Close::new(4429, "Too many initialisation requests"));
        };
        if let Some(token) = token {
            parts.headers.insert(header::AUTHORIZATION, token);
        }
        let limit = Duration::from_millis(self.endpoint.settings.query_timeout_ms);
        let preparing = AssertUnwindSafe(Box::pin(self.endpoint.prepare.prepare(parts))).catch_unwind();
        let prepared = match timeout(limit, preparing).await {
            Ok(Ok(prepared)) => prepared?,
            // The panic itself was reported by the panic hook.
            Ok(Err(_)) | Err(_) => return Err(Close::internal()),
        };
        self.phase = Phase::Acknowledged {
            ended: prepared.ended(),
            prepared,
        };
        wire.push(CONNECTION_ACK.into());
        Ok(())
    }

    async fn subscribe(
        &mut self,
        id: Box<str>,
        operation: Operation,
        bytes: usize,
        wire: &mut Wire,
    ) -> Result<(), Close> {
        let Phase::Acknowledged { prepared, .. } = &self.phase else {
            return Err(Close::new(4401, "Unauthorized"));
        };
        if self.entries.iter().any(|entry| entry.id == id) {
            return Err(Close::new(4409, format!("Subscriber for {id} already exists")));
        }
        self.started += 1;
        let request_id = self.id.numbered(self.started);
        let running = match self.check_room(bytes) {
            Ok(()) => start(&self.endpoint, operation, prepared, &request_id).await,
            Err(refusal) => Err(refusal),
        };
        match running {
            Ok(running) => self.entries.push(Entry { id, running, bytes }),
            Err(refusal) => {
                let outcome = Outcome::refused(refusal, &request_id, &self.endpoint.settings);
                wire.push(message::error(&id, &outcome));
            }
        }
        Ok(())
    }

    fn check_room(&self, bytes: usize) -> Result<(), Refusal> {
        if self.stopped.is_none() {
            return Err(self.endpoint.admission.overloaded());
        }
        let limits = &self.endpoint.settings.streams;
        let taken: usize = self.entries.iter().map(|entry| entry.bytes).sum();
        if self.entries.len() < limits.subscriptions && taken + bytes <= limits.message_bytes {
            return Ok(());
        }
        let message = format!(
            "a socket runs at most {} operations, with requests of {} bytes in all",
            limits.subscriptions, limits.message_bytes
        );
        Err(Refusal::new(Code::TooManySubscriptions, message))
    }

    fn send(&mut self, index: usize, event: Option<Box<Event>>, wire: &mut Wire) {
        let Some(entry) = self.entries.get(index) else { return };
        wire.push(match event.as_deref() {
            Some(Event::Next { outcome, .. }) => return wire.push(message::next(&entry.id, outcome)),
            Some(Event::Failed(outcome)) => message::error(&entry.id, outcome),
            None => message::complete(&entry.id),
        });
        self.entries.swap_remove(index);
    }
}

async fn start<E: Executor, P: Prepare>(
    endpoint: &Endpoint<E, P>,
    operation: Operation,
    prepared: &Prepared,
    id: &RequestId,
) -> Result<Running, Refusal> {
    endpoint.admission.check_load()?;
    let pass = endpoint.admission.enter(prepared.caller(), 1)?;
    let checked = endpoint.check(operation, &Method::POST, prepared, id).await?;
    let mut running = endpoint.start(checked, pass, id);
    // A client may send many subscriptions at once; each must not count any more when the next is looked at.
    std::future::poll_fn(|context| {
        running.begin(context);
        Poll::Ready(())
    })
    .await;
    Ok(running)
}

fn poll_client(wire: &mut Wire, context: &mut Context<'_>) -> Poll<Step> {
    wire.poll_receive(context).map(|received| match received {
        Some(Ok(frame)) => Step::Received(frame),
        Some(Err(error)) => Step::Unreadable(error),
        None => Step::Gone,
    })
}

fn ping_interval(settings: &Streams) -> Duration {
    Duration::from_millis(settings.ping_ms.max(1))
}
