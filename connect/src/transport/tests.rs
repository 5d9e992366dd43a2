//! The way of a request: repetition, limits, sharing, and what failures mean for others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, advance};

use super::testing::{Act, Remembered, Scripted, Setup, answer, answer_with, fail, slowly};
use crate::{
    connector::Connector,
    context::CallContext,
    error::{Error, ErrorKind},
    layers::{breaker::State, deadline},
    request::{RequestBody, RequestPlan},
    transport::Response,
};

fn context_of(seconds: u64) -> CallContext {
    CallContext::within(Duration::from_secs(seconds), "r")
}

fn get(path: &str) -> RequestPlan {
    RequestPlan {
        method: http::Method::GET,
        url: format!("https://trial.example.com/{path}"),
        headers: Vec::new(),
        body: RequestBody::Empty,
        repeatable: true,
    }
}

fn post(path: &str) -> RequestPlan {
    RequestPlan {
        method: http::Method::POST,
        body: RequestBody::Json("{}".to_owned()),
        repeatable: false,
        ..get(path)
    }
}

async fn send(connector: &Connector, context: &CallContext, plan: &RequestPlan) -> Result<Arc<Response>, Error> {
    let run = async {
        let access = connector.transport_for_tests().access(context).await?;
        connector
            .transport_for_tests()
            .send(context, access, |_| Ok(plan.clone()), None)
            .await
    };
    deadline::keep(context, run).await
}

