//! What keeps a write from being carried out: another version, an ended mark, a connection that is read-only or simulated, a
//! dry run. And that what a dry run shows is what is sent.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{
    call::{Call, Done},
    stage::{Creation, Stage},
};

const KINDS: [&str; 4] = ["PurchaseOrder", "Vendor", "WorkOrder", "Asset"];

async fn something_new(stage: &Stage) -> Creation {
    for kind in KINDS {
        if let Some(creation) = stage.creation(kind).await {
            return creation;
        }
    }
    panic!("{} makes nothing", stage.system);
}

/// A record that can be changed: its type, itself, and a text of it.
async fn changeable(stage: &Stage) -> (String, Value, String) {
    for kind in KINDS {
        let form = stage.form(kind, "update").await;
        let words = ["notes", "title", "description", "name", "reference"];
        let field = words.into_iter().find(|name| form.supported && form.takes(name, 20));
        let (Some(field), Some(record)) = (field, stage.made(kind).await) else {
            continue;
        };
        return (kind.to_owned(), record, field.to_owned());
    }
    panic!("{} changes nothing", stage.system);
}

async fn set_mode(stage: &Stage, mode: &str) -> crate::support::Answer {
    let text =
        "mutation($id: ID!, $mode: ConnectionWriteMode!) { setWriteMode(connectionId: $id, mode: $mode) { id } }";
    let answer = stage
        .plant
        .query(text, json!({ "id": stage.connection, "mode": mode }))
        .await;
    answer.data();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_changed_meanwhile_is_left_as_it_is() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let (kind, record, field) = changeable(&stage).await;
        let lock = stage.form(&kind, "update").await.lock;
        assert!(["SYSTEM", "COMPARE"].contains(&lock.as_str()), "{system}: {lock}");
        let id = record["id"].as_str().unwrap();
        let seen = stage.read(&kind, id).await["version"].clone();
        assert!(seen.is_string(), "{system}: {kind} has no version: {record}");
        let first = Call::update(&kind, id, json!({ &field: "the first" })).expect_version(&seen);
        let done = first.run(&stage.plant).await;
        assert_eq!(done.succeeded()[&field], "the first", "{system}");
        assert_ne!(done.record["version"], seen, "{system}: {kind} is another version now");
        let late = Call::update(&kind, id, json!({ &field: "the second" })).expect_version(&seen);
        let late = late.run(&stage.plant).await;
        late.refused("VERSION_CONFLICT");
        let read = stage.read(&kind, id).await;
        assert_eq!(read[&field], "the first", "{system}");
        let again = Call::update(&kind, id, json!({ &field: "the second" })).expect_version(&read["version"]);
        assert_eq!(
            again.run(&stage.plant).await.succeeded()[&field],
            "the second",
            "{system}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_ended_is_fetched_anew_once() {
    let stage = Stage::start(System::SapS4hana).await;
    let creation = something_new(&stage).await;
    creation.call.run(&stage.plant).await.succeeded();
    stage.sandbox().end_csrf_tokens();
    stage.plant.clear_calls();
    let creation = something_new(&stage).await;
    creation.call.run(&stage.plant).await.succeeded();
    assert_eq!(stage.count(&creation).await, 1);
    let statuses: Vec<u16> = stage.attempts().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [403, 201], "refused, then sent again with a new mark");
    // The new mark is kept.
    stage.plant.clear_calls();
    something_new(&stage).await.call.run(&stage.plant).await.succeeded();
    assert_eq!(stage.attempts().len(), 1, "{:#?}", stage.attempts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_connection_that_is_read_only() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let creation = something_new(&stage).await;
        set_mode(&stage, "READ_ONLY").await;
        stage.plant.clear_calls();
        creation.call.run(&stage.plant).await.refused("CONNECTION_READ_ONLY");
        creation
            .call
            .clone()
            .queued()
            .run(&stage.plant)
            .await
            .refused("CONNECTION_READ_ONLY");
        assert!(
            stage.sandbox().calls().is_empty(),
            "{system}: {:#?}",
            stage.sandbox().calls()
        );
        set_mode(&stage, "ENABLED").await;
        creation.call.run(&stage.plant).await.succeeded();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_connection_answers_as_if_and_changes_nothing() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let creation = something_new(&stage).await;
        let (kind, record, field) = changeable(&stage).await;
        let id = record["id"].as_str().unwrap();
        set_mode(&stage, "SIMULATE").await;
        stage.plant.clear_calls();
        let done = creation.call.clone().key("simulated").run(&stage.plant).await;
        assert_simulated(&done, system);
        assert_eq!(
            done.record[creation.field],
            creation.word.as_str(),
            "{system}: {}",
            done.text
        );
        assert!(
            done.record["remoteId"].as_str().unwrap().starts_with("simulated-"),
            "{}",
            done.text
        );
        let done = Call::update(&kind, id, json!({ &field: "as if" }))
            .run(&stage.plant)
            .await;
        assert_simulated(&done, system);
        assert_eq!(done.record[&field], "as if", "{system}: {}", done.text);
        assert!(stage.attempts().is_empty(), "{system}: {:#?}", stage.attempts());
        set_mode(&stage, "ENABLED").await;
        assert_eq!(stage.read(&kind, id).await[&field], record[&field], "{system}");
        assert_eq!(stage.count(&creation).await, 0, "{system}");
    }
}

