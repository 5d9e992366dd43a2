//! Tests of the transport on a small schema behind the real router.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod caching;
mod codes;
mod errors;
mod http_rules;
mod load;
mod precheck;
mod sse;
mod writer;
mod ws;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Context, EmptySubscription, Error, ErrorExtensions, InputValueError, InputValueResult, Object, Scalar, ScalarType,
    Schema, SimpleObject, Subscription, Value,
};
use axum::{Router, body::Body};
use futures_util::{FutureExt, Stream, StreamExt, stream, stream::Once};
use http::{HeaderMap, Request, StatusCode, request::Parts};
use tokio::sync::{Notify, broadcast};
use tower::ServiceExt;

use super::{AuthError, EndReason, Endpoint, EventIdSlot, LastEventId, Prepare, Prepared, RequestId, Settings, Stop};

/// What resolvers and tests share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) bumps: AtomicUsize,
    broken: AtomicUsize,
    pub(super) started: Notify,
    pub(super) release: Notify,
    pub(super) dropped: AtomicUsize,
    pub(super) news: News,
    pub(super) revoked: Notify,
}

pub(super) struct News(broadcast::Sender<String>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::Sender::new(256))
    }
}

impl News {
    pub(super) fn tell(&self, text: &str) {
        self.0.send(text.to_owned()).unwrap();
    }
    fn subscribe(&self) -> broadcast::Receiver<String> {
        self.0.subscribe()
    }
}

impl Shared {
    pub(super) async fn until_dropped(&self, count: usize) {
        let dropped = async {
            while self.dropped.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), dropped)
            .await
            .expect("the resolver stops");
    }
}

struct DropCount(Arc<Shared>);

