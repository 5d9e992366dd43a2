//! Server-sent events: writes the results of one operation as `next` events and ends with `complete`.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture};
use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep};

use super::{
    Code, EndReason, LastEventId, Pass, Refusal, RequestId, Settings,
    outcome::Outcome,
    running::{Event, Running},
    stop::Open,
    write_response,
};

/// Bytes of `Last-Event-ID` at most.
const ID_BYTES: usize = 1024;

const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";
const COMMENT: &[u8] = b":\n\n";

/// Reads where the client wants to resume.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<LastEventId>, Refusal> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(id) if id.len() <= ID_BYTES => Ok(Some(LastEventId(id.to_owned()))),
        _ => {
            let message = format!("Last-Event-ID must be UTF-8 of at most {ID_BYTES} bytes");
            Err(Refusal::new(Code::InvalidRequest, message))
        }
    }
}

/// Returns the whole body for an operation that was not started.
pub(super) fn failed(outcome: &Outcome) -> Bytes {
    let mut body = Vec::new();
    write_next(&mut body, outcome, None);
    body.extend_from_slice(COMPLETE);
    body.into()
}

/// The body of an answer in events. Dropping it, as the server does when the client leaves, stops the operation.
pub(super) struct Events {
    running: Option<Running>,
    timer: Pin<Box<Sleep>>,
    ended: Option<BoxFuture<'static, EndReason>>,
    stopped: BoxFuture<'static, ()>,
    id: RequestId,
    settings: Arc<Settings>,
    _open: Open,
    _place: Pass,
}

impl Events {
    /// Returns the events of an operation, which end when the token does or the server stops.
    pub(super) fn new(
        running: Running,
        ended: Option<BoxFuture<'static, EndReason>>,
        open: Open,
        place: Pass,
        id: &RequestId,
        settings: &Arc<Settings>,
    ) -> Self {
        Self {
            running: Some(running),
            timer: Box::pin(sleep(keep_alive(settings))),
            ended,
            stopped: open.stopped(),
            id: id.clone(),
            settings: Arc::clone(settings),
            _open: open,
            _place: place,
        }
    }

    /// Returns the next bytes; `None` when the server stops. A client that sees no `complete` comes back.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let Some(running) = &mut self.running else {
            return Poll::Ready(None);
        };
        if let Some(ended) = &mut self.ended
            && let Poll::Ready(reason) = ended.poll_unpin(context)
        {
            let refusal = Refusal::new(Code::TokenRevoked, reason.message());
            self.running = None;
            return Poll::Ready(Some(
                failed(&Outcome::refused(refusal, &self.id, &self.settings)).into(),
            ));
        }
        // What has a single result is given the time to end.
        if running.is_subscription() && self.stopped.poll_unpin(context).is_ready() {
            self.running = None;
            return Poll::Ready(None);
        }
        if let Poll::Ready(event) = running.poll_next_unpin(context) {
            let mut bytes = Vec::new();
            match event {
                Some(Event::Next { outcome, id }) => write_next(&mut bytes, &outcome, id.as_deref()),
                Some(Event::Failed(outcome)) => write_next(&mut bytes, &outcome, None),
                None => {
                    bytes.extend_from_slice(COMPLETE);
                    self.running = None;
                }
            }
            return Poll::Ready(Some(bytes));
        }
        self.timer.poll_unpin(context).map(|()| Some(COMMENT.to_vec()))
    }
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = this.poll_bytes(context);
        if polled.is_ready() {
            let next = Instant::now() + keep_alive(&this.settings);
            this.timer.as_mut().reset(next);
        }
        polled.map(|bytes| bytes.map(|bytes| Ok(bytes.into())))
    }
}

fn keep_alive(settings: &Settings) -> Duration {
    Duration::from_millis(settings.streams.keep_alive_ms.max(1))
}

fn write_next(out: &mut Vec<u8>, outcome: &Outcome, id: Option<&str>) {
    out.extend_from_slice(b"event: next\n");
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let start = out.len();
    write_response(out, &outcome.response, outcome.data);
    // Within JSON a line break can only be white space, but here it would end the data.
    for byte in out
        .iter_mut()
        .skip(start)
        .filter(|byte| matches!(**byte, b'\n' | b'\r'))
    {
        *byte = b' ';
    }
    out.extend_from_slice(b"\n\n");
}
