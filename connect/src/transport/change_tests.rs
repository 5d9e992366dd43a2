//! Requests that change something: sent once, with the mark that the system wants, and how far each came.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture, future::join_all};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{
    Access, Departure, Response,
    testing::{Act, Memory, Scripted, Seen, Setup, answer, answer_with, cut, fail, slowly},
};
use crate::{
    connector::Connector,
    context::CallContext,
    error::{Error, ErrorKind, Reach},
    request::{RequestBody, RequestPlan},
};

fn context_of(seconds: u64) -> CallContext {
    CallContext::within(Duration::from_secs(seconds), "r")
}

fn post(path: &str) -> RequestPlan {
    RequestPlan {
        method: http::Method::POST,
        url: format!("https://trial.example.com/{path}"),
        headers: Vec::new(),
        body: RequestBody::Json("{}".to_owned()),
        repeatable: false,
    }
}

/// What left, by the value of a header.
#[derive(Default)]
struct Noted(Mutex<Vec<String>>, bool);

impl Departure for Noted {
    fn leaving<'a>(
        &'a self,
        plan: &'a RequestPlan,
        _: &'a Access,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let text = |name: &str| {
            headers
                .get(name)
                .map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let note = format!("{} {} {}", plan.method, text("authorization"), text("x-csrf-token"));
        self.0.lock().unwrap().push(note);
        let fails = self.1;
        async move {
            if fails {
                return Err(Error::new(ErrorKind::Internal, "the journal is full"));
            }
            Ok(())
        }
        .boxed()
    }
}

async fn send_noted(
    connector: &Connector,
    seconds: u64,
    noted: Option<&dyn Departure>,
) -> Result<Arc<Response>, Error> {
    let (context, transport) = (context_of(seconds), connector.transport_for_tests());
    let access = transport.access(&context).await?;
    transport.send(&context, access, |_| Ok(post("orders")), noted).await
}

async fn send(connector: &Connector) -> Result<Arc<Response>, Error> {
    send_noted(connector, 30, None).await
}

async fn failed(act: Act) -> Error {
    let wire = Scripted::of([act]);
    let error = send(&Setup::with_token(wire.clone()).connector()).await.unwrap_err();
    assert_eq!(wire.count(), 1, "{error:?}");
    error
}