impl Drop for DropCount {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Caller(String);

struct Ready(&'static str);

#[Scalar]
impl ScalarType for Ready {
    fn parse(_: Value) -> InputValueResult<Self> {
        Err(InputValueError::custom("output only"))
    }
    fn to_value(&self) -> Value {
        Value::Binary(self.0.as_bytes().into())
    }
}

struct Node(u32);

#[Object]
impl Node {
    async fn value(&self) -> u32 {
        self.0
    }
    async fn node(&self) -> Node {
        Node(self.0 + 1)
    }
    async fn fails(&self) -> Result<Option<u32>, Error> {
        Err(Error::new("no value").extend_with(|_, extensions| extensions.set("code", "NO_VALUE")))
    }
}

#[derive(SimpleObject)]
struct Who {
    caller: String,
    request_id: String,
}

pub(super) struct Query(Arc<Shared>);

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }
    async fn double(&self, number: i32) -> i32 {
        number * 2
    }
    async fn who(&self, context: &Context<'_>) -> Who {
        Who {
            caller: context
                .data_opt::<Caller>()
                .map_or_else(String::new, |caller| caller.0.clone()),
            request_id: context.data_unchecked::<RequestId>().to_string(),
        }
    }
    async fn node(&self) -> Node {
        Node(1)
    }
    async fn nodes(&self, count: u32) -> Vec<Node> {
        (0..count).map(Node).collect()
    }
    async fn page(&self) -> Ready {
        Ready(r#"{"nodes":[{"a":1}]}"#)
    }
    async fn leaks(&self) -> Result<Option<u32>, Error> {
        Err(Error::new("password in /etc/lineshaft/secret.toml"))
    }
    async fn leaks_source(&self) -> Result<u32, Error> {
        Err(std::io::Error::other("password hunter2").into())
    }
    async fn coded(&self) -> Result<Option<u32>, Error> {
        Err(Error::new("x".repeat(900)).extend_with(|_, extensions| extensions.set("code", "VENDOR_DOWN")))
    }
    async fn breaks(&self) -> Option<u32> {
        self.0
            .broken
            .load(Ordering::SeqCst)
            .checked_sub(1)
            .expect("password hunter2");
        None
    }
    async fn waits(&self) -> &str {
        let _count = DropCount(Arc::clone(&self.0));
        self.0.started.notify_one();
        self.0.release.notified().await;
        "done"
    }
}

pub(super) struct Mutation(Arc<Shared>);

#[Object]
impl Mutation {
    async fn bump(&self) -> usize {
        self.0.bumps.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub(super) struct Ticks(Arc<Shared>);

#[Subscription]
impl Ticks {
    async fn ticks(&self) -> impl Stream<Item = u32> {
        stream::iter([1, 2, 3])
    }
    /// Numbers behind the last one that was seen, each with its id, up to 5.
    async fn numbers(&self, context: &Context<'_>) -> impl Stream<Item = u32> {
        let slot = context.data_unchecked::<EventIdSlot>().clone();
        let last = context.data_opt::<LastEventId>();
        let first = last.map_or(0, |last| last.0.trim_start_matches("n-").parse().unwrap());
        stream::iter(first + 1..=5).inspect(move |number| slot.set(format!("n-{number}")))
    }
    /// Whatever is sent to `Shared::news`, until the subscription is dropped.
    async fn news(&self) -> impl Stream<Item = String> {
        let count = DropCount(Arc::clone(&self.0));
        let receiver = self.0.news.subscribe();
        self.0.started.notify_one();
        stream::unfold((receiver, count), |(mut receiver, count)| async move {
            let text = receiver.recv().await.ok()?;
            Some((text, (receiver, count)))
        })
    }
    /// Long texts without end.
    async fn floods(&self, bytes: usize) -> impl Stream<Item = String> {
        let count = DropCount(Arc::clone(&self.0));
        stream::repeat_with(move || {
            count.0.bumps.fetch_add(1, Ordering::SeqCst);
            "x".repeat(bytes)
        })
    }
    async fn refused(&self) -> Result<Once<std::future::Ready<u32>>, Error> {
        Err(Error::new("not for you").extend_with(|_, extensions| extensions.set("code", "NOT_FOR_YOU")))
    }
    /// One event that fails and one that does not.
    async fn halting(&self) -> impl Stream<Item = Result<u32, Error>> {
        let failed = Error::new("no value").extend_with(|_, extensions| extensions.set("code", "NO_VALUE"));
        stream::iter([Err(failed), Ok(2)])
    }
    /// An event that is never resolved.
    async fn stuck(&self, context: &Context<'_>) -> impl Stream<Item = Stuck> {
        let slot = context.data_unchecked::<EventIdSlot>().clone();
        let shared = Arc::clone(&self.0);
        stream::once(async move { Stuck(shared) }).inspect(move |_| slot.begin())
    }
    async fn panics(&self) -> impl Stream<Item = u32> {
        stream::once(async { panic!("password hunter2") })
    }
}

struct Stuck(Arc<Shared>);

#[Object]
impl Stuck {
    async fn never(&self) -> u32 {
        let _count = DropCount(Arc::clone(&self.0));
        pending().await
    }
}

/// Lets everybody in except for the tokens that say otherwise.
#[derive(Default)]
pub(super) struct Tokens(Arc<Shared>);

impl Prepare for Tokens {
    async fn prepare(&self, parts: &Parts) -> Result<Prepared, AuthError> {
        let Some(token) = parts.headers.get("authorization") else {
            return Ok(Prepared::new());
        };
        match token.to_str().unwrap_or_default() {
            "Bearer unknown" => Err(AuthError::Unauthenticated("the token is not known".to_owned())),
            "Bearer readonly" => Err(AuthError::Forbidden("the token may not do this".to_owned())),
            "Bearer eager" => Err(AuthError::TooManyRequests {
                retry_after: Duration::from_millis(6500),
            }),
            "Bearer early" => Err(AuthError::Unavailable {
                retry_after: Duration::from_secs(2),
            }),
            "Bearer broken" => Err(AuthError::Internal("database at 10.0.0.1 is gone".to_owned())),
            "Bearer panic" => panic!("password hunter2"),
            "Bearer long" => Err(AuthError::Forbidden("ä".repeat(100))),
            "Bearer revocable" => {
                let shared = Arc::clone(&self.0);
                Ok(Prepared::new().ending_when(move || {
                    let shared = Arc::clone(&shared);
                    async move { shared.revoked.notified().await }
                        .map(|()| EndReason::Revoked)
                        .boxed()
                }))
            }
            token => Ok(Prepared::new().counted_for(token).with_data(Caller(token.to_owned()))),
        }
    }
}

pub(super) fn serve(settings: Settings) -> (Router, Arc<Shared>) {
    let (router, shared, _) = serve_until(settings);
    (router, shared)
}

pub(super) fn serve_until(settings: Settings) -> (Router, Arc<Shared>, Stop) {
    let (shared, stop) = (Arc::<Shared>::default(), Stop::new());
    let each = || Arc::clone(&shared);
    let schema = Schema::build(Query(each()), Mutation(each()), Ticks(each())).finish();
    let endpoint = Endpoint::new(schema, Tokens(each()), settings).stopping(stop.clone());
    (endpoint.router("/graphql"), shared, stop)
}

pub(super) fn plain_schema() -> Schema<Query, Mutation, EmptySubscription> {
    let shared = Arc::<Shared>::default();
    Schema::build(Query(Arc::clone(&shared)), Mutation(shared), EmptySubscription).finish()
}

pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
    pub(super) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Reply {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub(super) fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

pub(super) fn query(text: &str) -> Request<Body> {
    post(serde_json::json!({ "query": text }).to_string())
}

pub(super) fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

pub(super) fn get(parameters: &[(&str, &str)]) -> Request<Body> {
    let encoded: Vec<String> = parameters
        .iter()
        .map(|(name, value)| {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={value}")
        })
        .collect();
    Request::get(format!("/graphql?{}", encoded.join("&")))
        .body(Body::empty())
        .unwrap()
}

pub(super) const GRAPHQL: &str = "application/graphql-response+json";
