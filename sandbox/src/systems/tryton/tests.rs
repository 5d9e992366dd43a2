//! Talks to a running Tryton as a client does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod own;
mod stock_writes;
mod writes;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{Options, Sandbox, System};

struct Client {
    sandbox: Sandbox,
    http: reqwest::Client,
    session: String,
}

async fn client() -> Client {
    let sandbox = Sandbox::start(System::Tryton, Options::default()).await.unwrap();
    let mut client = Client {
        sandbox,
        http: reqwest::Client::new(),
        session: String::new(),
    };
    client.session = client.log_in("admin", "admin-Passw0rd").await;
    client
}

impl Client {
    async fn log_in(&self, login: &str, password: &str) -> String {
        let answer = self
            .post("common.db.login", json!([login, {"password": password}, "en"]))
            .await;
        let answer: Value = answer.json().await.unwrap();
        let (uid, key) = (&answer["result"][0], answer["result"][1].as_str().unwrap());
        format!("Session {}", STANDARD.encode(format!("{login}:{uid}:{key}")))
    }

    async fn post(&self, method: &str, parameters: Value) -> reqwest::Response {
        self.http
            .post(format!("{}/lineshaft/rpc/", self.sandbox.base_url()))
            .header("Authorization", &self.session)
            .json(&json!({"id": 7, "method": method, "params": parameters}))
            .send()
            .await
            .unwrap()
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        let answer: Value = self.post(method, parameters).await.json().await.unwrap();
        assert_eq!(answer["id"], 7);
        assert_eq!(answer["error"], Value::Null, "{method}");
        answer["result"].clone()
    }

    async fn error(&self, method: &str, parameters: Value) -> Value {
        let answer = self.post(method, parameters).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["error"].clone()
    }
}

#[tokio::test]
async fn a_wrong_password_is_401_and_after_six_429() {
    let client = client().await;
    let missing = client.error("common.db.login", json!(["admin", {}, "en"])).await;
    assert_eq!(
        missing,
        json!(["LoginException", ["password", "Password for admin", "password"]])
    );
    for _ in 0..6 {
        assert_eq!(
            client
                .post("common.db.login", json!(["admin", {"password": "x"}, "en"]))
                .await
                .status(),
            401
        );
    }
    assert_eq!(
        client
            .post("common.db.login", json!(["admin", {"password": "x"}, "en"]))
            .await
            .status(),
        429
    );
    let calls = client.sandbox.calls();
    assert_eq!(calls.len(), 9);
    assert!(calls.iter().all(|call| call.login));
}

#[tokio::test]
async fn an_ended_session_is_401_without_body() {
    let client = client().await;
    client.sandbox.end_sessions();
    let answer = client
        .post("model.party.party.search_count", json!([[], 0, null, {}]))
        .await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"Tryton\"");
    assert_eq!(answer.text().await.unwrap(), "");
    client.log_in("admin", "admin-Passw0rd").await;
    client.sandbox.revoke_credentials();
    let parameters = json!(["admin", {"password": "admin-Passw0rd"}, "en"]);
    assert_eq!(client.post("common.db.login", parameters).await.status(), 401);
}

#[tokio::test]
async fn paging_gives_every_purchase_once() {
    let client = client().await;
    let count = client
        .call("model.purchase.purchase.search_count", json!([[], 0, null, {}]))
        .await
        .as_u64()
        .unwrap();
    let mut ids = Vec::new();
    loop {
        let parameters = json!([[], ids.len(), 7, [["id", "ASC"]], ["number", "state"], {}]);
        let page = client.call("model.purchase.purchase.search_read", parameters).await;
        let page = page.as_array().unwrap().clone();
        ids.extend(page.iter().map(|row| row["id"].as_u64().unwrap()));
        if page.len() < 7 {
            break;
        }
    }
    assert_eq!(ids, (1..=count).collect::<Vec<_>>());
}

#[tokio::test]
async fn values_are_tagged_and_dotted_fields_are_nested() {
    let client = client().await;
    let fields = json!([
        "number",
        "party.name",
        "party.code",
        "party.tax_identifier.code",
        "currency.code",
        "untaxed_amount",
        "purchase_date",
        "create_date",
        "write_date",
        "lines",
        "lines.quantity",
        "lines.unit_price",
        "warehouse"
    ]);
    let parameters = json!([[["state", "=", "processing"]], 0, 2, [["id", "ASC"]], fields, {}]);
    let rows = client.call("model.purchase.purchase.search_read", parameters).await;
    let row = &rows[0];
    let world = client.sandbox.world();
    let order = world
        .find_purchase_order(row["id"].as_u64().unwrap().try_into().unwrap())
        .unwrap();
    let vendor = world.find_vendor(order.vendor).unwrap();
    assert_eq!(row["party."]["name"], vendor.name.as_str());
    assert_eq!(row["party."]["tax_identifier."]["code"], vendor.tax_number.as_str());
    assert_eq!(
        row["untaxed_amount"],
        json!({"__class__": "Decimal", "decimal": order.untaxed().to_string()})
    );
    assert_eq!(row["purchase_date"]["__class__"], "date");
    assert_eq!(row["create_date"]["__class__"], "datetime");
    assert_eq!(row["lines"].as_array().unwrap().len(), order.lines.len());
    assert_eq!(
        row["lines."][0]["quantity"],
        json!(f64::try_from(order.lines[0].quantity).unwrap())
    );
    assert!(
        row["lines."][0]["unit_price"]["decimal"]
            .as_str()
            .unwrap()
            .contains('.')
    );
    assert_eq!(row.get("party"), None);
}

