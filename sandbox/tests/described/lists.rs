//! Lists of a described system: conditions, order, every kind of page, chosen members.

use lineshaft_sandbox::Account;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{asked, bare, get, ids, secret, send, start, told};

#[tokio::test]
async fn rows_have_the_types_of_their_expressions() {
    let sandbox = start().await;
    let (status, row) = get(&sandbox, "/api/workorders/1").await;
    assert_eq!(status, 200);
    let world = sandbox.world().clone();
    let order = world.find_work_order(1).unwrap();
    assert_eq!(row["title"], order.title);
    assert!(row["hours"].is_number() && row["id"] == 1 && row["version"] == 1);
    assert_eq!(row["asset"]["id"], json!(order.asset));
    assert_eq!(row["tasks"].as_array().unwrap().len(), order.tasks.len());
    assert_eq!(row["tasks"][0]["order"], 1);
    assert!(row.get("secret").is_none());
    let (status, order) = get(&sandbox, "/api/Orders('4500000001')").await;
    assert_eq!((status, &order["id"]), (200, &json!(1)));
    assert_eq!(
        order["vendor"],
        world.find_vendor(world.purchase_orders[0].vendor).unwrap().name
    );
    assert_eq!(get(&sandbox, "/api/workorders/999999").await.0, 404);
    assert_eq!(get(&sandbox, "/api/nothing").await.0, 404);
    let xml = asked(&sandbox, Method::GET, "/api/units").send().await.unwrap();
    assert!(
        xml.text()
            .await
            .unwrap()
            .contains("<unit id=\"EA\">Each &amp; more</unit>")
    );
}

