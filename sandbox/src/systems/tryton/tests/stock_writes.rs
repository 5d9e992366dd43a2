//! Writes receipts, counts, works, products and assets as a client does.

use serde_json::{Value, json};

use super::client;
use super::writes::{PURCHASE, decimal, line};

#[tokio::test]
async fn goods_come_in_by_a_shipment() {
    let client = client().await;
    let id = client.purchase(json!([line(1, 6.0), line(2, 4.0)])).await;
    client.press(PURCHASE, "quote", &id).await;
    client.press(PURCHASE, "confirm", &id).await;
    let fields = json!(["moves", "shipment_state", "state", "shipments"]);
    let moves = client.one(PURCHASE, &id, fields.clone()).await["moves"].clone();
    let place = json!({"supplier": 101, "warehouse": 21, "moves": [["add", moves]]});
    let text = client.refusal("stock.shipment.in.create", json!([[place], {}])).await;
    assert!(
        text.starts_with("A value is required for field \"Warehouse Input\""),
        "{text}"
    );
    let warehouse = client
        .one(
            "stock.location",
            &json!(21),
            json!(["input_location", "storage_location"]),
        )
        .await;
    let shipment = client
        .make(
            "stock.shipment.in",
            json!({
                "supplier": 101, "warehouse": 21, "warehouse_input": warehouse["input_location"],
                "warehouse_storage": warehouse["storage_location"], "reference": "DN1", "moves": [["add", moves]],
            }),
        )
        .await;
    client
        .write(
            "stock.shipment.in",
            &shipment,
            json!({"moves": [["write", [moves[0]], {"quantity": 2.0}]]}),
        )
        .await;
    let text = client.refusal("stock.shipment.in.do", json!([[shipment], {}])).await;
    assert!(text.starts_with("You can not call \"do\""), "{text}");
    client.press("stock.shipment.in", "receive", &shipment).await;
    let row = client
        .one(
            "stock.shipment.in",
            &shipment,
            json!(["state", "moves", "reference", "supplier"]),
        )
        .await;
    assert_eq!(
        (&row["state"], &row["reference"], &row["supplier"]),
        (&json!("received"), &json!("DN1"), &json!(101))
    );
    let order = client.one(PURCHASE, &id, fields.clone()).await;
    assert_eq!(
        (&order["shipment_state"], &order["shipments"]),
        (&json!("partially shipped"), &json!([shipment]))
    );
    client.press("stock.shipment.in", "do", &shipment).await;
    let done = client
        .one("stock.move", &moves[0], json!(["state", "quantity", "shipment"]))
        .await;
    assert_eq!((&done["state"], &done["quantity"]), (&json!("done"), &json!(2.0)));
    assert_eq!(done["shipment"], format!("stock.shipment.in,{shipment}"));
    let text = client
        .refusal("stock.move.write", json!([[moves[0]], {"quantity": 3.0}, {}]))
        .await;
    assert!(text.contains("because it is done"), "{text}");
    let rest: Vec<Value> = order["moves"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|id| !moves.as_array().unwrap().contains(id))
        .cloned()
        .collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(
        client.one("stock.move", &rest[0], json!(["quantity"])).await["quantity"],
        4.0
    );
    let text = client
        .refusal("stock.shipment.in.delete", json!([[shipment], {}]))
        .await;
    assert!(text.contains("you must cancel it"), "{text}");
}

