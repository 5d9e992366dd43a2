//! What is written through GraphQL is what Tryton's own client sees: a vendor, an order with lines that is changed,
//! confirmed and cancelled, and what Tryton itself refuses.

use serde_json::{Value, json};

use super::{Stage, changing, plain};
use crate::writes::call::Call;

const ORDER: [&str; 4] = ["party", "reference", "state", "comment"];

impl Stage<'_> {
    async fn write(&self, call: Call) -> Value {
        call.run(&self.plant).await.succeeded().clone()
    }

    /// Reads an order as Tryton's own client shows it.
    fn order(&self, record: &Value) -> Value {
        let id: i64 = record["remoteId"].as_str().unwrap().parse().unwrap();
        self.only("purchase.purchase", json!([["id", "=", id]]), &ORDER)
    }

    /// Returns what lines of an order say, each as item, quantity and price.
    fn lines(&self, record: &Value) -> Vec<(Value, Value, Value)> {
        let id: i64 = record["remoteId"].as_str().unwrap().parse().unwrap();
        let lines = self.find(
            "purchase.line",
            json!([["purchase", "=", id]]),
            &["product", "quantity", "unit_price"],
        );
        let mut lines: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line["product"].clone(),
                    number(&line["quantity"]),
                    number(&line["unit_price"]),
                )
            })
            .collect();
        lines.sort_by_key(|line| line.0.to_string());
        lines
    }
}

