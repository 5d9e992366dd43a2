//! Several processes with one store: refresh tokens are used once, sessions are renewed ahead, races end nobody's session.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{advance, sleep};
use uuid::Uuid;

use crate::{
    connector::Connector,
    context::CallContext,
    error::{CredentialReason, Error, ErrorKind},
    store::CredentialStore as _,
    transport::testing::{Act, Memory, Remembered, Scripted, Seen, Setup, answer, fail, slowly},
};

fn auth() -> Value {
    json!({
        "id": "oauth", "label": "OAuth",
        "credentials": { "id": { "label": "Client" }, "refresh_token": { "label": "Refresh token" } },
        "kind": { "oauth2": {
            "grant": "refresh_token", "token_url": "https://login.example.com/token", "client_id": "{{credentials.id}}",
        } },
    })
}

fn store() -> Arc<Memory> {
    Memory::new(&[("id", "client"), ("refresh_token", "refresh-0")])
}

async fn probe(connector: &Connector) -> Result<(), Error> {
    let context = CallContext::within(Duration::from_secs(60), "r");
    connector.probe(&context).await.map(|_| ())
}

/// A system that rotates refresh tokens, ends all when one comes twice, and takes each access token to its end.
fn strict_system(lifetime_s: u64, answer_ms: u64) -> Arc<Scripted> {
    let (used, issued) = (Mutex::new(HashSet::new()), AtomicU32::new(0));
    Scripted::new(move |seen: &Seen| {
        if !seen.url.ends_with("/token") {
            return slowly(10, answer(200, "{}"));
        }
        let token = seen.body.split("refresh_token=").nth(1).unwrap();
        let token = token.split('&').next().unwrap().to_owned();
        if !used.lock().unwrap().insert(token) {
            return slowly(
                answer_ms,
                answer(400, r#"{"error":"invalid_grant","error_description":"reused"}"#),
            );
        }
        let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
        let body = json!({
            "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"), "expires_in": lifetime_s,
        });
        slowly(answer_ms, answer(200, &body.to_string()))
    })
}