#[tokio::test]
async fn stock_is_counted_by_an_inventory() {
    let client = client().await;
    let level = client
        .sandbox
        .world()
        .stock_levels
        .iter()
        .find(|level| level.lot.is_none())
        .unwrap()
        .clone();
    let place = level.bin.unwrap_or(level.location) + 20;
    let lines = json!([["create", [{"product": level.item, "quantity": 42.0}]]]);
    let id = client
        .make("stock.inventory", json!({"location": place, "lines": lines}))
        .await;
    let row = client
        .one("stock.inventory", &id, json!(["state", "lines", "date"]))
        .await;
    assert_eq!(
        (&row["state"], row["lines"].as_array().unwrap().len()),
        (&json!("draft"), 1)
    );
    client.press("stock.inventory", "confirm", &id).await;
    assert_eq!(
        client.one("stock.inventory", &id, json!(["state"])).await["state"],
        "done"
    );
    let context = json!({"locations": [place]});
    let quantity = client
        .call(
            "model.product.product.read",
            json!([[level.item], ["quantity"], context]),
        )
        .await;
    assert_eq!(quantity[0]["quantity"], 42.0);
    let text = client.refusal("stock.inventory.confirm", json!([[id], {}])).await;
    assert!(text.starts_with("You can not call \"confirm\""), "{text}");
    let twice = json!([["create", [{"product": 1, "quantity": 1.0}, {"product": 1, "quantity": 2.0}]]]);
    let id = client
        .make("stock.inventory", json!({"location": place, "lines": twice}))
        .await;
    let text = client.refusal("stock.inventory.confirm", json!([[id], {}])).await;
    assert!(text.contains("is not unique on inventory"), "{text}");
    client.press("stock.inventory", "cancel", &id).await;
    client.press("stock.inventory", "delete", &id).await;
}

#[tokio::test]
async fn works_products_and_assets_are_written() {
    let client = client().await;
    let work = client.make("project.work", json!({"name": "T", "origin": "account.asset,3", "effort_duration": {"__class__": "timedelta", "seconds": 7200}})).await;
    let fields = json!([
        "name",
        "type",
        "status",
        "progress",
        "effort_duration",
        "origin",
        "parent",
        "company"
    ]);
    let row = client.one("project.work", &work, fields.clone()).await;
    assert_eq!(
        (&row["type"], &row["status"], &row["origin"]),
        (&json!("task"), &json!(1), &json!("account.asset,3"))
    );
    assert!((row["effort_duration"]["seconds"].as_f64().unwrap() - 7200.0).abs() < 0.1);
    let text = client
        .refusal("project.work.write", json!([[work], {"status": 8}, {}]))
        .await;
    assert_eq!(
        text,
        "To set work \"T\" in \"Closed\" status, you must increase its progress up to at least 100.00%."
    );
    client
        .write(
            "project.work",
            &work,
            json!({"status": 8, "progress": 1.0, "comment": "done"}),
        )
        .await;
    assert_eq!(client.one("project.work", &work, fields).await["status"], 8);
    let text = client
        .refusal("project.work.write", json!([[work], {"status": 99}, {}]))
        .await;
    assert!(text.contains("not valid according to its domain"), "{text}");
    let text = client.refusal("project.work.create", json!([[{}], {}])).await;
    assert!(text.starts_with("A value is required for field \"Name\""), "{text}");
    client.press("project.work", "delete", &work).await;

    let text = client
        .refusal("product.product.create", json!([[{"suffix_code": "x"}], {}]))
        .await;
    assert!(
        text.starts_with("A value is required for field \"Product Template\""),
        "{text}"
    );
    let template = client
        .make(
            "product.template",
            json!({
                "name": "P9", "default_uom": 1, "list_price": decimal("9.9900"),
                "products": [["create", [{"suffix_code": "P-9", "description": "x", "cost_price": decimal("4.5000")}]]],
            }),
        )
        .await;
    let product = client.one("product.template", &template, json!(["products"])).await["products"][0].clone();
    let fields = json!([
        "name",
        "code",
        "description",
        "cost_price",
        "list_price_used",
        "type",
        "active"
    ]);
    let row = client.one("product.product", &product, fields.clone()).await;
    assert_eq!(
        (&row["name"], &row["code"], &row["type"]),
        (&json!("P9"), &json!("P-9"), &json!("goods"))
    );
    assert_eq!(
        (&row["cost_price"]["decimal"], &row["list_price_used"]["decimal"]),
        (&json!("4.5000"), &json!("9.9900"))
    );
    client
        .write(
            "product.product",
            &product,
            json!({"suffix_code": "P-10", "active": false}),
        )
        .await;
    let row = client.one("product.product", &product, fields).await;
    assert_eq!((&row["code"], &row["active"]), (&json!("P-10"), &json!(0)));
    let error = client
        .error(
            "model.product.template.write",
            json!([[template], {"cost_price": decimal("1")}, {}]),
        )
        .await;
    assert_eq!(
        error[0],
        "Missing setter function for field \"Cost Price\" in \"Product Template\"."
    );
    let text = client.refusal("product.product.delete", json!([[1], {}])).await;
    assert!(text.contains("used by field \"Product\" of \"Stock Move\""), "{text}");

    let day = |year: i32| json!({"__class__": "date", "year": year, "month": 1, "day": 1});
    let values = |end: i32| json!({"product": 500_001, "value": decimal("100"), "start_date": day(2026), "end_date": day(end), "comment": "c"});
    let text = client
        .refusal("account.asset.create", json!([[values(2025)], {}]))
        .await;
    assert!(
        text.starts_with("The value \"2025-01-01\" for field \"End Date\""),
        "{text}"
    );
    let asset = client.make("account.asset", values(2027)).await;
    let row = client
        .one(
            "account.asset",
            &asset,
            json!(["state", "number", "value", "comment", "product"]),
        )
        .await;
    assert_eq!(
        (&row["state"], &row["number"], &row["product"]),
        (&json!("draft"), &Value::Null, &json!(500_001))
    );
    client.press("account.asset", "run", &asset).await;
    let row = client.one("account.asset", &asset, json!(["state", "number"])).await;
    assert!(row["state"] == "running" && row["number"].is_string(), "{row}");
    let text = client.refusal("account.asset.delete", json!([[asset], {}])).await;
    assert!(text.ends_with("because it is not in \"draft\" state."), "{text}");
    client.press("account.asset", "close", &asset).await;
    assert_eq!(
        client.one("account.asset", &asset, json!(["state"])).await["state"],
        "closed"
    );
}

