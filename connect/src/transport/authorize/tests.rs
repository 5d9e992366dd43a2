//! Sign-ins: once for many, renewed in time, stored before use, never tried again after a refusal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{advance, timeout};

use crate::{
    connector::{Connector, Identity},
    context::CallContext,
    error::{Error, ErrorKind},
    transport::testing::{Act, Memory, Scripted, Seen, Setup, answer, answer_with, fail, slowly},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

async fn probe(connector: &Connector) -> Result<Identity, Error> {
    connector.probe(&context()).await
}

async fn kind_of_probe(connector: &Connector) -> Option<ErrorKind> {
    probe(connector).await.err().map(|error| error.kind())
}

fn basic_auth() -> Value {
    json!({
        "id": "password", "label": "Password",
        "credentials": { "user": { "label": "User" }, "password": { "label": "Password" } },
        "kind": { "basic": { "username": "{{credentials.user}}", "password": "{{credentials.password}}" } },
    })
}

fn oauth(grant: &str) -> Value {
    let mut credentials = json!({ "id": { "label": "Client" }, "secret": { "label": "Secret" } });
    if grant == "refresh_token" {
        credentials["refresh_token"] = json!({ "label": "Refresh token" });
    }
    json!({
        "id": "oauth", "label": "OAuth", "credentials": credentials,
        "kind": { "oauth2": {
            "grant": grant, "token_url": "https://login.example.com/token",
            "client_id": "{{credentials.id}}", "client_secret": "{{credentials.secret}}",
        } },
    })
}

fn session_auth() -> Value {
    json!({
        "id": "session", "label": "Login",
        "credentials": { "user": { "label": "User" }, "password": { "label": "Password" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "user": "{{credentials.user}}", "password": "{{credentials.password}}" } },
            "keep": { "token": "token", "node": "cookie:NODE" },
            "headers": { "x-session": "{{session.token}}", "cookie": "NODE={{session.node}}" },
        } },
    })
}

fn client() -> Arc<Memory> {
    Memory::new(&[("id", "client"), ("secret", "client-secret")])
}

fn refreshing() -> Arc<Memory> {
    Memory::new(&[
        ("id", "client"),
        ("secret", "client-secret"),
        ("refresh_token", "refresh-0"),
    ])
}

fn person() -> Arc<Memory> {
    Memory::new(&[("user", "ada"), ("password", "lovelace")])
}

/// A system with numbered tokens, of which the last one serves unless all are revoked.
fn token_system(lifetime_s: u64) -> (Arc<Scripted>, Arc<AtomicBool>) {
    let (issued, revoked) = (AtomicU32::new(0), Arc::new(AtomicBool::new(false)));
    let dead = Arc::clone(&revoked);
    let wire = Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/token") {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            dead.store(false, Ordering::SeqCst);
            let body = json!({
                "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"), "expires_in": lifetime_s,
            });
            return slowly(100, answer(200, &body.to_string()));
        }
        let right = format!("Bearer access-{}", issued.load(Ordering::SeqCst));
        if seen.authorization.as_deref() == Some(&right) && !dead.load(Ordering::SeqCst) {
            slowly(10, answer(200, "{}"))
        } else {
            slowly(10, answer(401, "{}"))
        }
    });
    (wire, revoked)
}