fn number(value: &Value) -> Value {
    let value = plain(value);
    value
        .as_str()
        .map_or_else(|| json!(value.to_string()), |text| json!(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_and_an_order_are_made_changed_confirmed_and_cancelled() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let seal = stage.new_item("SEAL-4001", "Mechanical seal", "17.30");
    let ring = stage.new_item("RING-4001", "O-ring", "0.50");
    let (seal_id, ring_id) = (
        stage.id_of("inventoryItems", &seal).await,
        stage.id_of("inventoryItems", &ring).await,
    );

    let vendor = stage
        .write(Call::create("Vendor", &stage.connection, json!({ "name": "Ørsted Ventiler 弁" })).key("t-vendor"))
        .await;
    let party: i64 = vendor["remoteId"].as_str().unwrap().parse().unwrap();
    let seen = stage.only("party.party", json!([["id", "=", party]]), &["name"]);
    assert_eq!(seen["name"], "Ørsted Ventiler 弁");
    let named = stage
        .write(Call::update(
            "Vendor",
            vendor["id"].as_str().unwrap(),
            json!({ "name": "Ørsted Ventiler A/S" }),
        ))
        .await;
    assert_eq!(named["name"], "Ørsted Ventiler A/S");
    let seen = stage.only("party.party", json!([["id", "=", party]]), &["name"]);
    assert_eq!(seen["name"], "Ørsted Ventiler A/S");

    // Tryton confirms no order whose vendor has no address.
    stage.create(
        "party.address",
        json!({ "party": party, "street": "Kai 7", "city": "Rostock" }),
    );
    let line = |item: &str, quantity: &str, price: &str| json!({ "item": item, "quantity": { "value": quantity }, "unitPrice": { "amount": price } });
    let input = json!({
        "vendor": vendor["id"], "reference": "T-4001", "notes": "Ring at gate 4\nAsk for Bo",
        "orderDate": "2026-11-20",
        "lines": [line(&seal_id, "3", "1249.5"), line(&ring_id, "120", "0.55")],
    });
    let create = Call::create("PurchaseOrder", &stage.connection, input).key("t-order");
    let order = stage.write(create.clone()).await;
    let replay = create.run(&stage.plant).await;
    assert!(
        replay.replayed && replay.id() == order["id"].as_str().unwrap(),
        "{}",
        replay.text
    );
    let known = stage.find("purchase.purchase", json!([["reference", "=", "T-4001"]]), &["state"]);
    assert_eq!(known.len(), 1, "one order: {known:?}");
    let seen = stage.order(&order);
    assert_eq!((&seen["party"], &seen["state"]), (&json!(party), &json!("draft")));
    assert_eq!(seen["comment"], "Ring at gate 4\nAsk for Bo");
    assert_eq!(
        stage.lines(&order),
        sorted(vec![(&seal, "3", "1249.5"), (&ring, "120", "0.55")])
    );

    let id = order["id"].as_str().unwrap();
    let rows = order["lines"].as_array().unwrap();
    let row = |item: &str| {
        let row = rows.iter().find(|row| row["item"]["id"] == item).unwrap();
        row["id"].clone()
    };
    let change = json!({
        "reference": "T-4001-B",
        "lines": {
            "update": [{ "id": row(&seal_id), "quantity": { "value": "5" } }],
            "delete": [row(&ring_id)],
            "create": [line(&ring_id, "7", "0.75")],
        },
    });
    let changed = stage.write(Call::update("PurchaseOrder", id, change)).await;
    assert_eq!(changed["reference"], "T-4001-B");
    assert_eq!(stage.order(&order)["reference"], "T-4001-B");
    assert_eq!(
        stage.lines(&order),
        sorted(vec![(&seal, "5", "1249.5"), (&ring, "7", "0.75")])
    );

    let states: Vec<Value> = confirm(&stage, id, &order).await;
    assert!(
        states.iter().any(|state| state == "confirmed" || state == "processing"),
        "{states:?}"
    );

    let other = json!({ "vendor": vendor["id"], "reference": "T-4002", "orderDate": "2026-11-20", "lines": [line(&seal_id, "1", "9.25")] });
    let other = stage
        .write(Call::create("PurchaseOrder", &stage.connection, other))
        .await;
    let canceled = stage
        .write(Call::act(
            "PurchaseOrder",
            "cancel",
            other["id"].as_str().unwrap(),
            json!({}),
        ))
        .await;
    assert_eq!(canceled["status"], "CANCELED");
    assert_eq!(stage.order(&other)["state"], "cancelled");
}

/// Takes an order through the steps that lead to a confirmed one, and returns its states as Tryton's client sees them.
async fn confirm(stage: &Stage<'_>, id: &str, order: &Value) -> Vec<Value> {
    let mut states = Vec::new();
    for action in ["submit", "approve"] {
        let done = Call::act("PurchaseOrder", action, id, json!({}))
            .run(&stage.plant)
            .await;
        if done.codes() == ["OPERATION_NOT_SUPPORTED"] {
            continue;
        }
        done.succeeded();
        states.push(stage.order(order)["state"].clone());
    }
    states
}

fn sorted(lines: Vec<(&Value, &str, &str)>) -> Vec<(Value, Value, Value)> {
    let mut lines: Vec<_> = lines
        .into_iter()
        .map(|(item, quantity, price)| (item.clone(), json!(quantity), json!(price)))
        .collect();
    lines.sort_by_key(|line| line.0.to_string());
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tryton_refuses_is_told_in_its_own_words_and_changes_nothing() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let seal = stage.new_item("SEAL-4003", "Mechanical seal", "17.30");
    let vendor = stage.new_vendor("V-4003", "Refused Works");
    let order = stage.new_order("T-4003", &vendor, "2026-11-20", &[(&seal, "3", "10")]);
    let id = stage.id_of("purchaseOrders", &order).await;
    // What its own client changes meanwhile is not overwritten.
    let text = "query($id: ID!) { purchaseOrder(id: $id) { version } }";
    let read = stage.ask(text, json!({ "id": id })).await;
    let version = read.data()["purchaseOrder"]["version"].clone();
    stage.change("purchase.purchase", &order, json!({ "reference": "T-4003-own" }));
    let late = Call::update("PurchaseOrder", &id, json!({ "reference": "T-4003-late" })).expect_version(&version);
    late.run(&stage.plant).await.refused("VERSION_CONFLICT");
    let seen = stage.only(
        "purchase.purchase",
        json!([["id", "=", order]]),
        &["reference", "state"],
    );
    assert_eq!(seen["reference"], "T-4003-own");

    for button in ["quote", "confirm"] {
        stage.click("purchase.purchase", &order, button);
    }
    let done = Call::delete("PurchaseOrder", &id).run(&stage.plant).await;
    assert_eq!(done.outcome.replace("FAILED", ""), "", "{}", done.text);
    let is_told = done.user_errors.iter().any(|error| error["remoteMessage"].is_string());
    assert!(is_told || done.codes() == ["OPERATION_NOT_SUPPORTED"], "{}", done.text);
    let seen = stage.find("purchase.purchase", json!([["id", "=", order]]), &["state"]);
    assert_eq!(seen.len(), 1, "the order is still there");
}
