//! A saved mapping holds from the next query on, in every process, and a query sees one version from its beginning to
//! its end.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::{StreamExt as _, future::join_all, stream};
use lineshaft_sandbox::System;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::call::{SAVE, accepted, of_connection, of_connector, refused, save, try_save};
use crate::support::{Plant, Setup};

const EDITS: i64 = 100;
const QUERIES: usize = 10_000;

/// Every part of the answer tells the version: two fields of the list, one of its relation.
fn version(number: i64) -> String {
    format!(
        "mapping: 1
entities:
  PurchaseOrder:
    fields: {{notes: {{constant: 'v{number}'}}}}
    custom:
      edition: {{type: string, source: {{constant: 'v{number}'}}}}
  Vendor:
    custom:
      edition: {{type: string, source: {{constant: 'v{number}'}}}}
"
    )
}

fn number(text: &Value) -> i64 {
    text.as_str().unwrap().strip_prefix('v').unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_edits_and_ten_thousand_queries_each_answer_is_of_one_version() {
    let plant = Setup::only([System::Odoo]).start().await;
    let scope = of_connection(&plant.connection(System::Odoo));
    save(&plant, &scope, 0, &version(1)).await;
    let acknowledged = AtomicI64::new(1);
    let (seen, mut told) = watch::channel(0);
    let edits = async {
        for number in 2..=EDITS {
            // Spread over the queries, however fast the machine is.
            let due = QUERIES * usize::try_from(number - 1).unwrap() / usize::try_from(EDITS + 1).unwrap();
            told.wait_for(|seen| *seen >= due).await.unwrap();
            assert_eq!(save(&plant, &scope, number - 1, &version(number)).await, number);
            acknowledged.store(number, Ordering::SeqCst);
        }
    };
    let text = "{ purchaseOrders(first: 2) { nodes { notes edition vendor { edition } } } }";
    let queries = stream::iter(0..QUERIES).for_each_concurrent(16, async |_| {
        let least = acknowledged.load(Ordering::SeqCst);
        let answer = plant.query(text, json!({})).await;
        answer.data();
        let nodes = answer.nodes("purchaseOrders");
        assert_eq!(nodes.len(), 2);
        let first = number(&nodes[0]["edition"]);
        assert!(first >= least, "version {first} after {least} was saved");
        for node in nodes {
            let told = [&node["notes"], &node["edition"], &node["vendor"]["edition"]];
            assert!(
                told.iter().all(|text| number(text) == first),
                "{node} beside version {first}"
            );
        }
        seen.send_modify(|seen| *seen += 1);
    });
    tokio::join!(edits, queries);
    let answer = plant.query(text, json!({})).await;
    assert_eq!(number(&answer.nodes("purchaseOrders")[0]["edition"]), EDITS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_save_at_once_one_is_taken_and_the_others_are_told() {
    let plant = Setup::only([System::Odoo]).start().await;
    let scope = of_connection(&plant.connection(System::Odoo));
    let input = |number: i64| json!({ "scope": scope, "expectedVersion": 0, "yaml": version(number) });
    let all = join_all((0..20).map(|at| plant.query(SAVE, json!({ "input": input(at) })))).await;
    let taken: Vec<_> = all.iter().filter(|answer| answer.codes().is_empty()).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(accepted(taken[0]), 1);
    for answer in all.iter().filter(|answer| !answer.codes().is_empty()) {
        assert_eq!(answer.codes(), ["VERSION_CONFLICT"], "{}", answer.text);
    }
}

const LAYERS: &str = "query($id: ID!) { entityMapping(connectionId: $id, entity: \"PurchaseOrder\") {
    layers { scope { kind } version } fields { name origin state source } } }";

async fn field(plant: &Plant, connection: &str, name: &str) -> Value {
    let answer = plant.query(LAYERS, json!({ "id": connection })).await;
    let fields = answer.data()["entityMapping"]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layer_of_a_connection_lies_over_that_of_its_connector() {
    let plant = Setup::only([System::Odoo]).start().await;
    let (own, other) = (
        plant.connection(System::Odoo),
        plant.connect(System::Odoo, "Another", None).await,
    );
    assert_eq!(field(&plant, &own, "notes").await["origin"], "CONNECTOR");
    let everywhere =
        "mapping: 1\nentities: {PurchaseOrder: {fields: {notes: {constant: everywhere}, reference: {hide: true}}}}";
    save(&plant, &of_connector("odoo"), 0, everywhere).await;
    let here = "mapping: 1\nentities: {PurchaseOrder: {fields: {notes: {constant: here}}}}";
    save(&plant, &of_connection(&own), 0, here).await;
    let ask = async |connection: &str| {
        let text = "query($c: [ID!]) { purchaseOrders(first: 1, connections: $c) { nodes { notes reference } } }";
        let answer = plant.query(text, json!({ "c": [connection] })).await;
        answer.data();
        answer.nodes("purchaseOrders")[0].clone()
    };
    assert_eq!(ask(&own).await, json!({ "notes": "here", "reference": null }));
    assert_eq!(ask(&other).await, json!({ "notes": "everywhere", "reference": null }));
    assert_eq!(field(&plant, &own, "notes").await["origin"], "CONNECTION");
    assert_eq!(field(&plant, &other, "notes").await["origin"], "ORGANIZATION");
    assert_eq!(field(&plant, &own, "reference").await["state"], "HIDDEN");

    // Rolled back, the connection is as its connector has it, and the versions stay.
    save(&plant, &of_connection(&own), 1, "mapping: 1").await;
    assert_eq!(ask(&own).await["notes"], "everywhere");
    let text = "mutation($s: MappingScopeInput!) { rollBackMapping(scope: $s, toVersion: 1, expectedVersion: 2, comment: \"back\") {
        layer { version comment } problems { code } } }";
    let back = plant.query(text, json!({ "s": of_connection(&own) })).await;
    assert_eq!(
        back.data()["rollBackMapping"]["layer"],
        json!({ "version": 3, "comment": "back" })
    );
    assert_eq!(ask(&own).await["notes"], "here");
    let text = "query($s: MappingScopeInput!) { mappingVersions(scope: $s) { nodes { version } }
        mappingDiff(scope: $s, from: 2, to: 3) { entity field kind after } }";
    let told = plant.query(text, json!({ "s": of_connection(&own) })).await;
    let versions: Vec<i64> = told.data()["mappingVersions"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    assert_eq!(told.data()["mappingDiff"][0]["kind"], "ADDED", "{}", told.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_hold_together_is_refused_with_its_line_and_nothing_is_saved() {
    let plant = Setup::only([System::Odoo]).start().await;
    let scope = of_connection(&plant.connection(System::Odoo));
    let custom = |field: &str| format!("mapping: 1\nentities:\n  PurchaseOrder:\n    custom:\n      mine: {field}\n");
    for (yaml, code) in [
        (
            "mapping: 1\nentities: {PurchaseOrder: {fields: {nots: comment}}}".to_owned(),
            "UNKNOWN_FIELD",
        ),
        (
            "mapping: 1\nentities: {PurchaseOrders: {fields: {notes: comment}}}".to_owned(),
            "UNKNOWN_ENTITY",
        ),
        (custom("{type: strin, source: x}"), "INVALID_MAPPING"),
        (custom("{type: reference, to: Nobody, source: x_a}"), "UNKNOWN_ENTITY"),
        (
            custom("{type: string, source: {expression: 'row.name ~~ 1'}}"),
            "INVALID_EXPRESSION",
        ),
        (
            custom("{type: string, source: {expression: 'row.name ~ 1', write: true}}"),
            "NOT_INVERTIBLE",
        ),
        (
            "mapping: 1\nentities: {PurchaseOrder: {custom: {number: {type: string, source: x_a}}}}".to_owned(),
            "NAME_TAKEN",
        ),
        ("mapping: 1\nentities: [".to_owned(), "INVALID_MAPPING"),
    ] {
        let answer = try_save(&plant, &scope, 0, &yaml).await;
        assert!(refused(&answer).contains(&code), "{yaml}\n{}", answer.text);
        let first = &answer.body["data"]["saveMapping"]["problems"][0];
        assert!(
            first["line"].is_number() && first["message"].is_string(),
            "{yaml}\n{first}"
        );
    }
    let layer = "query($s: MappingScopeInput!) { mappingLayer(scope: $s) { version document } }";
    let answer = plant.query(layer, json!({ "s": scope })).await;
    assert_eq!(answer.data()["mappingLayer"]["version"], 0);
}
