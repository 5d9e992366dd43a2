//! Short ways to the mapping API: a layer is saved as YAML or by edits, and what was refused is told in full.

use serde_json::{Value, json};

use crate::support::{Answer, Plant};

pub const SAVE: &str = "mutation($input: SaveMappingInput!) { saveMapping(input: $input) {
    layer { version document yaml author comment affectedConnections scope { kind connectionId connector } }
    problems { severity code entity field pointer line message help } } }";

/// The layer of one connection.
pub fn of_connection(id: &str) -> Value {
    json!({ "connectionId": id })
}

/// The layer of all connections of a connector.
pub fn of_connector(id: &str) -> Value {
    json!({ "connector": id })
}

/// Saves a layer and returns the answer.
pub async fn try_save(plant: &Plant, scope: &Value, expected: i64, yaml: &str) -> Answer {
    let input = json!({ "scope": scope, "expectedVersion": expected, "yaml": yaml, "acceptWarnings": true });
    plant.query(SAVE, json!({ "input": input })).await
}

/// Saves a layer, which must be accepted, and returns its version.
#[track_caller]
pub fn accepted(answer: &Answer) -> i64 {
    let saved = &answer.data()["saveMapping"];
    saved["layer"]["version"]
        .as_i64()
        .unwrap_or_else(|| panic!("refused: {:#}", saved["problems"]))
}

pub async fn save(plant: &Plant, scope: &Value, expected: i64, yaml: &str) -> i64 {
    accepted(&try_save(plant, scope, expected, yaml).await)
}

/// Returns the codes of the problems of a layer that was refused.
#[track_caller]
pub fn refused(answer: &Answer) -> Vec<&str> {
    let saved = &answer.data()["saveMapping"];
    assert!(saved["layer"].is_null(), "accepted: {}", answer.text);
    let problems = saved["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}