#[tokio::test]
async fn goods_that_are_used_go_to_where_they_are_lost() {
    let client = client().await;
    let level = {
        let world = client.sandbox.world();
        let mut levels = world.stock_levels.iter();
        let level = levels.find(|level| level.lot.is_none() && level.on_hand >= 3.into());
        level.unwrap().clone()
    };
    let from = level.bin.unwrap_or(level.location) + 20;
    let shipment = |to: u32| {
        let row = json!({"product": level.item, "quantity": 2.0, "unit": 1, "from_location": from, "to_location": to});
        json!({"from_location": from, "to_location": to, "reference": "U1", "moves": [["create", [row]]]})
    };
    // Neither production nor customers take goods of an internal shipment.
    for to in [1, 2, 4, 5] {
        let kind = client.one("stock.location", &json!(to), json!(["type"])).await["type"].clone();
        if ["customer", "production", "supplier"].iter().any(|one| kind == *one) {
            let text = client
                .refusal("stock.shipment.internal.create", json!([[shipment(to)], {}]))
                .await;
            assert!(text.contains("for field \"To Location\" in record \"[U1]\""), "{text}");
        }
    }
    let id = client.make("stock.shipment.internal", shipment(3)).await;
    for button in ["wait", "assign_try", "do"] {
        client.press("stock.shipment.internal", button, &id).await;
    }
    let row = client
        .one("stock.shipment.internal", &id, json!(["state", "moves"]))
        .await;
    assert_eq!(row["state"], "done");
    let left = client
        .sandbox
        .world()
        .stock_levels
        .iter()
        .find(|one| one.id == level.id)
        .map(|one| one.on_hand);
    assert_eq!(left, Some(level.on_hand - rust_decimal::Decimal::TWO));
    let fields = json!(["from_location", "to_location", "quantity", "state"]);
    let moved = client.one("stock.move", &row["moves"][0], fields).await;
    assert_eq!(
        (&moved["from_location"], &moved["to_location"]),
        (&json!(from), &json!(3))
    );
}
