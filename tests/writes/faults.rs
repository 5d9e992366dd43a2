//! What breaks around the one request that changes something: it is never sent again, what is told is true, and what cannot
//! be told is settled by looking, or by the caller.

use lineshaft_sandbox::{
    System,
    fault::{Fault, Kind},
};
use serde_json::{Value, json};

use super::{
    call::Call,
    setup,
    stage::{Creation, Stage, settle},
    values::fresh_word,
};

/// What a fault means for the system: whether it carried the request out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Done,
    NotDone,
}

/// The faults after which nobody knows, with what is true.
fn doubtful() -> Vec<(Kind, Truth)> {
    vec![
        (Kind::CutBefore, Truth::NotDone),
        (Kind::Refuse, Truth::NotDone),
        (Kind::Status { code: 502 }, Truth::NotDone),
        (Kind::CutAfter, Truth::Done),
        (Kind::StatusAfter { code: 500 }, Truth::Done),
        (Kind::HangAfter { ms: 4_000 }, Truth::Done),
        (Kind::Cut, Truth::Done),
    ]
}

/// One write that can be tried again and again, each time on another record or with another value.
enum Trial {
    Create(Box<Creation>),
    Update {
        call: Call,
        kind: String,
        id: String,
        field: String,
        value: Value,
    },
    Delete {
        call: Call,
        kind: String,
        id: String,
    },
    Act {
        call: Call,
        kind: String,
        id: String,
        reached: Vec<String>,
    },
}

impl Trial {
    fn call(&self) -> &Call {
        match self {
            Self::Create(creation) => &creation.call,
            Self::Update { call, .. } | Self::Delete { call, .. } | Self::Act { call, .. } => call,
        }
    }

    /// Tells whether the system shows that it was carried out. A record that was made twice is an error.
    async fn is_done(&self, stage: &Stage) -> bool {
        match self {
            Self::Create(creation) => {
                let count = stage.count(creation).await;
                assert!(count <= 1, "{}: {count} records of one write", stage.system);
                count == 1
            }
            Self::Update {
                kind, id, field, value, ..
            } => stage.read(kind, id).await[field] == *value,
            Self::Delete { kind, id, .. } => is_removed(&stage.read(kind, id).await),
            Self::Act { kind, id, reached, .. } => {
                let record = stage.read(kind, id).await;
                reached.iter().any(|status| record["status"] == status.as_str())
            }
        }
    }
}

fn is_removed(record: &Value) -> bool {
    let put_away = ["ARCHIVED", "INACTIVE", "BLOCKED", "CANCELED", "DECOMMISSIONED"];
    record.is_null() || record["isDeleted"] == true || put_away.iter().any(|status| record["status"] == *status)
}

/// Chooses what is tried on a system: the first entity that can be written in this way.
async fn trial(stage: &Stage, act: &str) -> Option<Trial> {
    match act {
        "create" => {
            for kind in ["PurchaseOrder", "Vendor", "WorkOrder", "Asset", "InventoryItem"] {
                if let Some(creation) = stage.creation(kind).await {
                    return Some(Trial::Create(Box::new(creation)));
                }
            }
            None
        }
        "update" => {
            for kind in ["PurchaseOrder", "WorkOrder", "Asset", "Vendor", "InventoryItem"] {
                let form = stage.form(kind, "update").await;
                let words = ["notes", "title", "description", "name", "reference"];
                let field = words.into_iter().find(|name| form.supported && form.takes(name, 20));
                let (Some(field), Some(record)) = (field, stage.made(kind).await) else {
                    continue;
                };
                let value = json!(format!("{} new", fresh_word(stage.round())));
                let id = record["id"].as_str().unwrap().to_owned();
                // A version that is known tells later that nothing was changed.
                let version = stage.read(kind, &id).await["version"].clone();
                return Some(Trial::Update {
                    call: Call::update(kind, &id, json!({ field: value })).expect_version(&version),
                    kind: kind.to_owned(),
                    id,
                    field: field.to_owned(),
                    value,
                });
            }
            None
        }
        "delete" => {
            for kind in ["Vendor", "InventoryItem", "Asset", "WorkOrder", "PurchaseOrder"] {
                let Some(record) = stage.made(kind).await else { continue };
                let id = record["id"].as_str().unwrap().to_owned();
                let version = stage.read(kind, &id).await["version"].clone();
                for call in [Call::delete(kind, &id), Call::soft_delete(kind, &id)] {
                    let call = call.expect_version(&version);
                    if call.clone().dry().run(&stage.plant).await.outcome == "DRY_RUN" {
                        return Some(Trial::Delete {
                            call,
                            kind: kind.to_owned(),
                            id,
                        });
                    }
                }
            }
            None
        }
        _ => {
            let (kind, action, id, form) = stage.action().await?;
            let version = stage.read(&kind, &id).await["version"].clone();
            Some(Trial::Act {
                call: Call::act(&kind, &action, &id, json!({})).expect_version(&version),
                kind,
                id,
                reached: form.leads_to,
            })
        }
    }
}

