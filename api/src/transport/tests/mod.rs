//! Tests of the transport on a small schema behind the real router.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod caching;
mod codes;
mod errors;
mod http_rules;
mod load;
mod precheck;
mod writer;

use std::{
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
use futures_util::Stream;
use http::{HeaderMap, Request, StatusCode, request::Parts};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::{AuthError, Endpoint, Prepare, Prepared, RequestId, Settings};

/// What resolvers and tests share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) bumps: AtomicUsize,
    broken: AtomicUsize,
    pub(super) started: Notify,
    pub(super) release: Notify,
    pub(super) dropped: AtomicUsize,
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

struct Ticks;

#[Subscription]
impl Ticks {
    async fn ticks(&self) -> impl Stream<Item = u32> {
        futures_util::stream::iter([1, 2, 3])
    }
}

/// Lets everybody in except for the tokens that say otherwise.
pub(super) struct Tokens;

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
            token => Ok(Prepared::new().counted_for(token).with_data(Caller(token.to_owned()))),
        }
    }
}

pub(super) fn serve(settings: Settings) -> (Router, Arc<Shared>) {
    let shared = Arc::<Shared>::default();
    let schema = Schema::build(Query(Arc::clone(&shared)), Mutation(Arc::clone(&shared)), Ticks).finish();
    (Endpoint::new(schema, Tokens, settings).router("/graphql"), shared)
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
