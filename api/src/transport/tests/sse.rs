//! Server-sent events: which requests are answered so, how they resume, and how they end.

use std::{sync::atomic::Ordering, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream},
};
use futures_util::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{get, post, query, send, serve, serve_until, with};
use crate::transport::{Settings, Streams};

const EVENTS: &str = "text/event-stream";

fn subscribe(text: &str) -> Request<Body> {
    with(query(text), "accept", EVENTS)
}

async fn open(router: &Router, request: Request<Body>) -> BodyDataStream {
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], EVENTS);
    response.into_body().into_data_stream()
}

async fn read(body: &mut BodyDataStream) -> Option<String> {
    let bytes = timeout(Duration::from_secs(10), body.next()).await.expect("an event")?;
    Some(String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}

fn data(event: &str) -> Value {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect(event);
    serde_json::from_str(data).unwrap()
}

const COMPLETE: &str = "event: complete\ndata:\n\n";

#[tokio::test]
async fn subscriptions_are_answered_as_events() {
    let (router, _) = serve(Settings::default());
    for request in [
        subscribe("subscription { ticks }"),
        with(get(&[("query", "subscription { ticks }")]), "accept", EVENTS),
        with(
            query("subscription { ticks }"),
            "accept",
            "application/json, text/event-stream",
        ),
    ] {
        let mut body = open(&router, request).await;
        for number in 1..=3 {
            let event = read(&mut body).await.unwrap();
            assert_eq!(
                event,
                format!("event: next\ndata: {{\"data\":{{\"ticks\":{number}}}}}\n\n")
            );
        }
        assert_eq!(read(&mut body).await.as_deref(), Some(COMPLETE));
        assert_eq!(read(&mut body).await, None);
    }
}

#[tokio::test]
async fn queries_and_mutations_are_answered_as_events_when_nothing_else_is_accepted() {
    let (router, shared) = serve(Settings::default());
    let mut body = open(&router, subscribe("{ hello }")).await;
    assert_eq!(
        data(&read(&mut body).await.unwrap()),
        json!({"data": {"hello": "world"}})
    );
    assert_eq!(read(&mut body).await.as_deref(), Some(COMPLETE));
    let mut body = open(&router, subscribe("mutation { bump }")).await;
    assert_eq!(data(&read(&mut body).await.unwrap()), json!({"data": {"bump": 1}}));
    let reply = send(&router, with(query("{ hello }"), "accept", "text/event-stream, */*")).await;
    assert_eq!(reply.text, r#"{"data":{"hello":"world"}}"#);
    let by_get = with(get(&[("query", "mutation { bump }")]), "accept", EVENTS);
    assert_eq!(send(&router, by_get).await.status.as_u16(), 405);
    assert_eq!(shared.bumps.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_stream_resumes_behind_the_last_event() {
    let (router, _) = serve(Settings::default());
    let mut body = open(&router, subscribe("subscription { numbers }")).await;
    let event = read(&mut body).await.unwrap();
    assert!(event.starts_with("event: next\nid: n-1\ndata: "), "{event}");
    drop(body);
    let resumed = with(subscribe("subscription { numbers }"), "last-event-id", "n-3");
    let mut body = open(&router, resumed).await;
    let event = read(&mut body).await.unwrap();
    assert!(event.contains("\nid: n-4\n"), "{event}");
    assert_eq!(data(&event)["data"]["numbers"], 4);
    let long = with(
        subscribe("subscription { numbers }"),
        "last-event-id",
        &"1".repeat(1025),
    );
    let reply = send(&router, long).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "INVALID_REQUEST"));
}

#[tokio::test]
async fn faults_of_the_document_are_events_and_other_faults_are_statuses() {
    let (router, _) = serve(Settings::default());
    for (text, code) in [
        ("subscription { unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks numbers }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ... on Ticks { ticks } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { refused }", "NOT_FOR_YOU"),
        ("subscription { panics }", "INTERNAL"),
        ("{ double }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let mut body = open(&router, subscribe(text)).await;
        let event = read(&mut body).await.unwrap();
        assert!(event.starts_with("event: next\n"), "{event}");
        assert_eq!(data(&event)["errors"][0]["extensions"]["code"], code, "{event}");
        assert!(!event.contains("hunter2"), "{event}");
        if !event.ends_with(COMPLETE) {
            assert_eq!(read(&mut body).await.as_deref(), Some(COMPLETE), "{text}");
        }
        assert_eq!(read(&mut body).await, None);
    }
    let accepting = |request| with(request, "accept", EVENTS);
    for (request, status) in [
        (accepting(post("{")), 400),
        (accepting(post("{}")), 422),
        (
            with(subscribe("subscription { ticks }"), "authorization", "Bearer unknown"),
            401,
        ),
        (
            with(subscribe("subscription { ticks }"), "content-type", "text/plain"),
            415,
        ),
        (query("subscription { ticks }"), 422),
        (with(query("subscription { ticks }"), "accept", "*/*"), 422),
        (with(query("{ hello }"), "accept", "text/html"), 406),
    ] {
        let reply = send(&router, request).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
        assert!(reply.json()["errors"].is_array());
    }
}

#[tokio::test]
async fn events_that_fail_do_not_end_the_stream() {
    let (router, _) = serve(Settings::default());
    let mut body = open(&router, subscribe("subscription { halting }")).await;
    let first = data(&read(&mut body).await.unwrap());
    assert_eq!(first["errors"][0]["extensions"]["code"], "NO_VALUE");
    assert_eq!(data(&read(&mut body).await.unwrap())["data"]["halting"], 2);
    assert_eq!(read(&mut body).await.as_deref(), Some(COMPLETE));
}

#[tokio::test]
async fn the_resolver_stops_when_the_client_leaves() {
    let (router, shared) = serve(Settings::default());
    let mut body = open(&router, subscribe("subscription { news }")).await;
    let first = tokio::spawn(async move { (read(&mut body).await, body) });
    shared.started.notified().await;
    shared.news.tell("a");
    let (event, body) = first.await.unwrap();
    assert_eq!(data(&event.unwrap())["data"]["news"], "a");
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 0);
    drop(body);
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let (router, _) = serve(streams(|streams| streams.keep_alive_ms = 5));
    let mut body = open(&router, subscribe("subscription { news }")).await;
    assert_eq!(read(&mut body).await.as_deref(), Some(":\n\n"));
    assert_eq!(read(&mut body).await.as_deref(), Some(":\n\n"));
}

#[tokio::test]
async fn a_revoked_token_ends_the_stream() {
    let (router, shared) = serve(Settings::default());
    let request = with(subscribe("subscription { news }"), "authorization", "Bearer revocable");
    let mut body = open(&router, request).await;
    shared.revoked.notify_one();
    let event = read(&mut body).await.unwrap();
    assert_eq!(data(&event)["errors"][0]["extensions"]["code"], "TOKEN_REVOKED");
    assert!(event.ends_with(COMPLETE), "{event}");
    assert_eq!(read(&mut body).await, None);
}

#[tokio::test]
async fn a_stopping_server_ends_streams_without_completing_them() {
    let (router, shared, stop) = serve_until(Settings::default());
    let mut body = open(&router, subscribe("subscription { news }")).await;
    let reading = tokio::spawn(async move { read(&mut body).await });
    shared.started.notified().await;
    stop.stop();
    assert_eq!(reading.await.unwrap(), None);
    timeout(Duration::from_secs(10), stop.drained()).await.unwrap();
    let reply = send(&router, subscribe("subscription { news }")).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "OVERLOADED"));
}

