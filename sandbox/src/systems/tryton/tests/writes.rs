//! Writes as a client does, and checks what is refused. The answers are those of a real server of 8.0.

use serde_json::{Value, json};

use super::{Client, client};

impl Client {
    async fn one(&self, model: &str, id: &Value, fields: Value) -> Value {
        let rows = self
            .call(&format!("model.{model}.read"), json!([[id], fields, {}]))
            .await;
        rows[0].clone()
    }

    async fn make(&self, model: &str, values: Value) -> Value {
        self.call(&format!("model.{model}.create"), json!([[values], {}])).await[0].clone()
    }

    async fn write(&self, model: &str, id: &Value, values: Value) {
        let answer = self
            .call(&format!("model.{model}.write"), json!([[id], values, {}]))
            .await;
        assert_eq!(answer, Value::Null);
    }

    async fn press(&self, model: &str, button: &str, id: &Value) {
        let answer = self.call(&format!("model.{model}.{button}"), json!([[id], {}])).await;
        assert_eq!(answer, Value::Null);
    }

    async fn refusal(&self, method: &str, parameters: Value) -> String {
        let error = self.error(&format!("model.{method}"), parameters).await;
        assert_eq!(error[0], "UserError", "{error}");
        error[1][0].as_str().unwrap().to_owned()
    }

    async fn purchase(&self, lines: Value) -> Value {
        let values = json!({"party": 101, "invoice_address": 101, "warehouse": 21, "reference": "EXT", "lines": [["create", lines]]});
        self.make("purchase.purchase", values).await
    }
}

fn decimal(text: &str) -> Value {
    json!({"__class__": "Decimal", "decimal": text})
}

fn line(item: u32, quantity: f64) -> Value {
    json!({"type": "line", "product": item, "quantity": quantity, "unit": 1, "unit_price": decimal("12.3400")})
}

const PURCHASE: &str = "purchase.purchase";

#[tokio::test]
async fn a_purchase_is_made_changed_quoted_and_confirmed() {
    let client = client().await;
    let id = client
        .purchase(json!([line(1, 3.0), {"type": "comment", "description": "note"}]))
        .await;
    let fields = json!([
        "number",
        "state",
        "purchase_date",
        "reference",
        "untaxed_amount",
        "lines",
        "write_date",
        "_timestamp",
        "rec_name",
        "invoice_method"
    ]);
    let made = client.one(PURCHASE, &id, fields.clone()).await;
    assert_eq!(
        (&made["number"], &made["state"], &made["write_date"]),
        (&Value::Null, &json!("draft"), &Value::Null)
    );
    assert_eq!(made["untaxed_amount"]["decimal"], "37.02");
    let first = made["lines"][0].clone();
    client
        .write(
            PURCHASE,
            &id,
            json!({"comment": "hello", "lines": [["write", [first], {"quantity": 5.0}], ["create", [line(2, 1.0)]]]}),
        )
        .await;
    let changed = client.one(PURCHASE, &id, fields.clone()).await;
    assert_eq!(
        (
            changed["untaxed_amount"]["decimal"].as_str().unwrap(),
            changed["lines"].as_array().unwrap().len()
        ),
        ("74.04", 3)
    );
    assert_ne!(changed["_timestamp"], made["_timestamp"]);
    let text = client.refusal("purchase.purchase.confirm", json!([[id], {}])).await;
    assert_eq!(text, "You can not call \"confirm\" on \"[EXT]\" of \"Purchase\".");
    client.press(PURCHASE, "quote", &id).await;
    let quoted = client.one(PURCHASE, &id, fields.clone()).await;
    assert_eq!(
        (&quoted["state"], &quoted["purchase_date"]),
        (&json!("quotation"), &Value::Null)
    );
    let number = quoted["number"].as_str().unwrap().to_owned();
    let text = client
        .refusal(
            "purchase.purchase.write",
            json!([[id], {"lines": [["create", [line(1, 1.0)]]]}, {}]),
        )
        .await;
    assert_eq!(
        text,
        format!("You cannot add lines to purchase \"{number} [EXT]\" because it is no longer in a draft state.")
    );
    let text = client.refusal("purchase.line.delete", json!([[first], {}])).await;
    assert!(text.contains("you must cancel or reset to draft"), "{text}");
    let text = client.refusal("purchase.purchase.delete", json!([[id], {}])).await;
    assert_eq!(
        text,
        format!("To delete purchase \"{number} [EXT]\" you must cancel it.")
    );
    client.press(PURCHASE, "confirm", &id).await;
    let bought = client.one(PURCHASE, &id, fields.clone()).await;
    assert_eq!(
        (&bought["state"], &bought["purchase_date"]["day"]),
        (&json!("processing"), &json!(20))
    );
    for button in ["cancel", "draft"] {
        let text = client
            .refusal(&format!("purchase.purchase.{button}"), json!([[id], {}]))
            .await;
        assert!(text.starts_with(&format!("You can not call \"{button}\"")), "{text}");
    }
    let other = client.purchase(json!([line(1, 1.0)])).await;
    client.press(PURCHASE, "quote", &other).await;
    client.press(PURCHASE, "draft", &other).await;
    let row = client.one(PURCHASE, &other, fields.clone()).await;
    assert!(
        row["state"] == "draft" && row["number"].is_string(),
        "the number stays: {row}"
    );
    client.press(PURCHASE, "cancel", &other).await;
    assert_eq!(client.one(PURCHASE, &other, fields).await["state"], "cancelled");
    client.press(PURCHASE, "delete", &other).await;
    let text = client.refusal("purchase.purchase.delete", json!([[other], {}])).await;
    assert_eq!(
        text,
        format!("You are trying to read records \"{other}\" of \"Purchase\" that don't exist.")
    );
    let copy = client.call("model.purchase.purchase.copy", json!([[id], {}])).await;
    assert_eq!(client.one(PURCHASE, &copy[0], json!(["state"])).await["state"], "draft");
}

