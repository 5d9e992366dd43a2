//! Many writes in one request, and writes that nobody waits for: results in order, no connection overrun, events that tell
//! what came of them.

use std::time::Duration;

use lineshaft_sandbox::{
    Receiver, System,
    fault::{Fault, Kind},
};
use serde_json::{Value, json};

use super::{
    SOON,
    call::{Call, Done},
    form::Form,
    pool::Pool,
    rules::goes_alone,
    setup,
    stage::{Creation, Stage, entry},
};
use crate::{
    life::{
        api::{Api, eventually, text},
        socket::Socket,
    },
    support::Plant,
};

const BATCH: &str = "mutation($operations: [WriteOperationInput!]!, $mode: WriteMode, $dryRun: Boolean) {
    writeBatch(operations: $operations, mode: $mode, dryRun: $dryRun) { batchId results { index outcome warnings
        userErrors { path code message } operation { id state } requests { method url } record { id remoteId connectionId } } } }";

async fn batch(plant: &Plant, operations: &[Value], mode: &str) -> Vec<Done> {
    let answer = plant
        .query(BATCH, json!({ "operations": operations, "mode": mode }))
        .await;
    let results = answer.data()["writeBatch"]["results"].as_array().unwrap();
    for (at, result) in results.iter().enumerate() {
        assert_eq!(
            result["index"], at,
            "results come in the order of the operations: {results:?}"
        );
    }
    results.iter().map(Done::payload).collect()
}