#[tokio::test]
async fn domains_nest_and_compare_by_type() {
    let client = client().await;
    let count = async |domain: Value| {
        client
            .call("model.purchase.purchase.search_count", json!([domain, 0, null, {}]))
            .await
            .as_u64()
            .unwrap()
    };
    let all = count(json!([])).await;
    let drafts = count(json!([["state", "=", "draft"]])).await;
    assert_eq!(count(json!([["state", "!=", "draft"]])).await, all - drafts);
    assert_eq!(
        count(json!(["OR", ["state", "=", "draft"], ["state", "!=", "draft"]])).await,
        all
    );
    assert_eq!(count(json!([["id", "in", [1, 2, 3, 99999]]])).await, 3);
    assert_eq!(count(json!([["number", "=", null]])).await, drafts);
    let day = json!({"__class__": "date", "year": 2026, "month": 11, "day": 1});
    let late = count(json!([["purchase_date", ">=", day]])).await;
    let early = count(json!([["purchase_date", "<", day]])).await;
    assert_eq!(late + early + drafts, all);
    assert_eq!(
        count(json!([["party.code", "=", "V-1001"], ["state", "in", ["draft"]]])).await
            + count(json!([["party.code", "=", "V-1001"], ["state", "not in", ["draft"]]])).await,
        count(json!([["party.code", "=", "V-1001"]])).await
    );
    let moment = json!({"__class__": "datetime", "year": 2026, "month": 11, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0});
    let changed = json!([
        "OR",
        [["write_date", ">", moment]],
        [["write_date", "=", null], ["create_date", ">", moment]]
    ]);
    let changed = count(changed).await;
    assert!(changed > 0 && changed < all);
    let names = client
        .call(
            "model.party.party.search_read",
            json!([[["name", "ilike", "%müller%"]], 0, null, null, ["name"], {}]),
        )
        .await;
    assert_eq!(names.as_array().unwrap().len(), 1);
    let mail = json!([
        [["contact_mechanisms", "where", [["value", "like", "orders1@%"]]]],
        0,
        null,
        {}
    ]);
    assert_eq!(client.call("model.party.party.search_count", mail).await, 1);
}

#[tokio::test]
async fn inactive_records_hide_unless_asked() {
    let client = client().await;
    let hidden = client
        .call(
            "model.party.party.search_count",
            json!([[["code", "like", "V-%"]], 0, null, {}]),
        )
        .await;
    let all = client
        .call(
            "model.party.party.search_count",
            json!([[["code", "like", "V-%"]], 0, null, {"active_test": false}]),
        )
        .await;
    assert_eq!(all, 25);
    assert!(hidden.as_u64().unwrap() < 25);
}

