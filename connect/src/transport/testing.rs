//! Test support: a scripted wire, credentials in memory, a clock that follows paused time, small blueprints.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lineshaft_schema::{Catalogue, ConnectionId};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Outgoing, Response, Wire};
use crate::{
    blueprint::Blueprint,
    connector::{Connector, Options, Parts},
    error::{Error, ErrorKind, Reach},
    layers::breaker,
    request::RequestBody,
    store::{Clock, CredentialStore, Credentials, Observation, Observer, Session, StoredSession, Unobserved},
    template::SecretMap,
};

/// A request as it was put on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: http::Method,
    pub(crate) url: String,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

/// What the script does with a request.
pub(crate) enum Act {
    /// Answers after a while.
    Answer(Duration, Result<Response, Error>),
    /// Never answers.
    Hang,
}

type Script = dyn Fn(&Seen) -> Act + Send + Sync;

/// A wire that a function plays, and that remembers what was sent.
pub(crate) struct Scripted {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    under_way: AtomicU32,
    most_under_way: AtomicU32,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            seen: Mutex::default(),
            under_way: AtomicU32::new(0),
            most_under_way: AtomicU32::new(0),
        })
    }

    /// Answers requests in order, then always with the last answer.
    pub(crate) fn of(answers: impl IntoIterator<Item = Act>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
        Self::new(move |_| answers.lock().unwrap().pop_front().unwrap_or_else(|| answer(200, "{}")))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn count_of(&self, part: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| seen.url.contains(part))
            .count()
    }

    pub(crate) fn most_under_way(&self) -> u32 {
        self.most_under_way.load(Ordering::SeqCst)
    }
}

impl Wire for Scripted {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        let authorization = request
            .sign_in
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        let seen = Seen {
            method: request.plan.method.clone(),
            url: request.plan.url.clone(),
            authorization,
            headers: request.sign_in.clone(),
            body: match &request.plan.body {
                RequestBody::Empty => String::new(),
                RequestBody::Json(text) | RequestBody::Text(text) | RequestBody::Xml(text) => text.clone(),
                RequestBody::Form(fields) => fields
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
                    .join("&"),
            },
            at: Instant::now(),
        };
        let act = (self.script)(&seen);
        self.seen.lock().unwrap().push(seen);
        async move {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_under_way.fetch_max(now, Ordering::SeqCst);
            let _left = Left(&self.under_way);
            match act {
                Act::Answer(wait, result) => {
                    sleep(wait).await;
                    result
                }
                Act::Hang => std::future::pending().await,
            }
        }
        .boxed()
    }
}

struct Left<'a>(&'a AtomicU32);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers at once.
pub(crate) fn answer(status: u16, body: &str) -> Act {
    answer_with(status, &[], body)
}

/// Answers at once, with headers.
pub(crate) fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> Act {
    Act::Answer(Duration::ZERO, Ok(response(status, headers, body)))
}

/// Answers after so many milliseconds.
pub(crate) fn slowly(ms: u64, act: Act) -> Act {
    match act {
        Act::Answer(_, result) => Act::Answer(Duration::from_millis(ms), result),
        Act::Hang => Act::Hang,
    }
}

/// Fails at once, as the network does.
pub(crate) fn fail(kind: ErrorKind) -> Act {
    Act::Answer(Duration::ZERO, Err(Error::new(kind, "scripted")))
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// A clock that follows tokio's time.
#[derive(Debug)]
pub(crate) struct Paused {
    start: DateTime<Utc>,
    base: Instant,
}

impl Default for Paused {
    fn default() -> Self {
        Self {
            start: "2026-11-22T08:00:00Z".parse().unwrap(),
            base: Instant::now(),
        }
    }
}

impl Clock for Paused {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.base.elapsed()).unwrap()
    }
}

/// Credentials in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) credentials: Mutex<Credentials>,
    pub(crate) session: Mutex<Option<StoredSession>>,
    pub(crate) loads: AtomicU32,
    /// Who may renew the session, and until when.
    pub(crate) lease: Mutex<Option<(Uuid, Instant)>>,
    /// How often storing a session still fails.
    pub(crate) broken_stores: AtomicU32,
}

impl Memory {
    pub(crate) fn new(values: &[(&str, &str)]) -> Arc<Self> {
        Arc::new(Self {
            credentials: Mutex::new(Credentials {
                version: 1,
                values: values.iter().copied().collect(),
            }),
            session: Mutex::default(),
            loads: AtomicU32::new(0),
            lease: Mutex::default(),
            broken_stores: AtomicU32::new(0),
        })
    }

    pub(crate) fn replace(&self, values: &[(&str, &str)]) {
        let mut credentials = self.credentials.lock().unwrap();
        credentials.version += 1;
        credentials.values = values.iter().copied().collect();
    }

    pub(crate) fn put_session(&self, version: i64, values: &[(&str, &str)], expires_at: Option<DateTime<Utc>>) {
        let values: SecretMap = values.iter().copied().collect();
        let session = Session {
            credentials_version: 1,
            values,
            expires_at,
        };
        *self.session.lock().unwrap() = Some(StoredSession { version, session });
    }

    pub(crate) fn stored(&self, name: &str) -> Option<String> {
        self.session
            .lock()
            .unwrap()
            .as_ref()
            .and_then(|stored| stored.session.values.get(name).map(str::to_owned))
    }
}