fn processes(count: usize, wire: &Arc<Scripted>, store: &Arc<Memory>) -> Vec<Arc<Connector>> {
    (0..count)
        .map(|_| Setup::new(wire.clone(), store.clone(), &auth()).connector())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn eight_processes_use_each_refresh_token_once() {
    let (wire, store) = (strict_system(600, 700), store());
    let processes = processes(8, &wire, &store);
    for round in 1..=5 {
        let results = join_all(processes.iter().map(|process| probe(process))).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(wire.count_of("/token"), round, "one refresh for all of them");
        assert_eq!(store.stored("refresh_token"), Some(format!("refresh-{round}")));
        advance(Duration::from_secs(601)).await;
    }
    assert!(processes.iter().all(|process| !process.health().credentials_refused));
}

#[tokio::test(start_paused = true)]
async fn eight_processes_renew_ahead_once() {
    let (wire, store) = (strict_system(600, 700), store());
    let processes = processes(8, &wire, &store);
    for round in 1..=5 {
        join_all(processes.iter().map(|process| probe(process))).await;
        // All have seen the present session and hold it for their own.
        sleep(Duration::from_secs(2)).await;
        assert_eq!(wire.count_of("/token"), round);
        advance(Duration::from_secs(550)).await;
    }
    assert!(processes.iter().all(|process| !process.health().credentials_refused));
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_owner_died_lapses() {
    let (wire, store) = (strict_system(600, 100), store());
    assert!(
        store
            .take_lease(Uuid::from_u128(1), Duration::from_secs(15))
            .await
            .unwrap()
    );
    let connector = processes(1, &wire, &store).remove(0);
    let started = tokio::time::Instant::now();
    probe(&connector).await.unwrap();
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_secs(15) && waited < Duration::from_secs(17),
        "{waited:?}"
    );
    assert!(store.lease.lock().unwrap().is_none(), "given back");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_lease_ends_with_the_query_and_refuses_nothing() {
    let (wire, store) = (strict_system(600, 100), store());
    assert!(
        store
            .take_lease(Uuid::from_u128(1), Duration::from_secs(3600))
            .await
            .unwrap()
    );
    let connector = processes(1, &wire, &store).remove(0);
    let error = probe(&connector).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::DeadlineExceeded, None));
    assert!(!connector.health().credentials_refused);
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_credentials_that_were_replaced_meanwhile_is_none() {
    let store = store();
    let replaced = Arc::clone(&store);
    let wire = Scripted::new(move |seen: &Seen| {
        if !seen.url.ends_with("/token") {
            return answer(200, "{}");
        }
        if seen.body.contains("refresh-0") {
            replaced.replace(&[("id", "client"), ("refresh_token", "new")]);
            return slowly(100, answer(400, r#"{"error":"invalid_grant"}"#));
        }
        answer(200, r#"{"access_token":"a"}"#)
    });
    let connector = processes(1, &wire, &store).remove(0);
    assert_eq!(probe(&connector).await.unwrap_err().reason(), None);
    assert!(!connector.health().credentials_refused);
    probe(&connector).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replaced_password_is_tried_at_once_and_the_old_one_never_again() {
    let store = Memory::new(&[("user", "ada"), ("password", "old")]);
    let wire = Scripted::new(|seen: &Seen| {
        let right = seen.authorization.as_deref() == Some("Basic YWRhOm5ldw==");
        answer(if right { 200 } else { 401 }, "{}")
    });
    let basic = json!({
        "id": "password", "label": "Password",
        "credentials": { "user": { "label": "User" }, "password": { "label": "Password" } },
        "kind": { "basic": { "username": "{{credentials.user}}", "password": "{{credentials.password}}" } },
    });
    let connector = Setup::new(wire.clone(), store.clone(), &basic).connector();
    let access = connector
        .transport_for_tests()
        .access(&CallContext::within(Duration::from_secs(9), "r"))
        .await;
    assert!(access.is_ok(), "nothing is sent yet");
    store.replace(&[("user", "ada"), ("password", "new")]);
    probe(&connector).await.unwrap();
    assert_eq!(wire.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_still_serves_is_renewed_aside() {
    let (wire, store) = (strict_system(3600, 700), store());
    let observer = Arc::new(Remembered::default());
    let mut setup = Setup::new(wire.clone(), store.clone(), &auth());
    setup.observer = observer.clone();
    let connector = setup.connector();
    probe(&connector).await.unwrap();
    // A tenth of its life is left.
    advance(Duration::from_secs(3600 - 300)).await;
    let started = tokio::time::Instant::now();
    let results = join_all((0..50).map(|_| probe(&connector))).await;
    assert!(results.iter().all(Result::is_ok));
    assert!(started.elapsed() < Duration::from_millis(100), "nobody waits");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(wire.count_of("/token"), 2);
    assert_eq!(store.stored("access_token").as_deref(), Some("access-2"));
    let told = observer.0.lock().unwrap().clone();
    assert!(told.contains(&("renew", None, 1)), "{told:?}");
    probe(&connector).await.unwrap();
    assert_eq!(
        wire.seen().last().unwrap().authorization.as_deref(),
        Some("Bearer access-2")
    );
}

#[tokio::test(start_paused = true)]
async fn a_renewal_ahead_that_fails_is_tried_again_later_and_costs_nobody_anything() {
    let tokens = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if !seen.url.ends_with("/token") {
            return answer(200, "{}");
        }
        match tokens.fetch_add(1, Ordering::SeqCst) {
            0 => answer(200, r#"{"access_token":"a","refresh_token":"r","expires_in":3600}"#),
            1 | 2 => answer(503, "{}"),
            _ => answer(200, r#"{"access_token":"b","refresh_token":"s","expires_in":3600}"#),
        }
    });
    let connector = processes(1, &wire, &store()).remove(0);
    probe(&connector).await.unwrap();
    advance(Duration::from_secs(3300)).await;
    for _ in 0..40 {
        probe(&connector).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(wire.count_of("/token"), 4, "every ten seconds until it works");
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_told_while_the_session_still_serves() {
    let tokens = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if !seen.url.ends_with("/token") {
            return answer(200, "{}");
        }
        match tokens.fetch_add(1, Ordering::SeqCst) {
            0 => answer(200, r#"{"access_token":"a","refresh_token":"r","expires_in":3600}"#),
            _ => answer(
                400,
                r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#,
            ),
        }
    });
    let observer = Arc::new(Remembered::default());
    let mut setup = Setup::new(wire.clone(), store(), &auth());
    setup.observer = observer.clone();
    let connector = setup.connector();
    probe(&connector).await.unwrap();
    advance(Duration::from_secs(3300)).await;
    for _ in 0..30 {
        probe(&connector).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(wire.count_of("/token"), 2);
    let told = observer.0.lock().unwrap().clone();
    let renewals: Vec<_> = told.iter().filter(|(name, ..)| *name == "renew").collect();
    assert_eq!(renewals, [&("renew", Some(ErrorKind::InvalidCredentials), 1)]);
    advance(Duration::from_secs(300)).await;
    let error = probe(&connector).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.reason()),
        (ErrorKind::ReauthorizationRequired, Some(CredentialReason::Revoked))
    );
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_forbidden_is_not_repeated() {
    let login = json!({
        "id": "session", "label": "Login", "credentials": { "password": { "label": "Password" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "p": "{{credentials.password}}" } }, "keep": { "token": "token" },
            "headers": { "x-session": "{{session.token}}" },
        } },
    });
    let wire = Scripted::new(|_| answer(403, "{}"));
    let connector = Setup::new(wire.clone(), Memory::new(&[("password", "p")]), &login).connector();
    let error = probe(&connector).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.reason()),
        (
            ErrorKind::InvalidCredentials,
            Some(CredentialReason::InvalidCredentials)
        )
    );
    assert_eq!(
        probe(&connector).await.unwrap_err().kind(),
        ErrorKind::ReauthorizationRequired
    );
    assert_eq!(wire.count(), 1);
    // The same answer to another request says what the account may do, no more.
    let wire = Scripted::new(|seen: &Seen| {
        if seen.url.ends_with("/login") {
            answer(200, r#"{"token":"t"}"#)
        } else {
            answer(403, "{}")
        }
    });
    let connector = Setup::new(wire.clone(), Memory::new(&[("password", "p")]), &login).connector();
    for _ in 0..3 {
        let error = probe(&connector).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::PermissionDenied, None));
    }
    assert_eq!(wire.count_of("/login"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_moment_loses_no_refresh_token() {
    let (wire, store) = (strict_system(600, 100), store());
    store.broken_stores.store(2, Ordering::SeqCst);
    let connector = processes(1, &wire, &store).remove(0);
    probe(&connector).await.unwrap();
    assert_eq!(store.stored("refresh_token").as_deref(), Some("refresh-1"));
}

/// What a busy or broken system does, by number.
fn trouble(number: u8) -> Act {
    const REFUSAL: &str = r#"{"error":"invalid_grant","error_description":"expired","message":"bad credentials"}"#;
    match number {
        0 => answer(429, REFUSAL),
        1 => answer(500, REFUSAL),
        2 => answer(502, "<html>bad gateway</html>"),
        3 => answer(503, REFUSAL),
        4 => fail(ErrorKind::Network),
        5 => fail(ErrorKind::Tls),
        6 => fail(ErrorKind::Timeout),
        7 => answer(200, "<html>maintenance</html>"),
        _ => answer(
            200,
            r#"{"access_token":"a","refresh_token":"r","expires_in":300,"token":"t"}"#,
        ),
    }
}

fn login() -> Value {
    json!({
        "id": "session", "label": "Login", "credentials": { "id": { "label": "User" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "p": "{{credentials.id}}" } }, "keep": { "token": "token" },
            "headers": { "x-session": "{{session.token}}" },
        } },
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_trouble_of_system_or_network_speaks_of_credentials(
        outcomes in proptest::collection::vec(0_u8..10, 1..30),
        by_token in proptest::prelude::any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let wire = Scripted::of(outcomes.iter().map(|number| trouble(*number)));
            let way = if by_token { auth() } else { login() };
            let connector = Setup::new(wire, store(), &way).connector();
            for _ in 0..outcomes.len() {
                let reason = probe(&connector).await.err().and_then(|error| error.reason());
                assert_eq!(reason, None);
                assert!(!connector.health().credentials_refused);
                advance(Duration::from_secs(20)).await;
            }
        });
    }
}
