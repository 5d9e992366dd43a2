//! Unknown outcomes, and what the system shows of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use chrono::TimeDelta;
use serde_json::json;

use super::{write_testing::*, *};
use crate::{
    blueprint::tests::definition,
    transport::testing::{Scripted, Setup, answer, cut},
    write::{Act, Input, Reply, Settled, UserErrorCode, WriteRequest},
};

/// Settles a write that was sent so many seconds ago.
async fn settle(shop: &Arc<Shop>, request: &WriteRequest, seconds: i64, version: Option<&str>) -> Settled {
    let connector = connector(shop);
    let sent_at = connector.clock.now() - TimeDelta::seconds(seconds);
    connector.settle(&context(), request, sent_at, version).await.unwrap()
}

fn is_done(settled: &Settled, key: Option<&str>) -> bool {
    matches!(settled, Settled::Done(found) if *found == key.map(RemoteKey::single))
}

#[tokio::test(start_paused = true)]
async fn a_lost_creation_is_found_by_its_mark() {
    let shop = Shop::new();
    assert!(
        matches!(settle(&shop, &create(), 5, None).await, Settled::Unknown),
        "it may be on its way"
    );
    assert!(matches!(settle(&shop, &create(), 10, None).await, Settled::NotDone));
    shop.fault("POST orders", Fault::After(cut()));
    assert!(matches!(write(&shop, &create()).await, Reply::InDoubt { .. }));
    assert!(is_done(&settle(&shop, &create(), 0, None).await, Some("1")));
    let lines = with_lines(create(), &["bolt"]);
    assert!(
        matches!(settle(&shop, &lines, 60, None).await, Settled::Unknown),
        "its lines may be missing"
    );
    let own = request(Act::Create, None, &[("title", "new"), ("reference", "ours")]);
    assert!(
        matches!(settle(&shop, &own, 60, None).await, Settled::Unknown),
        "it carried no mark"
    );
    let twin = shop.row("orders/1").unwrap();
    shop.rows.lock().unwrap().insert("orders/99".to_owned(), twin);
    assert!(matches!(settle(&shop, &create(), 60, None).await, Settled::Unknown));
    assert_eq!(shop.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_change_is_seen_in_the_record() {
    let shop = Shop::with_order();
    let change = request(Act::Update, Some("7"), &[("title", "new")]);
    assert!(matches!(settle(&shop, &change, 60, None).await, Settled::Unknown));
    assert!(matches!(settle(&shop, &change, 1, Some("1")).await, Settled::Unknown));
    assert!(matches!(settle(&shop, &change, 60, Some("1")).await, Settled::NotDone));
    assert!(
        matches!(settle(&shop, &change, 60, Some("0")).await, Settled::Unknown),
        "somebody else changed it"
    );
    shop.fault("PATCH orders/7", Fault::After(cut()));
    assert!(matches!(write(&shop, &change).await, Reply::InDoubt { .. }));
    assert!(is_done(&settle(&shop, &change, 0, None).await, Some("7")));
    let with_raw = WriteRequest {
        input: Input {
            raw: [("odd".to_owned(), json!(1))].into_iter().collect(),
            ..change.input.clone()
        },
        ..change.clone()
    };
    assert!(matches!(settle(&shop, &with_raw, 60, None).await, Settled::Unknown));
    assert!(is_done(&settle(&shop, &with_raw, 60, Some("1")).await, Some("7")));
    let lines = with_lines(change.clone(), &["bolt"]);
    assert!(matches!(settle(&shop, &lines, 60, Some("1")).await, Settled::Unknown));
    assert!(matches!(settle(&shop, &lines, 60, Some("2")).await, Settled::Unknown));
    shop.rows.lock().unwrap().clear();
    assert!(matches!(settle(&shop, &change, 60, Some("1")).await, Settled::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_lost_removal_is_seen_by_what_is_still_there() {
    let shop = Shop::with_order();
    let (removal, softly) = (
        request(Act::Delete, Some("7"), &[]),
        request(Act::SoftDelete, Some("7"), &[]),
    );
    assert!(matches!(settle(&shop, &removal, 5, None).await, Settled::Unknown));
    assert!(matches!(settle(&shop, &removal, 60, None).await, Settled::NotDone));
    assert!(matches!(settle(&shop, &softly, 5, None).await, Settled::Unknown));
    assert!(matches!(settle(&shop, &softly, 60, None).await, Settled::NotDone));
    assert!(matches!(settle(&shop, &softly, 60, Some("1")).await, Settled::NotDone));
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["gone"] = json!(true);
    assert!(is_done(&settle(&shop, &removal, 0, None).await, None));
    assert!(is_done(&settle(&shop, &softly, 0, None).await, Some("7")));
    shop.rows.lock().unwrap().clear();
    assert!(is_done(&settle(&shop, &removal, 0, None).await, None));
    assert!(is_done(&settle(&shop, &softly, 0, None).await, None));
}

#[tokio::test(start_paused = true)]
async fn a_lost_action_is_seen_in_the_status() {
    let shop = Shop::with_order();
    let approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    assert!(matches!(settle(&shop, &approve, 5, None).await, Settled::Unknown));
    assert!(
        matches!(settle(&shop, &approve, 60, None).await, Settled::NotDone),
        "still a draft"
    );
    assert!(matches!(settle(&shop, &approve, 60, Some("1")).await, Settled::NotDone));
    assert!(matches!(settle(&shop, &approve, 60, Some("0")).await, Settled::Unknown));
    shop.fault("POST orders/7/approve", Fault::After(cut()));
    assert!(matches!(write(&shop, &approve).await, Reply::InDoubt { .. }));
    assert!(is_done(&settle(&shop, &approve, 0, None).await, Some("7")));
    assert!(is_done(&settle(&shop, &approve, 0, Some("1")).await, Some("7")));
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["status"] = json!("C");
    assert!(matches!(settle(&shop, &approve, 60, None).await, Settled::Unknown));
    shop.fault("GET orders/7", Fault::Instead(answer(403, "{}")));
    let connector = connector(&shop);
    let failed = connector
        .settle(&context(), &approve, connector.clock.now(), None)
        .await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_only_its_owner_shows_is_looked_for_there() {
    let rows = r#"{"rows":[{"id":1,"text":"bolt"},{"id":2,"text":"nut"}]}"#;
    let wire = Scripted::new(move |seen| {
        assert!(seen.url.contains("/orders/7/lines"), "{}", seen.url);
        answer(200, rows)
    });
    let owned = json!({ "resources": { "PurchaseOrderLine": {
        "remote": "lines", "key": ["order_id", "id"], "children_only": true,
        "children": { "purchaseOrder": { "request": { "path": "/orders/{{key}}/lines" }, "parent_as": "order_id" } },
        "write": { "delete": { "request": { "method": "DELETE", "path": "/orders/{{key.0}}/lines/{{key.1}}" } } },
    } } });
    let connector = Setup::with_token(wire.clone())
        .patch(&patch())
        .patch(&owned)
        .connector();
    let removal = |line: &str| WriteRequest {
        kind: definition("PurchaseOrderLine").index,
        key: Some(RemoteKey::composite(["7", line])),
        ..request(Act::Delete, None, &[])
    };
    let sent_at = connector.clock.now() - TimeDelta::seconds(60);
    let settled = async |line: &str| {
        connector
            .settle(&context(), &removal(line), sent_at, None)
            .await
            .unwrap()
    };
    assert!(matches!(settled("2").await, Settled::NotDone));
    assert!(is_done(&settled("3").await, None));
    assert_eq!(
        connector
            .dry_run(&context(), &removal("2"))
            .await
            .unwrap()
            .unwrap()
            .len(),
        1
    );
    let missing = connector.dry_run(&context(), &removal("3")).await.unwrap().unwrap_err();
    assert_eq!(missing[0].code, UserErrorCode::NotFound);
}

/// Settles a write of another shop, which was under way at a step.
async fn settle_at(
    shop: &Arc<Shop>,
    more: &serde_json::Value,
    request: &WriteRequest,
    step: Option<&str>,
    version: Option<&str>,
) -> Settled {
    let connector = setup(shop).0.patch(more).connector();
    let sent_at = connector.clock.now() - TimeDelta::seconds(60);
    connector
        .settle_at(&context(), request, step, sent_at, version)
        .await
        .unwrap()
}

fn actions(actions: serde_json::Value) -> serde_json::Value {
    json!({ "resources": { "PurchaseOrder": { "write": { "actions": actions } } } })
}

#[tokio::test(start_paused = true)]
async fn an_action_that_posts_elsewhere_is_not_judged_by_the_version() {
    let shop = Shop::with_order();
    let elsewhere = actions(json!({ "receive": {
        "request": { "method": "POST", "path": "/receipts", "body": { "order": "{{key}}" } },
        "allowed_in": ["DRAFT"],
    } }));
    let receive = request(Act::Action("receive".to_owned()), Some("7"), &[]);
    for version in [None, Some("1"), Some("0")] {
        let settled = settle_at(&shop, &elsewhere, &receive, None, version).await;
        assert!(matches!(settled, Settled::Unknown), "{version:?}");
    }
    let approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["status"] = json!("C");
    assert!(
        matches!(settle(&shop, &approve, 60, Some("1")).await, Settled::Unknown),
        "neither where it comes from nor where it leads to"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_requests_does_not_stand_for_all() {
    let step = |name: &str, path: &str| json!({ "name": name, "request": { "method": "POST", "path": path } });
    let mut noted = step("note", "/notes");
    noted["when"] = json!("row.title");
    let steps = actions(
        json!({ "approve": { "request": null, "fields": { "comment": "title" }, "steps": [step("approve", "/orders/{{key}}/approve"), noted] } }),
    );
    let shop = Shop::with_order();
    let approve = |comment: &[(&str, &str)]| {
        let mut approve = request(Act::Action("approve".to_owned()), Some("7"), &[]);
        let kind = "ApprovePurchaseOrder";
        approve.input.values = comment
            .iter()
            .map(|(name, text)| {
                (
                    crate::blueprint::tests::field(kind, name),
                    lineshaft_schema::Value::text(text),
                )
            })
            .collect();
        approve
    };
    let (one, two) = (approve(&[]), approve(&[("comment", "well")]));
    assert!(matches!(
        settle_at(&shop, &steps, &one, None, None).await,
        Settled::NotDone
    ));
    assert!(matches!(
        settle_at(&shop, &steps, &two, Some("note"), Some("1")).await,
        Settled::Unknown
    ));
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["status"] = json!("A");
    assert!(is_done(&settle_at(&shop, &steps, &one, None, None).await, Some("7")));
    assert!(is_done(
        &settle_at(&shop, &steps, &two, Some("note"), None).await,
        Some("7")
    ));
    for step in [None, Some("approve")] {
        let settled = settle_at(&shop, &steps, &two, step, Some("0")).await;
        assert!(matches!(settled, Settled::Unknown), "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_with_our_mark_may_lack_what_later_requests_do() {
    let steps = json!({ "resources": { "PurchaseOrder": { "write": { "create": { "request": null, "steps": [
        { "name": "make", "request": { "method": "POST", "path": "/orders", "body": "{{row}}" } },
        { "name": "assign", "when": "row.notes", "request": { "method": "POST", "path": "/orders/{{key}}/approve" } },
    ] } } } } });
    let shop = Shop::new();
    shop.fault("POST orders", Fault::After(cut()));
    assert!(matches!(write(&shop, &create()).await, Reply::InDoubt { .. }));
    let assigned = request(Act::Create, None, &[("title", "new"), ("notes", "x")]);
    assert!(is_done(
        &settle_at(&shop, &steps, &create(), None, None).await,
        Some("1")
    ));
    assert!(is_done(
        &settle_at(&shop, &steps, &assigned, Some("assign"), None).await,
        Some("1")
    ));
    for step in [None, Some("make"), Some("undo")] {
        let settled = settle_at(&shop, &steps, &assigned, step, None).await;
        assert!(matches!(settled, Settled::Unknown), "{step:?}");
    }
}
