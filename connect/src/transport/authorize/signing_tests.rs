//! Signed requests against a server that checks them with code of its own: every attempt anew, a wrong key only once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{FutureExt as _, future::BoxFuture, future::join_all};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    connector::{Connector, Identity},
    context::CallContext,
    error::{Error, ErrorKind},
    request::{RequestBody, RequestPlan},
    transport::{
        Access, Departure,
        testing::{Memory, Setup},
        testing_server::{Received, Server, client, plain},
    },
};

const CONSUMER_SECRET: &str = "consumer secret+/=";
const TOKEN_SECRET: &str = "token&secret";
const KEY: &str = "fiix secret";

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

async fn probe(connector: &Connector) -> Result<Identity, Error> {
    connector.probe(&context()).await
}

fn tag(key: &str, message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Encodes as RFC 5849 says, by hand.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}

/// Returns the parts of an `OAuth` header whose signature is right.
fn oauth1(received: &Received) -> Option<BTreeMap<String, String>> {
    let parts = received.header("authorization").strip_prefix("OAuth ")?.split(", ");
    let parts: BTreeMap<String, String> = parts
        .map(|part| part.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), plain(value.trim_matches('"'))))
        .collect();
    let own = parts
        .iter()
        .filter(|(name, _)| !["realm", "oauth_signature"].contains(&name.as_str()));
    let mut pairs: Vec<String> = received
        .query()
        .into_iter()
        .chain(received.form())
        .chain(own.map(|(name, value)| (name.clone(), value.clone())))
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)))
        .collect();
    pairs.sort();
    let address = format!("http://{}{}", received.header("host"), received.path());
    let base = format!(
        "{}&{}&{}",
        received.method,
        encoded(&address),
        encoded(&pairs.join("&"))
    );
    let key = format!("{}&{}", encoded(CONSUMER_SECRET), encoded(TOKEN_SECRET));
    (parts["oauth_signature"] == STANDARD.encode(tag(&key, &base))).then_some(parts)
}

fn oauth1_auth() -> Value {
    json!({
        "id": "token", "label": "Token",
        "credentials": {
            "consumer_key": { "label": "K" }, "consumer_secret": { "label": "S" },
            "token": { "label": "T" }, "token_secret": { "label": "TS" },
        },
        "kind": { "oauth1": {
            "consumer_key": "{{credentials.consumer_key}}", "consumer_secret": "{{credentials.consumer_secret}}",
            "token": "{{credentials.token}}", "token_secret": "{{credentials.token_secret}}", "realm": "ACME_1",
        } },
    })
}

fn oauth1_store(token_secret: &str) -> Arc<Memory> {
    Memory::new(&[
        ("consumer_key", "ck"),
        ("consumer_secret", CONSUMER_SECRET),
        ("token", "tk"),
        ("token_secret", token_secret),
    ])
}

fn setup(server: &Server, store: Arc<Memory>, auth: &Value) -> Setup {
    let mut setup = Setup::new(client(), store, auth);
    setup.base_url = server.url("/api");
    setup
}

/// A server that takes requests which a function finds right.
async fn judging(is_right: impl Fn(&Received) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |received| {
        if is_right(received) {
            (200, r#"{"name":"Ada"}"#.to_owned())
        } else {
            (401, "{}".to_owned())
        }
    })
    .await
}

async fn post(connector: &Connector, server: &Server, body: RequestBody) -> Result<(), Error> {
    let plan = RequestPlan {
        method: http::Method::POST,
        url: server.url("/api/orders?expand=lines"),
        headers: Vec::new(),
        body,
        repeatable: false,
    };
    let transport = connector.transport_for_tests();
    let access = transport.access(&context()).await?;
    transport
        .send(&context(), access, |_| Ok(plan.clone()), None)
        .await
        .map(|_| ())
}

