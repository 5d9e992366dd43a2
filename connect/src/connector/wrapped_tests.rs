//! A connector over a system that wraps every value: rows, keys, errors and counts of updates are plain, bodies are not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::{Filter, Value};
use serde_json::{Value as Json, json};

use super::{
    write_testing::{Paper, context, create, done, refused, request, with_lines},
    *,
};
use crate::{
    blueprint::tests::{definition, field},
    transport::testing::{Scripted, Seen, Setup, answer},
    write::{Act, UserErrorCode},
};

fn connector(wire: &Arc<Scripted>) -> Arc<Connector> {
    Setup::with_token(wire.clone())
        .patch(&json!({
            "http": { "wrapped": { "member": "value", "plain": ["id", "rowNumber", "entity"] } },
            "get_many": { "via": "each", "request": { "path": "/orders/{{key}}" } },
            "errors": [
                { "when": { "body": [{ "path": "Title.error", "present": true }] }, "kind": "invalid_request",
                  "rule": "invalid_value", "message": ["Title.error"] },
                { "when": { "body": [{ "path": "Code", "equals": "LOCKED" }] }, "kind": "conflict", "rule": "locked" },
            ],
            "resources": {
                "PurchaseOrder": {
                    "remote": "orders", "key": "OrderNbr",
                    "fields": { "number": "OrderNbr", "title": "Title", "notes": "Notes", "version": "Count",
                                "lines": { "path": "Details", "each": { "description": "Text" } } },
                    "write": {
                        "fields": { "title": true, "notes": true,
                                    "lines": { "each": { "description": true } } },
                        "children": { "lines": { "create": { "embed": { "to": "Details" } } } },
                        "create": {
                            "request": { "method": "PUT", "path": "/orders", "query": { "of": "{{row.Title}}" },
                                         "body": { "...": "{{row}}", "Hold": false, "Branch": { "value": "MAIN" } } },
                            "reply": { "key": "OrderNbr" },
                        },
                        "update": {
                            "request": { "method": "PUT", "path": "/orders/{{key}}", "body": "{{row}}" }, "sends": "whole",
                        },
                        "actions": { "approve": {
                            "request": { "method": "POST", "path": "/orders/approve",
                                         "body": { "entity": { "OrderNbr": "{{key}}" }, "parameters": { "By": "{{key}}" } } },
                        } },
                    },
                },
            },
        }))
        .connector()
}

fn order() -> Json {
    json!({
        "id": "7f", "rowNumber": 1, "OrderNbr": { "value": "7" }, "Title": { "value": "old" }, "Notes": {},
        "Count": { "value": 3 }, "Details": [{ "id": "8a", "Text": { "value": "Bolt" } }],
    })
}

fn body(seen: &Seen) -> Json {
    serde_json::from_str(&seen.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn rows_are_read_with_plain_values() {
    let wire = Scripted::new(|_| answer(200, &json!({ "rows": [order()] }).to_string()));
    let names = ["number", "title", "notes", "lines"];
    let mut projection = Projection::default();
    names
        .iter()
        .for_each(|name| projection.insert(field("PurchaseOrder", name)));
    projection.raw = true;
    let request = ListRequest {
        kind: definition("PurchaseOrder").index,
        filter: Filter::always(),
        order: None,
        after: None,
        limit: 10,
        projection,
        count: false,
        page: None,
    };
    let page = connector(&wire).list(&context(), request).await.unwrap();
    let record = &page.records[0];
    assert_eq!(record.key.to_string(), "7");
    assert_eq!(record.get(field("PurchaseOrder", "title")), &Value::text("old"));
    assert_eq!(record.get(field("PurchaseOrder", "notes")), &Value::Null);
}

#[tokio::test(start_paused = true)]
async fn bodies_are_wrapped_and_addresses_are_not() {
    let wire = Scripted::new(|_| answer(200, &order().to_string()));
    let new = with_lines(create(), &["Bolt"]);
    let (key, _) = done(connector(&wire).write(&context(), &new, &Paper::default()).await);
    assert_eq!(key.unwrap().to_string(), "7");
    let sent = &wire.seen()[0];
    assert!(sent.url.ends_with("/orders?of=new"), "{}", sent.url);
    assert_eq!(
        body(sent),
        json!({
            "Title": { "value": "new" }, "Details": [{ "Text": { "value": "Bolt" } }],
            "Hold": { "value": false }, "Branch": { "value": "MAIN" },
        })
    );
    let wire = Scripted::new(|_| answer(200, "{}"));
    let approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    done(connector(&wire).write(&context(), &approve, &Paper::default()).await);
    let expected = json!({ "entity": { "OrderNbr": "7" }, "parameters": { "By": { "value": "7" } } });
    assert_eq!(body(&wire.seen()[0]), expected);
}

#[tokio::test(start_paused = true)]
async fn a_whole_record_goes_back_wrapped() {
    let wire = Scripted::new(|_| answer(200, &order().to_string()));
    let change = request(Act::Update, Some("7"), &[("title", "new")]);
    done(connector(&wire).write(&context(), &change, &Paper::default()).await);
    let mut expected = order();
    expected["Title"] = json!({ "value": "new" });
    expected["Notes"] = json!({ "value": null });
    assert_eq!(body(&wire.seen()[1]), expected);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_by_plain_values_and_by_what_stands_beside_them() {
    for (refusal, code) in [
        (json!({ "Code": { "value": "LOCKED" } }), UserErrorCode::Locked),
        (
            json!({ "Title": { "value": "new", "error": "too long" } }),
            UserErrorCode::InvalidValue,
        ),
    ] {
        let wire = Scripted::new(move |_| answer(422, &refusal.to_string()));
        let errors = refused(connector(&wire).write(&context(), &create(), &Paper::default()).await);
        assert_eq!(errors[0].code, code);
    }
}