#[tokio::test]
async fn mistakes_are_refused_and_leave_nothing_behind() {
    let client = client().await;
    let count = async || {
        client
            .call("model.purchase.purchase.search_count", json!([[], 0, null, {}]))
            .await
    };
    let before = count().await;
    let with = |lines: Value| json!([[{"party": 101, "lines": [["create", [lines]]]}], {}]);
    let text = client
        .refusal("purchase.purchase.create", json!([[{"reference": "x"}], {}]))
        .await;
    assert_eq!(
        text,
        "A value is required for field \"Party\" in record \"[x]\" of \"Purchase\"."
    );
    let text = client
        .refusal("purchase.purchase.create", with(json!({"product": 1, "quantity": 3.0})))
        .await;
    assert!(text.starts_with("A value is required for field \"Unit\""), "{text}");
    let text = client
        .refusal("purchase.purchase.create", with(line(99_999, 1.0)))
        .await;
    assert!(text.starts_with("The value \"99999\" for field \"Product\""), "{text}");
    let text = client.refusal("purchase.purchase.create", with(line(1, 1.5))).await;
    assert!(
        text.starts_with("The number of digits in the value \"'1.5'\" for field \"Quantity\""),
        "{text}"
    );
    let number = json!({"product": 1, "quantity": 3.0, "unit": 1, "unit_price": 12.34});
    let text = client.refusal("purchase.purchase.create", with(number)).await;
    assert!(
        text.contains("exceeds the limit of \"(None, 4)\""),
        "a JSON number is too fine for a price: {text}"
    );
    let text = client
        .refusal(
            "purchase.purchase.create",
            json!([[{"party": 101, "invoice_method": "zzz"}], {}]),
        )
        .await;
    assert!(text.ends_with("is not one of the allowed options."), "{text}");
    let text = client
        .refusal(
            "purchase.purchase.create",
            json!([[{"party": 101, "invoice_address": 102}], {}]),
        )
        .await;
    assert!(text.contains("for field \"Invoice Address\""), "{text}");
    let wrong = json!({"product": 1, "quantity": "x", "unit": 1, "unit_price": decimal("1")});
    let error = client.error("model.purchase.purchase.create", with(wrong)).await;
    assert_eq!(error[0], "could not convert string to float: 'x'");
    let error = client
        .error("model.party.party.write", json!([[101], {"nope": 1}, {}]))
        .await;
    assert_eq!(error, json!(["'nope'", ""]));
    let error = client
        .error("model.product.product.write", json!([[1], {"name": "Q"}, {}]))
        .await;
    assert_eq!(error[0], "Missing setter function for field \"Name\" in \"Product\".");
    let text = client
        .refusal("party.party.write", json!([[999_999], {"name": "x"}, {}]))
        .await;
    assert_eq!(
        text,
        "You are trying to write to records \"999999\" of \"Party\" that don't exist."
    );
    assert_eq!(count().await, before);
    let empty = client.make(PURCHASE, json!({"party": 101})).await;
    let text = client.refusal("purchase.purchase.quote", json!([[empty], {}])).await;
    assert_eq!(
        text,
        format!("You can not call \"quote\" on \"({empty})\" of \"Purchase\".")
    );
    let homeless = client
        .make(PURCHASE, json!({"party": 101, "lines": [["create", [line(1, 1.0)]]]}))
        .await;
    let text = client.refusal("purchase.purchase.quote", json!([[homeless], {}])).await;
    assert!(text.contains("you must enter a warehouse"), "{text}");
    client.write(PURCHASE, &homeless, json!({"warehouse": 21})).await;
    client.press(PURCHASE, "quote", &homeless).await;
    let text = client
        .refusal("purchase.purchase.confirm", json!([[homeless], {}]))
        .await;
    assert!(
        text.starts_with("A value is required for field \"Invoice Address\""),
        "{text}"
    );
}

