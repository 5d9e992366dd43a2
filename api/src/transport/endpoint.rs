//! The HTTP handler: leads a request through its checks to the executor and back, or hands it to
//! the transports that answer over time.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::Executor;
use axum::{
    Router,
    body::{Body, BodyDataStream},
    extract::Request,
    response::Response,
    routing::any,
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, future::join_all};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Admission, Code, Documents, HttpStatus, IdempotencyKey, Media, Pass, Prepare, Prepared, Refusal, RequestId,
    Settings, Stop,
    check::Checked,
    media::{EVENT_STREAM, accepts_events, is_plain_json},
    outcome::{Outcome, success_status},
    persisted::Store,
    request::{Received, parse_body, parse_uri},
    running::panicked,
    sse, write_response, ws,
};

/// How many times the limit of a body is read, and for how long, of a body that is refused as too large.
const DRAINED: usize = 4;
const DRAINING: Duration = Duration::from_secs(2);

/// GraphQL over HTTP, server-sent events and WebSocket on an executor, for callers that `P` lets in.
pub struct Endpoint<E, P> {
    pub(super) executor: E,
    pub(super) prepare: P,
    pub(super) settings: Arc<Settings>,
    pub(super) documents: Documents,
    pub(super) persisted: Store,
    pub(super) admission: Admission,
    pub(super) streams: Admission,
    pub(super) stop: Stop,
}

/// What is written for a request: one outcome, a list of them, or events as they come.
enum Answer {
    Single(Box<Outcome>),
    Batch(Vec<Outcome>),
    Events(Body),
}

impl<E: Executor, P: Prepare> Endpoint<E, P> {
    /// Returns an endpoint with empty caches.
    #[must_use]
    pub fn new(executor: E, prepare: P, settings: Settings) -> Self {
        Self {
            executor,
            prepare,
            documents: Documents::new(&settings),
            persisted: Store::new(&settings),
            admission: Admission::new(&settings),
            streams: Admission::of_streams(&settings),
            stop: Stop::new(),
            settings: Arc::new(settings),
        }
    }

