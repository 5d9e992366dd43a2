//! What a system says of a record that is not there comes back as the place in the input that names it.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{call::Call, stage::Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_is_not_there_is_told_with_its_line() {
    let stage = Stage::start(System::Odoo).await;
    let (vendor, item) = (stage.pool.any_id("Vendor"), stage.pool.any_id("InventoryItem"));
    let line = |item: &str| json!({ "item": item, "quantity": { "value": "1" } });
    let lines = [line(&item), line(&stage.pool.no_record("InventoryItem"))];
    let refused = async |call: Call| {
        let done = call.run(&stage.plant).await;
        done.refused("UNKNOWN_REFERENCE");
        assert!(done.user_errors[0]["remoteMessage"].is_string(), "{}", done.text);
        done.user_errors[0]["path"].clone()
    };
    let input = json!({ "vendor": vendor, "lines": lines });
    let path = refused(Call::create("PurchaseOrder", &stage.connection, input)).await;
    assert_eq!(path, json!(["lines", "1", "item"]));

    let input = json!({ "vendor": vendor, "lines": [line(&item)] });
    let made = Call::create("PurchaseOrder", &stage.connection, input);
    let order = made.run(&stage.plant).await.id();
    let input = json!({ "lines": { "create": lines } });
    let path = refused(Call::update("PurchaseOrder", &order, input)).await;
    assert_eq!(path, json!(["lines", "create", "1", "item"]));
    let input = json!({ "vendor": stage.pool.no_record("Vendor") });
    let path = refused(Call::update("PurchaseOrder", &order, input)).await;
    assert_eq!(path, json!(["vendor"]));
    let gone = Call::update(
        "PurchaseOrder",
        &stage.pool.no_record("PurchaseOrder"),
        json!({ "notes": "x" }),
    );
    let done = gone.run(&stage.plant).await;
    done.refused("NOT_FOUND");
    assert_eq!(done.user_errors[0]["path"], Value::Array(Vec::new()));
}

/// Odoo calls fields required that it fills in by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_odoo_fills_in_by_itself_is_not_told_as_needed() {
    let stage = Stage::start(System::Odoo).await;
    for (kind, needed) in [
        ("Vendor", vec!["name"]),
        ("InventoryItem", vec!["name"]),
        ("PurchaseOrder", vec!["vendor"]),
        ("WorkOrder", vec!["title"]),
    ] {
        let form = stage.form(kind, "create").await;
        let told: Vec<&str> = form
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(told, needed, "{kind}");
    }
}
