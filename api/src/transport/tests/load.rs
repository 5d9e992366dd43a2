//! Time limits, cancellation and the bounds on operations that run at once.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::Router;
use futures_util::future::join_all;
use tower::ServiceExt;

use super::{Reply, Shared, precheck, query, send, serve, with};
use crate::transport::Settings;

fn waiting(
    router: &Router,
    token: &str,
    shared: &Shared,
    count: usize,
) -> (Vec<tokio::task::JoinHandle<Reply>>, impl Future<Output = ()>) {
    let tasks = (0..count)
        .map(|_| {
            let (router, request) = (router.clone(), with(query("{ waits }"), "authorization", token));
            tokio::spawn(async move { send(&router, request).await })
        })
        .collect();
    let started = async move {
        for _ in 0..count {
            shared.started.notified().await;
        }
    };
    (tasks, started)
}

#[tokio::test]
async fn operations_end_at_their_deadline() {
    let (router, shared) = serve(Settings {
        query_timeout_ms: 20,
        ..Settings::default()
    });
    let reply = send(&router, query("{ waits }")).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "TIMEOUT"));
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn work_stops_when_the_client_leaves() {
    let (router, shared) = serve(Settings {
        operations: 1,
        ..Settings::default()
    });
    let request = tokio::spawn(router.clone().oneshot(query("{ waits }")));
    shared.started.notified().await;
    assert_eq!(send(&router, query("{ hello }")).await.status.as_u16(), 503);
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(send(&router, query("{ hello }")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn one_caller_runs_at_most_16_operations_at_once() {
    let (router, shared) = serve(Settings::default());
    let (tasks, started) = waiting(&router, "Bearer a", &shared, 16);
    // The permits of `Notify` merge, so wait until all have been counted instead of for each signal.
    drop(started);
    let reply = loop {
        let reply = send(&router, with(query("{ hello }"), "authorization", "Bearer a")).await;
        if reply.status.as_u16() == 429 {
            break reply;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (reply.code().as_str(), reply.header("retry-after")),
        ("TOO_MANY_REQUESTS", "1")
    );
    assert_eq!(
        send(&router, with(query("{ hello }"), "authorization", "Bearer b"))
            .await
            .status
            .as_u16(),
        200
    );
    assert_eq!(send(&router, query("{ hello }")).await.status.as_u16(), 200);
    for reply in release(&shared, tasks).await {
        assert_eq!(reply.text, r#"{"data":{"waits":"done"}}"#);
    }
    assert_eq!(
        send(&router, with(query("{ hello }"), "authorization", "Bearer a"))
            .await
            .status
            .as_u16(),
        200
    );
}

#[tokio::test]
async fn a_full_server_sheds_load() {
    let (router, shared) = serve(Settings {
        operations: 2,
        retry_after_seconds: 3,
        ..Settings::default()
    });
    let (tasks, _) = waiting(&router, "Bearer a", &shared, 2);
    let reply = loop {
        let reply = send(&router, query("{ hello }")).await;
        if reply.status.as_u16() == 503 {
            break reply;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (reply.code().as_str(), reply.header("retry-after")),
        ("OVERLOADED", "3")
    );
    release(&shared, tasks).await;
    assert_eq!(send(&router, query("{ hello }")).await.status.as_u16(), 200);
}

async fn release(shared: &Shared, tasks: Vec<tokio::task::JoinHandle<Reply>>) -> Vec<Reply> {
    let all = join_all(tasks);
    tokio::pin!(all);
    loop {
        shared.release.notify_waiters();
        tokio::select! {
            replies = &mut all => return replies.into_iter().map(Result::unwrap).collect(),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn hostile_requests_are_answered_quickly() {
    let (router, _) = serve(Settings::default());
    let bomb = precheck::bomb(25, 2);
    send(&router, query("{ hello }")).await;
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let reply = send(&router, query(&bomb)).await;
        fastest = fastest.min(start.elapsed());
        assert_eq!(reply.code(), "QUERY_TOO_COMPLEX");
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}
