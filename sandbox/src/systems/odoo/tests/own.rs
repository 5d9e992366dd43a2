//! The models that this customer made in Studio.

use serde_json::json;

use super::super::models::own::WIDE_FIELDS;
use super::client;

#[tokio::test]
async fn calibrations_are_described_found_and_written() {
    let client = client().await;
    let known = client
        .result(
            "ir.model",
            "search_read",
            json!([[["model", "=", "x_calibration"]]]),
            json!({"fields": ["name", "state"]}),
        )
        .await;
    assert_eq!(known[0]["state"], "manual");
    let fields = client.result("x_calibration", "fields_get", json!([]), json!({})).await;
    assert_eq!(fields["x_asset_id"]["relation"], "maintenance.equipment");
    assert_eq!(fields["x_deviation"]["type"], "float");
    let all = client.count("x_calibration", json!([])).await;
    assert!(all >= 12);
    let failed = client
        .result(
            "x_calibration",
            "search_read",
            json!([[["x_result", "=", "failed"], ["x_due", ">", "2026-12-01"]]]),
            json!({"fields": ["x_name", "x_asset_id", "x_due"], "order": "x_due desc", "limit": 2}),
        )
        .await;
    assert_eq!(failed.as_array().unwrap().len(), 2);
    assert!(failed[0]["x_due"].as_str() > failed[1]["x_due"].as_str());
    assert!(failed[0]["x_asset_id"][1].is_string());
    let values = json!({"x_name": "CAL-NEW", "x_asset_id": 2, "x_deviation": 0.5, "x_result": "adjusted"});
    let id = client.make("x_calibration", values).await;
    client
        .result(
            "x_calibration",
            "write",
            json!([[id], {"x_deviation": 0.25}]),
            json!({}),
        )
        .await;
    let row = client
        .one("x_calibration", id, json!(["x_name", "x_deviation", "x_result"]))
        .await;
    assert_eq!(
        (&row["x_name"], &row["x_deviation"], &row["x_result"]),
        (&json!("CAL-NEW"), &json!(0.25), &json!("adjusted"))
    );
    client
        .result("x_calibration", "unlink", json!([[id, 1]]), json!({}))
        .await;
    assert_eq!(client.count("x_calibration", json!([])).await, all - 1);
    let (name, _) = client
        .refusal("x_calibration", "create", json!([{"x_notes": "no name"}]))
        .await;
    assert_eq!(name, "odoo.exceptions.ValidationError");
}

#[tokio::test]
async fn the_wide_model_has_very_many_fields() {
    let client = client().await;
    let fields = client.result("x_wide_order", "fields_get", json!([]), json!({})).await;
    let own = fields
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("x_field_"));
    assert_eq!(own.count(), usize::try_from(WIDE_FIELDS).unwrap());
    let rows = client
        .result("x_wide_order", "search_read", json!([[]]), json!({"limit": 1}))
        .await;
    assert!(rows[0].as_object().unwrap().len() > 400);
}
