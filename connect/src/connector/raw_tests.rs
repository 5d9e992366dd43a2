//! Requests of clients' own go through the layers like all others, and what changes something goes once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    blueprint::raw::RawRequest,
    connector::Connector,
    context::CallContext,
    error::ErrorKind,
    transport::testing::{Act, Scripted, Seen, Setup, answer, answer_with, cut, fail},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn connector(wire: &Arc<Scripted>, more: &Value) -> Arc<Connector> {
    let raw = json!({"raw": {"methods": ["GET", "POST"], "paths": ["/data/**"], "reads": ["/data/search"]}});
    Setup::with_token(Arc::clone(wire) as Arc<_>)
        .patch(&raw)
        .patch(more)
        .connector()
}

fn request(method: &str, path: &str) -> RawRequest {
    RawRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        ..RawRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_handed_on_whatever_it_means() {
    let wire = Scripted::new(|_| {
        answer_with(
            404,
            &[
                ("content-type", "application/json"),
                ("etag", "W/1"),
                ("set-cookie", "a=b"),
                ("X-RateLimit-Remaining", "7"),
                ("server", "x"),
            ],
            r#"{"error":{"message":"gone"}}"#,
        )
    });
    let connector = connector(&wire, &json!({}));
    let response = connector
        .raw_request(&context(), &request("GET", "/data/x"))
        .await
        .unwrap();
    assert_eq!(
        (response.status, &response.body[..]),
        (404, &br#"{"error":{"message":"gone"}}"#[..])
    );
    let mut names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "etag", "x-ratelimit-remaining"]);
    let seen = &wire.seen()[0];
    assert_eq!(seen.url, "https://trial.example.com/api/data/x");
    assert_eq!(seen.authorization.as_deref(), Some("Bearer secret-token"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_not_sent() {
    let wire = Scripted::new(|_| answer(200, "{}"));
    let connector = connector(&wire, &json!({}));
    for (method, path) in [
        ("GET", "/admin"),
        ("DELETE", "/data/x"),
        ("GET", "/data/../x"),
        ("get", "/data/x"),
    ] {
        let error = connector
            .raw_request(&context(), &request(method, path))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported, "{method} {path}");
    }
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_changes_something_is_sent_once() {
    for act in [|| cut(), || fail(ErrorKind::Timeout), || answer(503, "{}")] {
        let wire = Scripted::new(move |_| act());
        let connector = connector(&wire, &json!({}));
        assert!(
            connector
                .raw_request(&context(), &request("POST", "/data/x"))
                .await
                .is_err()
        );
        assert_eq!(wire.count(), 1);
        assert!(
            connector
                .raw_request(&context(), &request("POST", "/data/search"))
                .await
                .is_err()
        );
        assert!(wire.count() > 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_fetched_for_what_changes_something() {
    let wire = Scripted::new(|seen: &Seen| -> Act {
        match seen.url.ends_with("/mark") {
            true => answer_with(200, &[("x-csrf-token", "m1")], "{}"),
            false => answer(200, "{}"),
        }
    });
    let mark = json!({"http": {"anti_forgery": {
        "request": {"path": "/mark"}, "header": "x-csrf-token", "refused_when": {"status": 403, "headers": {"x-csrf-token": "required"}},
    }}});
    let connector = connector(&wire, &mark);
    connector
        .raw_request(&context(), &request("GET", "/data/x"))
        .await
        .unwrap();
    assert_eq!(wire.count_of("/mark"), 0);
    connector
        .raw_request(&context(), &request("POST", "/data/x"))
        .await
        .unwrap();
    let sent = wire
        .seen()
        .into_iter()
        .rfind(|seen| seen.method == http::Method::POST)
        .unwrap();
    assert_eq!(sent.headers["x-csrf-token"], "m1");
}

#[tokio::test(start_paused = true)]
async fn large_answers_are_not_handed_on() {
    let wire = Scripted::new(|_| answer(200, &"x".repeat(super::raw::MOST_BYTES + 1)));
    let connector = connector(&wire, &json!({}));
    let error = connector
        .raw_request(&context(), &request("GET", "/data/x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
}
