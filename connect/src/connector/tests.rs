//! Pages, look-ups, children and counts over a scripted system that speaks JSON-RPC, and one with one address a record.

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

use lineshaft_schema::{Catalogue, Filter, Operator};
use serde_json::{Map, Value, json};

use super::{page::LARGE_BODY, *};
use crate::{
    blueprint::tests::{definition, field},
    transport::testing::{Act, Memory, Remembered, Scripted, Seen, Setup, answer, manifest, slowly, token_auth},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn keys(range: std::ops::Range<u32>) -> Vec<RemoteKey> {
    range.map(|id| RemoteKey::single(id.to_string())).collect()
}

fn names(kind: &str) -> Projection {
    let mut projection = Projection::default();
    projection.insert(field(kind, if kind == "Vendor" { "name" } else { "number" }));
    projection
}

fn kind(name: &str) -> TypeIndex {
    definition(name).index
}

fn request(limit: u32) -> ListRequest {
    ListRequest {
        kind: kind("Vendor"),
        filter: Filter::always(),
        order: None,
        after: None,
        limit,
        projection: names("Vendor"),
        count: false,
        page: None,
    }
}

/// Vendors 0 to 999, each with 30 orders, asked for in JSON-RPC.
fn rpc(wire: Arc<Scripted>) -> Setup {
    let patch = json!({
        "protocol": "json_rpc",
        "list": {
            "request": { "path": "/rpc", "query": { "offset": "", "limit": "" }, "read_only": true, "body": {
                "model": "{{resource.remote}}", "domain": "{{where}}", "fields": "{{select}}", "offset": "{{offset}}", "limit": "{{limit}}",
            } },
            "records": "result", "paging": { "offset": {} }, "page_size": 100, "max_page_size": 100,
            "count": { "path": "result", "request": { "path": "/rpc", "body": { "count": "{{where}}" } } },
        },
        "get_many": { "via": "in", "max_keys": 100 },
        "limits": { "concurrency": 4 },
        "resources": {
            "Vendor": { "remote": "vendor", "key": "id", "fields": { "name": "name" } },
            "PurchaseOrder": { "remote": "order", "key": "id", "fields": {
                "number": "name", "vendor": { "path": "vendor_id", "filter": ["eq", "in"] },
            } },
        },
    });
    Setup::with_token(wire).patch(&patch)
}

/// Finds the values of the in-list anywhere in a filter.
fn in_list(domain: &Value) -> Option<Vec<u64>> {
    let list = domain.as_array()?;
    if let [Value::String(_), Value::String(operator), Value::Array(values)] = list.as_slice()
        && operator == "in"
    {
        return values
            .iter()
            .map(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
            .collect();
    }
    list.iter().find_map(in_list)
}

fn play(seen: &Seen) -> Act {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    if body.get("count").is_some() {
        return answer(200, r#"{"result":1000}"#);
    }
    let number = |name: &str| usize::try_from(body[name].as_u64().unwrap()).unwrap();
    let wanted = in_list(&body["domain"]);
    let is_wanted = |id: u64| wanted.as_ref().is_none_or(|wanted| wanted.contains(&id));
    let rows: Vec<Value> = if body["model"] == "vendor" {
        (0..1000)
            .filter(|id| is_wanted(*id))
            .map(|id| json!({ "id": id, "name": format!("Vendor {id}") }))
            .collect()
    } else {
        let orders = (0..1000_u64)
            .filter(|vendor| is_wanted(*vendor))
            .flat_map(|vendor| (0..30).map(move |at| (vendor, at)));
        orders
            .map(|(vendor, at)| json!({ "id": vendor * 100 + at, "name": format!("O{at}"), "vendor_id": vendor }))
            .collect()
    };
    let page: Vec<&Value> = rows.iter().skip(number("offset")).take(number("limit")).collect();
    slowly(20, answer(200, &json!({ "result": page }).to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_page_is_read_and_the_next_one_follows() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    let first = connector.list(&context(), request(50)).await.unwrap();
    assert_eq!((first.records.len(), first.rows), (50, 50));
    let next = ListRequest {
        page: first.next,
        ..request(50)
    };
    let second = connector.list(&context(), next).await.unwrap();
    assert_eq!(second.records[0].key, RemoteKey::single("50"));
    assert_eq!(wire.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn records_come_in_as_few_calls_as_possible_each_key_once() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    let context = context();
    let mut wanted = keys(950..1050);
    wanted.extend(keys(950..1050));
    wanted.extend(keys(0..200));
    let found = connector
        .get_many(&context, kind("Vendor"), &wanted, &names("Vendor"))
        .await
        .unwrap();
    assert_eq!(found.len(), 250, "keys from 1000 on do not exist");
    assert!(!found.contains_key(&RemoteKey::single("1001")));
    assert_eq!(
        found[&RemoteKey::single("7")].get(field("Vendor", "name")),
        &lineshaft_schema::Value::text("Vendor 7")
    );
    assert_eq!((wire.count(), context.calls()), (3, 3));
    assert!(
        connector
            .get_many(&context, kind("Vendor"), &[], &names("Vendor"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(wire.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn chunks_run_in_parallel_within_the_limit() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    let found = connector
        .get_many(&context(), kind("Vendor"), &keys(0..1000), &names("Vendor"))
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count(), wire.most_under_way()), (1000, 10, 4));
}

#[tokio::test(start_paused = true)]
async fn children_are_read_to_the_end_and_bounded() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    let (order, by) = (kind("PurchaseOrder"), field("PurchaseOrder", "vendor"));
    let children = connector
        .children(&context(), order, by, &keys(0..20), &names("PurchaseOrder"))
        .await
        .unwrap();
    assert_eq!((children.records.len(), children.truncated), (600, false));
    // Six full pages, and one that shows that there are no more.
    assert_eq!(wire.count(), 7);
    assert!(
        matches!(children.records[0].get(by), lineshaft_schema::Value::Reference(_)),
        "the parent is told even if not asked for"
    );
    let mut setup = rpc(Scripted::new(play));
    setup.options.most_children = 250;
    let connector = setup.connector();
    let children = connector
        .children(&context(), order, by, &keys(0..20), &names("PurchaseOrder"))
        .await
        .unwrap();
    assert_eq!((children.records.len(), children.truncated), (250, true));
}

#[tokio::test(start_paused = true)]
async fn a_count_reads_no_records() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    assert_eq!(connector.count(&context(), &request(50)).await.unwrap(), Some(1000));
    assert_eq!(wire.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_offered_is_refused_without_a_call() {
    let wire = Scripted::new(play);
    let connector = rpc(wire.clone()).connector();
    let asset = ListRequest {
        kind: kind("Asset"),
        ..request(10)
    };
    assert_eq!(
        connector.list(&context(), asset).await.unwrap_err().kind(),
        ErrorKind::NotSupported
    );
    let by = field("Vendor", "name");
    let error = connector
        .children(&context(), kind("Vendor"), by, &keys(0..1), &names("Vendor"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSupported);
    assert!(error.message().contains("Vendor"), "{error}");
    assert!(connector.capabilities(kind("Asset")).is_none());
    assert!(
        connector
            .capabilities(kind("PurchaseOrder"))
            .unwrap()
            .filter(field("PurchaseOrder", "vendor"), Operator::In)
            .is_some()
    );
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_failing_chunk_fails_the_look_up_with_one_error() {
    let wire = Scripted::new(|seen: &Seen| {
        if seen.body.contains("\"vendor\"") && seen.body.contains("150") {
            answer(400, r#"{"message":"no"}"#)
        } else {
            play(seen)
        }
    });
    let observer = Arc::new(Remembered::default());
    let mut setup = rpc(wire);
    setup.observer = observer.clone();
    let connector = setup.connector();
    let error = connector
        .get_many(&context(), kind("Vendor"), &keys(0..300), &names("Vendor"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.remote_message()),
        (ErrorKind::InvalidRequest, Some("no"))
    );
    let seen = observer.0.lock().unwrap();
    assert_eq!(
        seen.iter().map(|(name, kind, _)| (*name, *kind)).collect::<Vec<_>>(),
        [("get_many", Some(ErrorKind::InvalidRequest))]
    );
}

#[tokio::test(start_paused = true)]
async fn records_with_an_address_each_are_fetched_one_by_one_and_missing_ones_are_absent() {
    let wire = Scripted::new(|seen: &Seen| {
        let id = seen.url.rsplit('/').next().unwrap();
        slowly(
            10,
            if id == "13" {
                answer(404, "{}")
            } else {
                answer(200, &json!({ "id": id, "name": "x" }).to_string())
            },
        )
    });
    let patch = json!({
        "get_many": { "via": "each", "request": { "path": "/vendors/{{key}}" } },
        "limits": { "concurrency": 5 },
        "resources": { "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } } },
    });
    let connector = Setup::with_token(wire.clone()).patch(&patch).connector();
    let found = connector
        .get_many(&context(), kind("Vendor"), &keys(0..20), &names("Vendor"))
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count(), wire.most_under_way()), (19, 20, 5));
}

#[tokio::test(start_paused = true)]
async fn records_are_read_one_by_one_when_rows_lack_what_is_asked_for() {
    let list = json!({ "rows": [{ "id": 2, "name": "B" }, { "id": 3, "name": "C" }, { "id": 1, "name": "A" }] });
    let wire = Scripted::new(move |seen: &Seen| match seen.url.rsplit('/').next().unwrap() {
        place if place.starts_with("vendors") => answer(200, &list.to_string()),
        "3" => answer(404, "{}"),
        id => answer(200, &json!({ "id": id, "more": { "zone": id } }).to_string()),
    });
    let patch = json!({
        "list": { "lacks": ["note", "more"] },
        "get_many": { "via": "each", "request": { "path": "/vendors/{{key}}" } },
        "resources": { "Vendor": {
            "remote": "vendors", "key": "id", "fields": { "name": "name", "notes": "note" },
            "custom_fields": { "object": "more" },
        } },
    });
    let connector = Setup::with_token(wire.clone()).patch(&patch).connector();
    let page = connector.list(&context(), request(50)).await.unwrap();
    assert_eq!((page.records.len(), wire.count()), (3, 1));
    let mut whole = request(50);
    whole.projection.custom = true;
    let page = connector.list(&context(), whole).await.unwrap();
    let shown: Vec<_> = page
        .records
        .iter()
        .map(|record| (&record.key, &record.custom[0]))
        .collect();
    let (first, last) = (RemoteKey::single("2"), RemoteKey::single("1"));
    assert_eq!(shown.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [&first, &last]);
    assert_eq!((shown[0].1.key.as_str(), &*shown[0].1.value), ("zone", "\"2\""));
    assert_eq!(&*shown[0].1.remote_path, "more.zone");
    assert_eq!(wire.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn only_the_records_of_a_page_are_read_one_by_one_when_a_list_comes_as_a_whole() {
    let list: Vec<_> = (1..=5).map(|id| json!({ "id": id })).collect();
    let list = json!({ "rows": list });
    let wire = Scripted::new(move |seen: &Seen| match seen.url.rsplit('/').next().unwrap() {
        place if place.starts_with("vendors") => answer(200, &list.to_string()),
        id => answer(200, &json!({ "id": id, "note": format!("n{id}") }).to_string()),
    });
    let patch = json!({
        "list": { "lacks": ["note"], "paging": "none" },
        "get_many": { "via": "each", "request": { "path": "/vendors/{{key}}" } },
        "resources": { "Vendor": { "remote": "vendors", "key": "id", "fields": { "notes": "note" } } },
    });
    let connector = Setup::with_token(wire.clone()).patch(&patch).connector();
    let mut next = request(2);
    next.projection = names("Vendor");
    next.projection.insert(field("Vendor", "notes"));
    let (mut read, mut calls) = (Vec::new(), Vec::new());
    loop {
        let before = wire.count();
        let page = connector.list(&context(), next.clone()).await.unwrap();
        read.extend(page.records.iter().map(|record| record.key.to_string()));
        calls.push(wire.count() - before);
        next.page = page.next;
        if next.page.is_none() {
            break;
        }
    }
    assert_eq!(
        (read.join(" ").as_str(), calls.as_slice()),
        ("1 2 3 4 5", &[3, 3, 2][..])
    );
}

#[tokio::test(start_paused = true)]
async fn look_ups_are_planned_anew_when_the_session_in_their_body_has_ended() {
    let logins = AtomicU32::new(0);
    let wire = Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/login") {
            let number = logins.fetch_add(1, Atomic::SeqCst) + 1;
            return answer(200, &json!({ "uid": format!("session-{number}") }).to_string());
        }
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        if body["uid"] == "session-1" && body["offset"] != 0 {
            return answer(200, r#"{"error":{"data":{"name":"SessionExpired"}}}"#);
        }
        play(seen)
    });
    let auth = json!({
        "id": "login", "label": "Login", "credentials": { "password": { "label": "Password" } },
        "kind": { "session": { "login": { "path": "/login", "body": { "p": "{{credentials.password}}" } }, "keep": { "uid": "uid" } } },
    });
    let mut setup = rpc(wire.clone());
    setup.manifest["auth"] = json!([auth]);
    setup.manifest["list"]["request"]["body"]["uid"] = json!("{{session.uid}}");
    setup.manifest["errors"] = json!([{ "when": { "body": [{ "path": "error.data.name", "equals": "SessionExpired" }] }, "kind": "session_expired" }]);
    setup.store = Memory::new(&[("password", "p")]);
    let connector = setup.connector();
    let (order, by) = (kind("PurchaseOrder"), field("PurchaseOrder", "vendor"));
    let children = connector
        .children(&context(), order, by, &keys(0..10), &names("PurchaseOrder"))
        .await
        .unwrap();
    assert_eq!(children.records.len(), 300);
    assert_eq!(wire.count_of("/login"), 2);
}

#[tokio::test(start_paused = true)]
async fn large_answers_are_read_aside() {
    let long = "x".repeat(20_000);
    let rows: Vec<Value> = (0..50).map(|id| json!({ "id": id, "name": long })).collect();
    let text = json!({ "result": rows }).to_string();
    assert!(text.len() > LARGE_BODY);
    let connector = rpc(Scripted::new(move |_| answer(200, &text))).connector();
    assert_eq!(connector.list(&context(), request(50)).await.unwrap().records.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_required_setting_must_be_given_and_defaults_are_filled_in() {
    let mut raw = manifest(&token_auth(), &json!({}));
    raw["settings"]["version"] = json!({ "type": "text", "label": "Version", "default": "v2" });
    let blueprint = Blueprint::compile(serde_json::from_value(raw).unwrap(), Catalogue::unified().unwrap()).unwrap();
    let error = complete(&blueprint, Map::new()).unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidSettings && error.message().contains("base_url"),
        "{error}"
    );
    let given = json!({ "base_url": "https://erp.example.com" })
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(complete(&blueprint, given).unwrap()["version"], "v2");
}

#[tokio::test(start_paused = true)]
async fn a_check_asks_for_one_record_and_tells_what_the_account_may_not_do() {
    let wire = Scripted::new(|seen: &Seen| {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(body["limit"], 1);
        if body["model"] == "order" {
            slowly(20, answer(403, r#"{"message":"no right to read orders"}"#))
        } else {
            play(seen)
        }
    });
    let observer = Arc::new(Remembered::default());
    let mut setup = rpc(wire.clone());
    setup.observer = observer.clone();
    let connector = setup.connector();
    let kinds: Vec<TypeIndex> = connector.kinds().collect();
    assert_eq!(kinds.len(), 2);
    let sample = connector.check(&context(), kind("Vendor")).await.unwrap();
    assert_eq!((sample.records, sample.latency), (1, Duration::from_millis(20)));
    let error = connector.check(&context(), kind("PurchaseOrder")).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::PermissionDenied, None));
    let error = connector.check(&context(), kind("Asset")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSupported);
    assert_eq!(wire.count(), 2);
    let told = observer.0.lock().unwrap().clone();
    assert_eq!(told.first(), Some(&("check", None, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_circuit_is_told_once_for_each_change_and_tried_again_when_it_is_time() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let wire = Scripted::new(move |_| answer(if is_down.load(Atomic::SeqCst) { 503 } else { 200 }, "{}"));
    let observer = Arc::new(Remembered::default());
    let mut setup = Setup::with_token(wire.clone());
    setup.observer = observer.clone();
    setup.options.retry.most = 0;
    let connector = setup.connector();
    assert_eq!(connector.try_again(&context()).await, State::Closed);
    assert_eq!(wire.count(), 0, "nothing to try while all is well");
    for _ in 0..20 {
        let _ = connector.probe(&context()).await;
    }
    assert_eq!(wire.count(), 5);
    assert_eq!(connector.try_again(&context()).await, State::Open);
    assert_eq!(wire.count(), 5, "it is not time yet");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(connector.try_again(&context()).await, State::Open);
    assert_eq!(wire.count(), 6);
    down.store(false, Atomic::SeqCst);
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(connector.try_again(&context()).await, State::Closed);
    assert_eq!(wire.count(), 7);
    assert_eq!(*observer.1.lock().unwrap(), [State::Open, State::Closed]);
}

#[test]
fn the_base_address_follows_from_the_settings() {
    let connector = Setup::with_token(Scripted::of([])).connector();
    assert_eq!(connector.base_url().unwrap().as_str(), "https://trial.example.com/api");
}

#[test]
fn operations_can_run_on_any_thread() {
    fn assert_send<T: Send>(_: T) {}
    fn check(connector: &Connector, context: &CallContext, projection: &Projection, request: &ListRequest) {
        let (kind, by) = (TypeIndex(0), FieldIndex(0));
        assert_send(connector.list(context, request.clone()));
        assert_send(connector.get_many(context, kind, &[], projection));
        assert_send(connector.children(context, kind, by, &[], projection));
        assert_send(connector.count(context, request));
        assert_send(connector.probe(context));
        assert_send(connector.check(context, kind));
        assert_send(connector.try_again(context));
    }
    let _ = check;
}