#[track_caller]
fn assert_simulated(done: &Done, system: System) {
    done.succeeded();
    let is_told = done
        .warnings
        .iter()
        .any(|warning| warning == "simulated: nothing was sent");
    assert!(is_told, "{system}: {}", done.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_simulated_systems_can_be_simulated_unless_the_operator_says_so() {
    let stage = Stage::on(
        System::Odoo,
        super::setup([System::Odoo]).set("WRITES__SIMULATE", "loopback"),
    )
    .await;
    set_mode(&stage, "SIMULATE").await;
    let mode = "query($id: ID!) { connection(id: $id) { writeMode } }";
    let answer = stage.plant.query(mode, json!({ "id": stage.connection })).await;
    assert_eq!(answer.data()["connection"]["writeMode"], "SIMULATE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dry_run_shows_is_what_is_sent() {
    for system in System::CODED {
        let stage = Stage::start(system).await;
        let creation = something_new(&stage).await;
        let (kind, record, field) = changeable(&stage).await;
        let change = Call::update(&kind, record["id"].as_str().unwrap(), json!({ field: "exactly this" }));
        for call in [creation.call, change] {
            stage.plant.clear_calls();
            let dry = call.clone().dry().run(&stage.plant).await;
            assert_eq!(dry.outcome, "DRY_RUN", "{system}: {}", dry.text);
            assert!(
                dry.operation.is_null(),
                "{system}: a dry run is not logged: {}",
                dry.text
            );
            assert!(stage.attempts().is_empty(), "{system}: {:#?}", stage.attempts());
            assert!(!dry.requests.is_empty(), "{system}: {}", dry.text);
            for secret in secrets(&stage) {
                assert!(!dry.text.contains(&secret), "{system}: {secret} is shown: {}", dry.text);
            }
            let done = call.run(&stage.plant).await;
            done.succeeded();
            let logged = stage.entry(&done.operation_id()).await["requests"].clone();
            let changing: Vec<_> = logged.as_array().unwrap().iter().map(bare).collect();
            let shown: Vec<_> = dry.requests.iter().map(bare).collect();
            for request in &changing {
                let is_shown = shown.iter().any(|shown| says_the_same(shown, request));
                assert!(is_shown, "{system}: {request} was sent, shown were {shown:#?}");
            }
            let sent: Vec<String> = stage.attempts().iter().map(|call| call.path.clone()).collect();
            assert_eq!(changing.len(), sent.len(), "{system}: {changing:?} {sent:?}");
            for (request, path) in changing.iter().zip(&sent) {
                assert!(
                    decoded(request["url"].as_str().unwrap()).contains(&decoded(path)),
                    "{system}: {request} {path}"
                );
            }
            for secret in secrets(&stage) {
                assert!(!logged.to_string().contains(&secret), "{system}: {secret} is logged");
            }
        }
    }
}

fn decoded(text: &str) -> String {
    text.replace("%27", "'")
        .replace("%28", "(")
        .replace("%29", ")")
        .replace("%2C", ",")
        .replace("%3D", "=")
}

/// What two views of one request have in common; our own mark is another one in each write.
fn bare(request: &Value) -> Value {
    json!({ "method": request["method"], "url": request["url"], "body": request["body"] })
}

/// What an earlier answer must tell first stands in braces.
fn says_the_same(shown: &Value, sent: &Value) -> bool {
    match (shown, sent) {
        (Value::String(shown), _) if shown.contains("{{") => true,
        // Each write has a mark of its own.
        (Value::String(shown), Value::String(sent)) if is_mark(shown) && is_mark(sent) => true,
        (Value::Object(shown), Value::Object(sent)) => {
            shown.len() == sent.len()
                && shown
                    .iter()
                    .all(|(name, value)| sent.get(name).is_some_and(|sent| says_the_same(value, sent)))
        }
        (Value::Array(shown), Value::Array(sent)) => {
            shown.len() == sent.len() && shown.iter().zip(sent).all(|(shown, sent)| says_the_same(shown, sent))
        }
        (shown, sent) => shown == sent,
    }
}

fn is_mark(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit();
    text.len() >= 12 && text.chars().all(is_letter) && text.contains(|letter: char| letter.is_ascii_uppercase())
}

/// Returns the credentials of the connection, those that are long enough to be told from other text.
fn secrets(stage: &Stage) -> Vec<String> {
    let (_, credentials) = stage.sandbox().demo_connection();
    let secret = ["password", "key", "secret", "token"];
    let members = credentials.as_object().unwrap().iter();
    members
        .filter(|(name, _)| secret.iter().any(|word| name.contains(word)))
        .filter_map(|(_, value)| value.as_str().map(str::to_owned))
        .filter(|text| text.len() >= 6)
        .collect()
}