fn vendor(connection: &str, name: &str) -> Value {
    Call::create("Vendor", connection, json!({ "name": name })).operation()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_come_in_order_and_one_that_fails_stops_no_other() {
    let systems = [System::Odoo, System::SapS4hana, System::Limble];
    let mut stages = Vec::new();
    for system in systems {
        stages.push(Stage::start(system).await);
    }
    // One server over all three, so that a batch runs over several connections.
    let plant = setup(systems).start().await;
    let mut operations = Vec::new();
    let mut creations: Vec<(System, Creation)> = Vec::new();
    for turn in 0..4 {
        for stage in &stages {
            let system = stage.system;
            let creation = first_creation(stage).await;
            let call = creation.call.moved(
                stage.connection.parse().unwrap(),
                plant.connection(system).parse().unwrap(),
            );
            if turn == 2 && system == System::Odoo {
                let broken = json!({ "vendor": stage.pool.no_record("Vendor") });
                operations.push(Call::create("PurchaseOrder", &plant.connection(system), broken).operation());
                continue;
            }
            operations.push(call.operation());
            creations.push((system, creation));
        }
    }
    let results = batch(&plant, &operations, "SYNC").await;
    assert_eq!(results.len(), operations.len());
    for (at, result) in results.iter().enumerate() {
        if at == 6 {
            assert_eq!(result.outcome, "FAILED", "{}", result.text);
            assert!(!result.user_errors.is_empty(), "{}", result.text);
            continue;
        }
        result.succeeded();
        let connection = plant.connection(systems[at % 3]);
        assert_eq!(
            result.record["connectionId"], connection,
            "operation {at}: {}",
            result.text
        );
        let logged = entry(&plant, &result.operation_id()).await;
        assert!(logged["batchId"].is_string(), "{logged}");
    }
}

async fn first_creation(stage: &Stage) -> Creation {
    for kind in ["Vendor", "PurchaseOrder", "WorkOrder", "Asset"] {
        if let Some(creation) = stage.creation(kind).await {
            return creation;
        }
    }
    panic!("{} makes nothing", stage.system);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_gets_no_more_writes_at_once_than_the_operator_says() {
    let stage = Stage::on(System::Odoo, setup([System::Odoo]).set("WRITES__BATCH_WIDTH", 3)).await;
    stage.made("Vendor").await.unwrap();
    stage.plant.clear_calls();
    let lasts = Duration::from_millis(120);
    let slow = Kind::Latency {
        ms: u64::try_from(lasts.as_millis()).unwrap(),
    };
    stage.sandbox().set_fault(Some(Fault::new(slow).writes()));
    let operations: Vec<_> = (0..18)
        .map(|at| vendor(&stage.connection, &format!("Bound {at}")))
        .collect();
    let results = batch(&stage.plant, &operations, "SYNC").await;
    stage.sandbox().set_fault(None);
    for result in &results {
        result.succeeded();
    }
    // A call is logged when it comes and answered so much later: those within that time were under way together.
    let at: Vec<_> = stage.attempts().iter().map(|call| call.at).collect();
    let together = at
        .iter()
        .map(|moment| {
            at.iter()
                .filter(|other| **other >= *moment && **other - *moment < chrono::TimeDelta::milliseconds(100))
                .count()
        })
        .max()
        .unwrap();
    assert!(together <= 3, "{together} writes at once");
    assert!(together >= 2, "a batch runs side by side");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_have_a_bound_and_keys_of_their_own() {
    let stage = Stage::start(System::Odoo).await;
    let many: Vec<_> = (0..101)
        .map(|at| vendor(&stage.connection, &format!("Too many {at}")))
        .collect();
    let refused = stage.plant.query(BATCH, json!({ "operations": many })).await;
    assert_eq!(refused.codes(), ["BATCH_TOO_LARGE"], "{}", refused.text);
    let keyed = |name: &str, key: &str| {
        Call::create("Vendor", &stage.connection, json!({ "name": name }))
            .key(key)
            .operation()
    };
    let operations = [keyed("Keyed 1", "b-1"), keyed("Keyed 2", "b-2")];
    let first = batch(&stage.plant, &operations, "SYNC").await;
    stage.plant.clear_calls();
    let again = batch(&stage.plant, &operations, "SYNC").await;
    assert!(stage.attempts().is_empty(), "{:#?}", stage.attempts());
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.id(), again.id());
    }
    let dry = stage
        .plant
        .query(
            BATCH,
            json!({ "operations": [vendor(&stage.connection, "Dry")], "dryRun": true }),
        )
        .await;
    let result = Done::payload(&dry.data()["writeBatch"]["results"][0]);
    assert_eq!(result.outcome, "DRY_RUN", "{}", result.text);
    assert_eq!(result.requests.len(), 1, "{}", result.text);
    assert!(stage.attempts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_is_told_by_events() {
    let stage = Stage::start(System::Odoo).await;
    let plant = &stage.plant;
    let api = Api::of(plant);
    let receiver = Receiver::start().await.unwrap();
    let (_, secret) = api.endpoint(&receiver.url("/writes"), false).await;
    receiver.set_secrets([secret]);
    let after = api.newest().await;
    let socket = Socket::open(&api).await;
    let events = "subscription($after: String) { events(after: $after) { type connectionId data } }";
    socket.subscribe("1", events, json!({ "after": after })).await;

    let good = stage.creation("Vendor").await.unwrap();
    let queued = good.call.clone().queued().key("later").run(plant).await;
    assert_eq!(queued.outcome, "QUEUED", "{}", queued.text);
    assert!(queued.record.is_null());
    let broken = json!({ "vendor": stage.pool.no_record("Vendor") });
    let bad = Call::create("PurchaseOrder", &stage.connection, broken)
        .queued()
        .run(plant)
        .await;
    let done = stage.until(&queued.operation_id(), &["SUCCEEDED", "FAILED"]).await;
    assert_eq!(done["state"], "SUCCEEDED", "{done}");
    assert!(done["recordId"].is_string(), "{done}");
    assert_eq!(stage.count(&good).await, 1);
    let mut expected = vec!["write.succeeded"];
    // A write that is wrong as such is refused at once, or later by an event.
    if bad.outcome == "QUEUED" {
        assert_eq!(stage.until(&bad.operation_id(), &["FAILED"]).await["state"], "FAILED");
        expected.push("write.failed");
    } else {
        assert_eq!(bad.outcome, "FAILED", "{}", bad.text);
    }
    let doubtful = stage.creation("Vendor").await.unwrap();
    stage
        .sandbox()
        .set_fault(Some(Fault::new(Kind::CutAfter).writes().times(1)));
    let doubt = doubtful.call.clone().queued().run(plant).await;
    eventually(SOON, "the doubt is told", || async {
        let log = api.log(&after).await;
        log.iter().any(|event| event["type"] == "write.in_doubt").then_some(())
    })
    .await;
    expected.push("write.in_doubt");
    if doubtful.form.client_reference.is_some() {
        let settled = stage.until(&doubt.operation_id(), &["SUCCEEDED", "FAILED"]).await;
        assert_eq!(settled["state"], "SUCCEEDED", "{settled}");
    }
    for kind in expected {
        let told = socket.wait("1", SOON, 1).await;
        drop(told);
        eventually(
            SOON,
            &format!("{kind} is told over the socket and to the webhook"),
            || async {
                let over_socket = socket
                    .told("1")
                    .iter()
                    .any(|told| told.payload["data"]["events"]["type"] == kind);
                let hooks = receiver.received();
                let over_hook = hooks
                    .iter()
                    .any(|one| one.json()["type"] == kind && one.json()["connectionId"] == stage.connection.as_str());
                (over_socket && over_hook).then_some(())
            },
        )
        .await;
    }
}

/// One mutation, six systems: the words are the same, what each needs besides is told by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_purchase_order_is_made_in_all_six_systems() {
    let plant = setup(System::CODED).start().await;
    for system in System::CODED {
        let connection = plant.connection(system);
        let form = Form::ask(&plant, &connection, "PurchaseOrder", "create").await;
        assert!(form.supported, "{system} makes purchase orders");
        let pool = Pool::read(&plant, &connection).await;
        let model = pool
            .all("PurchaseOrder")
            .iter()
            .find(|order| order["vendor"]["id"].is_string() && order["lines"][0]["item"]["id"].is_string());
        let model = model.unwrap_or_else(|| panic!("{system} has an order of an item"));
        let line = &model["lines"][0];
        let mut input = json!({
            "vendor": model["vendor"]["id"],
            "lines": [{
                "item": line["item"]["id"],
                "description": "Seal kit",
                "quantity": { "value": "3" },
                "unitPrice": { "amount": "41.50" },
            }],
        });
        // What a system must have besides is told by it.
        for field in form.fields.iter().filter(|field| field.required) {
            if input.get(&field.name).is_some() {
                continue;
            }
            if field.name == "number" {
                input["number"] = json!("T4711");
                continue;
            }
            let value = &model[&field.name];
            input[&field.name] = if value["id"].is_string() {
                value["id"].clone()
            } else {
                value.clone()
            };
        }
        let lines = form.children.iter().find(|children| children.field == "lines");
        let lines = lines.unwrap_or_else(|| panic!("{system} takes lines with an order"));
        let row = input["lines"][0].as_object_mut().unwrap();
        row.retain(|name, _| !goes_alone(system, "PurchaseOrderLine", name));
        for (name, part) in [("quantity", "uomCode"), ("unitPrice", "currency")] {
            let takes = lines
                .fields
                .iter()
                .any(|field| field.name == name && field.parts.iter().any(|one| one == part));
            if takes && !line[name][part].is_null() {
                row[name][part] = line[name][part].clone();
            }
        }
        row.retain(|name, _| lines.fields.is_empty() || lines.fields.iter().any(|field| field.name == *name));
        for field in lines.fields.iter().filter(|field| field.required) {
            if row.contains_key(&field.name) {
                continue;
            }
            let value = &line[&field.name];
            row.insert(
                field.name.clone(),
                if value["id"].is_string() {
                    value["id"].clone()
                } else {
                    value.clone()
                },
            );
        }
        let done = Call::create("PurchaseOrder", &connection, input.clone())
            .key(&format!("six-{system}"))
            .run(&plant)
            .await;
        let order = done.succeeded();
        assert_eq!(order["vendor"]["id"], input["vendor"], "{system}: {order}");
        let read = &order["lines"][0];
        let number = |value: &Value| text(value).parse::<f64>().unwrap();
        assert_eq!(number(&read["quantity"]["value"]), 3.0, "{system}: {order}");
        assert_eq!(number(&read["unitPrice"]["amount"]), 41.5, "{system}: {order}");
        assert_eq!(read["item"]["id"], input["lines"][0]["item"], "{system}: {order}");
        assert!(!plant.sandbox(system).writes().is_empty(), "{system}");
    }
}
