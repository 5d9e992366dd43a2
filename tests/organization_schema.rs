//! The schema of an organization: what mappings add is typed, asked for, filtered and sorted by at once, and is nobody
//! else's.

use lineshaft_engine::tokens::NewToken;
use lineshaft_sandbox::System;
use reqwest::{StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{Plant, Setup};

const OVERLAY: &str = "
mapping: 1
entities:
  PurchaseOrder:
    custom:
      supplierText:
        type: string
        label: Supplier's text
        description: What the supplier calls the order.
        source: {path: partner_ref, filter: [eq, in], sort: true}
      state:
        type: enum
        values: {PURCHASE: Ordered, DRAFT: A draft}
        source: {path: state, as: {enum: {purchase: PURCHASE, draft: DRAFT}}}
      responsible: {type: reference, to: User, source: user_id.0}
  Calibration:
    entity: {remote: x_calibration, plural: calibrations, label: Calibration}
    custom:
      certificate: {type: string, label: Certificate, source: {path: x_certificate, filter: [eq], sort: true}}
";

const SAVE: &str = "mutation ($input: SaveMappingInput!) { saveMapping(input: $input) {
    layer { version scope { kind connectionId } affectedConnections yaml } problems { severity code message pointer } } }";

async fn key(plant: &Plant) -> String {
    let new = NewToken {
        organization_id: plant.organization,
        connection_id: None,
        name: "mappings".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
    };
    let issued = plant.engine.tokens.create(new).await.unwrap();
    issued.text.expose_secret().to_owned()
}

async fn schema(plant: &Plant, token: &str, known: Option<&str>) -> (StatusCode, Option<String>, String) {
    let url = plant.url.replace("/graphql", "/v1/schema.graphql");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(url).bearer_auth(token);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    let response = request.send().await.unwrap();
    let tag = response.headers().get(header::ETAG);
    let tag = tag.map(|tag| tag.to_str().unwrap().to_owned());
    (response.status(), tag, response.text().await.unwrap())
}