#[tokio::test]
async fn a_stale_mark_locks_a_record() {
    let client = client().await;
    let party = json!(101);
    let stamp = async || client.one("party.party", &party, json!(["_timestamp"])).await["_timestamp"].clone();
    let write = |mark: Value| json!([[101], {"name": "New"}, {"_timestamp": {"party.party,101": mark}}]);
    let before = stamp().await;
    client.call("model.party.party.write", write(before.clone())).await;
    assert_ne!(stamp().await, before);
    let error = client.error("model.party.party.write", write(before)).await;
    assert_eq!(
        error,
        json!(["ConcurrencyException", "Records were modified in the meanwhile"])
    );
    client.call("model.party.party.write", write(stamp().await)).await;
}

#[tokio::test]
async fn parties_keep_their_rows() {
    let client = client().await;
    let id = client
        .make("party.party", json!({
            "name": "Probe", "code": "V-9001",
            "addresses": [["create", [{"street": "A 1", "city": "Graz", "country": 3}, {"street": "B 2", "city": "Wien"}]]],
            "contact_mechanisms": [["create", [{"type": "email", "value": "p@v.example"}, {"type": "mobile", "value": "+43 1"}]]],
            "identifiers": [["create", [{"type": "eu_vat", "code": "DE136695976"}]]],
        }))
        .await;
    let fields = json!([
        "name",
        "email",
        "addresses",
        "addresses.city",
        "contact_mechanisms.value",
        "identifiers.code",
        "tax_identifier.code",
        "_timestamp"
    ]);
    let row = client.one("party.party", &id, fields.clone()).await;
    assert_eq!(
        (&row["email"], &row["tax_identifier."]["code"]),
        (&json!("p@v.example"), &json!("DE136695976"))
    );
    let cities: Vec<&Value> = row["addresses."]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["city"])
        .collect();
    assert_eq!(cities, [&json!("Graz"), &json!("Wien")]);
    assert_eq!(row["contact_mechanisms."][1]["value"], "+43 1");
    let second = row["addresses"][1].clone();
    client
        .write(
            "party.party",
            &id,
            json!({"addresses": [["write", [second], {"city": "Linz"}]], "active": false}),
        )
        .await;
    let changed = client.one("party.party", &id, fields.clone()).await;
    assert_eq!(changed["addresses."][1]["city"], "Linz");
    assert_ne!(changed["_timestamp"], row["_timestamp"]);
    client
        .write(
            "party.party",
            &id,
            json!({"addresses": [["delete", [row["addresses"][0]]]]}),
        )
        .await;
    assert_eq!(
        client.one("party.party", &id, fields).await["addresses"],
        json!([second])
    );
    let text = client
        .refusal("party.party.create", json!([[{"name": "Twin", "code": "V-9001"}], {}]))
        .await;
    assert_eq!(text, "The code on party must be unique.");
    let text = client
        .refusal(
            "party.party.write",
            json!([[id], {"identifiers": [["create", [{"type": "eu_vat", "code": "XX"}]]]}, {}]),
        )
        .await;
    assert!(text.starts_with("The European VAT Number \"XX\""), "{text}");
    let text = client.refusal("party.party.delete", json!([[2], {}])).await;
    assert_eq!(
        text,
        "The records could not be deleted because they are used by field \"Party\" of \"Company Employee\"."
    );
    client.press("party.party", "delete", &id).await;
    client.press("party.party", "delete", &id).await;
    client.sandbox.deny("Vendor").unwrap();
    let text = client.refusal("party.party.create", json!([[{"name": "x"}], {}])).await;
    assert_eq!(text, "You are not allowed to access \"Party\".");
}

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
