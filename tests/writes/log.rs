//! The log of writes: every write with its caller, its requests and its outcome, found by what it was, kept as long as the
//! operator says, and seen by nobody else.

use lineshaft_engine::tokens::NewToken;
use lineshaft_sandbox::System;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    call::{Call, Done},
    stage::Stage,
};
use crate::life::api::eventually;

/// Repeats a write until it has an outcome; a system that asked for fewer calls is given time.
pub async fn until_outcome(stage: &Stage, call: &Call, outcome: &str) -> Done {
    let what = format!("{}: {outcome}", stage.system);
    eventually(super::SOON, &what, || async {
        let done = call.run(&stage.plant).await;
        (done.outcome == outcome).then_some(done)
    })
    .await
}

async fn writes(stage: &Stage, token: &str, filter: Value) -> Vec<Value> {
    let text = "query($filter: WriteOperationFilter) { writes(first: 100, filter: $filter) {
        nodes { id entity operation state outcome mode actor { name } connection { id } createdAt finishedAt durationMs } } }";
    let answer = stage.plant.query_as(token, text, json!({ "filter": filter })).await;
    answer.data()["writes"]["nodes"].as_array().unwrap().clone()
}

fn ids(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_in_the_log_and_is_found_by_what_it_was() {
    let stage = Stage::start(System::Odoo).await;
    let token = stage.plant.token.clone();
    let vendor = stage.creation("Vendor").await.unwrap();
    let made = vendor.call.run(&stage.plant).await;
    let change = Call::update("Vendor", &made.id(), json!({ "name": "Another name" }));
    let changed = change.run(&stage.plant).await;
    let no_vendor = json!({ "vendor": stage.pool.no_record("Vendor") });
    let refused = Call::create("PurchaseOrder", &stage.connection, no_vendor)
        .run(&stage.plant)
        .await;
    assert_eq!(refused.outcome, "FAILED", "{}", refused.text);
    let all = writes(&stage, &token, json!({})).await;
    let (made, changed) = (made.operation_id(), changed.operation_id());
    assert!(
        ids(&all).contains(&made.as_str()) && ids(&all).contains(&changed.as_str()),
        "{all:?}"
    );
    let entry = stage.entry(&made).await;
    assert_eq!(entry["actor"]["name"], "suite", "{entry}");
    assert_eq!(entry["connection"]["id"], stage.connection, "{entry}");
    assert_eq!(
        (&entry["entity"], &entry["operation"]),
        (&json!("Vendor"), &json!("create")),
        "{entry}"
    );
    assert_eq!(entry["state"], "SUCCEEDED");
    assert!(entry["durationMs"].as_i64().is_some_and(|took| took >= 0), "{entry}");
    assert!(
        entry["requests"][0]["body"].to_string().contains(&vendor.word),
        "{entry}"
    );
    let failed = writes(&stage, &token, json!({ "states": ["FAILED"] })).await;
    assert!(
        failed.iter().all(|entry| entry["state"] == "FAILED") && !failed.is_empty(),
        "{failed:?}"
    );
    let updates = writes(
        &stage,
        &token,
        json!({ "operations": ["update"], "entities": ["Vendor"] }),
    )
    .await;
    assert_eq!(ids(&updates), [changed.as_str()]);
    let elsewhere = writes(&stage, &token, json!({ "entities": ["WorkOrder"] })).await;
    assert_eq!(elsewhere, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_sees_or_touches_a_write_or_what_it_wrote() {
    let stage = Stage::start(System::Odoo).await;
    let creation = stage.creation("Vendor").await.unwrap();
    let made = creation.call.run(&stage.plant).await;
    let (id, entry) = (made.id(), made.operation_id());
    let stranger = stage.plant.stranger().await;
    let other = stage.plant.connect(System::Odoo, "Another", Some("c-2")).await;
    let own = stage.plant.connection_token(System::Odoo).await;
    stage.plant.clear_calls();
    let change = Call::update("Vendor", &id, json!({ "name": "Not theirs" }));
    let theirs = change.run_as(&stage.plant, &stranger).await;
    assert!(
        !theirs.codes().is_empty() && theirs.outcome != "SUCCEEDED",
        "{}",
        theirs.text
    );
    let forms = [
        creation.call.run_as(&stage.plant, &stranger).await,
        Call::delete("Vendor", &id).run_as(&stage.plant, &stranger).await,
        Call::create("Vendor", &other, json!({ "name": "Not theirs" }))
            .run_as(&stage.plant, &own)
            .await,
    ];
    for done in &forms {
        assert!(!done.codes().is_empty() && done.outcome != "SUCCEEDED", "{}", done.text);
        assert!(
            !done.text.contains("FORBIDDEN"),
            "it looks as if it did not exist: {}",
            done.text
        );
    }
    assert!(stage.sandbox().calls().is_empty(), "{:#?}", stage.sandbox().calls());
    assert_eq!(writes(&stage, &stranger, json!({})).await, [json!(null); 0]);
    let read = "query($id: ID!) { write(id: $id) { id } }";
    let hidden = stage.plant.query_as(&stranger, read, json!({ "id": entry })).await;
    assert_eq!(hidden.body["data"]["write"], Value::Null);
    let missing = stage
        .plant
        .query_as(&stranger, read, json!({ "id": uuid::Uuid::now_v7() }))
        .await;
    assert_eq!(
        hidden.codes(),
        missing.codes(),
        "what is not theirs looks as if it did not exist"
    );
    let settle = "mutation($id: ID!) { settleWrite(id: $id, verdict: FAILED) { id } }";
    let (theirs, missing) = (
        stage.plant.query_as(&stranger, settle, json!({ "id": entry })).await,
        stage
            .plant
            .query_as(&stranger, settle, json!({ "id": uuid::Uuid::now_v7() }))
            .await,
    );
    assert!(!theirs.codes().is_empty());
    assert_eq!(theirs.codes(), missing.codes());
    // The token of a connection writes to its own without naming it, and sees what was written to it.
    let text = "mutation { done: createVendor(input: { name: \"Own Works\" }) { outcome record: vendor { name connectionId } userErrors { message } operation { id } } }";
    let done = Done::of(&stage.plant.query_as(&own, text, json!({})).await);
    assert_eq!(done.succeeded()["connectionId"], stage.connection, "{}", done.text);
    let seen = writes(&stage, &own, json!({})).await;
    assert!(ids(&seen).contains(&done.operation_id().as_str()), "{seen:?}");
    assert!(seen.iter().all(|entry| entry["connection"]["id"] == stage.connection));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_only_read_settles_nothing_and_switches_nothing() {
    let stage = Stage::start(System::Odoo).await;
    let creation = stage.creation("Vendor").await.unwrap();
    let entry = creation.call.run(&stage.plant).await.operation_id();
    let new = NewToken {
        organization_id: stage.plant.organization,
        connection_id: None,
        name: "reader".to_owned(),
        scopes: vec!["read".to_owned()],
        expires_at: None,
    };
    let issued = stage.plant.engine.tokens.create(new).await.unwrap();
    let reader = issued.text.expose_secret();
    let settle = "mutation($id: ID!) { settleWrite(id: $id, verdict: FAILED) { id } }";
    let settled = stage.plant.query_as(reader, settle, json!({ "id": entry })).await;
    assert_eq!(settled.codes(), ["FORBIDDEN"], "{}", settled.body);
    let switch = "mutation($id: ID!) { setWriteMode(connectionId: $id, mode: READ_ONLY) { id } }";
    let switched = stage
        .plant
        .query_as(reader, switch, json!({ "id": stage.connection }))
        .await;
    assert_eq!(switched.codes(), ["FORBIDDEN"], "{}", switched.body);
    assert_eq!(creation.call.run_as(&stage.plant, reader).await.codes(), ["FORBIDDEN"]);
}
