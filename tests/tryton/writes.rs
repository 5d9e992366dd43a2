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

    /// Returns the id of a place.
    async fn place(&self, remote_id: &Value) -> String {
        let text =
            "query($filter: LocationFilter) { locations(filter: $filter, first: 250) { nodes { id remoteId } } }";
        let answer = self.ask(text, json!({ "filter": null })).await;
        let nodes = answer.nodes("locations");
        let wanted = remote_id.to_string();
        let node = nodes.iter().find(|node| node["remoteId"] == wanted.as_str());
        node.unwrap()["id"].as_str().unwrap().to_owned()
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
async fn goods_that_came_are_booked_in_and_moved_on() {
    let _changing = changing().await;
    let stage = Stage::shared().await;
    let seal = stage.new_item("SEAL-4005", "Mechanical seal", "17.30");
    let ring = stage.new_item("RING-4005", "O-ring", "0.50");
    let (seal_id, ring_id) = (
        stage.id_of("inventoryItems", &seal).await,
        stage.id_of("inventoryItems", &ring).await,
    );
    let vendor = stage.new_vendor("V-4005", "Booked In Works");
    let vendor = stage.id_of("vendors", &vendor).await;
    let site = stage.only("stock.location", json!([["type", "=", "warehouse"]]), &[])["id"].clone();
    let site = stage.place(&site).await;
    let line = |item: &str, quantity: &str| json!({ "item": item, "quantity": { "value": quantity }, "unitPrice": { "amount": "2.5" }, "requiredDate": "2026-12-24" });
    let input = json!({
        "vendor": vendor, "reference": "T-4005", "orderDate": "2026-11-20", "currency": "EUR",
        "site": site, "lines": [line(&seal_id, "3"), line(&ring_id, "120")],
    });
    let order = stage
        .write(Call::create("PurchaseOrder", &stage.connection, input))
        .await;
    let id = order["id"].as_str().unwrap();
    let rows = order["lines"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["requiredDate"] == "2026-12-24"), "{rows:?}");
    let row = rows.iter().find(|row| row["item"]["id"] == ring_id.as_str()).unwrap();
    let unknown = json!({ "currency": "XTS" });
    let refused = Call::update("PurchaseOrder", id, unknown).run(&stage.plant).await;
    assert_eq!(refused.outcome, "FAILED", "{}", refused.text);
    confirm(&stage, id, &order).await;

    let some = json!({ "deliveryNote": "DN-77", "lines": [{ "line": row["id"], "quantity": "50" }] });
    stage.write(Call::act("PurchaseOrder", "receive", id, some)).await;
    let remote: i64 = order["remoteId"].as_str().unwrap().parse().unwrap();
    let came = json!([
        ["purchase", "=", remote],
        ["state", "=", "done"],
        ["from_location.type", "=", "supplier"]
    ]);
    let moves = stage.find("stock.move", came.clone(), &["product", "quantity"]);
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!(
        (&moves[0]["product"], number(&moves[0]["quantity"])),
        (&ring, json!("50"))
    );
    let note = stage.find("stock.shipment.in", json!([["reference", "=", "DN-77"]]), &["state"]);
    assert_eq!(note.len(), 1, "{note:?}");
    let text = "query($id: ID!) { purchaseOrder(id: $id) { receiptStatus lines { id receivedQuantity { value } } } }";
    let read = stage.ask(text, json!({ "id": id })).await;
    let read = &read.data()["purchaseOrder"];
    assert_eq!(read["receiptStatus"], "PARTIAL");
    for line in read["lines"].as_array().unwrap() {
        let expected = if line["id"] == row["id"] { "50" } else { "0" };
        assert_eq!(number(&line["receivedQuantity"]["value"]), expected, "{read}");
    }
    stage.write(Call::act("PurchaseOrder", "receive", id, json!({}))).await;
    let moves = stage.find("stock.move", came, &["product", "quantity"]);
    assert_eq!(moves.len(), 3, "{moves:?}");

    let storage = stage.only("stock.location", json!([["code", "=", "STO"]]), &[])["id"].clone();
    let rack = stage.only("stock.location", json!([["code", "=", "RA"]]), &[])["id"].clone();
    let (from, to) = (stage.place(&storage).await, stage.place(&rack).await);
    let moved = json!({ "fromLocation": from, "toLocation": to, "quantity": "20" });
    stage
        .write(Call::act("InventoryItem", "transfer", &ring_id, moved))
        .await;
    let here = json!([
        ["product", "=", ring],
        ["to_location", "=", rack],
        ["state", "=", "done"]
    ]);
    let moves = stage.find("stock.move", here, &["quantity", "from_location"]);
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!(number(&moves[0]["quantity"]), "20");
    let too_much = json!({ "fromLocation": from, "toLocation": to, "quantity": "1000" });
    let refused = Call::act("InventoryItem", "transfer", &ring_id, too_much)
        .run(&stage.plant)
        .await;
    assert_eq!(refused.outcome, "FAILED", "{}", refused.text);
    let open = json!([["state", "not in", ["done", "cancelled"]], ["to_location", "=", rack]]);
    assert!(
        stage.find("stock.shipment.internal", open, &[]).is_empty(),
        "nothing was begun"
    );

    let used = json!({ "location": to, "quantity": "3", "reason": "T-4001-used" });
    stage
        .write(Call::act("InventoryItem", "issue", &ring_id, used.clone()))
        .await;
    let gone = json!([
        ["product", "=", ring],
        ["to_location.type", "=", "lost_found"],
        ["from_location", "=", rack],
        ["state", "=", "done"]
    ]);
    let moves = stage.find("stock.move", gone, &["quantity"]);
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!(number(&moves[0]["quantity"]), "3");
    let shipment = json!([["reference", "=", "T-4001-used"]]);
    assert_eq!(
        stage.only("stock.shipment.internal", shipment, &["state"])["state"],
        "done"
    );
    let too_much = json!({ "location": to, "quantity": "18" });
    let refused = Call::act("InventoryItem", "issue", &ring_id, too_much)
        .run(&stage.plant)
        .await;
    assert_eq!(refused.outcome, "FAILED", "{}", refused.text);
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