impl CredentialStore for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Credentials, Error>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(self.credentials.lock().unwrap().clone())).boxed()
    }

    fn load_session(&self) -> BoxFuture<'_, Result<Option<StoredSession>, Error>> {
        std::future::ready(Ok(self.session.lock().unwrap().clone())).boxed()
    }

    fn store_session<'a>(
        &'a self,
        session: &'a Session,
        replaces: Option<i64>,
    ) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        let fewer = |count: u32| count.checked_sub(1);
        if self
            .broken_stores
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
            .is_ok()
        {
            return std::future::ready(Err(Error::new(ErrorKind::Internal, "scripted"))).boxed();
        }
        let mut stored = self.session.lock().unwrap();
        if stored.as_ref().map(|stored| stored.version) != replaces {
            return std::future::ready(Ok(None)).boxed();
        }
        let version = replaces.unwrap_or(0) + 1;
        *stored = Some(StoredSession {
            version,
            session: session.clone(),
        });
        std::future::ready(Ok(Some(version))).boxed()
    }

    fn take_lease(&self, owner: Uuid, time: Duration) -> BoxFuture<'_, Result<bool, Error>> {
        let mut lease = self.lease.lock().unwrap();
        let now = Instant::now();
        let is_free = lease.is_none_or(|(other, until)| other == owner || until <= now);
        if is_free {
            *lease = Some((owner, now + time));
        }
        std::future::ready(Ok(is_free)).boxed()
    }

    fn give_back_lease(&self, owner: Uuid) -> BoxFuture<'_, Result<(), Error>> {
        self.lease.lock().unwrap().take_if(|(other, _)| *other == owner);
        std::future::ready(Ok(())).boxed()
    }
}

/// An observer that remembers.
#[derive(Debug, Default)]
pub(crate) struct Remembered(
    pub(crate) Mutex<Vec<(&'static str, Option<ErrorKind>, u32)>>,
    pub(crate) Mutex<Vec<breaker::State>>,
);

impl Observer for Remembered {
    fn observe(&self, observation: &Observation<'_>) {
        let kind = observation.error.map(Error::kind);
        self.0
            .lock()
            .unwrap()
            .push((observation.operation.name(), kind, observation.calls));
    }

    fn circuit(&self, _: ConnectionId, state: breaker::State) {
        self.1.lock().unwrap().push(state);
    }
}

/// A manifest with this way to sign in, changed by a merge patch.
pub(crate) fn manifest(auth: &Value, patch: &Value) -> Value {
    let mut manifest = json!({
        "manifest": 1, "id": "trial", "version": "1.0.0", "name": "Trial", "description": "A system for tests.",
        "categories": ["erp"], "tier": 1, "deployments": ["cloud"],
        "settings": { "base_url": { "type": "url", "label": "Address", "required": true } },
        "auth": [auth],
        "http": { "base_url": "{{settings.base_url}}" },
        "probe": { "request": { "path": "/me" }, "identity": ["name"] },
        "protocol": "json_rest",
        "list": {
            "request": { "path": "/{{resource.remote}}", "query": { "offset": "{{offset}}", "limit": "{{limit}}" } },
            "records": "rows", "paging": { "offset": {} }, "page_size": 100, "max_page_size": 100,
        },
    });
    merge(&mut manifest, patch);
    manifest
}

fn merge(target: &mut Value, patch: &Value) {
    let (Some(target), Some(patch)) = (target.as_object_mut(), patch.as_object()) else {
        return;
    };
    for (name, value) in patch {
        match target.get_mut(name) {
            Some(inner) if inner.is_object() && value.is_object() => merge(inner, value),
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

pub(crate) fn blueprint(manifest: Value) -> Arc<Blueprint> {
    let manifest = serde_json::from_value(manifest).unwrap();
    Arc::new(
        Blueprint::compile(manifest, Catalogue::unified().unwrap()).unwrap_or_else(|problems| panic!("{problems:?}")),
    )
}

/// A way to sign in with a fixed token.
pub(crate) fn token_auth() -> Value {
    json!({
        "id": "token", "label": "Token", "credentials": { "token": { "label": "Token" } },
        "kind": { "headers": { "headers": { "authorization": "Bearer {{credentials.token}}" } } },
    })
}

/// Everything that a connector for tests is made of.
pub(crate) struct Setup {
    pub(crate) manifest: Value,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) store: Arc<Memory>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) options: Options,
    pub(crate) base_url: String,
}

impl Setup {
    pub(crate) fn new(wire: Arc<dyn Wire>, store: Arc<Memory>, auth: &Value) -> Self {
        Self {
            manifest: manifest(auth, &json!({})),
            wire,
            store,
            observer: Arc::new(Unobserved),
            options: Options::default(),
            base_url: "https://trial.example.com/api".to_owned(),
        }
    }

    /// With a fixed token.
    pub(crate) fn with_token(wire: Arc<dyn Wire>) -> Self {
        Self::new(wire, Memory::new(&[("token", "secret-token")]), &token_auth())
    }

    pub(crate) fn patch(mut self, patch: &Value) -> Self {
        merge(&mut self.manifest, patch);
        self
    }

    pub(crate) fn connector(self) -> Arc<Connector> {
        let settings = json!({ "base_url": self.base_url });
        let connector = Connector::new(Parts {
            id: ConnectionId(Uuid::from_u128(7)),
            blueprint: blueprint(self.manifest),
            settings: settings.as_object().unwrap().clone(),
            credentials: self.store,
            observer: self.observer,
            wire: self.wire,
            clock: Arc::new(Paused::default()),
            options: self.options,
        });
        Arc::new(connector.unwrap())
    }
}

/// Breaks off after the request has left, as the network does.
pub(crate) fn cut() -> Act {
    let error = Error::new(ErrorKind::Network, "scripted").with_reach(Reach::Unknown);
    Act::Answer(Duration::ZERO, Err(error))
}
