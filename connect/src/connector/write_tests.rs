//! Writes over a scripted system: what is written down before what is sent, what is never sent twice, what is taken back,
//! and what people see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    sync::atomic::{AtomicU32, Ordering as Atomic},
    time::Duration,
};

use lineshaft_schema::{Projection, Value};
use serde_json::json;

use super::{write_testing::*, *};
use crate::{
    Reach,
    blueprint::tests::{definition, field},
    transport::testing::{Act as Answer, Memory, Remembered, Scripted, Setup, answer, answer_with, cut, fail, slowly},
    write::{Act, ChildChange, Input, Reply, UserErrorCode, WriteRequest},
};

#[tokio::test(start_paused = true)]
async fn a_request_is_written_down_before_it_leaves_and_a_key_before_the_write_goes_on() {
    let shop = Shop::new();
    let (key, warnings) = done(write(&shop, &with_lines(create(), &["bolt", "nut"])).await);
    assert_eq!((key, warnings), (Some(RemoteKey::single("1")), Vec::new()));
    let log = shop.log.lock().unwrap().clone();
    let expected = [
        "noted POST orders",
        "sent POST orders",
        "made 1",
        "noted lines.0POST lines",
        "sent POST lines",
        "noted lines.1POST lines",
        "sent POST lines",
    ];
    assert_eq!(log, expected);
    let line = shop.row("lines/3").unwrap();
    assert_eq!(
        (&line["text"], line["order_id"].to_string().contains('1')),
        (&json!("nut"), true)
    );
    assert_eq!(shop.row("orders/1").unwrap()["ref"], MARK);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_doubt_is_never_sent_again() {
    let lost: [fn() -> Answer; 5] = [
        cut,
        || Answer::Hang,
        || answer(500, "{}"),
        || answer(200, "<html></html>"),
        || answer(200, "not json"),
    ];
    for act in lost {
        let shop = Shop::new();
        shop.fault("POST orders", Fault::After(act()));
        let reply = write(&shop, &create()).await;
        assert!(matches!(&reply, Reply::InDoubt { key: None, .. }), "{reply:?}");
        assert_eq!(shop.sent(), ["POST orders"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_leaves_no_doubt_is_told_as_not_carried_out() {
    for (act, reach) in [
        (fail(ErrorKind::Network), Reach::NotSent),
        (answer(429, "{}"), Reach::Answered),
        (answer(501, "{}"), Reach::Answered),
    ] {
        let shop = Shop::new();
        shop.fault("POST orders", Fault::Instead(act));
        let reply = write(&shop, &create()).await;
        assert!(
            matches!(&reply, Reply::Failed(error) if error.reach() == reach),
            "{reply:?}"
        );
        assert_eq!(shop.sent(), ["POST orders"]);
    }
    let shop = Shop::new();
    let body = r#"{"message":"no such thing","field":"title"}"#;
    shop.fault("POST orders", Fault::Instead(answer(422, body)));
    let errors = refused(write(&shop, &create()).await);
    assert_eq!(
        (errors[0].path.as_slice(), errors[0].code),
        (&["title".to_owned()][..], UserErrorCode::InvalidValue)
    );
    assert_eq!(errors[0].remote_message.as_deref(), Some("no such thing"));
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_does_not_take_is_not_sent() {
    let shop = Shop::new();
    let paper = Paper {
        is_full: true,
        ..Paper::of(&shop)
    };
    let reply = connector(&shop).write(&context(), &create(), &paper).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if error.reach() == Reach::NotSent),
        "{reply:?}"
    );
    assert!(shop.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_held_back_system_gets_no_write_and_lost_writes_hold_it_back() {
    let shop = Shop::new();
    let observer = Arc::new(Remembered::default());
    let (mut parts, wire) = setup(&shop);
    parts.observer = observer.clone();
    let connector = parts.connector();
    for _ in 0..5 {
        shop.fault("POST orders", Fault::Instead(Answer::Hang));
        let reply = connector.write(&context(), &create(), &Paper::of(&shop)).await;
        assert!(matches!(reply, Reply::InDoubt { .. }));
    }
    let reply = connector.write(&context(), &create(), &Paper::of(&shop)).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if (error.kind(), error.reach()) == (ErrorKind::CircuitOpen, Reach::NotSent)),
        "{reply:?}"
    );
    assert_eq!(wire.count(), 5);
    let seen = observer.0.lock().unwrap();
    assert_eq!(seen[0], ("write", Some(ErrorKind::Timeout), 1));
    assert_eq!(seen[5], ("write", Some(ErrorKind::CircuitOpen), 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_no_failure_of_the_connection() {
    let shop = Shop::new();
    let observer = Arc::new(Remembered::default());
    let (mut parts, _) = setup(&shop);
    parts.observer = observer.clone();
    let connector = parts.connector();
    for (status, seen) in [(422, None), (409, None), (403, Some(ErrorKind::PermissionDenied))] {
        shop.fault("POST orders", Fault::Instead(answer(status, "{}")));
        refused(connector.write(&context(), &create(), &Paper::of(&shop)).await);
        assert_eq!(observer.0.lock().unwrap().pop().unwrap(), ("write", seen, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_line_is_refused_is_taken_back() {
    let shop = Shop::new();
    shop.fault("POST lines", Fault::After(answer(201, r#"{"id":2}"#)));
    shop.fault(
        "POST lines",
        Fault::Instead(answer(422, r#"{"message":"no nuts","field":"text"}"#)),
    );
    let errors = refused(write(&shop, &with_lines(create(), &["bolt", "nut", "washer"])).await);
    assert_eq!(errors[0].path, ["lines", "1", "description"]);
    assert_eq!(
        shop.changes(),
        ["POST orders", "POST lines", "POST lines", "DELETE orders/1"]
    );
    assert!(shop.row("orders/1").is_none());
    let log = shop.log.lock().unwrap();
    assert!(log.contains(&"noted undoDELETE orders/1".to_owned()), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_is_told_by_its_key() {
    let shop = Shop::new();
    shop.fault("POST lines", Fault::Instead(answer(422, r#"{"message":"no bolts"}"#)));
    shop.fault("DELETE orders/1", Fault::Instead(answer(403, "{}")));
    let reply = write(&shop, &with_lines(create(), &["bolt"])).await;
    assert!(
        matches!(&reply, Reply::Done { refused, .. } if refused[0].message.contains("record 1 ")),
        "{reply:?}"
    );
    let (key, refused) = partly(reply);
    assert_eq!(key, Some(RemoteKey::single("1")));
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].path.join(".").as_str(), refused[0].message.as_str()),
        ("lines.0", "no bolts")
    );
    let shop = Shop::new();
    shop.fault("POST lines", Fault::Instead(answer(422, "{}")));
    shop.fault("DELETE orders/1", Fault::Instead(cut()));
    let reply = write(&shop, &with_lines(create(), &["bolt"])).await;
    assert!(
        matches!(&reply, Reply::InDoubt { key: Some(key), .. } if *key == RemoteKey::single("1")),
        "{reply:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_back_while_a_line_is_in_doubt() {
    let shop = Shop::new();
    shop.fault("POST lines", Fault::After(cut()));
    let reply = write(&shop, &with_lines(create(), &["bolt", "nut"])).await;
    assert!(
        matches!(&reply, Reply::InDoubt { key: Some(key), .. } if *key == RemoteKey::single("1")),
        "{reply:?}"
    );
    assert_eq!(shop.changes(), ["POST orders", "POST lines"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_which_a_line_is_refused_tells_what_was_left() {
    let shop = Shop::with_order();
    shop.fault("POST lines", Fault::Instead(answer(422, r#"{"message":"no bolts"}"#)));
    let change = with_lines(request(Act::Update, Some("7"), &[("title", "new")]), &["bolt"]);
    let (key, refused) = partly(write(&shop, &change).await);
    assert_eq!(key, Some(RemoteKey::single("7")));
    assert_eq!(refused[0].path.join("."), "lines.create.0");
    assert_eq!(refused[0].code, UserErrorCode::InvalidValue);
    assert_eq!(shop.row("orders/7").unwrap()["title"], "new");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_breaks_no_request_off_and_ends_the_write_between_two() {
    let shop = Shop::new();
    let slow = slowly(5000, answer(201, r#"{"id":1}"#));
    shop.fault("POST orders", Fault::After(slow));
    let context = CallContext::within(Duration::from_secs(2), "r");
    let reply = connector(&shop)
        .write(&context, &with_lines(create(), &["bolt"]), &Paper::of(&shop))
        .await;
    assert!(
        matches!(&reply, Reply::Failed(error) if error.kind() == ErrorKind::DeadlineExceeded),
        "{reply:?}"
    );
    assert_eq!(
        shop.changes(),
        ["POST orders", "DELETE orders/1"],
        "the time for taking back is its own"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_time_is_up_between_two_lines_tells_which_are_missing() {
    let shop = Shop::with_order();
    shop.fault("POST lines", Fault::After(slowly(5000, answer(201, r#"{"id":1}"#))));
    let context = CallContext::within(Duration::from_secs(2), "r");
    let change = with_lines(request(Act::Update, Some("7"), &[("title", "new")]), &["bolt", "nut"]);
    let (key, refused) = partly(connector(&shop).write(&context, &change, &Paper::of(&shop)).await);
    assert_eq!(key, Some(RemoteKey::single("7")));
    assert_eq!(refused[0].path.join("."), "lines.create.1");
    assert_eq!(shop.changes(), ["PATCH orders/7", "POST lines"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_leaves_is_in_the_journal() {
    let shop = Shop::new();
    shop.fault("POST orders", Fault::Instead(Answer::Hang));
    let left = tokio::time::timeout(Duration::from_secs(1), write(&shop, &create())).await;
    assert!(left.is_err());
    assert_eq!(*shop.log.lock().unwrap(), ["noted POST orders", "sent POST orders"]);
}

/// A way to sign in with a login.
fn session_auth() -> serde_json::Value {
    json!({
        "id": "session", "label": "Login", "credentials": { "password": { "label": "Password" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "password": "{{credentials.password}}" } },
            "keep": { "token": "token" }, "headers": { "authorization": "{{session.token}}" },
        } },
    })
}

#[tokio::test(start_paused = true)]
async fn without_a_sign_in_nothing_is_sent() {
    for act in [|| answer(401, "{}"), || answer(403, "{}"), || answer(503, "{}"), cut] as [fn() -> Answer; 4] {
        let wire = Scripted::new(move |_| act());
        let store = Memory::new(&[("password", "lovelace")]);
        let connector = Setup::new(wire.clone(), store, &session_auth())
            .patch(&patch())
            .connector();
        let shop = Shop::new();
        let reply = connector.write(&context(), &create(), &Paper::of(&shop)).await;
        assert!(
            matches!(&reply, Reply::Failed(error) if error.reach() == Reach::NotSent),
            "{reply:?}"
        );
        assert!(shop.log.lock().unwrap().is_empty());
        assert_eq!(wire.count_of("orders"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_renewed_and_each_sending_is_written_down() {
    let shop = Shop::new();
    let playing = Arc::clone(&shop);
    let logins = AtomicU32::new(0);
    let wire = Scripted::new(move |seen| {
        if seen.url.ends_with("/login") {
            let number = logins.fetch_add(1, Atomic::SeqCst);
            return answer(200, &json!({ "token": format!("session-{number}") }).to_string());
        }
        playing.play(seen)
    });
    let store = Memory::new(&[("password", "lovelace")]);
    let connector = Setup::new(wire.clone(), store, &session_auth())
        .patch(&patch())
        .connector();
    shop.fault("POST orders", Fault::Instead(answer(401, "{}")));
    done(connector.write(&context(), &create(), &Paper::of(&shop)).await);
    let log = shop.log.lock().unwrap().clone();
    assert_eq!(
        log,
        [
            "noted POST orders",
            "sent POST orders",
            "noted POST orders",
            "sent POST orders"
        ]
    );
    assert_eq!(shop.rows.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_ends_midway_is_replaced() {
    let shop = Shop::new();
    let playing = Arc::clone(&shop);
    let marks = AtomicU32::new(0);
    let wire = Scripted::new(move |seen| {
        if seen.method == http::Method::HEAD {
            let mark = format!("mark-{}", marks.fetch_add(1, Atomic::SeqCst));
            return answer_with(200, &[("x-csrf-token", &mark)], "");
        }
        playing.play(seen)
    });
    let marked = json!({ "http": { "anti_forgery": {
        "request": { "method": "HEAD", "path": "/" }, "header": "x-csrf-token",
        "refused_when": { "status": 403, "headers": { "x-csrf-token": "(?i)required" } },
    } } });
    let connector = Setup::with_token(wire.clone())
        .patch(&patch())
        .patch(&marked)
        .connector();
    let stale = answer_with(403, &[("x-csrf-token", "Required")], "{}");
    shop.fault("POST lines", Fault::Instead(stale));
    let paper = Paper::of(&shop);
    done(
        connector
            .write(&context(), &with_lines(create(), &["bolt"]), &paper)
            .await,
    );
    assert_eq!(shop.changes(), ["POST orders", "POST lines", "POST lines"]);
    assert_eq!(wire.count(), 5, "two marks");
    let shown = serde_json::to_string(&*paper.shown.lock().unwrap()).unwrap();
    assert!(shown.contains("x-csrf-token") && !shown.contains("mark-"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_ever_shown() {
    let shop = Shop::new();
    let auth = json!({
        "id": "key", "label": "Key",
        "credentials": { "key": { "label": "Key" }, "password": { "label": "Password" } },
        "kind": { "headers": { "headers": { "x-tenant": "{{credentials.key}}" } } },
    });
    let secrets = json!({
        "http": { "query": { "apikey": "{{credentials.key}}" }, "headers": { "x-base": "{{base64 credentials.key credentials.password}}" } },
        "resources": { "PurchaseOrder": { "write": { "create": { "request": {
            "method": "POST", "path": "/orders", "headers": { "x-note": "of {{credentials.password}}" },
            "body": { "login": { "args": ["main", "{{credentials.password}}"] }, "row": "{{row}}" },
        } } } } },
    });
    let playing = Arc::clone(&shop);
    let wire = Scripted::new(move |seen| playing.play(seen));
    let store = Memory::new(&[("key", "canary key+1"), ("password", "canary\"word")]);
    let connector = Setup::new(wire.clone(), store, &auth)
        .patch(&patch())
        .patch(&secrets)
        .connector();
    let paper = Paper::of(&shop);
    done(connector.write(&context(), &create(), &paper).await);
    let tried = connector.dry_run(&context(), &create()).await.unwrap().unwrap();
    assert!(
        wire.seen()[0].body.contains("canary"),
        "the system is sent what is hidden here"
    );
    let noted = paper.shown.lock().unwrap().clone();
    assert_eq!(noted.len(), 1);
    for shown in noted.iter().chain(&tried) {
        let text = serde_json::to_string(shown).unwrap();
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
        assert_eq!(shown.url, "https://trial.example.com/api/orders?apikey=***");
        let body = shown.body.as_ref().unwrap();
        assert_eq!(body["login"], json!({ "args": ["main", "***"] }));
        assert_eq!(body["row"]["title"], "new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_version_is_not_changed() {
    let shop = Shop::with_order();
    let change = |version: &str| WriteRequest {
        expected_version: Some(version.into()),
        ..request(Act::Update, Some("7"), &[("title", "new")])
    };
    let errors = refused(write(&shop, &change("0")).await);
    assert_eq!(errors[0].code, UserErrorCode::VersionConflict);
    assert!(shop.changes().is_empty());
    done(write(&shop, &change("1")).await);
    assert_eq!(shop.changes(), ["PATCH orders/7"]);
    let missing = WriteRequest {
        key: Some(RemoteKey::single("8")),
        ..change("1")
    };
    assert_eq!(refused(write(&shop, &missing).await)[0].code, UserErrorCode::NotFound);
    shop.fault("GET orders/7", Fault::Instead(cut()));
    shop.fault("GET orders/7", Fault::Instead(cut()));
    shop.fault("GET orders/7", Fault::Instead(cut()));
    let reply = write(&shop, &change("2")).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if error.reach() == Reach::NotSent),
        "{reply:?}"
    );
    assert_eq!(shop.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_sends_nothing_that_changes_something() {
    let shop = Shop::with_order();
    let connector = connector(&shop);
    let shown = connector
        .dry_run(&context(), &with_lines(create(), &["bolt"]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((shown[0].method.as_str(), shown.len()), ("POST", 2));
    assert!(shop.sent().is_empty());
    let approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    let shown = connector.dry_run(&context(), &approve).await.unwrap().unwrap();
    assert_eq!(shown[0].url, "https://trial.example.com/api/orders/7/approve");
    assert!(
        shown[0]
            .headers
            .contains(&("authorization".to_owned(), "***".to_owned()))
    );
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["status"] = json!("C");
    let errors = connector.dry_run(&context(), &approve).await.unwrap().unwrap_err();
    assert_eq!(errors[0].code, UserErrorCode::StatusForbids);
    let nothing = connector
        .dry_run(&context(), &request(Act::Delete, Some("9"), &[]))
        .await;
    assert_eq!(nothing.unwrap().unwrap_err()[0].code, UserErrorCode::NotFound);
    assert!(shop.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_system_tells_of_its_fields_is_kept_for_an_hour() {
    let shop = Shop::new();
    let connector = connector(&shop);
    let kind = definition("PurchaseOrder").index;
    for (minutes, asked) in [(0, 1), (59, 1), (2, 2)] {
        tokio::time::advance(Duration::from_secs(minutes * 60)).await;
        let described = connector.describe(&context(), kind).await.unwrap().unwrap();
        assert_eq!(described["title"].label.as_deref(), Some("Title"));
        assert_eq!(shop.sent().len(), asked);
    }
    let silent = definition("PurchaseOrderLine").index;
    assert!(connector.describe(&context(), silent).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_write_sees_it_though_a_slow_read_is_under_way() {
    let shop = Shop::with_order();
    let connector = connector(&shop);
    shop.fault(
        "GET orders/7",
        Fault::Instead(slowly(5000, answer(200, r#"{"id":7,"title":"old","rev":1}"#))),
    );
    let (kind, key) = (definition("PurchaseOrder").index, RemoteKey::single("7"));
    let mut projection = Projection::default();
    projection.insert(field("PurchaseOrder", "title"));
    let (before, context, after) = (context(), context(), context());
    let keys = [key];
    connector.transport_for_tests().access(&before).await.unwrap();
    let slow = connector.get_many(&before, kind, &keys, &projection);
    let change = async {
        let change = request(Act::Update, Some("7"), &[("title", "new")]);
        done(connector.write(&context, &change, &Paper::of(&shop)).await);
        let found = connector.get_many(&after, kind, &keys, &projection).await.unwrap();
        assert_eq!(
            found[&keys[0]].get(field("PurchaseOrder", "title")),
            &Value::text("new")
        );
    };
    let (slow, ()) = tokio::join!(slow, change);
    assert!(slow.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_reading_hides_is_not_written_by_its_key() {
    let shop = Shop::with_order();
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["company"] = json!("other");
    let scoped = json!({ "resources": {
        "PurchaseOrder": {
            "scope": { "rows": [{ "path": "company", "equals": ["ours"] }] },
            "write": { "update": { "versioned": { "headers": { "if-match": "{{version}}" } } } },
        },
    } });
    let (setup, _) = setup(&shop);
    let connector = setup.patch(&scoped).connector();
    let paper = Paper::of(&shop);
    let mut versioned = with_lines(request(Act::Update, Some("7"), &[("title", "new")]), &["bolt"]);
    versioned.expected_version = Some("1".into());
    let only_lines = with_lines(request(Act::Update, Some("7"), &[]), &["bolt"]);
    let removal = request(Act::Delete, Some("7"), &[]);
    let approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    for request in [&versioned, &only_lines, &removal, &approve] {
        let errors = refused(connector.write(&context(), request, &paper).await);
        assert_eq!(errors[0].code, UserErrorCode::NotFound, "{:?}", request.act);
    }
    let mut part = WriteRequest {
        kind: definition("PurchaseOrderLine").index,
        ..request(Act::Create, None, &[])
    };
    let owner = field("PurchaseOrderLine", "purchaseOrder");
    part.input
        .values
        .insert(owner, lineshaft_schema::Value::Reference(RemoteKey::single("7")));
    let errors = refused(connector.write(&context(), &part, &paper).await);
    assert_eq!(
        (errors[0].code, errors[0].path.as_slice()),
        (UserErrorCode::UnknownReference, ["purchaseOrder".to_owned()].as_slice())
    );
    let told = connector.dry_run(&context(), &part).await.unwrap().unwrap_err();
    assert_eq!(told[0].code, UserErrorCode::UnknownReference);
    assert_eq!(shop.changes(), Vec::<String>::new());
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["company"] = json!("ours");
    done(connector.write(&context(), &part, &paper).await);
    done(connector.write(&context(), &approve, &paper).await);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_another_order_is_not_changed_under_this_one() {
    let shop = Shop::with_order();
    let line = json!({ "id": 5, "order_id": 8, "text": "theirs", "rev": 1 });
    shop.rows.lock().unwrap().insert("lines/5".to_owned(), line);
    let mut change = request(Act::Update, Some("7"), &[("title", "new")]);
    let values = [(field("PurchaseOrderLine", "description"), Value::text("ours"))];
    let input = Input {
        values: values.into_iter().collect(),
        ..Input::default()
    };
    let rows = vec![ChildChange::Update(RemoteKey::single("5"), input)];
    change.input.children.insert(field("PurchaseOrder", "lines"), rows);
    let errors = refused(write(&shop, &change).await);
    assert_eq!(errors[0].code, UserErrorCode::UnknownReference);
    assert_eq!(errors[0].path.join("."), "lines.update.0");
    let told = connector(&shop).dry_run(&context(), &change).await.unwrap();
    assert_eq!(told.unwrap_err()[0].code, UserErrorCode::UnknownReference);
    assert_eq!(shop.changes(), Vec::<String>::new());
    shop.rows.lock().unwrap().get_mut("lines/5").unwrap()["order_id"] = json!(7);
    done(write(&shop, &change).await);
    assert_eq!(shop.changes(), ["PATCH orders/7", "PATCH lines/5"]);
}
