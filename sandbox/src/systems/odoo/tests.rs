//! Talks to a running Odoo as a client does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod own;
mod stock_writes;
mod writes;

use serde_json::{Value, json};

use super::{API_KEY, LIMITED_KEY, models};
use crate::{Options, Sandbox, System};

struct Client {
    sandbox: Sandbox,
    http: reqwest::Client,
}

async fn client() -> Client {
    let sandbox = Sandbox::start(System::Odoo, Options::default()).await.unwrap();
    Client {
        sandbox,
        http: reqwest::Client::new(),
    }
}

impl Client {
    async fn rpc(&self, service: &str, method: &str, arguments: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": {"service": service, "method": method, "args": arguments}});
        let answer = self
            .http
            .post(format!("{}/jsonrpc", self.sandbox.base_url()))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    async fn execute(&self, model: &str, method: &str, positional: Value, named: Value) -> Value {
        let arguments = json!(["lineshaft", 2, API_KEY, model, method, positional, named]);
        self.rpc("object", "execute_kw", arguments).await
    }

    async fn result(&self, model: &str, method: &str, positional: Value, named: Value) -> Value {
        let answer = self.execute(model, method, positional, named).await;
        assert_eq!(answer.get("error"), None, "{model}.{method}");
        answer["result"].clone()
    }

    async fn failure(&self, model: &str, method: &str, positional: Value, named: Value) -> (String, String) {
        let answer = self.execute(model, method, positional, named).await;
        let data = &answer["error"]["data"];
        (
            data["name"].as_str().unwrap().to_owned(),
            data["message"].as_str().unwrap().to_owned(),
        )
    }

    async fn count(&self, model: &str, domain: Value) -> u64 {
        self.result(model, "search_count", json!([domain]), json!({}))
            .await
            .as_u64()
            .unwrap()
    }

    async fn json2(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/json/2/{path}", self.sandbox.base_url()));
        let answer = request
            .bearer_auth(key)
            .header("X-Odoo-Database", "lineshaft")
            .json(&body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn log_in_gives_a_uid_or_false() {
    let client = client().await;
    let log_in = async |database: &str, secret: &str| {
        client
            .rpc("common", "authenticate", json!([database, "admin", secret, {}]))
            .await
    };
    assert_eq!(log_in("lineshaft", API_KEY).await["result"], 2);
    assert_eq!(log_in("lineshaft", "wrong").await["result"], false);
    assert_eq!(
        log_in("nope", API_KEY).await["error"]["data"]["name"],
        "psycopg2.OperationalError"
    );
    assert!(client.sandbox.calls().iter().all(|call| call.login));
    let denied = client
        .rpc(
            "object",
            "execute_kw",
            json!(["lineshaft", 2, "wrong", "res.partner", "search_count", [[]], {}]),
        )
        .await;
    assert_eq!(denied["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
    assert_eq!(denied["error"]["message"], "Odoo Server Error");
    client.sandbox.revoke_credentials();
    assert_eq!(log_in("lineshaft", API_KEY).await["result"], false);
    assert_eq!(
        client
            .json2("res.partner/search_count", API_KEY, json!({"domain": []}))
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn paging_gives_every_line_once() {
    let client = client().await;
    let count = client.count("purchase.order.line", json!([])).await;
    let mut ids = Vec::new();
    loop {
        let named = json!({"fields": ["name"], "offset": ids.len(), "limit": 13, "order": "id"});
        let page = client
            .result("purchase.order.line", "search_read", json!([[]]), named)
            .await;
        let page = page.as_array().unwrap().clone();
        ids.extend(page.iter().map(|row| row["id"].as_u64().unwrap()));
        if page.len() < 13 {
            break;
        }
    }
    assert_eq!(ids, (1..=count).collect::<Vec<_>>());
}

#[tokio::test]
async fn values_are_written_as_odoo_does() {
    let client = client().await;
    let fields = json!([
        "name",
        "partner_id",
        "state",
        "amount_total",
        "date_order",
        "date_approve",
        "order_line",
        "note",
        "write_date"
    ]);
    let rows = client
        .result("purchase.order", "read", json!([[1, 99_999, 4], fields]), json!({}))
        .await;
    assert_eq!(rows.as_array().unwrap().len(), 2, "a missing id is left out");
    let world = client.sandbox.world();
    let order = world.find_purchase_order(1).unwrap();
    let vendor = world.find_vendor(order.vendor).unwrap();
    assert_eq!(rows[0]["partner_id"], json!([vendor.id + 100, vendor.name]));
    assert_eq!(rows[0]["date_approve"], false);
    assert!(rows[0]["amount_total"].is_f64());
    assert_eq!(rows[0]["date_order"], format!("{} 12:00:00", order.order_date));
    assert_eq!(
        rows[0]["order_line"],
        json!(order.lines.iter().map(|line| line.id).collect::<Vec<_>>())
    );
}

#[tokio::test]
async fn domains_are_evaluated() {
    let client = client().await;
    let orders = async |domain: Value| client.count("purchase.order", domain).await;
    let all = orders(json!([])).await;
    let bought = orders(json!([["state", "=", "purchase"]])).await;
    assert_eq!(orders(json!([["state", "!=", "purchase"]])).await, all - bought);
    assert_eq!(orders(json!(["!", ["state", "=", "purchase"]])).await, all - bought);
    assert_eq!(
        orders(json!(["|", ["state", "=", "purchase"], ["state", "!=", "purchase"]])).await,
        all
    );
    let both = orders(json!(["&", ["state", "=", "purchase"], ["partner_ref", "!=", false]])).await;
    assert_eq!(
        both,
        orders(json!([["state", "=", "purchase"], ["partner_ref", "!=", false]])).await
    );
    assert_eq!(
        orders(json!([["partner_ref", "=", false]])).await + orders(json!([["partner_ref", "!=", false]])).await,
        all
    );
    assert_eq!(orders(json!([["id", "in", [1, 2, 3]], ["id", "not in", [2]]])).await, 2);
    assert_eq!(orders(json!([["name", "ilike", "p0000"]])).await, 9);
    assert_eq!(orders(json!([["name", "=ilike", "p0000_"]])).await, 9);
    assert_eq!(orders(json!([["name", "like", "p0000"]])).await, 0);
    let vendor = client
        .result("purchase.order", "read", json!([[1], ["partner_id"]]), json!({}))
        .await[0]["partner_id"][1]
        .clone();
    assert!(orders(json!([["partner_id.name", "=", vendor]])).await > 0);
    assert!(orders(json!([["partner_id", "ilike", vendor]])).await > 0);
    assert!(orders(json!([["order_line.product_id.default_code", "=", "MAT-00100"]])).await > 0);
    assert!(orders(json!([["order_line", "any", [["product_qty", ">", 5]]]])).await > 0);
    assert!(orders(json!([["write_date", ">", "2026-11-01 00:00:00"]])).await < all);
    let warehouse = client.count("stock.location", json!([["id", "child_of", [21]]])).await;
    assert!(warehouse > 5);
    assert!(
        client
            .count("stock.quant", json!([["location_id.usage", "=", "internal"]]))
            .await
            >= 80
    );
}

#[tokio::test]
async fn orders_sort_with_empty_values_last() {
    let client = client().await;
    let named = json!({"domain": [], "fields": ["date_approve", "name"], "order": "date_approve, name desc"});
    let rows = client.result("purchase.order", "search_read", json!([]), named).await;
    let dates: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["date_approve"])
        .collect();
    let filled: Vec<&str> = dates.iter().filter_map(|date| date.as_str()).collect();
    assert!(filled.is_sorted());
    assert!(dates[filled.len()..].iter().all(|date| **date == Value::Bool(false)));
}

#[tokio::test]
async fn archived_records_hide_unless_asked() {
    let client = client().await;
    let domain = json!([["supplier_rank", ">", 0]]);
    let shown = client.count("res.partner", domain.clone()).await;
    let context = json!({"context": {"active_test": false}});
    let all = client
        .result("res.partner", "search_count", json!([domain]), context)
        .await;
    assert_eq!(all, 25);
    assert!(shown < 25);
    assert_eq!(
        client
            .count(
                "res.partner",
                json!([["supplier_rank", ">", 0], ["active", "in", [true, false]]])
            )
            .await,
        25
    );
}

#[tokio::test]
async fn errors_have_odoo_names() {
    let client = client().await;
    let search = async |named: Value| client.failure("purchase.order", "search_read", json!([]), named).await;
    assert_eq!(
        search(json!({"fields": ["nope"]})).await,
        (
            "builtins.ValueError".to_owned(),
            "Invalid field 'nope' on 'purchase.order'".to_owned()
        )
    );
    assert!(
        search(json!({"domain": [["nope", "=", 1]]}))
            .await
            .1
            .starts_with("Invalid field purchase.order.nope in condition ('nope'")
    );
    assert_eq!(search(json!({"order": "nope"})).await.0, "builtins.ValueError");
    assert_eq!(
        search(json!({"order": "id sideways"})).await.0,
        "odoo.exceptions.UserError"
    );
    assert_eq!(
        search(json!({"domain": [["write_date", ">", "2026-11-01T00:00:00Z"]]}))
            .await
            .0,
        "builtins.ValueError"
    );
    assert_eq!(
        search(json!({"domain": [["id", "~", 1]]})).await.0,
        "builtins.ValueError"
    );
    assert_eq!(
        client.failure("x.nope", "search", json!([[]]), json!({})).await.1,
        "Object x.nope doesn't exist"
    );
    assert_eq!(
        client
            .failure("purchase.order", "_compute", json!([]), json!({}))
            .await
            .0,
        "odoo.exceptions.AccessError"
    );
    assert_eq!(
        client
            .failure("res.users", "write", json!([[1], {}]), json!({}))
            .await
            .0,
        "odoo.exceptions.AccessError"
    );
}

#[tokio::test]
async fn json2_answers_with_real_statuses() {
    let client = client().await;
    let (status, rows) = client
        .json2(
            "purchase.order/search_read",
            API_KEY,
            json!({"domain": [["state", "=", "draft"]], "fields": ["name"], "limit": 2, "order": "id"}),
        )
        .await;
    assert_eq!((status, rows.as_array().unwrap().len()), (200, 2));
    assert_eq!(
        client
            .json2("purchase.order/search_count", API_KEY, json!({"domain": []}))
            .await,
        (200, json!(60))
    );
    let (status, error) = client.json2("purchase.order/search_read", "bad", json!({})).await;
    assert_eq!(
        (status, &error["message"], &error["arguments"][1]),
        (401, &json!("Invalid apikey"), &json!(401))
    );
    assert_eq!(
        client
            .json2("purchase.order/search_read", API_KEY, json!({"fields": ["nope"]}))
            .await
            .0,
        500
    );
    assert_eq!(
        client
            .json2("purchase.order/search_read", API_KEY, json!({"nope": 1}))
            .await
            .0,
        500
    );
    assert_eq!(client.json2("x.nope/search_read", API_KEY, json!({})).await.0, 404);
    assert_eq!(client.json2("purchase.order/nope", API_KEY, json!({})).await.0, 404);
    assert_eq!(client.json2("purchase.order/_x", API_KEY, json!({})).await.0, 403);
    assert_eq!(
        client
            .json2("purchase.order/search_read", LIMITED_KEY, json!({}))
            .await
            .0,
        403
    );
    assert_eq!(
        client.json2("res.partner/search_count", LIMITED_KEY, json!({})).await.0,
        200
    );
    assert_eq!(
        client
            .json2("purchase.order/search", API_KEY, json!({"ids": [1]}))
            .await
            .0,
        422
    );
    assert_eq!(
        client
            .json2(
                "purchase.order/read",
                API_KEY,
                json!({"ids": [1, 9_999], "fields": ["name"]})
            )
            .await
            .1,
        json!([{"id": 1, "name": "P00001"}])
    );
    assert_eq!(
        client.sandbox.calls()[0].operation.as_deref(),
        Some("purchase.order.search_read")
    );
}

#[tokio::test]
async fn every_model_reads_all_its_fields() {
    let client = client().await;
    for model in models::MODELS {
        let fields = client
            .result(
                model,
                "fields_get",
                json!([]),
                json!({"attributes": ["type", "relation"]}),
            )
            .await;
        let rows = client
            .result(model, "search_read", json!([[]]), json!({"limit": 3}))
            .await;
        assert!(!rows.as_array().unwrap().is_empty(), "{model}");
        assert_eq!(
            rows[0].as_object().unwrap().len(),
            fields.as_object().unwrap().len(),
            "{model}"
        );
    }
    let own = client
        .count(
            "ir.model.fields",
            json!([["model", "=", "purchase.order"], ["state", "=", "manual"]]),
        )
        .await;
    assert_eq!(own, 4);
}

#[tokio::test]
async fn a_session_cookie_ends_when_credentials_expire() {
    let client = client().await;
    let base = client.sandbox.base_url();
    let log_in = json!({"jsonrpc": "2.0", "params": {"db": "lineshaft", "login": "admin", "password": "admin"}});
    let answer = client
        .http
        .post(format!("{base}/web/session/authenticate"))
        .json(&log_in)
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let call = json!({"jsonrpc": "2.0", "params": {"model": "res.users", "method": "search_count", "args": [[]], "kwargs": {}}});
    let send = async || {
        let request = client
            .http
            .post(format!("{base}/web/dataset/call_kw"))
            .header("Cookie", &cookie)
            .json(&call);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(send().await["result"], 11);
    client.sandbox.expire_credentials();
    assert_eq!(send().await["error"]["code"], 100);
}

#[tokio::test]
async fn a_nested_read_gives_length_and_records() {
    let client = client().await;
    let specification = json!({"name": {}, "partner_id": {"fields": {"display_name": {}}}, "order_line": {"fields": {"product_qty": {}}}});
    let named = json!({"domain": [], "specification": specification, "limit": 1, "order": "id"});
    let page = client
        .result("purchase.order", "web_search_read", json!([]), named)
        .await;
    assert_eq!(page["length"], 60);
    assert!(page["records"][0]["partner_id"]["display_name"].is_string());
    assert!(page["records"][0]["order_line"][0]["product_qty"].is_f64());
}