#[tokio::test]
async fn one_caller_has_a_bounded_number_of_streams() {
    let (router, _) = serve(streams(|streams| streams.subscriptions = 1));
    let news = || with(subscribe("subscription { news }"), "authorization", "Bearer a");
    let body = open(&router, news()).await;
    let reply = send(&router, news()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (429, "TOO_MANY_REQUESTS")
    );
    drop(body);
    drop(open(&router, news()).await);
}

#[tokio::test]
async fn an_event_that_takes_too_long_ends_the_stream() {
    let settings = Settings {
        query_timeout_ms: 20,
        ..Settings::default()
    };
    let (router, shared) = serve(settings);
    let mut body = open(&router, subscribe("subscription { stuck { never } }")).await;
    let event = read(&mut body).await.unwrap();
    assert_eq!(data(&event)["errors"][0]["extensions"]["code"], "TIMEOUT");
    assert_eq!(read(&mut body).await.as_deref(), Some(COMPLETE));
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn waiting_for_an_event_may_take_longer_than_a_query() {
    let settings = Settings {
        query_timeout_ms: 10,
        streams: Streams {
            keep_alive_ms: 50,
            ..Streams::default()
        },
        ..Settings::default()
    };
    let (router, shared) = serve(settings);
    let mut body = open(&router, subscribe("subscription { news }")).await;
    assert_eq!(read(&mut body).await.as_deref(), Some(":\n\n"));
    shared.news.tell("late");
    assert_eq!(data(&read(&mut body).await.unwrap())["data"]["news"], "late");
}

fn streams(change: impl FnOnce(&mut Streams)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings.streams);
    settings
}