/// Returns how a doubt must end without anybody's help, if it does.
fn settled(trial: &Trial, truth: Truth) -> Option<&'static str> {
    let finds_mark = match trial {
        Trial::Create(creation) => creation.form.client_reference.is_some(),
        _ => true,
    };
    finds_mark.then_some(if truth == Truth::Done { "SUCCEEDED" } else { "FAILED" })
}

/// Strikes one kind of write of a system with every fault in turn.
async fn strike(system: System, act: &str) {
    let quick = || {
        setup([system])
            .set("UPSTREAM__ATTEMPT_TIMEOUT_MS", 1_000)
            .set("WRITES__TIMEOUT_MS", 3_000)
            .set("WRITES__SLACK_MS", 4_000)
            .set("WRITES__SETTLE_AFTER_MS", 1_000)
            .set("WRITES__SETTLE_LONGEST_S", 1)
            // The system is struck many times: it is to be asked nevertheless.
            .set("UPSTREAM__BREAKER__FIRST_OPEN_MS", 1)
            .set("UPSTREAM__BREAKER__LONGEST_OPEN_MS", 1)
    };
    let mut stage = Stage::on(system, quick()).await;
    for (kind, truth) in doubtful() {
        // Limble takes only so many calls in a minute.
        if system == System::Limble {
            stage = Stage::on(system, quick()).await;
        }
        let context = format!("{system} {act} {kind:?}");
        let Some(trial) = trial(&stage, act).await else {
            panic!("{system} has no {act} to try");
        };
        let key = format!("{act}-{}", stage.round());
        let call = trial.call().clone().key(&key);
        stage.plant.clear_calls();
        stage
            .sandbox()
            .set_fault(Some(Fault::new(kind.clone()).writes().times(1)));
        let done = call.run(&stage.plant).await;
        stage.sandbox().set_fault(None);
        // Where the status alone tells enough, nothing is lost with the body.
        if kind == Kind::Cut && done.outcome == "SUCCEEDED" {
            assert!(trial.is_done(&stage).await, "{context}");
            continue;
        }
        assert_eq!(done.outcome, "IN_DOUBT", "{context}: {}", done.text);
        assert_eq!(done.errors, [""; 0], "{context}");
        let id = done.operation_id();
        let again = call.run(&stage.plant).await;
        assert!(
            ["IN_DOUBT", "SUCCEEDED", "FAILED"].contains(&again.outcome.as_str()),
            "{context}: {}",
            again.text
        );
        match settled(&trial, truth) {
            Some(state) => {
                let entry = stage.until(&id, &["SUCCEEDED", "FAILED"]).await;
                assert_eq!(entry["state"], state, "{context}: {entry}");
                assert_eq!(entry["settledBy"], "look_up", "{context}: {entry}");
            }
            None => waits_for_the_caller(&stage, &context, &trial, &id, truth).await,
        }
        assert_eq!(trial.is_done(&stage).await, truth == Truth::Done, "{context}");
        assert_eq!(stage.attempts().len(), 1, "{context}: {:#?}", stage.attempts());
        let again = call.run(&stage.plant).await;
        assert_eq!(again.outcome, "SUCCEEDED", "{context}: {}", again.text);
        assert_eq!(again.replayed, truth == Truth::Done, "{context}: {}", again.text);
        assert!(trial.is_done(&stage).await, "{context}");
        assert!(stage.writes().len() <= 3, "{context}: {:#?}", stage.writes());
    }
}

/// Nobody but the caller can say what came of it.
async fn waits_for_the_caller(stage: &Stage, context: &str, trial: &Trial, id: &str, truth: Truth) {
    let entry = stage.entry(id).await;
    assert_eq!(entry["state"], "IN_DOUBT", "{context}: {entry}");
    let (verdict, remote_id) = match (truth, trial) {
        (Truth::Done, Trial::Create(creation)) => ("SUCCEEDED", Some(remote_id(stage, creation).await)),
        (Truth::Done, _) => ("SUCCEEDED", None),
        (Truth::NotDone, _) => ("FAILED", None),
    };
    let answer = settle(&stage.plant, id, verdict, remote_id.as_deref()).await;
    assert_eq!(
        answer.data()["settleWrite"]["state"],
        verdict,
        "{context}: {}",
        answer.text
    );
    let twice = settle(&stage.plant, id, "FAILED", None).await;
    assert!(
        !twice.codes().is_empty() || twice.body["data"]["settleWrite"]["state"] == verdict,
        "{context}: what is settled stays so: {}",
        twice.text
    );
}

async fn remote_id(stage: &Stage, creation: &Creation) -> String {
    let list = super::model::plural(stage.def(&creation.kind)).to_owned();
    let text = format!(
        "query($ids: [ID!]) {{ list: {list}(first: 250, connections: $ids) {{ nodes {{ remoteId {} }} }} }}",
        creation.field
    );
    let answer = stage.plant.query(&text, json!({ "ids": [stage.connection] })).await;
    let carries = |node: &&Value| {
        node[creation.field]
            .as_str()
            .is_some_and(|text| text.contains(&creation.word))
    };
    let found = answer.nodes("list").iter().find(carries).expect("the record is there");
    found["remoteId"].as_str().unwrap().to_owned()
}