#[tokio::test]
async fn conditions_choose_rows() {
    let sandbox = start().await;
    let all = async |query: &str| {
        let (status, body) = get(&sandbox, &format!("/api/workorders?limit=50&{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        body["items"].as_array().unwrap().clone()
    };
    let every = all("").await.len();
    for row in all("status=OPEN,done").await {
        assert!(["OPEN", "DONE"].contains(&row["status"].as_str().unwrap()));
    }
    let total = async |query: &str| {
        get(&sandbox, &format!("/api/workorders?{query}")).await.1["total"]
            .as_u64()
            .unwrap()
    };
    let (open, rest, whole) = (
        total("status=OPEN").await,
        total("not_status=OPEN").await,
        total("").await,
    );
    assert!(open > 0 && rest > 0 && open + rest == whole && every > 0);
    assert!(
        all("hours[gte]=4")
            .await
            .iter()
            .all(|row| row["hours"].as_f64().unwrap() >= 4.0)
    );
    assert!(
        all("hours=2..4")
            .await
            .iter()
            .all(|row| (2.0..=4.0).contains(&row["hours"].as_f64().unwrap()))
    );
    let title = all("").await[0]["title"].as_str().unwrap().to_uppercase();
    assert!(!all(&format!("q={title}")).await.is_empty());
    assert!(all("has_due=true").await.iter().all(|row| row["due"].is_null()));
    assert!(all("has_due=false").await.iter().all(|row| !row["due"].is_null()));
    assert!(all("f_status__ne=OPEN").await.iter().all(|row| row["status"] != "OPEN"));
    assert_eq!(
        get(&sandbox, "/api/workorders?f_nothing__ne=1").await.1["kind"],
        "unknown_field"
    );
    assert_eq!(
        get(&sandbox, "/api/workorders?hours[gte]=many").await.1["kind"],
        "wrong_type"
    );
    assert_eq!(get(&sandbox, "/api/workorders?sort=nothing").await.0, 422);
    assert_eq!(get(&sandbox, "/api/workorders?limit=51").await.0, 422);
    let chosen = all("fields=title,asset.name").await;
    let names: Vec<&String> = chosen[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "title", "asset"]);
    assert_eq!(chosen[0]["asset"].as_object().unwrap().len(), 1);
}

/// Reads all pages by the member `next`.
async fn pages(path: impl Fn(&Value) -> String, sandbox: &lineshaft_sandbox::Sandbox) -> Vec<i64> {
    let mut found = Vec::new();
    let mut next = Value::Null;
    loop {
        let (status, body) = get(sandbox, &path(&next)).await;
        assert_eq!(status, 200, "{body}");
        found.extend(ids(&body["items"]));
        next = body["next"].clone();
        if next.is_null() {
            return found;
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[tokio::test]
async fn every_kind_of_page_gives_all_rows_once() {
    let sandbox = start().await;
    let expected: Vec<i64> = {
        let world = sandbox.world();
        let orders = world
            .work_orders
            .iter()
            .filter(|order| format!("{:?}", order.kind) != "Emergency");
        orders.map(|order| i64::from(order.id)).collect()
    };
    for (kind, name) in [
        ("offset", "offset"),
        ("page", "page"),
        ("start_key", "start"),
        ("start_at", "start"),
        ("server", "cursor"),
    ] {
        let path = |next: &Value| match next {
            Value::Null => format!("/api/paged/{kind}"),
            next => format!("/api/paged/{kind}?{name}={}", plain(next)),
        };
        let mut found = pages(path, &sandbox).await;
        if kind == "offset" {
            found.sort_unstable();
        }
        assert_eq!(found, expected, "{kind}");
    }
    for sort in ["", "-hours", "title desc", "status,-id"] {
        let path = |next: &Value| match next {
            Value::Null => format!("/api/workorders?sort={sort}&limit=7"),
            next => format!("/api/workorders?sort={sort}&limit=7&cursor={}", plain(next)),
        };
        let mut found = pages(path, &sandbox).await;
        found.sort_unstable();
        assert_eq!(found, expected, "{sort}");
    }
}

#[tokio::test]
async fn pages_tell_links_ranges_and_ends() {
    let sandbox = start().await;
    let answer = asked(&sandbox, Method::GET, "/api/paged/page?status=x")
        .send()
        .await
        .unwrap();
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(
        link.contains("/api/paged/page?status=x&page=2>; rel=\"next\""),
        "{link}"
    );
    assert!(
        link.contains("rel=\"last\"") && !link.contains("rel=\"prev\""),
        "{link}"
    );
    let range = asked(&sandbox, Method::GET, "/api/paged/range")
        .header("Range", "items=5-9")
        .send()
        .await
        .unwrap();
    assert_eq!(range.status(), 206);
    let told_range = range.headers()["content-range"].to_str().unwrap().to_owned();
    assert!(told_range.starts_with("items 5-9/"), "{told_range}");
    assert_eq!(told(range).await.1["items"].as_array().unwrap().len(), 5);
    let (_, first) = get(&sandbox, "/api/paged/server").await;
    let next = first["next"].as_str().unwrap();
    sandbox.end_sessions();
    assert_eq!(get(&sandbox, &format!("/api/paged/server?cursor={next}")).await.0, 410);
    assert_eq!(get(&sandbox, "/api/workorders?cursor=%%%").await.0, 422);
}

#[tokio::test]
async fn searches_may_be_posted() {
    let sandbox = start().await;
    let body = json!({"type": "work", "status": ["OPEN", "DONE"], "page": 1, "size": 3});
    let (status, answer) = send(&sandbox, Method::POST, "/api/search", &body).await;
    assert_eq!((status, answer["items"].as_array().unwrap().len()), (200, 3));
    assert!(answer["items"][0].get("vendor").is_none());
    assert!(answer["items"][0]["label"].as_str().unwrap().starts_with("WO-"));
    let calls = sandbox.calls();
    assert_eq!(
        (calls[0].operation.as_deref(), calls[0].write),
        (Some("search.work"), false)
    );
}

#[tokio::test]
async fn the_world_changes_under_it() {
    let sandbox = start().await;
    sandbox.edit(|world| world.work_orders[0].title = "Other".to_owned());
    assert_eq!(get(&sandbox, "/api/workorders/1").await.1["title"], "Other");
    let remaining = bare(&sandbox, Method::GET, "/api/me").bearer_auth(secret(&sandbox, Account::Second));
    let answer = remaining.send().await.unwrap();
    assert_eq!(answer.headers()["x-remaining"], "499");
    assert_eq!(told(answer).await.1["tenant"], "acme-training");
}