#[tokio::test]
async fn oauth1_signs_queries_and_forms_and_not_json() {
    let server = judging(|received| oauth1(received).is_some()).await;
    let query = json!({ "probe": { "request": { "query": { "q": "a b+c/ü&d=e", "limit": "5" } } } });
    let connector = setup(&server, oauth1_store(TOKEN_SECRET), &oauth1_auth())
        .patch(&query)
        .connector();
    probe(&connector).await.unwrap();
    let form = RequestBody::Form(vec![("text".to_owned(), "x y&z=ü".to_owned())]);
    post(&connector, &server, form).await.unwrap();
    post(&connector, &server, RequestBody::Json(r#"{"a":1}"#.to_owned()))
        .await
        .unwrap();
    let parts: Vec<_> = server.seen().iter().map(|received| oauth1(received).unwrap()).collect();
    assert_eq!(parts.len(), 3);
    for parts in &parts {
        assert_eq!(
            (parts["realm"].as_str(), parts["oauth_token"].as_str()),
            ("ACME_1", "tk")
        );
        assert!(parts["oauth_timestamp"].parse::<i64>().unwrap() > 1_700_000_000);
    }
    let nonces: HashSet<_> = parts.iter().map(|parts| &parts["oauth_nonce"]).collect();
    assert_eq!(nonces.len(), 3, "no nonce comes twice");
}

#[tokio::test]
async fn an_attempt_that_is_repeated_is_signed_anew() {
    let nonces = Mutex::new(HashSet::new());
    let server = Server::start(move |received| {
        let Some(parts) = oauth1(received) else {
            return (401, "{}".to_owned());
        };
        let mut nonces = nonces.lock().unwrap();
        if !nonces.insert(parts["oauth_nonce"].clone()) {
            return (401, r#"{"error":"nonce_used"}"#.to_owned());
        }
        if nonces.len() < 2 {
            (503, "{}".to_owned())
        } else {
            (200, "{}".to_owned())
        }
    })
    .await;
    let connector = setup(&server, oauth1_store(TOKEN_SECRET), &oauth1_auth()).connector();
    probe(&connector).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_wrong_key_is_told_once_and_not_tried_again() {
    let server = judging(|received| oauth1(received).is_some()).await;
    let store = oauth1_store("wrong");
    let connector = setup(&server, store.clone(), &oauth1_auth()).connector();
    let kinds: Vec<_> = join_all((0..20).map(|_| probe(&connector)))
        .await
        .into_iter()
        .map(|result| result.unwrap_err().kind())
        .collect();
    assert!(kinds.contains(&ErrorKind::InvalidCredentials), "{kinds:?}");
    assert!(
        kinds
            .iter()
            .all(|kind| matches!(kind, ErrorKind::InvalidCredentials | ErrorKind::ReauthorizationRequired))
    );
    assert_eq!(server.seen().len(), 1, "an account would be locked after three");
    assert!(connector.health().credentials_refused);
    store.replace(&[
        ("consumer_key", "ck"),
        ("consumer_secret", CONSUMER_SECRET),
        ("token", "tk"),
        ("token_secret", TOKEN_SECRET),
    ]);
    probe(&connector).await.unwrap();
}

fn signed_auth(signed: &Value) -> Value {
    let mut kind = json!({ "key": "{{credentials.secret}}" });
    for (name, value) in signed.as_object().unwrap() {
        kind[name] = value.clone();
    }
    json!({
        "id": "keys", "label": "Keys",
        "credentials": { "app": { "label": "A" }, "access": { "label": "K" }, "secret": { "label": "S" } },
        "kind": { "signed": kind },
    })
}

fn keys(secret: &str) -> Arc<Memory> {
    Memory::new(&[("app", "app-canary"), ("access", "access canary"), ("secret", secret)])
}

/// The way of systems that sign the address with everything in its query.
fn by_address() -> Value {
    signed_auth(&json!({
        "query": {
            "accessKey": "{{credentials.access}}", "appKey": "{{credentials.app}}", "timestamp": "{{now.unix_ms}}",
            "signatureMethod": "HmacSHA256",
        },
        "over": "{{request.address}}",
        "put": { "header": "Authorization" },
    }))
}

fn is_signed_address(received: &Received) -> bool {
    let query = received.query();
    let has = |name: &str, value: &str| query.iter().any(|(own, given)| own == name && given == value);
    let message = format!("{}{}", received.header("host"), received.target);
    has("accessKey", "access canary")
        && has("appKey", "app-canary")
        && has("signatureMethod", "HmacSHA256")
        && received.header("authorization") == hex(&tag(KEY, &message))
}

#[tokio::test]
async fn a_signature_covers_the_final_address() {
    let server = judging(is_signed_address).await;
    let query = json!({ "probe": { "request": { "query": { "action": "Ping 1/ü+'\"<>|" } } } });
    let connector = setup(&server, keys(KEY), &by_address()).patch(&query).connector();
    probe(&connector).await.unwrap();
    post(&connector, &server, RequestBody::Json("{}".to_owned()))
        .await
        .unwrap();
    assert!(server.seen()[0].target.starts_with("/api/me?action=Ping"));
    assert!(
        server.seen()[1]
            .target
            .starts_with("/api/orders?expand=lines&accessKey=")
    );
    let wrong = setup(&server, keys("wrong"), &by_address()).connector();
    assert_eq!(probe(&wrong).await.unwrap_err().kind(), ErrorKind::InvalidCredentials);
    assert_eq!(
        probe(&wrong).await.unwrap_err().kind(),
        ErrorKind::ReauthorizationRequired
    );
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_signature_covers_what_the_template_says() {
    let server = judging(|received| {
        let message = format!(
            "{}\n{}\n{}\n{}",
            received.method,
            received.path(),
            received.header("x-time"),
            received.body
        );
        received.header("authorization") == format!("HMAC access canary:{}", STANDARD.encode(tag(KEY, &message)))
    })
    .await;
    let auth = signed_auth(&json!({
        "headers": { "X-Time": "{{now.unix}}" },
        "over": ["{{request.method}}", "{{request.path}}", "{{now.unix}}", "{{request.body}}"],
        "encoding": "base64",
        "put": { "header": "Authorization", "value": "HMAC {{credentials.access}}:{{signature}}" },
    }));
    let connector = setup(&server, keys(KEY), &auth).connector();
    probe(&connector).await.unwrap();
    post(&connector, &server, RequestBody::Json(r#"{"ü":1}"#.to_owned()))
        .await
        .unwrap();
    let form = RequestBody::Form(vec![("a b".to_owned(), "c&d".to_owned())]);
    post(&connector, &server, form).await.unwrap();
}

#[tokio::test]
async fn a_signature_may_stand_in_the_query() {
    let server = judging(|received| {
        let (before, signature) = received.target.split_once("&sig=").unwrap();
        plain(signature) == STANDARD.encode(tag(KEY, before))
    })
    .await;
    let auth = signed_auth(&json!({
        "query": { "nonce": "{{nonce}}" },
        "over": "{{request.path}}?{{request.query}}",
        "encoding": "base64",
        "put": { "query": "sig" },
    }));
    let connector = setup(&server, keys(KEY), &auth).connector();
    for _ in 0..8 {
        probe(&connector).await.unwrap();
    }
    let targets: HashSet<_> = server.seen().iter().map(|received| received.target.clone()).collect();
    assert_eq!(targets.len(), 8);
}

#[tokio::test]
async fn an_empty_key_is_told_by_its_name_and_nothing_is_sent() {
    let server = judging(|_| true).await;
    let connector = setup(&server, keys(""), &by_address()).connector();
    let error = probe(&connector).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSettings);
    assert_eq!(error.message(), "the credential `secret` is empty");
    assert!(server.seen().is_empty());
}

/// What is written down of requests before they leave.
#[derive(Default)]
struct Noted(Mutex<Vec<(String, Vec<String>)>>);

impl Departure for Noted {
    fn leaving<'a>(
        &'a self,
        plan: &'a RequestPlan,
        _: &'a Access,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let names = headers.keys().map(ToString::to_string).collect();
        self.0.lock().unwrap().push((plan.url.clone(), names));
        assert!(headers.values().all(HeaderValue::is_sensitive));
        std::future::ready(Ok(())).boxed()
    }
}

#[tokio::test]
async fn what_is_written_down_of_a_change_has_its_headers_and_not_its_signature() {
    let server = judging(is_signed_address).await;
    let connector = setup(&server, keys(KEY), &by_address()).connector();
    let noted = Noted::default();
    let plan = RequestPlan {
        method: http::Method::POST,
        url: server.url("/api/orders"),
        headers: Vec::new(),
        body: RequestBody::Json("{}".to_owned()),
        repeatable: false,
    };
    let transport = connector.transport_for_tests();
    let context = context();
    let access = transport.access(&context).await.unwrap();
    let sent = transport.send(&context, access, |_| Ok(plan.clone()), Some(&noted));
    sent.await.unwrap();
    assert_eq!(
        *noted.0.lock().unwrap(),
        [(plan.url.clone(), vec!["authorization".to_owned()])]
    );
}

#[tokio::test]
async fn nothing_of_a_signature_is_printed() {
    let server = Server::start(|_| (500, r#"{"error":"down"}"#.to_owned())).await;
    let connector = setup(&server, keys("secret-canary"), &by_address()).connector();
    let access = connector.transport_for_tests().access(&context()).await.unwrap();
    let error = probe(&connector).await.unwrap_err();
    let printed = format!("{connector:?} {access:?} {error:?} {error}");
    for canary in ["canary", "timestamp"] {
        assert!(!printed.contains(canary), "{printed}");
    }
    assert!(server.seen()[0].target.contains("canary"));
}