macro_rules! strikes {
    ($($name:ident: $system:expr, $act:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            strike($system, $act).await;
        })*
    };
}

strikes! {
    a_create_in_sap_is_never_sent_twice: System::SapS4hana, "create";
    an_update_in_sap_is_never_sent_twice: System::SapS4hana, "update";
    a_delete_in_sap_is_never_sent_twice: System::SapS4hana, "delete";
    an_action_in_sap_is_never_sent_twice: System::SapS4hana, "action";
    a_create_in_odoo_is_never_sent_twice: System::Odoo, "create";
    an_update_in_odoo_is_never_sent_twice: System::Odoo, "update";
    a_delete_in_odoo_is_never_sent_twice: System::Odoo, "delete";
    an_action_in_odoo_is_never_sent_twice: System::Odoo, "action";
    a_create_in_limble_is_never_sent_twice: System::Limble, "create";
    an_update_in_limble_is_never_sent_twice: System::Limble, "update";
    a_delete_in_limble_is_never_sent_twice: System::Limble, "delete";
    an_action_in_limble_is_never_sent_twice: System::Limble, "action";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_taken_has_failed_and_its_key_is_free() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        for act in ["create", "update"] {
            let Some(trial) = trial(&stage, act).await else {
                panic!("{system} has no {act}")
            };
            let call = trial.call().clone().key(&format!("limited-{act}"));
            stage.plant.clear_calls();
            let limited = Kind::RateLimit {
                retry_after_s: None,
                http_date: false,
            };
            stage.sandbox().set_fault(Some(Fault::new(limited).writes()));
            let done = call.run(&stage.plant).await;
            stage.sandbox().set_fault(None);
            done.refused("RATE_LIMITED");
            assert_eq!(stage.entry(&done.operation_id()).await["state"], "FAILED", "{system}");
            assert!(stage.writes().is_empty(), "{system}: {:#?}", stage.writes());
            assert!(!trial.is_done(&stage).await, "{system}");
            let again = super::log::until_outcome(&stage, &call, "SUCCEEDED").await;
            assert!(!again.replayed, "{system}: {}", again.text);
            assert!(trial.is_done(&stage).await, "{system}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_cannot_be_reached_has_carried_nothing_out() {
    for system in [System::SapS4hana, System::Odoo, System::Limble] {
        let mut stage = Stage::start(system).await;
        let creation = stage
            .creation("Vendor")
            .await
            .or(stage.creation("PurchaseOrder").await)
            .unwrap();
        stage.plant.stop(system).await;
        let done = creation.call.clone().key("gone").run(&stage.plant).await;
        done.refused("NOT_SENT");
        let entry = stage.entry(&done.operation_id()).await;
        assert_eq!(entry["state"], "FAILED", "{system}: {entry}");
        assert_eq!(
            entry["idempotencyKey"],
            Value::Null,
            "{system}: the key is free: {entry}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_is_renewed_and_the_write_is_carried_out_once() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let mut creation = None;
        for kind in ["PurchaseOrder", "Vendor", "WorkOrder"] {
            creation = creation.or(stage.creation(kind).await);
        }
        let creation = creation.unwrap();
        stage.plant.clear_calls();
        stage
            .sandbox()
            .set_fault(Some(Fault::new(Kind::Unauthorized).writes().times(1)));
        let done = creation.call.run(&stage.plant).await;
        stage.sandbox().set_fault(None);
        // Keys that are sent with every request cannot be renewed.
        if done.outcome == "SUCCEEDED" {
            assert_eq!(stage.count(&creation).await, 1, "{system}");
        } else {
            assert_eq!(done.outcome, "FAILED", "{system}: {}", done.text);
            assert_eq!(stage.writes().len(), 0, "{system}: {:#?}", stage.writes());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_not_left_behind_without_the_line_that_was_refused() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let Some(mut creation) = stage.creation("PurchaseOrder").await else {
            continue;
        };
        let no_item = json!(stage.pool.no_record("InventoryItem"));
        let lines = creation.call.input()["lines"].clone();
        let mut bad = lines[0].clone();
        bad["item"] = no_item;
        creation.call.input()["lines"] = json!([lines[0], bad]);
        stage.plant.clear_calls();
        let done = creation.call.run(&stage.plant).await;
        assert_eq!(done.outcome, "FAILED", "{system}: {}", done.text);
        let is_placed = done
            .user_errors
            .iter()
            .any(|error| error["path"][0] == "lines" && error["path"][1] == "1");
        let lines = creation
            .form
            .children
            .iter()
            .find(|children| children.field == "lines")
            .unwrap();
        // A system that takes all in one request need not say which line it did not like.
        assert!(is_placed || lines.atomic, "{system}: the line is named: {}", done.text);
        assert_eq!(stage.count(&creation).await, 0, "{system}: {:#?}", stage.writes());
        if lines.atomic {
            assert!(stage.attempts().len() <= 1, "{system}: {:#?}", stage.attempts());
        }
    }
}
