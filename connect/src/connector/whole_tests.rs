//! Whole records that are read, changed and sent back: to systems that clear what is absent and to those that want a
//! count of updates back. And what such a write ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::atomic::Ordering;

use lineshaft_schema::Value;
use serde_json::{Value as Json, json};

use super::{
    write_testing::{Paper, context, done, refused, request},
    *,
};
use crate::{
    blueprint::tests::{definition, field},
    transport::testing::{Act as Answer, Scripted, Seen, Setup, answer},
    write::{Act, UserErrorCode},
};

/// One order that a PUT replaces. A PUT must bring the count of updates that the record has.
struct Desk {
    row: Mutex<Json>,
    /// Whether somebody else changes the record right after it is read.
    busy: AtomicBool,
}

impl Desk {
    fn play(&self, seen: &Seen) -> Answer {
        let mut row = self.row.lock().unwrap();
        if seen.url.contains("/states") {
            return answer(200, r#"[{"code":"10","name":"Open","system":"D"}]"#);
        }
        if seen.method == http::Method::GET {
            let now = row.clone();
            if self.busy.load(Ordering::SeqCst) {
                row["recordid"] = json!(now["recordid"].as_u64().unwrap() + 1);
            }
            let shown = if seen.url.contains("/orders/") {
                now
            } else {
                json!({ "rows": [now] })
            };
            return answer(200, &shown.to_string());
        }
        let sent: Json = serde_json::from_str(&seen.body).unwrap();
        if sent["recordid"] != row["recordid"] {
            return answer(409, r#"{"message":"the record has been changed"}"#);
        }
        let count = row["recordid"].as_u64().unwrap() + 1;
        *row = sent;
        row["recordid"] = json!(count);
        answer(200, "{}")
    }
}

fn desk(get_many: &Json) -> (Arc<Desk>, Arc<Scripted>, Arc<Connector>) {
    let row = json!({
        "id": 7, "recordid": 41, "title": "old", "state": 10, "priority": "HIGH", "asset": { "id": 3 }, "made": "2026-01-01",
    });
    let desk = Arc::new(Desk {
        row: Mutex::new(row),
        busy: AtomicBool::new(false),
    });
    let playing = Arc::clone(&desk);
    let wire = Scripted::new(move |seen| playing.play(seen));
    let connector = Setup::with_token(wire.clone())
        .patch(&json!({
            "get_many": get_many,
            "errors": [{ "when": { "status": 409 }, "kind": "conflict", "message": ["message"], "rule": "version_conflict" }],
            "labels": { "states": { "request": { "path": "/states" }, "code": "code", "keep": { "system": "system" } } },
            "resources": { "PurchaseOrder": {
                "remote": "orders", "key": "id",
                "labels": { "state": { "of": "states", "by": "state" } },
                "fields": {
                    "title": "title", "version": "recordid",
                    "status": { "path": "_labels.state.system", "as": { "enum": { "D": "DRAFT" } } },
                },
                "write": {
                    "fields": { "title": true },
                    "update": {
                        "request": { "method": "PUT", "path": "/orders/{{key}}", "body": { "...": "{{row}}", "made": null } },
                        "sends": "whole", "allowed_in": ["DRAFT"],
                    },
                },
            } },
        }))
        .connector();
    (desk, wire, connector)
}

fn each() -> Json {
    json!({ "via": "each", "request": { "path": "/orders/{{key}}" } })
}

#[tokio::test(start_paused = true)]
async fn a_whole_record_goes_back_with_its_count_of_updates_and_without_what_was_joined() {
    let (desk, wire, connector) = desk(&each());
    let change = request(Act::Update, Some("7"), &[("title", "new")]);
    done(connector.write(&context(), &change, &Paper::default()).await);
    let row = desk.row.lock().unwrap().clone();
    assert_eq!(
        row,
        json!({ "id": 7, "recordid": 42, "title": "new", "state": 10, "priority": "HIGH", "asset": { "id": 3 } })
    );
    assert_eq!(wire.count_of("/orders/7"), 2, "one read, one write");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_changed_meanwhile_is_told_and_not_written() {
    let (desk, wire, connector) = desk(&each());
    desk.busy.store(true, Ordering::SeqCst);
    let change = request(Act::Update, Some("7"), &[("title", "new")]);
    let errors = refused(connector.write(&context(), &change, &Paper::default()).await);
    assert_eq!(errors[0].code, UserErrorCode::VersionConflict);
    assert_eq!(desk.row.lock().unwrap()["title"], "old");
    assert_eq!(wire.count_of("/orders/7"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_ends_the_kept_list_of_its_type() {
    let (_desk, wire, connector) = desk(&json!({ "via": "list" }));
    let (order, title) = (definition("PurchaseOrder").index, field("PurchaseOrder", "title"));
    let mut projection = Projection::default();
    projection.insert(title);
    let keys = [RemoteKey::single("7")];
    let read = async || {
        let found = connector.get_many(&context(), order, &keys, &projection).await.unwrap();
        found[0].get(title).clone()
    };
    assert_eq!((read().await, read().await), (Value::text("old"), Value::text("old")));
    assert_eq!(wire.count_of("/orders?"), 1);
    let change = request(Act::Update, Some("7"), &[("title", "new")]);
    done(connector.write(&context(), &change, &Paper::default()).await);
    assert_eq!(wire.count_of("/orders?"), 2, "the record is read freshly");
    assert_eq!(read().await, Value::text("new"));
    assert_eq!(wire.count_of("/orders?"), 3);
}