#[tokio::test]
async fn quantities_need_places_in_the_context() {
    let client = client().await;
    let level = {
        let world = client.sandbox.world();
        world
            .stock_levels
            .iter()
            .find(|level| level.on_hand > Decimal::ZERO)
            .unwrap()
            .clone()
    };
    let read = async |context: Value| {
        let parameters = json!([[level.item], ["quantity", "forecast_quantity"], context]);
        client.call("model.product.product.read", parameters).await[0]["quantity"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(read(json!({})).await, 0.0);
    let there: Decimal = {
        let world = client.sandbox.world();
        let levels = world
            .stock_levels
            .iter()
            .filter(|one| one.item == level.item && one.location == level.location);
        levels.map(|one| one.on_hand).sum()
    };
    let quantity = read(json!({"locations": [level.location + 20], "with_childs": true})).await;
    assert_eq!(quantity, f64::try_from(there).unwrap());
    let context = json!({"locations": [level.location + 20], "with_childs": true});
    let parameters = json!([
        [["quantity", ">", 0]],
        0,
        null,
        [["id", "ASC"]],
        ["product.code", "quantity"],
        context
    ]);
    let rows = client
        .call("model.stock.products_by_locations.search_read", parameters)
        .await;
    assert!(rows.as_array().unwrap().iter().any(|row| row["id"] == level.item));
}

#[tokio::test]
async fn errors_come_with_200() {
    let client = client().await;
    let unknown = client
        .error("model.party.party.search_read", json!([[], 0, 1, null, ["nope"], {}]))
        .await;
    assert_eq!(unknown, json!(["'nope'", ""]));
    assert_eq!(
        client.error("model.no.such.search", json!([[], 0, 1, null, {}])).await,
        json!(["'no.such'", ""])
    );
    assert_eq!(
        client
            .error("model.party.party.search", json!([[["nope", "=", 1]], 0, 1, null, {}]))
            .await,
        json!(["'nope'", ""])
    );
    let missing = client
        .error("model.party.party.read", json!([[1, 99999], ["name"], {}]))
        .await;
    assert_eq!(
        missing,
        json!([
            "UserError",
            [
                "You are trying to read records \"99999\" of \"Party\" that don't exist.",
                "",
                null
            ]
        ])
    );
    assert_eq!(
        client.post("model.party.party.browse", json!([[1], {}])).await.status(),
        403
    );
    assert_eq!(client.post("model.party.party.search", json!([])).await.status(), 422);
    let technician = Client {
        session: client.log_in("user05", "user05-Passw0rd").await,
        ..client
    };
    let refused = technician
        .error("model.party.party.search", json!([[], 0, 1, null, {}]))
        .await;
    assert_eq!(refused[0], "UserError");
}

#[tokio::test]
async fn a_further_member_takes_the_envelope_away() {
    let client = client().await;
    let send = async |method: &str, parameters: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let request = client
            .http
            .post(format!("{}/lineshaft/rpc/", client.sandbox.base_url()));
        request
            .header("Authorization", &client.session)
            .json(&body)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(
        send("model.purchase.purchase.search_count", json!([[], 0, null, {}]))
            .await
            .text()
            .await
            .unwrap(),
        "60"
    );
    assert_eq!(
        send("model.party.party.read", json!([[99999], [], {}])).await.status(),
        400
    );
}

#[tokio::test]
async fn long_answers_say_gzip_even_when_they_are_plain() {
    let client = client().await;
    let parameters = json!([[], 0, null, null, ["rec_name", "code", "create_date"], {}]);
    let packed = client.call("model.party.party.search_read", parameters.clone()).await;
    assert!(packed.as_array().unwrap().len() > 30);
    let plain = reqwest::Client::builder()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .build()
        .unwrap();
    let answer = plain
        .post(format!("{}/lineshaft/rpc/", client.sandbox.base_url()))
        .header("Authorization", &client.session)
        .json(&json!({"id": 7, "method": "model.party.party.search_read", "params": parameters}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.json::<Value>().await.unwrap()["result"], packed);
}

#[tokio::test]
async fn every_model_reads_all_its_fields() {
    let client = client().await;
    for model in [
        "account.asset",
        "company.employee",
        "party.address",
        "party.contact_mechanism",
        "party.party",
        "product.product",
        "product.template",
        "project.work",
        "project.work.status",
        "purchase.line",
        "purchase.purchase",
        "res.user",
        "stock.location",
        "stock.lot",
        "stock.move",
        "stock.order_point",
        "stock.shipment.in",
        "product.uom",
        "stock.lots_by_locations",
    ] {
        let fields = client
            .call(&format!("model.{model}.fields_get"), json!([[], 0, {}]))
            .await;
        let names: Vec<&String> = fields.as_object().unwrap().keys().collect();
        let rows = client
            .call(
                &format!("model.{model}.search_read"),
                json!([[], 0, 5, null, names, {}]),
            )
            .await;
        assert!(!rows.as_array().unwrap().is_empty(), "{model}");
        assert_eq!(
            rows[0].as_object().unwrap().len(),
            fields.as_object().unwrap().len(),
            "{model}"
        );
    }
    let fields = client
        .call("model.purchase.purchase.fields_get", json!([["state", "party"], 0, {}]))
        .await;
    assert_eq!(fields["state"]["type"], "selection");
    assert_eq!(fields["party"]["relation"], "party.party");
}

#[tokio::test]
async fn moves_add_up_to_the_stock_levels() {
    let client = client().await;
    let rows = client
        .call(
            "model.stock.move.search_read",
            json!([
                [["state", "=", "done"]],
                0,
                null,
                null,
                ["product", "from_location", "to_location", "quantity"],
                {}
            ]),
        )
        .await;
    let world = client.sandbox.world();
    let level = &world.stock_levels[0];
    let place = level.bin.unwrap_or(level.location) + 20;
    let expected: Decimal = world
        .stock_levels
        .iter()
        .filter(|one| one.item == level.item && one.bin.unwrap_or(one.location) + 20 == place)
        .map(|one| one.on_hand)
        .sum();
    let mut sum = 0.0;
    for row in rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["product"] == level.item)
    {
        let quantity = row["quantity"].as_f64().unwrap();
        if row["to_location"] == place {
            sum += quantity;
        }
        if row["from_location"] == place {
            sum -= quantity;
        }
    }
    assert!((sum - f64::try_from(expected).unwrap()).abs() < 1e-6);
}