async fn kind_of(connector: &Connector, seconds: u64, plan: &RequestPlan) -> Option<ErrorKind> {
    send(connector, &context_of(seconds), plan)
        .await
        .err()
        .map(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_repeated_and_a_write_is_not() {
    for act in [|| answer(503, "{}"), || fail(ErrorKind::Network), || Act::Hang] as [fn() -> Act; 3] {
        let wire = Scripted::of([act(), answer(200, "{}")]);
        let connector = Setup::with_token(wire.clone()).connector();
        let context = context_of(30);
        assert!(send(&connector, &context, &get("a")).await.is_ok());
        assert_eq!((wire.count(), context.calls()), (2, 2));
        let wire = Scripted::of([act(), answer(200, "{}")]);
        let connector = Setup::with_token(wire.clone()).connector();
        assert!(send(&connector, &context_of(30), &post("a")).await.is_err());
        assert_eq!(wire.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_failures_stays_within_the_budget() {
    for asked in [1_usize, 10, 100] {
        let wire = Scripted::new(|_| answer(500, "{}"));
        let connector = Setup::with_token(wire.clone()).connector();
        for at in 0..asked {
            assert_eq!(
                kind_of(&connector, 30, &get(&at.to_string())).await,
                Some(ErrorKind::Unavailable)
            );
        }
        assert!(wire.count() <= asked + asked / 5 + 2, "{} for {asked}", wire.count());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_retry_after() {
    let wire = Scripted::of([answer_with(429, &[("retry-after", "7")], "{}"), answer(200, "{}")]);
    let connector = Setup::with_token(wire.clone()).connector();
    let all = join_all((0..10).map(|at| {
        let connector = Arc::clone(&connector);
        async move {
            tokio::time::sleep(Duration::from_millis(at * 100)).await;
            send(&connector, &context_of(30), &get(&at.to_string())).await
        }
    }));
    assert!(all.await.iter().all(Result::is_ok));
    let seen = wire.seen();
    let first = seen.first().unwrap().at;
    assert!(
        seen.iter()
            .skip(1)
            .all(|seen| seen.at - first >= Duration::from_secs(7))
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_the_query_is_told_at_once_without_a_call() {
    let wire = Scripted::of([answer_with(429, &[("retry-after", "60")], "{}"), answer(200, "{}")]);
    let connector = Setup::with_token(wire.clone()).connector();
    let first = send(&connector, &context_of(30), &get("a")).await.unwrap_err();
    assert_eq!(
        (first.kind(), first.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(60)))
    );
    let start = Instant::now();
    assert_eq!(kind_of(&connector, 30, &get("b")).await, Some(ErrorKind::RateLimited));
    assert_eq!((start.elapsed(), wire.count()), (Duration::ZERO, 1));
    assert!(connector.health().rate_limited_until.is_some());
    advance(Duration::from_secs(60)).await;
    assert_eq!(kind_of(&connector, 30, &get("b")).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_429_without_a_wish_pauses_the_connection_too() {
    let wire = Scripted::of([answer(429, "{}"), answer(429, "{}"), answer(200, "{}")]);
    let connector = Setup::with_token(wire.clone()).connector();
    for _ in 0..5 {
        let _ = kind_of(&connector, 30, &get("a")).await;
    }
    let seen = wire.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    assert!(seen[2].at - seen[1].at >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn the_manifest_limits_parallel_requests_and_rates() {
    let wire = Scripted::new(|_| slowly(100, answer(200, "{}")));
    let limits = json!({ "limits": { "concurrency": 3, "rates": [{ "calls": 5, "per_s": 10 }] } });
    let connector = Setup::with_token(wire.clone()).patch(&limits).connector();
    let results = join_all((0..10).map(|at| {
        let connector = Arc::clone(&connector);
        async move { send(&connector, &context_of(60), &get(&at.to_string())).await }
    }));
    assert!(results.await.iter().all(Result::is_ok));
    assert_eq!(wire.most_under_way(), 3);
    let seen = wire.seen();
    assert!(seen[5].at - seen[0].at >= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn identical_reads_under_way_share_one_request_and_writes_end_the_sharing() {
    let wire = Scripted::new(|_| slowly(100, answer(200, "{}")));
    let connector = Setup::with_token(wire.clone()).connector();
    let results = join_all((0..100).map(|_| {
        let connector = Arc::clone(&connector);
        async move { send(&connector, &context_of(5), &get("a")).await }
    }));
    assert!(results.await.iter().all(Result::is_ok));
    assert_eq!(wire.count(), 1);
    let writes = join_all((0..3).map(|_| {
        let connector = Arc::clone(&connector);
        async move { send(&connector, &context_of(5), &post("a")).await }
    }));
    assert!(writes.await.iter().all(Result::is_ok));
    assert_eq!(wire.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_sharer_with_more_time_outlives_the_one_who_began() {
    let wire = Scripted::new(|_| slowly(3000, answer(200, "{}")));
    let connector = Setup::with_token(wire.clone()).connector();
    let (short, long) = (context_of(1), context_of(20));
    let plan = get("a");
    let (hasty, patient) = tokio::join!(send(&connector, &short, &plan), send(&connector, &long, &plan));
    assert_eq!(hasty.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert!(patient.is_ok());
}

#[tokio::test(start_paused = true)]
async fn five_failures_open_the_breaker_which_answers_at_once_and_recovers() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let wire = Scripted::new(move |_| {
        if is_up.load(std::sync::atomic::Ordering::SeqCst) {
            answer(200, "{}")
        } else {
            Act::Hang
        }
    });
    let observer = Arc::new(Remembered::default());
    let mut setup = Setup::with_token(wire.clone());
    setup.observer = observer.clone();
    let connector = setup.connector();
    let probe = async || connector.probe(&context_of(30)).await.err().map(|error| error.kind());
    for _ in 0..5 {
        assert_eq!(probe().await, Some(ErrorKind::Timeout));
    }
    assert_eq!(connector.health().breaker, State::Open);
    let (start, before) = (Instant::now(), wire.count());
    for _ in 0..100 {
        assert_eq!(probe().await, Some(ErrorKind::CircuitOpen));
    }
    assert_eq!((start.elapsed(), wire.count()), (Duration::ZERO, before));
    assert!(before <= 5 + 1 + 2, "{before}");
    up.store(true, std::sync::atomic::Ordering::SeqCst);
    let back = Instant::now();
    while probe().await.is_some() {
        advance(Duration::from_millis(100)).await;
    }
    assert!(back.elapsed() <= Duration::from_secs(10));
    assert_eq!(connector.health().breaker, State::Closed);
    let seen = observer.0.lock().unwrap();
    assert_eq!(
        seen.first().map(|(operation, kind, _)| (*operation, *kind)),
        Some(("probe", Some(ErrorKind::Timeout)))
    );
    assert_eq!(seen.last().map(|(_, kind, calls)| (*kind, *calls)), Some((None, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_answer_counts_for_the_breaker() {
    let wire = Scripted::new(|_| answer(200, ""));
    let connector = Setup::with_token(wire).connector();
    for _ in 0..5 {
        assert_eq!(
            connector.probe(&context_of(30)).await.unwrap_err().kind(),
            ErrorKind::MalformedResponse
        );
    }
    assert_eq!(connector.health().breaker, State::Open);
    assert_eq!(
        connector.health().last_error.unwrap().1.kind(),
        ErrorKind::MalformedResponse
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_caller_leaves_sends_nothing_more() {
    let wire = Scripted::new(|_| answer(503, "{}"));
    let connector = Setup::with_token(wire.clone()).connector();
    let context = context_of(30);
    let left = tokio::time::timeout(Duration::from_millis(20), connector.probe(&context)).await;
    assert!(left.is_err());
    let before = wire.count();
    advance(Duration::from_secs(10)).await;
    assert_eq!(wire.count(), before);
}