async fn save(plant: &Plant, key: &str, expected: i32, yaml: &str) -> Value {
    let scope = json!({ "connectionId": plant.connection(System::Odoo) });
    let input = json!({ "scope": scope, "expectedVersion": expected, "yaml": yaml, "acceptWarnings": true });
    let answer = plant.query_as(key, SAVE, json!({ "input": input })).await;
    answer.data()["saveMapping"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mapping_adds_is_typed_at_once() {
    let plant = Setup::only([System::Odoo]).start().await;
    let (key, stranger) = (key(&plant).await, plant.stranger().await);
    let (status, before, text) = schema(&plant, &key, None).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, lineshaft_api::sdl().as_str()));
    let (status, _, text) = schema(&plant, &key, before.as_deref()).await;
    assert_eq!((status, text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(schema(&plant, "lsk_wrong", None).await.0, StatusCode::UNAUTHORIZED);

    let query = "{ purchaseOrders(first: 3) { nodes { supplierText } } }";
    assert_eq!(
        plant.query_as(&key, query, json!({})).await.codes(),
        ["GRAPHQL_VALIDATION_FAILED"]
    );
    let saved = save(&plant, &key, 0, OVERLAY).await;
    assert_eq!(saved["layer"]["version"], 1, "{saved:#}");

    let (status, after, text) = schema(&plant, &key, before.as_deref()).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(before, after);
    assert!(text.contains("type Calibration implements UnifiedRecord") && text.contains("\tsupplierText: String\n"));
    let theirs = schema(&plant, &stranger, None).await.2;
    assert!(!theirs.contains("supplierText") && !theirs.contains("type Calibration"));
    assert_eq!(
        plant.query_as(&stranger, query, json!({})).await.codes(),
        ["GRAPHQL_VALIDATION_FAILED"]
    );

    let text = "{ purchaseOrders(first: 20, orderBy: { field: SUPPLIER_TEXT }) {
        nodes { id reference supplierText state responsible { id name } buyer { id }
            customFields(keys: [\"supplierText\", \"responsible\"]) { key label type description value remotePath } } } }";
    let answer = plant.query_as(&key, text, json!({})).await;
    assert_eq!(answer.errors(), [] as [Value; 0]);
    let nodes = answer.nodes("purchaseOrders");
    assert!(!nodes.is_empty());
    for node in nodes {
        assert_eq!(node["supplierText"], node["reference"]);
        assert_eq!(node["responsible"]["id"], node["buyer"]["id"]);
        let custom = node["customFields"].as_array().unwrap();
        assert_eq!(custom.len(), 2, "{node}");
        assert_eq!(custom[0]["value"], node["supplierText"]);
        assert_eq!(
            (&custom[0]["key"], &custom[0]["type"]),
            (&json!("supplierText"), &json!("STRING"))
        );
        assert_eq!(custom[0]["remotePath"], "partner_ref");
        assert_eq!(custom[1]["value"], node["responsible"]["id"]);
    }
    let wanted = nodes.iter().find(|node| !node["supplierText"].is_null()).unwrap();
    let text = "query ($eq: String!) { purchaseOrders(filter: { supplierText: { eq: $eq } }) { nodes { id } } }";
    let found = plant
        .query_as(&key, text, json!({ "eq": wanted["supplierText"] }))
        .await;
    assert!(
        found
            .nodes("purchaseOrders")
            .iter()
            .any(|node| node["id"] == wanted["id"])
    );

    let saved = save(&plant, &key, 1, "mapping: 1").await;
    assert_eq!(saved["layer"]["version"], 2, "{saved:#}");
    assert_eq!(
        plant.query_as(&key, query, json!({})).await.codes(),
        ["GRAPHQL_VALIDATION_FAILED"]
    );
    assert_eq!(schema(&plant, &key, None).await.2, lineshaft_api::sdl());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entities_of_ones_own_are_listed_by_type_and_by_name() {
    let plant = Setup::only([System::Odoo]).start().await;
    let key = key(&plant).await;
    let saved = save(&plant, &key, 0, OVERLAY).await;
    assert_eq!(saved["layer"]["version"], 1, "{saved:#}");
    let text = "{ calibrations(first: 2, orderBy: { field: CERTIFICATE }) { nodes { __typename id remoteId certificate } pageInfo { endCursor } } }";
    let answer = plant.query_as(&key, text, json!({})).await;
    assert_eq!(answer.errors(), [] as [Value; 0]);
    let calibration = answer.nodes("calibrations")[0].clone();
    assert_eq!(calibration["__typename"], "Calibration");
    let text = "query ($connection: ID!, $filter: JSON, $order: [JSON!]) {
        customRecords(entity: \"Calibration\", connectionId: $connection, filter: $filter, orderBy: $order, first: 5) {
            nodes { __typename id ... on Calibration { certificate } customFields { key value } }
            pageInfo { hasNextPage } sources { status } } }";
    let connection = plant.connection(System::Odoo);
    let variables = json!({ "connection": connection, "filter": { "certificate": { "eq": calibration["certificate"] } }, "order": [{ "field": "certificate" }] });
    let answer = plant.query_as(&key, text, variables).await;
    assert_eq!(answer.errors(), [] as [Value; 0]);
    let nodes = answer.nodes("customRecords");
    assert_eq!(nodes[0]["id"], calibration["id"]);
    assert_eq!(nodes[0]["certificate"], calibration["certificate"]);
    let custom = nodes[0]["customFields"].as_array().unwrap();
    assert!(
        custom.contains(&json!({ "key": "certificate", "value": calibration["certificate"] })),
        "{custom:?}"
    );
    let variables = json!({ "connection": connection, "filter": { "certificate": { "near": "x" } } });
    let answer = plant.query_as(&key, text, variables).await;
    assert_eq!(answer.codes(), ["INVALID_VALUE"]);
    assert_eq!(
        answer.errors()[0]["extensions"]["argument"],
        json!(["filter", "certificate", "near"])
    );

    let text = "query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id ... on Calibration { certificate } } nodes(ids: $ids) { id } calibration(id: $id) { certificate } }";
    let answer = plant
        .query_as(
            &key,
            text,
            json!({ "id": calibration["id"], "ids": [calibration["id"]] }),
        )
        .await;
    assert_eq!(answer.errors(), [] as [Value; 0]);
    assert_eq!(answer.data()["node"]["certificate"], calibration["certificate"]);
    assert_eq!(answer.data()["nodes"][0]["id"], calibration["id"]);
    assert_eq!(answer.data()["calibration"]["certificate"], calibration["certificate"]);
}
