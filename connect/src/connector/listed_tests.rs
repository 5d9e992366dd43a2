//! Kept lists and tables of codes over a scripted system: how often it is asked, and what ends what is kept.

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

use futures_util::future::join_all;
use lineshaft_schema::Filter;
use serde_json::{Value, json};

use super::*;
use crate::{
    blueprint::tests::{compile, definition, field},
    transport::testing::{Act, Memory, Scripted, Seen, Setup, answer, slowly, token_auth},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn kind(name: &str) -> TypeIndex {
    definition(name).index
}

fn keys(range: std::ops::Range<u32>) -> Vec<RemoteKey> {
    range.map(|id| RemoteKey::single(id.to_string())).collect()
}

fn projection(kind: &str, fields: &[&str]) -> Projection {
    let mut projection = Projection::default();
    fields.iter().for_each(|name| projection.insert(field(kind, name)));
    projection
}

/// 250 vendors in pages of 100.
fn vendors(seen: &Seen) -> Act {
    let url = url::Url::parse(&seen.url).unwrap();
    let number = |name: &str| {
        let found = url.query_pairs().find(|(known, _)| known == name);
        found
            .and_then(|(_, value)| value.parse::<usize>().ok())
            .unwrap_or_default()
    };
    let rows: Vec<Value> = (0..250)
        .skip(number("offset"))
        .take(number("limit"))
        .map(|id| json!({ "id": id, "name": format!("Vendor {id}") }))
        .collect();
    slowly(20, answer(200, &json!({ "rows": rows }).to_string()))
}

fn listed(wire: Arc<Scripted>) -> Setup {
    Setup::with_token(wire).patch(&json!({
        "get_many": { "via": "list", "keep_s": 60 },
        "resources": { "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } } },
    }))
}

#[tokio::test(start_paused = true)]
async fn a_small_list_is_read_once_and_kept_for_a_while() {
    let wire = Scripted::new(vendors);
    let connector = listed(wire.clone()).connector();
    let (vendor, names) = (kind("Vendor"), projection("Vendor", &["name"]));
    let wanted = keys(240..260);
    let (first, second) = (context(), context());
    let many = join_all((0..5).map(|_| connector.get_many(&first, vendor, &wanted, &names))).await;
    assert!(many.into_iter().all(|found| found.unwrap().len() == 10));
    assert_eq!(
        (wire.count(), first.calls()),
        (3, 3),
        "five look-ups share the three pages"
    );
    let mut raw = Projection::default();
    raw.raw = true;
    let found = connector.get_many(&second, vendor, &keys(7..8), &raw).await.unwrap();
    assert_eq!(found[0].raw.as_deref(), Some(r#"{"id":7,"name":"Vendor 7"}"#));
    assert_eq!((wire.count(), second.calls()), (3, 0));
    tokio::time::advance(Duration::from_secs(61)).await;
    connector.get_many(&context(), vendor, &wanted, &names).await.unwrap();
    assert_eq!(wire.count(), 6);
    connector.reload_credentials();
    connector.get_many(&context(), vendor, &wanted, &names).await.unwrap();
    assert_eq!(wire.count(), 9, "other credentials may see something else");
}

#[tokio::test(start_paused = true)]
async fn credentials_replaced_elsewhere_end_what_is_kept_and_connections_share_nothing() {
    let wire = Scripted::new(vendors);
    let store = Memory::new(&[("token", "first")]);
    let setup = |store: &Arc<Memory>| {
        let patch = listed(wire.clone()).manifest;
        let mut setup = Setup::new(wire.clone(), Arc::clone(store), &token_auth());
        setup.manifest = patch;
        setup.connector()
    };
    let connector = setup(&store);
    let (vendor, names) = (kind("Vendor"), projection("Vendor", &["name"]));
    connector
        .get_many(&context(), vendor, &keys(0..1), &names)
        .await
        .unwrap();
    store.replace(&[("token", "second")]);
    connector.transport_for_tests().authorizer().forget();
    connector
        .get_many(&context(), vendor, &keys(0..1), &names)
        .await
        .unwrap();
    assert_eq!(wire.count(), 6);
    setup(&store)
        .get_many(&context(), vendor, &keys(0..1), &names)
        .await
        .unwrap();
    assert_eq!(wire.count(), 9);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_while_it_changes_is_not_kept() {
    let wire = Scripted::new(vendors);
    let connector = listed(wire.clone()).connector();
    let (vendor, names) = (kind("Vendor"), projection("Vendor", &["name"]));
    let wanted = keys(0..1);
    let context = context();
    let reading = connector.get_many(&context, vendor, &wanted, &names);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        drop(connector.changing(vendor));
    };
    let (found, ()) = tokio::join!(reading, writing);
    assert_eq!((found.unwrap().len(), wire.count()), (1, 3));
    connector.get_many(&context, vendor, &wanted, &names).await.unwrap();
    assert_eq!(wire.count(), 6);
    drop(connector.changing(kind("Location")));
    connector.get_many(&context, vendor, &wanted, &names).await.unwrap();
    assert_eq!(wire.count(), 6, "a write of another type ends nothing");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_too_long_is_an_error_that_is_remembered() {
    let wire = Scripted::new(vendors);
    let connector = listed(wire.clone())
        .patch(&json!({ "get_many": { "max_rows": 150 } }))
        .connector();
    let names = projection("Vendor", &["name"]);
    for _ in 0..3 {
        let refused = connector
            .get_many(&context(), kind("Vendor"), &keys(0..1), &names)
            .await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ResponseTooLarge);
    }
    assert_eq!(wire.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_list_shares_its_failure_and_the_next_one_tries_again() {
    let fails = Arc::new(AtomicU32::new(1));
    let left = Arc::clone(&fails);
    let wire = Scripted::new(move |seen| {
        if left.swap(0, Atomic::SeqCst) == 1 {
            return slowly(20, answer(403, r#"{"message":"no"}"#));
        }
        vendors(seen)
    });
    let connector = listed(wire.clone()).connector();
    let names = projection("Vendor", &["name"]);
    let (context, wanted) = (context(), keys(0..1));
    let look_up = || connector.get_many(&context, kind("Vendor"), &wanted, &names);
    let many = join_all((0..4).map(|_| look_up())).await;
    assert!(many.into_iter().all(|found| found.is_err()));
    assert_eq!(wire.count(), 1);
    assert_eq!(look_up().await.unwrap().len(), 1);
}

fn labelled(wire: Arc<Scripted>) -> Setup {
    Setup::with_token(wire).patch(&json!({
        "list": { "request": { "query": { "select": "{{select}}" } }, "select": "names" },
        "get_many": { "via": "each", "request": { "path": "/orders/{{key}}" } },
        "labels": { "states": {
            "request": { "path": "/status" }, "records": "values", "code": "key",
            "keep": { "name": "label", "system": "name" }, "keep_s": 60, "ended_by": ["Location"],
        } },
        "resources": { "WorkOrder": {
            "remote": "orders", "key": "id",
            "labels": { "state": { "of": "states", "by": "status" } },
            "fields": {
                "title": "title",
                "status": { "path": "_labels.state.system", "as": { "enum": { "PENDING": "DRAFT", "COMPLETE": "COMPLETED" } } },
            },
        } },
    }))
}

fn orders(seen: &Seen) -> Act {
    if seen.url.contains("/status") {
        let values = json!({ "PENDING": { "key": 10, "name": "PENDING", "label": "Waiting" },
            "DONE": { "key": 40, "name": "COMPLETE", "label": "Ready" } });
        return slowly(5, answer(200, &json!({ "values": values }).to_string()));
    }
    let row = |id: u32, status: u32| json!({ "id": id, "title": format!("Order {id}"), "status": status });
    match seen.url.contains("/orders/2") {
        true => answer(200, &row(2, 40).to_string()),
        false => answer(
            200,
            &json!({ "rows": [row(1, 10), row(2, 40), row(3, 99)] }).to_string(),
        ),
    }
}

#[tokio::test(start_paused = true)]
async fn rows_are_given_what_the_system_says_of_their_codes() {
    let wire = Scripted::new(orders);
    let connector = labelled(wire.clone()).connector();
    let order = kind("WorkOrder");
    let mut wanted = projection("WorkOrder", &["title", "status"]);
    let request = |projection: &Projection| ListRequest {
        kind: order,
        filter: Filter::always(),
        order: None,
        after: None,
        limit: 50,
        projection: projection.clone(),
        count: false,
        page: None,
    };
    let page = connector.list(&context(), request(&wanted)).await.unwrap();
    let status = |record: &Record| match record.get(field("WorkOrder", "status")) {
        lineshaft_schema::Value::Enum(kind, at) => {
            let def = connector.blueprint().catalogue().enum_at(*kind).unwrap();
            def.value_name(*at).unwrap().to_owned()
        }
        other => format!("{other:?}"),
    };
    let states: Vec<String> = page.records.iter().map(status).collect();
    assert_eq!(states[..2], ["DRAFT", "COMPLETED"]);
    assert_eq!((wire.count_of("/status"), wire.count_of("/orders")), (1, 1));
    let seen = wire.seen();
    let asked = seen.iter().find(|seen| seen.url.contains("/orders")).unwrap();
    assert!(
        asked.url.contains("status") && !asked.url.contains("_labels"),
        "{}",
        asked.url
    );
    // The row that a write may send back has nothing of it.
    wanted.raw = true;
    let found = connector
        .get_many(&context(), order, &keys(2..3), &wanted)
        .await
        .unwrap();
    assert_eq!(status(&found[0]), "COMPLETED");
    assert!(!found[0].raw.as_deref().unwrap().contains("_labels"));
    // Nothing is asked for a projection without them.
    let titles = projection("WorkOrder", &["title"]);
    tokio::time::advance(Duration::from_secs(61)).await;
    connector.list(&context(), request(&titles)).await.unwrap();
    assert_eq!(wire.count_of("/status"), 1);
    let both = [context(), context()];
    join_all(both.iter().map(|context| connector.list(context, request(&wanted)))).await;
    assert_eq!(wire.count_of("/status"), 2);
    drop(connector.changing(kind("Location")));
    connector.list(&context(), request(&wanted)).await.unwrap();
    assert_eq!(wire.count_of("/status"), 3);
}

#[test]
fn what_is_wrong_with_lists_and_tables_is_told_with_its_place() {
    let patch = json!({
        "get_many": { "via": "list", "keep_s": 0, "request": { "path": "/x" } },
        "labels": { "states": { "request": { "path": "/{{key}}" }, "code": "a[", "keep": {}, "ended_by": ["Nothing"] } },
    });
    let resources = json!({ "Vendor": {
        "remote": "vendors", "key": "id", "fields": { "name": "name" },
        "labels": { "a.b": { "of": "unknown", "by": "_labels.x" } },
    }, "Location": { "remote": "sites", "key": "id", "fields": { "name": "_labels.state.name" } } });
    let problems = compile("json_rest", patch, resources).unwrap_err();
    let mut pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    pointers.sort_unstable();
    pointers.dedup();
    assert_eq!(
        pointers,
        [
            "/labels/states/code",
            "/labels/states/ended_by/0",
            "/labels/states/keep",
            "/labels/states/request/path",
            "/resources/Location/get_many/keep_s",
            "/resources/Location/get_many/request",
            "/resources/Location/labels",
            "/resources/Vendor/get_many/keep_s",
            "/resources/Vendor/get_many/request",
            "/resources/Vendor/labels/a.b",
            "/resources/Vendor/labels/a.b/by",
            "/resources/Vendor/labels/a.b/of",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_of_an_owner_ends_what_is_kept_of_its_parts() {
    let wire = Scripted::new(|_| answer(200, r#"{"rows":[{"id":"1","order":"7","text":"bolt"}]}"#));
    let connector = Setup::with_token(wire.clone())
        .patch(&json!({
            "get_many": { "via": "list", "keep_s": 60 },
            "resources": { "PurchaseOrderLine": {
                "remote": "lines", "key": "id", "fields": { "purchaseOrder": "order", "description": "text" },
            } },
        }))
        .connector();
    let wanted = projection("PurchaseOrderLine", &["description"]);
    let read = async |count: usize| {
        let found = connector
            .get_many(&context(), kind("PurchaseOrderLine"), &keys(1..2), &wanted)
            .await;
        assert_eq!((found.unwrap().len(), wire.count()), (1, count));
    };
    read(1).await;
    read(1).await;
    drop(connector.changing(kind("Vendor")));
    read(1).await;
    drop(connector.changing(kind("PurchaseOrder")));
    read(2).await;
}
