//! Sessions that are cookies: sent to their host only, renewed by answers, kept alive while used, given up when replaced.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{advance, sleep};

use crate::{
    connector::Connector,
    context::CallContext,
    error::{Error, ErrorKind},
    transport::testing::{Act, Memory, Scripted, Seen, Setup, answer, answer_with, slowly},
};

fn auth(more: &Value) -> Value {
    let mut session = json!({
        "login": { "path": "/Login", "body": { "UserName": "{{credentials.user}}", "Password": "{{credentials.password}}" } },
        "cookies": true,
        "logout": { "request": { "method": "POST", "path": "/Logout" } },
    });
    session
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({
        "id": "login", "label": "Login",
        "credentials": { "user": { "label": "User" }, "password": { "label": "Password" } },
        "kind": { "session": session },
    })
}

fn store() -> Arc<Memory> {
    Memory::new(&[("user", "ada"), ("password", "secret-word")])
}

fn setup(wire: &Arc<Scripted>, store: &Arc<Memory>, more: &Value) -> Setup {
    Setup::new(wire.clone(), store.clone(), &auth(more)).patch(&json!({
        "errors": [{ "when": { "status": 401, "body": [{ "path": "error.code", "equals": 301 }] }, "kind": "session_expired" }],
    }))
}

fn cookie(seen: &Seen) -> String {
    let value = seen.headers.get("cookie");
    value
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// A system with two cookies that knows which session serves.
#[derive(Default)]
struct System {
    logins: AtomicU32,
    serving: Mutex<Option<String>>,
}

impl System {
    fn wire() -> (Arc<Self>, Arc<Scripted>) {
        let system = Arc::new(Self::default());
        let playing = Arc::clone(&system);
        (system, Scripted::new(move |seen| playing.play(seen)))
    }

    fn end(&self) {
        *self.serving.lock().unwrap() = None;
    }

    fn play(&self, seen: &Seen) -> Act {
        if seen.url.ends_with("/Login") {
            let session = format!("s{}", self.logins.fetch_add(1, Ordering::SeqCst) + 1);
            *self.serving.lock().unwrap() = Some(session.clone());
            let session = format!("B1SESSION={session}; HttpOnly; Path=/b1s");
            let cookies = [
                ("set-cookie", session.as_str()),
                ("set-cookie", "ROUTEID=.node1; path=/"),
            ];
            return slowly(200, answer_twice(&cookies, r#"{"SessionTimeout":30}"#));
        }
        let cookie = cookie(seen);
        let serves =
            self.serving.lock().unwrap().as_ref().is_some_and(|session| {
                cookie.contains(&format!("B1SESSION={session}")) && cookie.contains("ROUTEID=.")
            });
        if !serves && !seen.url.ends_with("/Logout") {
            return answer(401, r#"{"error":{"code":301,"message":{"value":"Invalid session."}}}"#);
        }
        slowly(20, answer(200, r#"{"name":"ada"}"#))
    }
}

/// Answers with several headers of one name.
fn answer_twice(headers: &[(&str, &str)], body: &str) -> Act {
    let Act::Answer(wait, Ok(mut response)) = answer(200, body) else {
        panic!("an answer")
    };
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers.append(name, value.parse().unwrap());
    }
    Act::Answer(wait, Ok(response))
}

async fn probe(connector: &Connector) -> Result<(), Error> {
    let context = CallContext::within(Duration::from_secs(60), "r");
    connector.probe(&context).await.map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_is_renewed_once_for_all_who_use_it() {
    let (system, wire) = System::wire();
    let store = store();
    let connector = setup(&wire, &store, &json!({})).connector();
    probe(&connector).await.unwrap();
    assert_eq!(cookie(&wire.seen()[1]), "B1SESSION=s1; ROUTEID=.node1");
    assert_eq!(store.stored("cookie:B1SESSION").as_deref(), Some("s1"));
    system.end();
    let results = join_all((0..10).map(|_| probe(&connector))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(wire.count_of("/Login"), 2);
    assert_eq!(store.stored("cookie:B1SESSION").as_deref(), Some("s2"));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(wire.count_of("/Logout"), 0, "the system knows that it ended");
    assert!(!connector.health().credentials_refused);
    // Another process takes up what is stored.
    let other = setup(&wire, &store, &json!({})).connector();
    probe(&other).await.unwrap();
    assert_eq!(wire.count_of("/Login"), 2);
}

#[tokio::test(start_paused = true)]
async fn answers_renew_cookies_and_take_them_back() {
    let count = AtomicU32::new(0);
    let wire = Scripted::new(move |seen| {
        if seen.url.ends_with("/Login") {
            return answer_twice(
                &[("set-cookie", "a=1"), ("set-cookie", "b=1"), ("set-cookie", "c=1")],
                "{}",
            );
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => answer_twice(&[("set-cookie", "a=2; Path=/"), ("set-cookie", "b=x; Max-Age=0")], "{}"),
            1 => answer_with(
                200,
                &[("set-cookie", "c=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Secure")],
                "{}",
            ),
            _ => answer(200, "{}"),
        }
    });
    let connector = setup(&wire, &store(), &json!({})).connector();
    for _ in 0..3 {
        probe(&connector).await.unwrap();
    }
    let sent: Vec<String> = wire.seen().iter().skip(1).map(cookie).collect();
    assert_eq!(sent, ["a=1; b=1; c=1", "a=2; c=1", "a=2"]);
}

#[tokio::test(start_paused = true)]
async fn no_other_host_gets_cookies_or_sets_them() {
    let wire = Scripted::new(|seen| match seen.url.as_str() {
        url if url.ends_with("/Login") => answer_with(200, &[("set-cookie", "a=1")], "{}"),
        url if url.contains("other.example.com") => answer_with(200, &[("set-cookie", "a=evil")], "{}"),
        _ => answer(200, "{}"),
    });
    let settings = json!({ "probe": { "request": { "path": "https://other.example.com/me" } } });
    let connector = setup(&wire, &store(), &json!({})).patch(&settings).connector();
    for _ in 0..2 {
        probe(&connector).await.unwrap();
        assert_eq!(cookie(wire.seen().last().unwrap()), "");
    }
    assert_eq!(wire.count_of("other.example.com"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_one_replaces_is_given_up() {
    let (_, wire) = System::wire();
    let connector = setup(&wire, &store(), &json!({ "lifetime_s": 1800 })).connector();
    probe(&connector).await.unwrap();
    advance(Duration::from_secs(1700)).await;
    // Still serves, and is renewed aside.
    probe(&connector).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    probe(&connector).await.unwrap();
    assert_eq!((wire.count_of("/Login"), wire.count_of("/Logout")), (2, 1));
    let seen = wire.seen();
    let logout = seen.iter().find(|seen| seen.url.ends_with("/Logout")).unwrap();
    assert_eq!(cookie(logout), "B1SESSION=s1; ROUTEID=.node1");
    assert_eq!(cookie(seen.last().unwrap()), "B1SESSION=s2; ROUTEID=.node1");
}

#[tokio::test(start_paused = true)]
async fn the_session_of_replaced_credentials_is_given_up() {
    let (_, wire) = System::wire();
    let store = store();
    let connector = setup(&wire, &store, &json!({})).connector();
    probe(&connector).await.unwrap();
    store.replace(&[("user", "ada"), ("password", "new")]);
    // The store wipes the session of the credentials before.
    *store.session.lock().unwrap() = None;
    connector.give_up();
    probe(&connector).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    assert_eq!((wire.count_of("/Login"), wire.count_of("/Logout")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_goes_says_farewell_once() {
    let (_, wire) = System::wire();
    let store = store();
    let connector = setup(&wire, &store, &json!({})).connector();
    assert!(connector.farewell().await.is_none(), "there is no session yet");
    probe(&connector).await.unwrap();
    let farewell = connector.farewell().await.unwrap();
    *store.session.lock().unwrap() = None;
    farewell.send().await;
    assert_eq!(wire.count_of("/Logout"), 1);
    assert!(connector.farewell().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_farewell_that_nobody_answers_ends_soon_and_is_not_repeated() {
    let wire = Scripted::new(|seen| match seen.url.ends_with("/Logout") {
        true => Act::Hang,
        false => answer_with(200, &[("set-cookie", "a=1")], "{}"),
    });
    let connector = setup(&wire, &store(), &json!({})).connector();
    probe(&connector).await.unwrap();
    let started = tokio::time::Instant::now();
    connector.farewell().await.unwrap().send().await;
    assert!(started.elapsed() <= Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(wire.count_of("/Logout"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_kept_alive_while_it_is_used_and_not_otherwise() {
    let (_, wire) = System::wire();
    let more = json!({ "keep_alive": { "request": { "path": "/ping" }, "every_s": 600 } });
    let connector = setup(&wire, &store(), &more).connector();
    for _ in 0..5 {
        probe(&connector).await.unwrap();
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(wire.count_of("/ping"), 0);
    sleep(Duration::from_secs(6000)).await;
    assert_eq!(wire.count_of("/ping"), 0, "nobody uses it");
    join_all((0..5).map(|_| probe(&connector))).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(wire.count_of("/ping"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_sets_no_cookies_is_malformed() {
    let wire = Scripted::new(|_| answer(200, "{}"));
    let connector = setup(&wire, &store(), &json!({})).connector();
    assert_eq!(
        probe(&connector).await.unwrap_err().kind(),
        ErrorKind::MalformedResponse
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_of_the_new_credentials_is_not_given_up() {
    let (_, wire) = System::wire();
    let store = store();
    let connector = setup(&wire, &store, &json!({})).connector();
    probe(&connector).await.unwrap();
    store.replace(&[("user", "ada"), ("password", "new")]);
    *store.session.lock().unwrap() = None;
    // A query between the replacement and its end has signed in with the new ones.
    connector.reload_credentials();
    probe(&connector).await.unwrap();
    connector.give_up();
    probe(&connector).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    probe(&connector).await.unwrap();
    assert_eq!((wire.count_of("/Login"), wire.count_of("/Logout")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn cookies_that_a_system_invents_are_bounded_and_a_strange_one_harms_no_other() {
    let count = AtomicU32::new(0);
    let wire = Scripted::new(move |seen| {
        if seen.url.ends_with("/Login") {
            return answer_twice(&[("set-cookie", "a=1"), ("set-cookie", "b=1")], "{}");
        }
        let at = count.fetch_add(1, Ordering::SeqCst);
        let (new, long) = (format!("x{at:03}={at}"), format!("long={}", "y".repeat(9000)));
        answer_twice(
            &[
                ("set-cookie", new.as_str()),
                ("set-cookie", long.as_str()),
                ("set-cookie", "a=2"),
            ],
            "{}",
        )
    });
    let connector = setup(&wire, &store(), &json!({})).connector();
    for _ in 0..70 {
        probe(&connector).await.unwrap();
    }
    let last = cookie(wire.seen().last().unwrap());
    assert_eq!(last.split("; ").count(), 50);
    assert!(
        last.starts_with("a=2; b=1; x000=0; ") && !last.contains("yyy"),
        "{last}"
    );
}
