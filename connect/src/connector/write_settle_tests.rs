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
    transport::testing::{answer, cut},
    write::{Act, Input, Reply, Settled, WriteRequest},
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
    assert!(matches!(settle(&shop, &softly, 60, None).await, Settled::Unknown));
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
