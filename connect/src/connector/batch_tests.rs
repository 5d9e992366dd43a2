//! Envelopes over scripted systems: in their forms, with parts that fail, and how they are counted.

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

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::{
    blueprint::tests::{compile, definition, field},
    transport::testing::{Act, Memory, Scripted, Seen, Setup, answer, answer_with},
};

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

fn vendor() -> TypeIndex {
    definition("Vendor").index
}

fn keys(range: std::ops::Range<u32>) -> Vec<RemoteKey> {
    range.map(|id| RemoteKey::single(id.to_string())).collect()
}

fn names() -> Projection {
    let mut projection = Projection::default();
    projection.insert(field("Vendor", "name"));
    projection
}

fn setup(wire: Arc<Scripted>, batch: Value) -> Setup {
    Setup::with_token(wire).patch(&json!({
        "batch": batch,
        "get_many": { "via": "each", "request": { "path": "/vendors/{{key}}" } },
        "resources": { "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } } },
    }))
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

fn row(id: &str) -> Value {
    json!({ "id": id, "name": format!("Vendor {id}") })
}

/// Answers an envelope of `OData` backwards: 404 for keys from 100 on, what `odd` says for others.
fn odata(seen: &Seen, odd: impl Fn(&str) -> Option<(u16, Value)>) -> Act {
    let body = body(seen);
    let requests = body["requests"].as_array().unwrap();
    let one = |request: &Value| {
        let url = request["url"].as_str().unwrap();
        let id = url.strip_prefix("vendors/").unwrap_or_else(|| panic!("{url}"));
        let plain = match id.parse::<u32>().unwrap() {
            0..100 => (200, row(id)),
            _ => (404, json!({ "message": "no such vendor" })),
        };
        let (status, answer) = odd(id).unwrap_or(plain);
        json!({ "id": request["id"], "status": status, "headers": { "Content-Type": "application/json" }, "body": answer })
    };
    let responses: Vec<Value> = requests.iter().rev().map(one).collect();
    answer(200, &json!({ "responses": responses }).to_string())
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_wanted_together_go_in_envelopes_and_are_matched_by_id() {
    let wire = Scripted::new(|seen| odata(seen, |_| None));
    let batch = json!({ "form": "json", "path": "/$batch", "max_requests": 40 });
    let connector = setup(wire.clone(), batch).connector();
    let context = context();
    let found = connector
        .get_many(&context, vendor(), &keys(0..110), &names())
        .await
        .unwrap();
    assert_eq!(found.len(), 100, "keys from 100 on do not exist");
    assert_eq!(
        found[&RemoteKey::single("77")].get(field("Vendor", "name")),
        &lineshaft_schema::Value::text("Vendor 77")
    );
    assert_eq!((wire.count(), context.calls()), (3, 3));
    let seen = wire.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.method == http::Method::POST && seen.url.ends_with("/api/$batch"))
    );
    let first = &body(&seen[0])["requests"][0];
    assert_eq!(
        first,
        &json!({ "id": "1", "method": "GET", "url": "vendors/0", "headers": { "accept": "application/json" } })
    );
}

#[tokio::test(start_paused = true)]
async fn one_request_needs_no_envelope_unless_the_system_knows_nothing_else() {
    let one = |seen: &Seen| match seen.url.contains("$batch") {
        true => odata(seen, |_| None),
        false => answer(200, &row("5").to_string()),
    };
    for (fewest, envelopes) in [(2, 0), (1, 1)] {
        let wire = Scripted::new(one);
        let batch = json!({ "form": "json", "path": "/$batch", "min_requests": fewest });
        let connector = setup(wire.clone(), batch).connector();
        let found = connector
            .get_many(&context(), vendor(), &keys(5..6), &names())
            .await
            .unwrap();
        assert_eq!((found.len(), wire.count(), wire.count_of("$batch")), (1, 1, envelopes));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_failed_does_not_fail_the_others() {
    let busy = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&busy);
    let wire = Scripted::new(move |seen| {
        odata(seen, |id| match id {
            "3" => Some((403, json!({ "message": "not yours" }))),
            "4" if counted.fetch_add(1, Atomic::SeqCst) == 0 => Some((503, json!({ "message": "busy" }))),
            _ => None,
        })
    });
    let batch = json!({ "form": "json", "path": "/$batch", "min_requests": 1 });
    let connector = setup(wire.clone(), batch).connector();
    let context = context();
    let found = connector
        .get_many_apart(&context, vendor(), &keys(0..10), &names())
        .await
        .unwrap();
    assert_eq!((found.records.len(), found.failed.len()), (9, 1));
    assert_eq!(
        found.failed[&RemoteKey::single("3")].kind(),
        ErrorKind::PermissionDenied
    );
    // The busy one went again alone.
    assert_eq!((wire.count(), context.calls()), (2, 2));
    assert_eq!(body(&wire.seen()[1])["requests"].as_array().unwrap().len(), 1);
    let refused = connector.get_many(&context, vendor(), &keys(0..10), &names()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test(start_paused = true)]
async fn an_envelope_of_which_every_part_is_throttled_is_sent_again_as_one() {
    let sent = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sent);
    let wire = Scripted::new(move |seen| match counted.fetch_add(1, Atomic::SeqCst) {
        0 => answer_with(429, &[("retry-after", "3")], "{}"),
        1 => odata(seen, |_| Some((429, json!({})))),
        _ => odata(seen, |_| None),
    });
    let mut setup = setup(wire.clone(), json!({ "form": "json", "path": "/$batch" }));
    setup.options.retry.budget = 1.0;
    let connector = setup.connector();
    let context = CallContext::within(Duration::from_secs(60), "r");
    let found = connector
        .get_many(&context, vendor(), &keys(0..3), &names())
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count()), (3, 3));
    assert!(
        wire.seen()
            .iter()
            .all(|seen| body(seen)["requests"].as_array().unwrap().len() == 3)
    );
    assert!(wire.seen()[1].at - wire.seen()[0].at >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn requests_in_the_order_of_a_list_and_bodies_in_base64() {
    // A list of requests whose answers come in their order, as they are.
    let wire = Scripted::new(|seen| {
        let body = body(seen);
        assert_eq!(
            (body["single"].as_bool(), seen.url.contains("action=Batch")),
            (Some(false), true)
        );
        let answers = body["requests"].as_array().unwrap().iter().map(|request| {
            assert_eq!(request["class"], "vendors");
            let id = request["id"].as_str().unwrap();
            if id == "1" {
                return json!({ "error": { "code": 7, "message": "gone" } });
            }
            json!({ "object": row(id) })
        });
        answer(200, &json!({ "responses": answers.collect::<Vec<_>>() }).to_string())
    });
    let patch = json!({
        "get_many": { "record": "object", "request": {
            "path": "/", "query": { "action": "Find" }, "body": { "class": "{{resource.remote}}", "id": "{{key}}" },
        } },
        "errors": [{ "when": { "body": [{ "path": "error", "present": true }] }, "kind": "not_found", "message": ["error.message"] }],
    });
    let batch = json!({
        "form": "json", "path": "/", "query": { "action": "Batch" },
        "envelope": { "single": false, "requests": "{{requests}}" }, "part": "{{request.body}}",
        "answers": { "path": "responses" },
    });
    let connector = setup(wire.clone(), batch).patch(&patch).connector();
    let found = connector
        .get_many(&context(), vendor(), &keys(0..3), &names())
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count()), (2, 1));

    // Bodies in base64; what is not served is sent again.
    let wire = Scripted::new(|seen| {
        let body = body(seen);
        let requests = body["rest_requests"].as_array().unwrap();
        let served = requests.iter().take(2).map(|request| {
            assert_eq!(
                request["headers"][0],
                json!({ "name": "accept", "value": "application/json" })
            );
            let id = request["url"].as_str().unwrap().strip_prefix("/api/vendors/").unwrap();
            json!({ "id": request["id"], "status_code": 200, "body": STANDARD.encode(row(id).to_string()) })
        });
        answer(
            200,
            &json!({ "serviced_requests": served.collect::<Vec<_>>() }).to_string(),
        )
    });
    let batch = json!({
        "form": "json", "path": "/v1/batch", "min_requests": 1,
        "envelope": { "batch_request_id": "1", "rest_requests": "{{requests}}" },
        "part": { "id": "{{request.id}}", "method": "{{request.method}}", "url": "{{request.path}}",
            "headers": "{{request.header_list}}", "body": "{{request.body_base64}}" },
        "answers": { "path": "serviced_requests", "id": "id", "status": "status_code", "body": "body", "as": "base64" },
    });
    let connector = setup(wire.clone(), batch).connector();
    let found = connector
        .get_many(&context(), vendor(), &keys(0..5), &names())
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count()), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn multipart_envelopes_carry_get_requests_and_their_answers_in_order() {
    let wire = Scripted::new(|seen| {
        let requests = seen.body.lines().filter_map(|line| line.strip_prefix("GET "));
        let mut text = String::new();
        for line in requests {
            let id = line
                .strip_prefix("vendors/")
                .and_then(|rest| rest.strip_suffix(" HTTP/1.1"))
                .unwrap();
            let answer = match id {
                "2" => "404 Not Found\r\nContent-Type: application/json\r\n\r\n{}".to_owned(),
                _ => format!("200 OK\r\nContent-Type: application/json\r\n\r\n{}", row(id)),
            };
            text += &format!("--r1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {answer}\r\n");
        }
        text += "--r1--\r\n";
        answer_with(202, &[("content-type", "multipart/mixed; boundary=r1")], &text)
    });
    let connector = setup(wire.clone(), json!({ "form": "multipart_odata", "path": "/$batch" })).connector();
    let found = connector
        .get_many(&context(), vendor(), &keys(0..4), &names())
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count()), (3, 1));
    assert!(wire.seen()[0].body.ends_with("--\r\n"));
}