#[tokio::test(start_paused = true)]
async fn basic_sends_name_and_password() {
    let wire = Scripted::of([]);
    let connector = Setup::new(wire.clone(), person(), &basic_auth()).connector();
    probe(&connector).await.unwrap();
    assert_eq!(wire.seen()[0].authorization.as_deref(), Some("Basic YWRhOmxvdmVsYWNl"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_is_not_sent_again_until_it_is_replaced() {
    let wire = Scripted::new(|seen: &Seen| {
        let right = seen.authorization.as_deref() == Some("Basic YWRhOm5ldw==");
        slowly(10, answer(if right { 200 } else { 401 }, "{}"))
    });
    let store = person();
    let connector = Setup::new(wire.clone(), store.clone(), &basic_auth()).connector();
    let kinds = join_all((0..50).map(|_| kind_of_probe(&connector))).await;
    assert_eq!(kinds[0], Some(ErrorKind::InvalidCredentials));
    assert!(kinds.iter().all(|kind| matches!(
        kind,
        Some(ErrorKind::InvalidCredentials | ErrorKind::ReauthorizationRequired)
    )));
    assert_eq!(wire.count(), 1, "an account would be locked after three");
    assert_eq!(
        kind_of_probe(&connector).await,
        Some(ErrorKind::ReauthorizationRequired)
    );
    assert!(connector.health().credentials_refused);
    assert_eq!(wire.count(), 1);
    store.replace(&[("user", "ada"), ("password", "new")]);
    assert_eq!(kind_of_probe(&connector).await, None);
    assert!(!connector.health().credentials_refused);
}

#[tokio::test(start_paused = true)]
async fn passwords_that_have_been_accepted_go_in_parallel() {
    let wire = Scripted::new(|_| slowly(10, answer(200, "{}")));
    let auth = basic_auth();
    let connector = Setup::new(wire.clone(), person(), &auth).connector();
    probe(&connector).await.unwrap();
    let plan = |at: usize| {
        let connector = Arc::clone(&connector);
        async move {
            let access = connector.transport_for_tests().access(&context()).await.unwrap();
            let plan = crate::request::RequestPlan {
                method: http::Method::GET,
                url: format!("https://trial.example.com/{at}"),
                headers: Vec::new(),
                body: crate::request::RequestBody::Empty,
                repeatable: true,
            };
            connector
                .transport_for_tests()
                .send(&context(), access, |_| Ok(plan.clone()), None)
                .await
        }
    };
    assert!(join_all((0..8).map(plan)).await.iter().all(Result::is_ok));
    assert_eq!(wire.most_under_way(), 8);
}

#[tokio::test(start_paused = true)]
async fn incomplete_credentials_are_told_and_nothing_is_sent() {
    let wire = Scripted::of([]);
    let connector = Setup::new(wire.clone(), Memory::new(&[("user", "ada")]), &basic_auth()).connector();
    let error = probe(&connector).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSettings);
    assert!(error.message().contains("user, password"), "{error}");
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_an_expired_token_cause_one_refresh() {
    let (wire, _) = token_system(3600);
    let connector = Setup::new(wire.clone(), refreshing(), &oauth("refresh_token")).connector();
    probe(&connector).await.unwrap();
    advance(Duration::from_secs(3600 - 59)).await;
    let results = join_all((0..1000).map(|_| probe(&connector))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(wire.count_of("/token"), 2);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_kept_until_a_tenth_of_their_life_is_left() {
    let (wire, _) = token_system(3600);
    let connector = Setup::new(wire.clone(), client(), &oauth("client_credentials")).connector();
    probe(&connector).await.unwrap();
    advance(Duration::from_secs(3600 - 362)).await;
    probe(&connector).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(wire.count_of("/token"), 1);
    advance(Duration::from_secs(1)).await;
    probe(&connector).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(wire.count_of("/token"), 2);
}

#[tokio::test(start_paused = true)]
async fn short_lived_tokens_serve_for_half_of_their_life() {
    let (wire, _) = token_system(40);
    let connector = Setup::new(wire.clone(), client(), &oauth("client_credentials")).connector();
    for _ in 0..10 {
        probe(&connector).await.unwrap();
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(wire.count_of("/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_replaced_once_for_all() {
    let (wire, revoked) = token_system(3600);
    let connector = Setup::new(wire.clone(), client(), &oauth("client_credentials")).connector();
    probe(&connector).await.unwrap();
    revoked.store(true, Ordering::SeqCst);
    let results = join_all((0..100).map(|_| probe(&connector))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(wire.count_of("/token"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_right_after_its_making_ends_in_invalid_credentials() {
    let wire = Scripted::new(|seen: &Seen| {
        if seen.url.ends_with("/token") {
            answer(200, r#"{"access_token":"a"}"#)
        } else {
            answer(401, "{}")
        }
    });
    let connector = Setup::new(wire.clone(), client(), &oauth("client_credentials")).connector();
    assert_eq!(kind_of_probe(&connector).await, Some(ErrorKind::InvalidCredentials));
    assert_eq!((wire.count_of("/token"), wire.count_of("/me")), (2, 2));
    assert_eq!(
        kind_of_probe(&connector).await,
        Some(ErrorKind::ReauthorizationRequired)
    );
    assert_eq!(wire.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_is_told_once_and_not_tried_again() {
    let wire = Scripted::new(|_| {
        slowly(
            10,
            answer(400, r#"{"error":"invalid_grant","error_description":"dead"}"#),
        )
    });
    let connector = Setup::new(wire.clone(), refreshing(), &oauth("refresh_token")).connector();
    let kinds = join_all((0..50).map(|_| kind_of_probe(&connector))).await;
    assert!(
        kinds.iter().all(|kind| *kind == Some(ErrorKind::InvalidCredentials)),
        "{kinds:?}"
    );
    assert_eq!(wire.count(), 1);
    assert_eq!(
        kind_of_probe(&connector).await,
        Some(ErrorKind::ReauthorizationRequired)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_down_says_nothing_about_the_credentials() {
    let wire = Scripted::of([answer(503, "{}"), answer(200, r#"{"access_token":"a"}"#)]);
    let connector = Setup::new(wire, client(), &oauth("client_credentials")).connector();
    assert_eq!(kind_of_probe(&connector).await, Some(ErrorKind::Unavailable));
    assert!(!connector.health().credentials_refused);
    assert_eq!(kind_of_probe(&connector).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_new_refresh_token_is_stored_before_the_access_token_is_used_and_serves_next_time() {
    let store = refreshing();
    let in_script = Arc::clone(&store);
    let issued = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/token") {
            let number = issued.fetch_add(1, Ordering::SeqCst);
            assert!(
                seen.body.contains(&format!("refresh_token=refresh-{number}")),
                "{}",
                seen.body
            );
            let next = number + 1;
            return answer(200, &json!({ "access_token": format!("access-{next}"), "refresh_token": format!("refresh-{next}"), "expires_in": 100 }).to_string());
        }
        let used = format!("Bearer {}", in_script.stored("access_token").unwrap());
        assert_eq!(seen.authorization.as_deref(), Some(used.as_str()));
        answer(200, "{}")
    });
    let connector = Setup::new(wire.clone(), store.clone(), &oauth("refresh_token")).connector();
    for round in 1..=3 {
        probe(&connector).await.unwrap();
        assert_eq!(store.stored("refresh_token"), Some(format!("refresh-{round}")));
        advance(Duration::from_secs(90)).await;
    }
    assert_eq!(wire.count_of("/token"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_to_the_store_when_its_caller_leaves() {
    let (wire, _) = token_system(3600);
    let store = refreshing();
    let connector = Setup::new(wire.clone(), store.clone(), &oauth("refresh_token")).connector();
    assert!(timeout(Duration::from_millis(50), probe(&connector)).await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.stored("refresh_token").as_deref(), Some("refresh-1"));
    probe(&connector).await.unwrap();
    assert_eq!(wire.count_of("/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_process_stored_is_used() {
    let (wire, _) = token_system(3600);
    let store = client();
    store.put_session(
        4,
        &[("access_token", "access-0")],
        Some("2026-11-22T09:00:00Z".parse().unwrap()),
    );
    let connector = Setup::new(wire.clone(), store.clone(), &oauth("client_credentials")).connector();
    probe(&connector).await.unwrap();
    assert_eq!(wire.count_of("/token"), 0);
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_race_for_a_refresh_takes_the_winners_session() {
    let store = refreshing();
    let winner = Arc::clone(&store);
    let wire = Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/token") {
            winner.put_session(1, &[("access_token", "won"), ("refresh_token", "refresh-1")], None);
            return answer(400, r#"{"error":"invalid_grant"}"#);
        }
        assert_eq!(seen.authorization.as_deref(), Some("Bearer won"));
        answer(200, "{}")
    });
    let connector = Setup::new(wire.clone(), store, &oauth("refresh_token")).connector();
    probe(&connector).await.unwrap();
    assert_eq!(wire.count_of("/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_made_from_replaced_credentials_is_not_used() {
    let (wire, _) = token_system(3600);
    let store = client();
    store.put_session(4, &[("access_token", "access-0")], None);
    store.replace(&[("id", "client"), ("secret", "other")]);
    let connector = Setup::new(wire.clone(), store, &oauth("client_credentials")).connector();
    // The stale row stays until the store removes it with the credentials, so the new session cannot take its place.
    let _ = probe(&connector).await;
    assert_eq!(wire.count_of("/token"), 1);
    assert!(
        wire.seen()
            .iter()
            .all(|seen| seen.authorization.as_deref() != Some("Bearer access-0"))
    );
}

/// A system with numbered sessions, ended from outside, that tells so by a rule of the manifest.
fn session_system(ended: Arc<AtomicU32>) -> Arc<Scripted> {
    let logins = AtomicU32::new(0);
    Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/login") {
            assert_eq!(seen.body, r#"{"user":"ada","password":"lovelace"}"#);
            let number = logins.fetch_add(1, Ordering::SeqCst) + 1;
            let body = json!({ "token": format!("session-{number}") }).to_string();
            return slowly(
                50,
                answer_with(200, &[("set-cookie", "NODE=n7; Path=/; HttpOnly")], &body),
            );
        }
        let session = seen.headers.get("x-session").unwrap().to_str().unwrap();
        assert_eq!(seen.headers.get("cookie").unwrap(), "NODE=n7");
        let number: u32 = session.trim_start_matches("session-").parse().unwrap();
        if number <= ended.load(Ordering::SeqCst) {
            slowly(10, answer(440, r#"{"error":"session"}"#))
        } else {
            slowly(10, answer(200, "{}"))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_renewed_by_one_login_and_waiting_requests_are_not_wasted() {
    let ended = Arc::new(AtomicU32::new(0));
    let wire = session_system(Arc::clone(&ended));
    let rules = json!({
        "errors": [{ "when": { "status": 440 }, "kind": "session_expired" }],
        "limits": { "concurrency": 2 },
    });
    let connector = Setup::new(wire.clone(), person(), &session_auth())
        .patch(&rules)
        .connector();
    let send = |at: usize| {
        let connector = Arc::clone(&connector);
        async move {
            let access = connector.transport_for_tests().access(&context()).await.unwrap();
            let plan = crate::request::RequestPlan {
                method: http::Method::GET,
                url: format!("https://trial.example.com/{at}"),
                headers: Vec::new(),
                body: crate::request::RequestBody::Empty,
                repeatable: true,
            };
            connector
                .transport_for_tests()
                .send(&context(), access, |_| Ok(plan.clone()), None)
                .await
        }
    };
    assert!(send(0).await.is_ok());
    ended.store(1, Ordering::SeqCst);
    assert!(join_all((0..20).map(send)).await.iter().all(Result::is_ok));
    assert_eq!(wire.count_of("/login"), 2);
    // 1 before, 20 asked, at most 2 that were under way when the session ended, 2 logins.
    assert!(wire.count() <= 25, "{}", wire.count());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_at_once_again_is_given_up() {
    let wire = session_system(Arc::new(AtomicU32::new(99)));
    let rules = json!({ "errors": [{ "when": { "status": 440 }, "kind": "session_expired" }] });
    let connector = Setup::new(wire.clone(), person(), &session_auth())
        .patch(&rules)
        .connector();
    assert_eq!(kind_of_probe(&connector).await, Some(ErrorKind::InvalidCredentials));
    assert_eq!((wire.count_of("/login"), wire.count_of("/me")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_not_repeated() {
    for act in [|| answer(401, "{}"), || answer(200, r#"{"token":null,"failed":true}"#)] as [fn() -> Act; 2] {
        let wire = Scripted::new(move |_| act());
        let mut auth = session_auth();
        auth["kind"]["session"]["refused_when"] = json!([{ "path": "failed", "equals": true }]);
        let connector = Setup::new(wire.clone(), person(), &auth).connector();
        assert_eq!(kind_of_probe(&connector).await, Some(ErrorKind::InvalidCredentials));
        assert_eq!(
            kind_of_probe(&connector).await,
            Some(ErrorKind::ReauthorizationRequired)
        );
        assert_eq!(wire.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_the_network_breaks_is_tried_again_later() {
    let wire = Scripted::of([
        fail(ErrorKind::Network),
        answer_with(200, &[("set-cookie", "NODE=n7")], r#"{"token":"session-1"}"#),
    ]);
    let connector = Setup::new(wire, person(), &session_auth()).connector();
    assert_eq!(kind_of_probe(&connector).await, Some(ErrorKind::Network));
    assert_eq!(kind_of_probe(&connector).await, None);
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_printed() {
    let (wire, _) = token_system(3600);
    let connector = Setup::new(wire, refreshing(), &oauth("refresh_token")).connector();
    probe(&connector).await.unwrap();
    let access = connector.transport_for_tests().access(&context()).await.unwrap();
    let printed = format!(
        "{connector:?} {access:?} {:?} {:?}",
        connector.transport_for_tests(),
        access.headers()
    );
    for canary in ["client-secret", "access-1", "refresh-0", "refresh-1"] {
        assert!(!printed.contains(canary), "{printed}");
    }
}
