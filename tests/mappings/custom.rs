//! Fields and entities of an organization's own: one name over several systems, read, filtered, sorted, related and
//! written like what the unified model has, and seen by nobody else.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::call::{of_connection, save};
use crate::support::{Plant, Setup};

/// The same entity in the words of five systems.
const CALIBRATIONS: [(System, &str); 5] = [
    (
        System::Odoo,
        "remote: x_calibration, plural: calibrations, write: [create, update, delete]}
    custom:
      certificate: {type: string, source: {path: x_certificate, filter: [eq, in], write: true}}
      name: {type: string, source: {path: x_name, write: true}}
      dueOn: {type: date, source: {path: x_due, filter: [gte, lt], sort: true, write: true}}
      deviation: {type: decimal, source: {path: x_deviation, write: true}}
      passed: {type: boolean, source: {path: x_result, as: {boolean: {'true': [passed, adjusted], 'false': [failed]}}}}
      asset: {type: reference, to: Asset, source: {path: x_asset_id.0, filter: [eq, in], write: x_asset_id}}",
    ),
    (
        System::Tryton,
        "remote: x.calibration, plural: calibrations}
    custom:
      certificate: {type: string, source: {path: code, filter: [eq, in]}}
      dueOn: {type: date, source: {path: due_on, filter: [gte, lt], sort: true}}
      deviation: {type: decimal, source: deviation}
      passed: {type: boolean, source: {path: result, as: {boolean: {'true': [passed, adjusted], 'false': [failed]}}}}
      asset: {type: reference, to: Asset, source: asset}",
    ),
    (
        System::Dynamics365Fo,
        "remote: CalibrationRecords, plural: calibrations, key: [dataAreaId, CertificateNumber]}
    custom:
      certificate: {type: string, source: {path: CertificateNumber, filter: [eq, in]}}
      dueOn: {type: date, source: {path: DueDate, filter: {exact: [gte, lt], literal: datetimeoffset}, sort: true}}
      deviation: {type: decimal, source: Deviation}
      passed: {type: boolean, source: {path: Result, as: {boolean: {'true': [Passed, Adjusted], 'false': [Failed]}}}}
      asset: {type: reference, to: Asset, source: {keys: [dataAreaId, MaintenanceAssetId]}}",
    ),
    (
        System::SapS4hana,
        "remote: ZCALIBRATION_SRV/ZCalibrationSet, plural: calibrations, key: Certificate, write: [create, update, delete]}
    custom:
      certificate: {type: string, source: {path: Certificate, filter: [eq, in], write: true}}
      name: {type: string, source: {path: Notes, write: true}}
      dueOn: {type: date, source: {path: DueOn, as: ms_date, filter: [gte, lt], sort: true, write: true}}
      deviation: {type: decimal, source: {path: Deviation, as: decimal_text, write: true}}
      passed: {type: boolean, source: {path: Result, as: {boolean: {'true': [PASSED, ADJUSTED], 'false': [FAILED]}}}}
      asset: {type: reference, to: Asset, source: {path: Equipment, write: true}}",
    ),
    (
        System::Maximo,
        "remote: MXCALIBRATION, plural: calibrations, key: calibrationnum}
    custom:
      certificate: {type: string, source: {path: calibrationnum, filter: [eq, in]}}
      dueOn: {type: date, source: {path: duedate, filter: [gte, lt], sort: true}}
      deviation: {type: decimal, source: deviation}
      passed: {type: boolean, source: {path: result, as: {boolean: {'true': [PASSED, ADJUSTED], 'false': [FAILED]}}}}",
    ),
];