#[tokio::test(start_paused = true)]
async fn a_failure_tells_how_far_the_request_came_and_whether_that_leaves_doubt() {
    let cases = [
        (fail(ErrorKind::Network), Reach::NotSent, false),
        (cut(), Reach::Unknown, true),
        (Act::Hang, Reach::Unknown, true),
        (answer(400, "{}"), Reach::Answered, false),
        (answer(409, "{}"), Reach::Answered, false),
        (answer(408, "{}"), Reach::Answered, true),
        (answer(429, "{}"), Reach::Answered, false),
        (answer(500, "{}"), Reach::Answered, true),
        (answer(503, "{}"), Reach::Answered, true),
        (answer(501, "{}"), Reach::Answered, false),
        (answer(302, ""), Reach::Answered, true),
        (answer(308, ""), Reach::Answered, false),
        (answer(200, "<html></html>"), Reach::Unknown, true),
        (answer(502, "<html></html>"), Reach::Answered, true),
    ];
    for (at, (act, reach, doubt)) in cases.into_iter().enumerate() {
        let error = failed(act).await;
        assert_eq!((error.reach(), error.leaves_doubt()), (reach, doubt), "{at}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_rule_of_the_business_names_leaves_no_doubt() {
    let rules = json!({ "errors": [
        { "when": { "status": 500, "body": [{ "path": "code", "equals": "SYRG1" }] }, "kind": "invalid_request",
          "rule": "status_forbids", "code": "code", "field": "detail.field" },
        { "when": { "status": 409, "body": [{ "path": "code", "equals": "SEEN" }] }, "kind": "conflict", "rule": "repeated" },
    ] });
    let refused = |status: u16, body: Value| {
        let wire = Scripted::of([answer(status, &body.to_string())]);
        let connector = Setup::with_token(wire).patch(&rules).connector();
        async move { send(&connector).await.unwrap_err() }
    };
    let error = refused(500, json!({ "code": "SYRG1", "detail": { "field": "partner_id" } })).await;
    assert_eq!(
        (error.leaves_doubt(), error.rule(), error.remote_field()),
        (
            false,
            Some(crate::manifest::BusinessRule::StatusForbids),
            Some("partner_id")
        )
    );
    assert!(refused(500, json!({ "code": "OTHER" })).await.leaves_doubt());
    assert!(
        refused(409, json!({ "code": "SEEN" })).await.leaves_doubt(),
        "it was carried out before"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_not_sent() {
    let rates = json!({ "limits": { "concurrency": 1, "rates": [{ "calls": 1, "per_s": 60, "methods": ["POST"] }] } });
    let wire = Scripted::new(|_| slowly(5000, answer(200, "{}")));
    let connector = Setup::with_token(wire.clone()).patch(&rates).connector();
    let noted = Noted::default();
    connector.transport_for_tests().access(&context_of(1)).await.unwrap();
    let (first, second) = tokio::join!(send(&connector), send_noted(&connector, 2, Some(&noted)));
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err().reach(), Reach::NotSent, "it waited for its place");
    let error = send_noted(&connector, 20, Some(&noted)).await.unwrap_err();
    assert_eq!(error.reach(), Reach::NotSent, "it waited for its moment");
    assert_eq!((wire.count(), noted.0.lock().unwrap().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_left_has_the_time_of_an_attempt_whatever_the_deadline() {
    let wire = Scripted::new(|_| slowly(8000, answer(200, "{}")));
    let connector = Setup::with_token(wire).connector();
    let start = Instant::now();
    assert!(send_noted(&connector, 1, None).await.is_ok());
    assert_eq!(start.elapsed(), Duration::from_secs(8));
    let error = send_noted(&connector, 0, None).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.reach()),
        (ErrorKind::DeadlineExceeded, Reach::NotSent)
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_does_not_take_does_not_leave() {
    let wire = Scripted::of([]);
    let connector = Setup::with_token(wire.clone()).connector();
    let error = send_noted(&connector, 30, Some(&Noted(Mutex::default(), true)))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.reach(), wire.count()),
        (ErrorKind::Internal, Reach::NotSent, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_leaves_was_written_down_before() {
    let wire = Scripted::new(|_| Act::Hang);
    let connector = Setup::with_token(wire.clone()).connector();
    let noted = Noted::default();
    let left = timeout(Duration::from_secs(1), send_noted(&connector, 30, Some(&noted))).await;
    assert!(left.is_err());
    assert_eq!((wire.count(), noted.0.lock().unwrap().len()), (1, 1));
}

fn session() -> (Value, Arc<Memory>) {
    let auth = json!({
        "id": "session", "label": "Login",
        "credentials": { "user": { "label": "User" }, "password": { "label": "Password" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "password": "{{credentials.password}}" } },
            "keep": { "token": "token" },
            "headers": { "authorization": "{{session.token}}", "cookie": "login={{session.token}}" },
        } },
    });
    (auth, Memory::new(&[("user", "ada"), ("password", "lovelace")]))
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_is_renewed_and_the_request_sent_once_more() {
    let logins = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/login") {
            let number = logins.fetch_add(1, Ordering::SeqCst) + 1;
            return answer(200, &json!({ "token": format!("t{number}") }).to_string());
        }
        answer(
            if seen.authorization.as_deref() == Some("t1") {
                401
            } else {
                201
            },
            "{}",
        )
    });
    let (auth, store) = session();
    let connector = Setup::new(wire.clone(), store, &auth).connector();
    let noted = Noted::default();
    assert_eq!(send_noted(&connector, 30, Some(&noted)).await.unwrap().status, 201);
    assert_eq!(wire.count_of("orders"), 2);
    assert_eq!(*noted.0.lock().unwrap(), ["POST t1 ", "POST t2 "]);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_cannot_be_renewed_leaves_no_doubt() {
    let logins = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if !seen.url.ends_with("/login") {
            return answer(401, "{}");
        }
        match logins.fetch_add(1, Ordering::SeqCst) {
            0 => answer(200, r#"{"token":"t1"}"#),
            _ => cut(),
        }
    });
    let (auth, store) = session();
    let error = send(&Setup::new(wire.clone(), store, &auth).connector())
        .await
        .unwrap_err();
    assert_eq!((error.reach(), error.leaves_doubt()), (Reach::NotSent, false));
    assert_eq!(wire.count_of("orders"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_session_ended_with_a_broken_answer_is_in_doubt_and_not_sent_again() {
    let rules = json!({ "errors": [
        { "when": { "status": [401, 500], "body": [{ "path": "code", "equals": "ENDED" }] }, "kind": "session_expired" },
    ] });
    let wire = Scripted::new(|seen: &Seen| match seen.url.ends_with("/login") {
        true => answer(200, r#"{"token":"t1"}"#),
        false => answer(500, r#"{"code":"ENDED"}"#),
    });
    let (auth, store) = session();
    let connector = Setup::new(wire.clone(), store, &auth).patch(&rules).connector();
    let error = send(&connector).await.unwrap_err();
    assert_eq!((error.reach(), error.leaves_doubt()), (Reach::Unknown, true));
    assert_eq!((wire.count_of("orders"), wire.count_of("login")), (1, 1));
    // The next one signs in anew.
    let _in_doubt = send(&connector).await.unwrap_err();
    assert_eq!((wire.count_of("orders"), wire.count_of("login")), (2, 2));
}

fn marked() -> Value {
    json!({ "http": { "anti_forgery": {
        "request": { "method": "HEAD", "path": "/", "headers": { "x-csrf-token": "Fetch" } },
        "header": "x-csrf-token",
        "refused_when": { "status": 403, "headers": { "x-csrf-token": "(?i)required" } },
    } } })
}

/// A system whose marks are numbered, of which those up to `dead` are no longer good.
struct Marked {
    wire: Arc<Scripted>,
    given: Arc<AtomicU32>,
    dead: Arc<AtomicU32>,
}

fn mark_system() -> Marked {
    let (given, dead) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counter, limit) = (Arc::clone(&given), Arc::clone(&dead));
    let logins = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        if seen.url.ends_with("/login") {
            let number = logins.fetch_add(1, Ordering::SeqCst) + 1;
            return answer(200, &json!({ "token": format!("t{number}") }).to_string());
        }
        if seen.method == http::Method::HEAD {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let (mark, cookie) = (format!("mark-{number}"), format!("node=n{number}; Path=/"));
            let headers = [
                ("x-csrf-token", mark.as_str()),
                ("set-cookie", &cookie),
                ("content-type", "text/html"),
            ];
            return slowly(100, answer_with(200, &headers, ""));
        }
        let mark = header("x-csrf-token");
        let number: u32 = mark
            .as_deref()
            .and_then(|mark| mark.strip_prefix("mark-")?.parse().ok())
            .unwrap_or(0);
        if number <= limit.load(Ordering::SeqCst) {
            return answer_with(403, &[("x-csrf-token", "Required")], "{}");
        }
        assert!(header("cookie").unwrap().ends_with(&format!("node=n{number}")));
        answer(201, "{}")
    });
    Marked { wire, given, dead }
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_fetched_once_for_all_and_not_for_reads() {
    let Marked { wire, given, .. } = mark_system();
    let connector = Setup::with_token(wire.clone()).patch(&marked()).connector();
    assert!(
        join_all((0..10).map(|_| send(&connector)))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!((given.load(Ordering::SeqCst), wire.count()), (1, 11));
    let (context, transport) = (context_of(30), connector.transport_for_tests());
    let access = transport.access(&context).await.unwrap();
    let get = RequestPlan {
        method: http::Method::GET,
        repeatable: true,
        ..post("orders")
    };
    let _ = transport.send(&context, access, |_| Ok(get.clone()), None).await;
    let seen = wire.seen();
    let last = seen.last().unwrap();
    assert!(last.headers.get("x-csrf-token").is_none() && last.headers.get("cookie").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_is_no_longer_good_is_replaced_once() {
    let Marked { wire, given, dead } = mark_system();
    let connector = Setup::with_token(wire.clone()).patch(&marked()).connector();
    let noted = Noted::default();
    assert!(send_noted(&connector, 30, Some(&noted)).await.is_ok());
    dead.store(1, Ordering::SeqCst);
    assert!(
        join_all((0..5).map(|_| send_noted(&connector, 30, Some(&noted))))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(given.load(Ordering::SeqCst), 2, "all of them took the same new mark");
    let notes = noted.0.lock().unwrap().clone();
    assert_eq!(notes.iter().filter(|note| note.ends_with("mark-2")).count(), 5);
    dead.store(99, Ordering::SeqCst);
    let before = wire.count_of("orders");
    let error = send(&connector).await.unwrap_err();
    assert_eq!((error.reach(), error.leaves_doubt()), (Reach::Answered, false));
    assert_eq!(wire.count_of("orders") - before, 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_sign_in_needs_a_new_mark() {
    let Marked { wire, given, .. } = mark_system();
    let (auth, store) = session();
    let connector = Setup::new(wire.clone(), store, &auth).patch(&marked()).connector();
    let noted = Noted::default();
    assert!(send_noted(&connector, 30, Some(&noted)).await.is_ok());
    let (context, transport) = (context_of(30), connector.transport_for_tests());
    let access = transport.access(&context).await.unwrap();
    transport.authorizer().renew(&context, &access).await.unwrap();
    assert!(send_noted(&connector, 30, Some(&noted)).await.is_ok());
    assert_eq!(given.load(Ordering::SeqCst), 2);
    assert_eq!(*noted.0.lock().unwrap(), ["POST t1 mark-1", "POST t2 mark-2"]);
    let seen = wire.seen();
    assert_eq!(seen.last().unwrap().headers["cookie"], "login=t2; node=n2");
}

#[tokio::test(start_paused = true)]
async fn without_a_mark_nothing_is_sent() {
    for act in [|| answer(200, ""), || answer(500, "{}"), cut, || Act::Hang] as [fn() -> Act; 4] {
        let wire = Scripted::new(move |_| act());
        let connector = Setup::with_token(wire.clone()).patch(&marked()).connector();
        let noted = Noted::default();
        let error = send_noted(&connector, 30, Some(&noted)).await.unwrap_err();
        assert_eq!(
            (error.reach(), error.leaves_doubt()),
            (Reach::NotSent, false),
            "{error:?}"
        );
        assert_eq!((wire.count_of("orders"), noted.0.lock().unwrap().len()), (0, 0));
    }
}
