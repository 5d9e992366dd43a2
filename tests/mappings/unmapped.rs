//! Types that no connector maps: the guide to a system that nobody has a connector for holds, from an empty connection to
//! related and written records, and back.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::call::{accepted, of_connection, save};
use crate::support::{Plant, Setup};

const GUIDE: &str = include_str!("../../docs/mappings.md");

const ORDERS: &str = "{ purchaseOrders(first: 50, filter: { status: { eq: SENT } }) {
    nodes { number vendor { name number } lines { lineNumber description quantity { value uomCode } } }
    sources { connection { id } status pushedDown upstreamCalls } } }";

/// Returns the document of the guide, which stands indented in a list.
fn document() -> String {
    let (_, behind) = GUIDE.split_once("   # generic-odata-v4\n").unwrap();
    let (text, _) = behind.split_once("   ```").unwrap();
    text.lines()
        .map(|line| format!("{}\n", line.get(3..).unwrap_or_default()))
        .collect()
}

/// Takes an entity out of a layer.
async fn take(plant: &Plant, scope: &Value, version: i64, entity: &str) -> i64 {
    let edits = json!([{ "entity": entity, "part": "ENTITY", "remove": true }]);
    let input = json!({ "scope": scope, "expectedVersion": version, "edits": edits, "acceptWarnings": true });
    accepted(&plant.query(super::call::SAVE, json!({ "input": input })).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_without_a_connector_answers_once_it_is_mapped() {
    let system = System::from_id("generic-odata-v4").unwrap();
    let plant = Setup::only([system]).start().await;
    let connection = plant.connection(system);
    let scope = of_connection(&connection);
    let objects = "query($c: ID!) { remoteObjects(connectionId: $c) { nodes { name entity } } }";
    let found = plant.query(objects, json!({ "c": connection })).await;
    assert!(found.text.contains("\"Suppliers\""), "{}", found.text);
    assert!(plant.query(ORDERS, json!({})).await.nodes("purchaseOrders").is_empty());

    let yaml = document();
    let preview = "query($c: ID!, $y: String) { previewMapping(input: { connectionId: $c, entity: \"Vendor\", samples: 3, yaml: $y }) {
        problems { message } records { before after } } }";
    let previewed = plant.query(preview, json!({ "c": connection, "y": yaml })).await;
    let records = previewed.data()["previewMapping"]["records"].as_array().unwrap();
    assert_eq!(records.len(), 3, "{}", previewed.text);
    assert!(
        records
            .iter()
            .all(|record| record["before"].is_null() && record["after"]["name"].is_string())
    );

    let version = save(&plant, &scope, 0, &yaml).await;
    plant.clear_calls();
    let answer = plant.query(ORDERS, json!({})).await;
    let orders = answer.nodes("purchaseOrders");
    assert!(!orders.is_empty(), "{}", answer.text);
    for order in orders {
        assert!(order["vendor"]["name"].is_string(), "{order}");
        assert!(!order["lines"].as_array().unwrap().is_empty(), "{order}");
        assert!(order["lines"][0]["quantity"]["value"].is_string(), "{order}");
    }
    // One call for the orders, one for all vendors, one for all lines.
    let source = answer.source("purchaseOrders", &connection);
    assert!(source["upstreamCalls"].as_u64().unwrap() <= 3, "{source}");

    let seen = "query($c: ID!) { entityMapping(connectionId: $c, entity: \"Vendor\") { remote fields { name state source } unmapped { path } problems { message } } }";
    let seen = plant.query(seen, json!({ "c": connection })).await;
    let mapping = &seen.data()["entityMapping"];
    assert_eq!(mapping["remote"], "Suppliers");
    assert!(mapping["unmapped"].to_string().contains("\"Mail\""), "{mapping}");
    assert_eq!(mapping["problems"], json!([]));

    let text = "mutation($c: ID!) { createVendor(connectionId: $c, input: { name: \"New Mill\", number: \"N-1\" }) {
        outcome userErrors { message } vendor { name number status } } }";
    let made = plant.query(text, json!({ "c": connection })).await;
    let made = &made.data()["createVendor"];
    assert_eq!(made["outcome"], "SUCCEEDED", "{made}");
    assert_eq!(made["vendor"]["status"], "ACTIVE");

    let exported = "query($s: MappingScopeInput!) { mappingLayer(scope: $s) { yaml } }";
    let exported = plant.query(exported, json!({ "s": scope })).await;
    let exported = exported.data()["mappingLayer"]["yaml"].as_str().unwrap().to_owned();
    assert!(exported.contains("remote: Orders"), "{exported}");

    let without = take(&plant, &scope, version, "PurchaseOrder").await;
    assert!(plant.query(ORDERS, json!({})).await.nodes("purchaseOrders").is_empty());
    let again = save(&plant, &scope, without, &exported).await;
    assert!(again > without);
    assert_eq!(
        plant.query(ORDERS, json!({})).await.nodes("purchaseOrders").len(),
        orders.len()
    );
}
