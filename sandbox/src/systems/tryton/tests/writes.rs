//! Writes as a client does, and checks what is refused. The answers are those of a real server of 8.0.

use serde_json::{Value, json};

use super::{Client, client};

impl Client {
    pub(super) async fn one(&self, model: &str, id: &Value, fields: Value) -> Value {
        let rows = self
            .call(&format!("model.{model}.read"), json!([[id], fields, {}]))
            .await;
        rows[0].clone()
    }

    pub(super) async fn make(&self, model: &str, values: Value) -> Value {
        self.call(&format!("model.{model}.create"), json!([[values], {}])).await[0].clone()
    }

    pub(super) async fn write(&self, model: &str, id: &Value, values: Value) {
        let answer = self
            .call(&format!("model.{model}.write"), json!([[id], values, {}]))
            .await;
        assert_eq!(answer, Value::Null);
    }

    pub(super) async fn press(&self, model: &str, button: &str, id: &Value) {
        let answer = self.call(&format!("model.{model}.{button}"), json!([[id], {}])).await;
        assert_eq!(answer, Value::Null);
    }

    pub(super) async fn refusal(&self, method: &str, parameters: Value) -> String {
        let error = self.error(&format!("model.{method}"), parameters).await;
        assert_eq!(error[0], "UserError", "{error}");
        error[1][0].as_str().unwrap().to_owned()
    }

    pub(super) async fn purchase(&self, lines: Value) -> Value {
        let values = json!({"party": 101, "invoice_address": 101, "warehouse": 21, "reference": "EXT", "lines": [["create", lines]]});
        self.make("purchase.purchase", values).await
    }
}

pub(super) fn decimal(text: &str) -> Value {
    json!({"__class__": "Decimal", "decimal": text})
}

pub(super) fn line(item: u32, quantity: f64) -> Value {
    json!({"type": "line", "product": item, "quantity": quantity, "unit": 1, "unit_price": decimal("12.3400")})
}

pub(super) const PURCHASE: &str = "purchase.purchase";

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
