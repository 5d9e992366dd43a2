//! Idempotency keys: one record however often and from wherever the same write comes, and no key that is stuck.

use std::sync::Arc;

use futures_util::future::join_all;
use lineshaft_sandbox::{
    System,
    fault::{Fault, Kind},
};
use serde_json::{Value, json};

use super::{call::Done, stage::Stage};

const CLIENTS: usize = 20;

/// Returns a stage with something that can be made.
async fn stage(system: System) -> (Stage, super::stage::Creation) {
    let stage = Stage::start(system).await;
    for kind in ["PurchaseOrder", "Vendor", "WorkOrder"] {
        if let Some(creation) = stage.creation(kind).await {
            stage.plant.clear_calls();
            return (stage, creation);
        }
    }
    panic!("{system} makes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clients_with_one_key_make_one_record() {
    for system in System::CODED {
        let (stage, creation) = stage(system).await;
        stage
            .sandbox()
            .set_fault(Some(Fault::new(Kind::Latency { ms: 150 }).writes()));
        let call = Arc::new(creation.call.clone().key("once"));
        let all: Vec<Done> = join_all((0..CLIENTS).map(|_| call.run(&stage.plant))).await;
        stage.sandbox().set_fault(None);
        let (mut first, mut replays, mut busy) = (0, 0, 0);
        for done in &all {
            match (done.outcome.as_str(), done.replayed, done.codes().as_slice()) {
                ("SUCCEEDED", false, []) => first += 1,
                ("SUCCEEDED", true, []) => replays += 1,
                ("", _, ["REQUEST_IN_PROGRESS"]) => busy += 1,
                _ => panic!("{system}: {}", done.text),
            }
        }
        assert_eq!(first, 1, "{system}: {replays} replays, {busy} busy");
        assert_eq!(stage.count(&creation).await, 1, "{system}");
        let ids: Vec<_> = all
            .iter()
            .filter(|done| done.outcome == "SUCCEEDED")
            .map(Done::id)
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{system}: {ids:?}");
        let writes = stage.writes().len();
        let replay = call.run(&stage.plant).await;
        assert!(replay.replayed, "{system}: {}", replay.text);
        assert_eq!(replay.id(), ids[0], "{system}");
        assert_eq!(stage.writes().len(), writes, "{system}: a replay changes nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_used_for_something_else_is_refused() {
    let (stage, creation) = stage(System::Odoo).await;
    let made = creation.call.clone().key("k-1").run(&stage.plant).await;
    let id = made.id();
    stage.plant.clear_calls();
    let other = stage.creation(&creation.kind).await.unwrap();
    other
        .call
        .clone()
        .key("k-1")
        .run(&stage.plant)
        .await
        .refused("IDEMPOTENCY_KEY_REUSED");
    let change = super::call::Call::update(&creation.kind, &id, json!({ creation.field: "another" }));
    change
        .key("k-1")
        .run(&stage.plant)
        .await
        .refused("IDEMPOTENCY_KEY_REUSED");
    assert!(stage.attempts().is_empty(), "{:#?}", stage.attempts());
    // Keys belong to an organization.
    let stranger = stage.plant.stranger().await;
    let done = creation.call.clone().key("k-1").run_as(&stage.plant, &stranger).await;
    assert!(
        !done.errors.contains(&"IDEMPOTENCY_KEY_REUSED".to_owned()),
        "{}",
        done.text
    );
    assert!(stage.attempts().is_empty(), "{:#?}", stage.attempts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_header_is_a_key_like_the_argument() {
    let (stage, creation) = stage(System::Odoo).await;
    let made = creation.call.clone().header("h-1").run(&stage.plant).await;
    assert_eq!(made.operation["idempotencyKey"], "h-1", "{}", made.text);
    let id = made.id();
    let replay = creation.call.clone().header("h-1").run(&stage.plant).await;
    assert!(replay.replayed, "{}", replay.text);
    let replay = creation.call.clone().key("h-1").run(&stage.plant).await;
    assert!(replay.replayed && replay.id() == id, "{}", replay.text);
    // The argument wins.
    let both = creation.call.clone().key("h-1").header("h-2").run(&stage.plant).await;
    assert!(both.replayed, "{}", both.text);
    assert_eq!(stage.count(&creation).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_keys_are_refused_before_anything_is_sent() {
    let (stage, creation) = stage(System::Odoo).await;
    for key in ["", &"k".repeat(256), "schlüssel", "line\nbreak"] {
        creation
            .call
            .clone()
            .key(key)
            .run(&stage.plant)
            .await
            .refused("INVALID_IDEMPOTENCY_KEY");
    }
    assert!(stage.sandbox().calls().is_empty(), "{:#?}", stage.sandbox().calls());
    creation
        .call
        .clone()
        .key(&"k".repeat(255))
        .run(&stage.plant)
        .await
        .succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_caller_can_mend_is_stored_with_its_key() {
    let (stage, creation) = stage(System::Odoo).await;
    let order = stage.creation("PurchaseOrder").await.unwrap();
    let broken = super::call::Call::create(
        "PurchaseOrder",
        &stage.connection,
        json!({ "vendor": stage.pool.no_record("Vendor") }),
    );
    let done = broken.clone().key("mend").run(&stage.plant).await;
    assert_eq!(done.outcome, "FAILED", "{}", done.text);
    assert!(!done.user_errors.is_empty(), "{}", done.text);
    let again = broken.key("mend").run(&stage.plant).await;
    assert_eq!(again.outcome, "FAILED", "{}", again.text);
    assert_eq!(again.codes(), done.codes());
    // A write that is mended has another fingerprint: it needs another key, or goes without.
    order.call.run(&stage.plant).await.succeeded();
    creation.call.run(&stage.plant).await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_every_request_is_a_write_of_its_own() {
    let (stage, creation) = stage(System::Odoo).await;
    let first = creation.call.run(&stage.plant).await;
    let second = creation.call.run(&stage.plant).await;
    assert_ne!(first.id(), second.id());
    assert_eq!(first.operation["idempotencyKey"], Value::Null);
    assert_eq!(stage.count(&creation).await, 2);
}