    /// Ends sockets and event streams when this signal is given.
    #[must_use]
    pub fn stopping(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Registers the documents that are run when `persisted_queries` is `trusted`.
    #[must_use]
    pub fn trusting(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.persisted.trust(texts);
        self
    }

    /// Returns the cache of checked documents, for other transports of the same schema.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Returns the count of running operations, for other transports of the same schema.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Returns a router that serves this endpoint at a path, whatever the method.
    pub fn router(self, path: &str) -> Router {
        let endpoint = Arc::new(self);
        Router::new().route(
            path,
            any(move |request: Request| {
                let endpoint = Arc::clone(&endpoint);
                async move { endpoint.handle(request).await }
            }),
        )
    }

    /// Answers a request. Dropping the future, as the server does when the client leaves, stops the work.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let id = RequestId::from_headers(&parts.headers);
        if ws::is_upgrade(&parts) {
            return match self.check_size(&parts).and_then(|()| ws::accept(self, &mut parts, &id)) {
                Ok(response) => response,
                Err(refusal) => self.respond(self.refused(refusal, &id), Media::default(), &id),
            };
        }
        let media = Media::negotiate(&parts.headers);
        let answer = AssertUnwindSafe(self.answer(&parts, body, media, &id))
            .catch_unwind()
            .await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(refusal)) => self.refused(refusal, &id),
            Err(_) => self.refused(panicked(), &id),
        };
        self.respond(answer, media.unwrap_or_default(), &id)
    }

    async fn answer(&self, parts: &Parts, body: Body, media: Option<Media>, id: &RequestId) -> Result<Answer, Refusal> {
        if let Err(refusal) = self.check_head(parts, media) {
            if refusal.code == Code::PayloadTooLarge {
                self.drain(body.into_data_stream()).await;
            }
            return Err(refusal);
        }
        self.admission.check_load()?;
        let prepared = self.prepare.prepare(parts).await?;
        let received = if parts.method == Method::GET {
            parse_uri(&parts.uri)?
        } else {
            parse_body(&self.read(body).await?, &self.settings)?
        };
        let pass = self.admission.enter(prepared.caller(), received.len())?;
        let deadline = Instant::now() + Duration::from_millis(self.settings.query_timeout_ms);
        let key = IdempotencyKey::from_headers(&parts.headers);
        match received {
            Received::Single(operation) => {
                let checked = self.check(*operation, &parts.method, &prepared, id).await;
                let checked = checked.map(|checked| checked.with_key(key));
                if accepts_events(&parts.headers) && self.is_streamed(&checked, media) {
                    return self.stream(checked, parts, &prepared, pass, id);
                }
                let checked = checked.and_then(Checked::single);
                Ok(Answer::Single(Box::new(self.run(checked, deadline, id).await)))
            }
            Received::Batch(operations) => {
                let key = key.map(IdempotencyKey::of_batch);
                let mut checked = Vec::with_capacity(operations.len());
                for operation in operations {
                    let one = self.check(operation, &parts.method, &prepared, id).await;
                    let one = one.map(|checked| checked.with_key(key.clone()));
                    checked.push(one.and_then(Checked::single));
                }
                Ok(Answer::Batch(self.run_all(checked, deadline, id).await))
            }
        }
    }

    /// Subscriptions are streamed to whoever takes events; the rest only if the client takes nothing else. Faults of
    /// the document are told as events too, since browsers do not show the body of another answer.
    fn is_streamed(&self, checked: &Result<Checked, Refusal>, media: Option<Media>) -> bool {
        match checked {
            Ok(checked) => checked.is_subscription() || media.is_none(),
            Err(refusal) => media.is_none() && refusal.code.describe().in_document,
        }
    }

    fn stream(
        &self,
        checked: Result<Checked, Refusal>,
        parts: &Parts,
        prepared: &Prepared,
        pass: Pass,
        id: &RequestId,
    ) -> Result<Answer, Refusal> {
        let mut checked = match checked {
            Ok(checked) => checked,
            Err(refusal) => {
                let events = sse::failed(&Outcome::refused(refusal, id, &self.settings));
                return Ok(Answer::Events(Body::from(events)));
            }
        };
        if self.stop.is_stopping() {
            return Err(self.admission.overloaded());
        }
        let place = self.streams.enter(prepared.caller(), 1)?;
        if let Some(last) = sse::last_event_id(&parts.headers)? {
            checked.request.data.insert(last);
        }
        let running = self.start(checked, pass, id);
        let open = self.stop.enter();
        let events = sse::Events::new(running, prepared.ended(), open, place, id, &self.settings);
        Ok(Answer::Events(Body::from_stream(events)))
    }

    fn check_size(&self, parts: &Parts) -> Result<(), Refusal> {
        let limits = &self.settings.limits;
        let bytes: usize = parts
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if parts.headers.len() > limits.headers || bytes > limits.header_bytes {
            let message = format!(
                "{} headers of {bytes} bytes; at most {} of {} are allowed",
                parts.headers.len(),
                limits.headers,
                limits.header_bytes
            );
            return Err(Refusal::new(Code::HeadersTooLarge, message));
        }
        if parts
            .uri
            .path_and_query()
            .is_some_and(|uri| uri.as_str().len() > limits.uri_bytes)
        {
            return Err(Refusal::new(
                Code::UriTooLong,
                format!("the URI is longer than {} bytes", limits.uri_bytes),
            ));
        }
        Ok(())
    }

    fn check_head(&self, parts: &Parts, media: Option<Media>) -> Result<(), Refusal> {
        self.check_size(parts)?;
        if parts.method != Method::POST && parts.method != Method::GET {
            let message = format!("{} is not served here", parts.method);
            return Err(Refusal::new(Code::MethodNotAllowed, message).allow("GET, POST"));
        }
        if media.is_none() && !accepts_events(&parts.headers) {
            let message = "accept application/graphql-response+json, application/json or text/event-stream";
            return Err(Refusal::new(Code::NotAcceptable, message));
        }
        if parts.method == Method::GET {
            return Ok(());
        }
        if !is_plain_json(&parts.headers) {
            return Err(Refusal::new(
                Code::UnsupportedMediaType,
                "send application/json in UTF-8",
            ));
        }
        let length = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if length
            .is_some_and(|length: u64| u64::try_from(self.settings.limits.body_bytes).is_ok_and(|most| length > most))
        {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    fn body_too_large(&self) -> Refusal {
        Refusal::new(
            Code::PayloadTooLarge,
            format!("the body is larger than {} bytes", self.settings.limits.body_bytes),
        )
    }

    /// Reads the body, never more than the limit; a body that comes in one piece is not copied.
    async fn read(&self, body: Body) -> Result<Bytes, Refusal> {
        let reading = async {
            let mut frames = body.into_data_stream();
            let (mut first, mut all) = (Bytes::new(), BytesMut::new());
            while let Some(frame) = frames.next().await {
                let frame =
                    frame.map_err(|_| Refusal::new(Code::InvalidRequest, "the body could not be read to its end"))?;
                if first.len() + all.len() + frame.len() > self.settings.limits.body_bytes {
                    self.drain(frames).await;
                    return Err(self.body_too_large());
                }
                if first.is_empty() && all.is_empty() {
                    first = frame;
                    continue;
                }
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&frame);
            }
            Ok(if all.is_empty() { first } else { all.freeze() })
        };
        let limit = Duration::from_millis(self.settings.body_timeout_ms);
        match timeout(limit, reading).await {
            Ok(body) => body,
            Err(_) => Err(Refusal::new(
                Code::RequestTimeout,
                format!("the body did not arrive within {limit:?}"),
            )),
        }
    }

    /// Reads on for a short while what is thrown away: a server that closes before a client has sent all resets the
    /// connection, and the client would not see the answer that tells it why.
    async fn drain(&self, mut frames: BodyDataStream) {
        let reading = async {
            let mut left = self.settings.limits.body_bytes.saturating_mul(DRAINED);
            while let Some(Ok(frame)) = frames.next().await {
                match left.checked_sub(frame.len()) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        let _ = timeout(DRAINING, reading).await;
    }

    async fn run(&self, checked: Result<Checked, Refusal>, deadline: Instant, id: &RequestId) -> Outcome {
        let refusal = match checked {
            Err(refusal) => refusal,
            Ok(checked) => {
                let execution = AssertUnwindSafe(self.executor.execute(checked.request)).catch_unwind();
                match timeout_at(deadline, execution).await {
                    Ok(Ok(mut response)) => {
                        checked.asked.arrange(&mut response);
                        return Outcome::executed(response, id, &self.settings);
                    }
                    Ok(Err(_)) => panicked(),
                    Err(_) => {
                        let message = format!("the operation did not end within {} ms", self.settings.query_timeout_ms);
                        Refusal::new(Code::Timeout, message)
                    }
                }
            }
        };
        Outcome::refused(refusal, id, &self.settings)
    }

    /// Runs queries side by side; as soon as one operation changes something, all in their order.
    async fn run_all(&self, checked: Vec<Result<Checked, Refusal>>, deadline: Instant, id: &RequestId) -> Vec<Outcome> {
        let mutates = checked
            .iter()
            .any(|checked| checked.as_ref().is_ok_and(Checked::mutates));
        let runs = checked.into_iter().map(|checked| self.run(checked, deadline, id));
        if !mutates {
            return join_all(runs).await;
        }
        let mut outcomes = Vec::with_capacity(runs.len());
        for run in runs {
            outcomes.push(run.await);
        }
        outcomes
    }

    fn refused(&self, refusal: Refusal, id: &RequestId) -> Answer {
        Answer::Single(Box::new(Outcome::refused(refusal, id, &self.settings)))
    }

    fn respond(&self, answer: Answer, media: Media, id: &RequestId) -> Response {
        let mut body = Vec::new();
        let status = match &answer {
            Answer::Single(outcome) => {
                write_response(&mut body, &outcome.response, outcome.data);
                outcome.status(media, &self.settings)
            }
            Answer::Batch(outcomes) => {
                write_batch(&mut body, outcomes);
                let has_errors = outcomes.iter().any(|outcome| !outcome.response.errors.is_empty());
                success_status(has_errors, media, &self.settings)
            }
            Answer::Events(_) => StatusCode::OK,
        };
        // The draft lets older clients keep their media type only for answers that succeed.
        let is_marked = !status.is_success() && self.settings.http_status == HttpStatus::Draft;
        let media = if is_marked { Media::GraphqlResponse } else { media };
        let (body, content_type, outcomes) = match answer {
            Answer::Single(outcome) => (Body::from(body), media.content_type(), vec![*outcome]),
            Answer::Batch(outcomes) => (Body::from(body), media.content_type(), outcomes),
            Answer::Events(events) => (events, EVENT_STREAM, Vec::new()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for outcome in outcomes {
            headers.extend(outcome.response.http_headers);
            let Some(refusal) = outcome.refusal else { continue };
            if let Some(wait) = refusal.retry_after {
                headers.insert(
                    header::RETRY_AFTER,
                    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64),
                );
            }
            if let Some(methods) = refusal.allow {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if content_type == EVENT_STREAM {
            // Asks nginx to pass events on as they come.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert(RequestId::HEADER, id);
        }
        response
    }
}

fn write_batch(body: &mut Vec<u8>, outcomes: &[Outcome]) {
    body.push(b'[');
    for (index, outcome) in outcomes.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_response(body, &outcome.response, outcome.data);
    }
    body.push(b']');
}
