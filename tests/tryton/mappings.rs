//! What a plant added to its own Tryton is mapped through the API and is there with the next query: a field of purchases,
//! and a model as an entity of the organization's own.

use serde_json::{Value, json};

use super::{Stage, changing};
use crate::mappings::call::{of_connection, save};

const MAPPED: &str = r#"
mapping: 1
entities:
  PurchaseOrder:
    custom:
      costCenter:
        type: string
        label: Cost center
        source: {path: cost_center, filter: [eq, in], sort: true, write: true}
      risk:
        type: enum
        values: {HIGH: High, LOW: Low}
        source: {path: risk, as: {enum: {"1": HIGH, "2": LOW}}, filter: [eq, in]}
  Calibration:
    entity: {remote: plant.calibration, plural: calibrations, label: Calibration, write: [create, update, delete]}
    custom:
      number: {type: string, source: {path: number, filter: [eq, in], sort: true, write: true}}
      asset: {type: reference, to: Asset, source: {path: asset, filter: [eq, in], write: true}}
      dueOn: {type: date, source: {path: due_on, filter: [eq, gt, gte, lt, lte], sort: true, write: true}}
      deviation: {type: decimal, source: {path: deviation, filter: [gt, lt], write: true}}
      passed: {type: boolean, source: {path: result, as: {boolean: {"true": [pass], "false": [fail]}}}}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_and_a_model_of_the_plants_own_are_there_with_the_next_query() {
    let _changing = changing().await;
    let stage = Stage::shared().await;

    // Both are found without knowing their names.
    let text = "query($id: ID!) { remoteObjects(connectionId: $id, search: \"calibration\") { nodes { name } }
        remoteFields(connectionId: $id, entity: \"PurchaseOrder\", samples: 3) { describedBy fields { path type mappedBy } } }";
    let found = stage.ask(text, json!({ "id": stage.connection })).await;
    let objects = found.data()["remoteObjects"]["nodes"].as_array().unwrap();
    assert!(
        objects.iter().any(|object| object["name"] == "plant.calibration"),
        "{objects:?}"
    );
    let fields = found.data()["remoteFields"]["fields"].as_array().unwrap();
    let own = fields.iter().find(|field| field["path"] == "cost_center").unwrap();
    assert_eq!((&own["type"], &own["mappedBy"]), (&json!("STRING"), &json!([])));

    save(&stage.plant, &of_connection(&stage.connection), 0, MAPPED).await;

    let text = "{ purchaseOrders(first: 50, filter: { costCenter: { in: [\"CC-100\", \"CC-300\"] } },
        orderBy: { field: COST_CENTER, direction: DESC }) {
        nodes { remoteId costCenter risk customFields(keys: [\"costCenter\"]) { key label value } }
        sources { pushedDown appliedHere } } }";
    let orders = stage.ask(text, json!({})).await;
    orders.data();
    let nodes = orders.nodes("purchaseOrders");
    let wanted = stage.find(
        "purchase.purchase",
        json!([["cost_center", "in", ["CC-100", "CC-300"]]]),
        &["cost_center", "risk"],
    );
    assert!(wanted.len() > 4);
    assert_eq!(nodes.len(), wanted.len());
    let seen: Vec<&str> = nodes.iter().map(|node| node["costCenter"].as_str().unwrap()).collect();
    assert!(seen.is_sorted_by(|a, b| a >= b), "{seen:?}");
    for order in &wanted {
        let key = order["id"].to_string();
        let node = nodes.iter().find(|node| node["remoteId"] == key.as_str()).unwrap();
        assert_eq!(node["costCenter"], order["cost_center"]);
        assert_eq!(node["customFields"][0]["value"], order["cost_center"]);
        assert_eq!(node["customFields"][0]["label"], "Cost center");
        let risk = match order["risk"].as_str() {
            Some("1") => json!("HIGH"),
            Some("2") => json!("LOW"),
            _ => Value::Null,
        };
        assert_eq!(node["risk"], risk);
    }
    let source = &orders.body["data"]["purchaseOrders"]["sources"][0];
    assert_eq!(
        source["appliedHere"],
        json!([]),
        "the system filters and sorts: {source}"
    );

    let text = "{ calibrations(first: 3, filter: { dueOn: { gte: \"2026-08-01\" } }, orderBy: { field: DUE_ON }) {
        nodes { id remoteId number dueOn deviation passed asset { name } raw } pageInfo { hasNextPage endCursor }
        sources { upstreamCalls } } }";
    let page = stage.ask(text, json!({})).await;
    page.data();
    let nodes = page.nodes("calibrations");
    let wanted = stage.find(
        "plant.calibration",
        json!([["due_on", ">=", { "date": "2026-08-01" }]]),
        &["number"],
    );
    assert_eq!(nodes.len(), 3);
    assert!(nodes.iter().all(|node| node["asset"]["name"].is_string()), "{nodes:?}");
    assert!(
        nodes.iter().all(|node| node["raw"]["number"] == node["number"]),
        "{nodes:?}"
    );
    // One call for the page and one for all of its assets.
    assert_eq!(page.body["data"]["calibrations"]["sources"][0]["upstreamCalls"], 2);

    // The rest of the list, by its name.
    let text = "query($c: ID!, $after: String) { customRecords(entity: \"Calibration\", connectionId: $c, first: 100,
        filter: { dueOn: { gte: \"2026-08-01\" } }, orderBy: [{ field: \"DUE_ON\" }], after: $after) {
        nodes { remoteId ... on Calibration { number } } pageInfo { hasNextPage } } }";
    let all = stage.ask(text, json!({ "c": stage.connection })).await;
    all.data();
    assert_eq!(all.nodes("customRecords").len(), wanted.len());

    let input = json!({ "number": "CAL-900", "dueOn": "2027-01-31", "deviation": "0.125" });
    let text =
        "mutation($c: ID!, $input: CreateCalibrationInput!) { createCalibration(connectionId: $c, input: $input) {
        outcome userErrors { path message } calibration { id remoteId number deviation } } }";
    let made = stage.ask(text, json!({ "c": stage.connection, "input": input })).await;
    let made = &made.data()["createCalibration"];
    assert_eq!(made["outcome"], "SUCCEEDED", "{made}");
    let seen = stage.only("plant.calibration", json!([["number", "=", "CAL-900"]]), &["result"]);
    assert_eq!(
        seen["id"].to_string(),
        made["calibration"]["remoteId"].as_str().unwrap()
    );
    assert_eq!(made["calibration"]["deviation"], "0.125");
    let text = "mutation($id: ID!) { deleteCalibration(id: $id) { outcome } }";
    let gone = stage.ask(text, json!({ "id": made["calibration"]["id"] })).await;
    assert_eq!(gone.data()["deleteCalibration"]["outcome"], "SUCCEEDED");
    assert!(
        stage
            .find("plant.calibration", json!([["number", "=", "CAL-900"]]), &[])
            .is_empty()
    );
}