#[tokio::test(start_paused = true)]
async fn an_envelope_carries_the_mark_that_posts_need() {
    let wire = Scripted::new(|seen| match (seen.method.as_str(), seen.headers.get("x-mark")) {
        ("GET", _) => answer_with(200, &[("x-mark", "m1")], "{}"),
        (_, Some(mark)) if mark == "m1" => odata(seen, |_| None),
        _ => answer_with(403, &[("x-mark", "Required")], "{}"),
    });
    let patch = json!({ "http": { "anti_forgery": {
        "request": { "path": "/" }, "header": "x-mark",
        "refused_when": { "status": 403, "headers": { "x-mark": "(?i)^required$" } },
    } } });
    let batch = json!({ "form": "json", "path": "/$batch" });
    let connector = setup(wire.clone(), batch).patch(&patch).connector();
    for _ in 0..2 {
        let found = connector
            .get_many(&context(), vendor(), &keys(0..3), &names())
            .await
            .unwrap();
        assert_eq!(found.len(), 3);
    }
    assert_eq!(
        (wire.count(), wire.count_of("$batch")),
        (3, 2),
        "the mark is fetched once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_says_that_the_session_ended_makes_one_new_login() {
    let once = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&once);
    let wire = Scripted::new(move |seen| {
        if seen.url.ends_with("/login") {
            return answer(200, r#"{"sid":"s"}"#);
        }
        let first = counted.fetch_add(1, Atomic::SeqCst) == 0;
        odata(seen, |id| {
            (first && id == "1").then(|| (401, json!({ "message": "over" })))
        })
    });
    let auth = json!({
        "id": "session", "label": "Session", "credentials": { "token": { "label": "Token" } },
        "kind": { "session": {
            "login": { "path": "/login", "body": { "token": "{{credentials.token}}" } }, "keep": { "sid": "sid" },
            "headers": { "x-session": "{{session.sid}}" },
        } },
    });
    let patch = setup(wire.clone(), json!({ "form": "json", "path": "/$batch" })).manifest;
    let mut signed = Setup::new(wire.clone(), Memory::new(&[("token", "t")]), &auth);
    let ways = std::mem::take(&mut signed.manifest["auth"]);
    signed.manifest = patch;
    signed.manifest["auth"] = ways;
    let found = signed
        .connector()
        .get_many(&context(), vendor(), &keys(0..3), &names())
        .await
        .unwrap();
    assert_eq!(
        (found.len(), wire.count_of("/login"), wire.count_of("$batch")),
        (3, 2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn parts_count_as_the_system_counts_them() {
    let wire = Scripted::new(|seen| odata(seen, |_| None));
    let patch = json!({ "limits": { "rates": [{ "calls": 10, "per_s": 60 }] } });
    let batch = json!({ "form": "json", "path": "/$batch", "max_requests": 6, "counts": "parts" });
    let connector = setup(wire.clone(), batch).patch(&patch).connector();
    let context = CallContext::within(Duration::from_secs(300), "r");
    connector
        .get_many(&context, vendor(), &keys(0..12), &names())
        .await
        .unwrap();
    let seen = wire.seen();
    assert_eq!((seen.len(), context.calls()), (2, 12));
    assert!(
        seen[1].at - seen[0].at >= Duration::from_secs(60),
        "twelve do not fit into one window"
    );
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_several_parents_come_in_envelopes_page_by_page() {
    let wire = Scripted::new(|seen| {
        let body = body(seen);
        let answers = body["requests"].as_array().unwrap().iter().map(|request| {
            let url = url::Url::parse("https://x.example/").unwrap();
            let url = url.join(request["url"].as_str().unwrap()).unwrap();
            let offset = url.query_pairs().find(|(name, _)| name == "offset");
            let offset: u32 = offset.unwrap().1.parse().unwrap();
            // The first parent has two pages.
            let many = if url.path().contains("/1/") { 3 } else { 1 };
            let rows: Vec<Value> = (offset..many)
                .take(2)
                .map(|id| json!({ "id": id, "no": format!("P{id}") }))
                .collect();
            json!({ "id": request["id"], "status": 200, "body": { "rows": rows } })
        });
        answer(200, &json!({ "responses": answers.collect::<Vec<_>>() }).to_string())
    });
    let connector = Setup::with_token(wire.clone())
        .patch(&json!({
            "batch": { "form": "json", "path": "/$batch", "min_requests": 1 },
            "list": { "page_size": 2, "max_page_size": 2 },
            "resources": {
                "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } },
                "PurchaseOrder": { "remote": "orders", "key": ["vendor_id", "id"],
                    "children": { "vendor": { "request": { "path": "/vendors/{{key}}/orders" }, "parent_as": "vendor_id" } },
                    "fields": { "number": "no", "vendor": "vendor_id" } },
            },
        }))
        .connector();
    let (order, by) = (definition("PurchaseOrder").index, field("PurchaseOrder", "vendor"));
    let mut projection = Projection::default();
    projection.insert(field("PurchaseOrder", "number"));
    let context = context();
    let children = connector
        .children(&context, order, by, &keys(1..4), &projection)
        .await
        .unwrap();
    assert_eq!((children.records.len(), children.truncated), (5, false));
    assert_eq!((wire.count(), context.calls()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_part_and_a_count_that_found_nothing_are_empty() {
    let wire = Scripted::new(|seen| match seen.url.contains("$batch") {
        true => odata(seen, |id| (id == "7").then(|| (400, json!({ "nothing": true })))),
        false => answer(400, r#"{"nothing":true}"#),
    });
    let rule = json!({ "when": { "body": [{ "path": "nothing", "equals": true }] }, "kind": "not_found", "nothing_found": true });
    let connector = setup(wire.clone(), json!({ "form": "json", "path": "/$batch" }))
        .patch(&json!({ "errors": [rule], "list": { "count": { "path": "total" } } }))
        .connector();
    let found = connector
        .get_many(&context(), vendor(), &keys(5..9), &names())
        .await
        .unwrap();
    assert_eq!((found.len(), wire.count()), (3, 1));
    let request = ListRequest {
        kind: vendor(),
        filter: Filter::always(),
        order: None,
        after: None,
        limit: 1,
        projection: names(),
        count: true,
        page: None,
    };
    assert_eq!(connector.count(&context(), &request).await.unwrap(), Some(0));
}

#[test]
fn what_is_wrong_with_envelopes_is_told_with_its_place() {
    let resources = || json!({ "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } } });
    let patch = json!({
        "batch": { "form": "json", "path": "/{{key}}", "envelope": { "a": "{{settings.x}}" }, "part": "{{requests}}",
            "answers": { "path": "a[" }, "max_requests": 5, "min_requests": 9, "counts": "parts" },
        "limits": { "rates": [{ "calls": 3, "per_s": 1, "costs": [{ "path": "(", "cost": 9 }] }] },
    });
    let problems = compile("json_rest", patch, resources()).unwrap_err();
    let mut pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    pointers.sort_unstable();
    pointers.dedup();
    assert_eq!(
        pointers,
        [
            "/batch/answers/path",
            "/batch/envelope",
            "/batch/max_requests",
            "/batch/part",
            "/batch/path",
            "/limits/rates/0/calls",
            "/limits/rates/0/costs/0/cost",
            "/limits/rates/0/costs/0/path",
        ]
    );
    let patch = json!({ "batch": { "form": "multipart_odata", "path": "/$batch", "part": {} } });
    let problems = compile("odata_v4", patch, resources()).unwrap_err();
    assert_eq!(problems[0].pointer, "/batch/part");
}