async fn map_calibrations(plant: &Plant) {
    for (system, entity) in CALIBRATIONS {
        let yaml = format!("mapping: 1\nentities:\n  Calibration:\n    entity: {{{entity}\n");
        save(plant, &of_connection(&plant.connection(system)), 0, &yaml).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_five_systems_is_one_entity() {
    let systems = CALIBRATIONS.map(|(system, _)| system);
    let plant = Setup::only(systems).start().await;
    map_calibrations(&plant).await;
    plant.clear_calls();
    let text = "{ calibrations(first: 250, filter: { dueOn: { gte: \"2026-12-01\" } }, orderBy: { field: DUE_ON }) {
        nodes { id remoteId connectionId certificate dueOn deviation passed asset { name } }
        sources { connection { id } status error { code message } pushedDown appliedHere upstreamCalls } } }";
    let answer = plant.query(text, json!({})).await;
    answer.data();
    let nodes = answer.nodes("calibrations");
    let of = |system: System| -> Vec<(&str, &str, &str)> {
        let own = plant.connection(system);
        let own = nodes.iter().filter(|node| node["connectionId"] == own.as_str());
        let mut told: Vec<_> = own
            .map(|node| {
                let text = |name: &str| node[name].as_str().unwrap();
                (
                    text("certificate"),
                    text("dueOn"),
                    text("deviation").trim_end_matches('0'),
                )
            })
            .collect();
        told.sort_unstable();
        told
    };
    let expected = of(System::Odoo);
    assert!(expected.len() > 3, "{expected:?}");
    for system in systems {
        assert_eq!(of(system), expected, "{system:?}");
        let source = answer.source("calibrations", &plant.connection(system));
        assert_eq!(source["status"], "OK", "{source}");
        // One call for the page, and at most one for all of its assets.
        assert!(source["upstreamCalls"].as_u64().unwrap() <= 2, "{source}");
    }
    let days: Vec<&str> = nodes.iter().map(|node| node["dueOn"].as_str().unwrap()).collect();
    assert!(days.is_sorted(), "{days:?}");
    let related = nodes.iter().filter(|node| node["asset"]["name"].is_string()).count();
    assert!(
        related >= expected.len() * 4,
        "assets of four systems: {related} of {}",
        nodes.len()
    );
    // By id, each is found again in its own system.
    let ids: Vec<&Value> = nodes.iter().map(|node| &node["id"]).take(10).collect();
    let text = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Calibration { certificate } } }";
    let again = plant.query(text, json!({ "ids": ids })).await;
    for (found, id) in again.data()["nodes"].as_array().unwrap().iter().zip(ids) {
        assert_eq!(&found["id"], id, "{}", again.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_an_own_entity_are_made_changed_and_removed() {
    for (system, entity) in [CALIBRATIONS[0], CALIBRATIONS[3]] {
        write_calibrations(system, entity).await;
    }
}

async fn write_calibrations(system: System, entity: &str) {
    let plant = Setup::only([system]).start().await;
    let connection = plant.connection(system);
    let yaml = format!("mapping: 1\nentities:\n  Calibration:\n    entity: {{{entity}\n");
    save(&plant, &of_connection(&connection), 0, &yaml).await;
    let assets = plant.query("{ assets(first: 1) { nodes { id } } }", json!({})).await;
    let asset = assets.nodes("assets")[0]["id"].clone();
    let text = "mutation($c: ID!, $i: CreateCalibrationInput!, $k: String) { createCalibration(connectionId: $c, input: $i, idempotencyKey: $k) {
        outcome replayed userErrors { path message } calibration { id certificate dueOn deviation asset { id } } } }";
    let input =
        json!({ "name": "CAL-1", "certificate": "C-77", "dueOn": "2027-03-01", "deviation": "0.25", "asset": asset });
    let variables = json!({ "c": connection, "i": input, "k": "own-1" });
    let made = plant.query(text, variables.clone()).await;
    let made = &made.data()["createCalibration"];
    assert_eq!(made["outcome"], "SUCCEEDED", "{made}");
    let record = &made["calibration"];
    assert_eq!(record["dueOn"], "2027-03-01");
    assert_eq!(record["asset"]["id"], asset);
    let again = plant.query(text, variables).await;
    assert_eq!(again.data()["createCalibration"]["replayed"], true);

    let text = "mutation($id: ID!) { updateCalibration(id: $id, input: { deviation: \"0.5\" }) { outcome calibration { deviation } } }";
    let changed = plant.query(text, json!({ "id": record["id"] })).await;
    assert_eq!(
        changed.data()["updateCalibration"]["calibration"]["deviation"],
        "0.5",
        "{}",
        changed.text
    );
    let text = "mutation($id: ID!) { deleteCalibration(id: $id) { outcome } }";
    let gone = plant.query(text, json!({ "id": record["id"] })).await;
    assert_eq!(
        gone.data()["deleteCalibration"]["outcome"],
        "SUCCEEDED",
        "{}",
        gone.text
    );
    let text = "query($id: ID!) { calibration(id: $id) { id } }";
    let found = plant.query(text, json!({ "id": record["id"] })).await;
    assert!(found.data()["calibration"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_sees_what_an_organization_adds() {
    let plant = Setup::only([System::Odoo]).start().await;
    let yaml = "mapping: 1\nentities: {Vendor: {custom: {zone: {type: string, source: {constant: north}}}}}";
    save(&plant, &of_connection(&plant.connection(System::Odoo)), 0, yaml).await;
    let text = "{ vendors(first: 1) { nodes { zone customFields { key label type value } } }
        __type(name: \"Vendor\") { fields { name } } }";
    let own = plant.query(text, json!({})).await;
    own.data();
    assert_eq!(own.nodes("vendors")[0]["zone"], "north");
    let custom = own.nodes("vendors")[0]["customFields"].as_array().unwrap();
    assert!(
        custom
            .iter()
            .any(|field| field["key"] == "zone" && field["value"] == "north" && field["type"] == "STRING"),
        "{custom:?}"
    );
    let other = plant.stranger().await;
    let refused = plant.query_as(&other, text, json!({})).await;
    assert_eq!(refused.codes(), ["GRAPHQL_VALIDATION_FAILED"], "{}", refused.text);
    let sdl = async |token: &str| {
        let url = plant.url.replace("/graphql", "/v1/schema.graphql");
        let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    assert!(sdl(&plant.token).await.contains("\tzone: String"));
    assert!(!sdl(&other).await.contains("\tzone: String"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_clients_own_need_a_token_for_them() {
    let plant = Setup::only([System::Dynamics365Fo]).start().await;
    let connection = plant.connection(System::Dynamics365Fo);
    let text = "mutation($c: ID!, $m: String!, $p: String!) { rawRequest(connectionId: $c, method: $m, path: $p, query: { _top: 1 }) { status body } }";
    let text = text.replace("_top", "top");
    let ask = async |token: &str, method: &str, path: &str| {
        let variables = json!({ "c": connection, "m": method, "p": path });
        plant.query_as(token, &text, variables).await
    };
    let answer = ask(&plant.token, "GET", "/data/CalibrationRecords").await;
    let raw = &answer.data()["rawRequest"];
    assert_eq!(raw["status"], 200, "{raw}");
    assert!(raw["body"]["value"].is_array(), "{raw}");
    let own = plant.connection_token(System::Dynamics365Fo).await;
    assert_eq!(
        ask(&own, "GET", "/data/CalibrationRecords").await.codes(),
        ["RAW_DISABLED"]
    );
    plant.clear_calls();
    for path in [
        "/api/services",
        "/data/../api/services",
        "https://elsewhere.example/data/x",
        "/data/%2e%2e/x",
    ] {
        assert_eq!(
            ask(&plant.token, "GET", path).await.codes(),
            ["RAW_NOT_ALLOWED"],
            "{path}"
        );
    }
    assert_eq!(
        ask(&plant.token, "PUT", "/data/CalibrationRecords").await.codes(),
        ["RAW_NOT_ALLOWED"]
    );
    assert!(plant.calls(System::Dynamics365Fo).is_empty());
}
