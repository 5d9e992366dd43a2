//! The server is killed around writes, step by step and at random: after a restart nothing was done twice, no key is stuck,
//! and what is told of each write is true.

use std::time::Duration;

use futures_util::future::join_all;
use lineshaft_sandbox::{
    Sandbox, System,
    fault::{Fault, Kind},
};
use lineshaft_schema::ConnectionId;
use serde_json::{Value, json};

use super::{
    call::{Call, Done},
    model::plural,
    stage::{Creation, ENTRY, Stage},
};
use crate::{
    life::{
        api::{Api, eventually},
        process::{Process, Stage as Program},
        system,
    },
    support::dice::Dice,
};

/// A process that is gone is noticed soon, and doubts are looked into at once.
const SETTINGS: [(&str, &str); 6] = [
    ("UPSTREAM__ATTEMPT_TIMEOUT_MS", "500"),
    ("WRITES__TIMEOUT_MS", "1500"),
    ("WRITES__SLACK_MS", "2000"),
    ("WRITES__SETTLE_AFTER_MS", "500"),
    ("WRITES__SETTLE_LONGEST_S", "1"),
    ("WRITES__NOT_DONE_AFTER_S", "1"),
];

/// What happens after a restart, happens by then.
const RECOVERED: Duration = Duration::from_secs(40);

/// The program over one database, with one system.
struct Scene {
    program: Program,
    server: Option<Process>,
    api: Api,
    sandbox: std::sync::Arc<Sandbox>,
    connection: String,
    /// The same system beside the program: it knows what can be written.
    model: Stage,
}

impl Scene {
    async fn open(of: System) -> Self {
        let program = Program::new(100, &SETTINGS);
        let server = program.serve().await;
        let api = program.api(&server);
        let sandbox = system(of).await;
        let connection = api.connect(&sandbox, "c-1").await.id;
        Self {
            program,
            server: Some(server),
            api,
            sandbox,
            connection,
            model: Stage::start(of).await,
        }
    }

    /// Returns a write of a new record to the system of the program.
    async fn creation(&self, kinds: &[&str]) -> Creation {
        for kind in kinds {
            if let Some(mut creation) = self.model.creation(kind).await {
                let (from, to): (ConnectionId, ConnectionId) =
                    (self.model.connection.parse().unwrap(), self.connection.parse().unwrap());
                creation.call = creation.call.moved(from, to);
                return creation;
            }
        }
        panic!("{} makes none of {kinds:?}", self.model.system);
    }

    async fn send(&self, call: &Call) -> Option<Done> {
        call.send(&format!("{}/graphql", self.api.base), &self.api.token).await
    }

    fn kill(&mut self) {
        self.server.take().expect("the server runs").kill();
    }

    async fn restart(&mut self) {
        let server = self.program.serve().await;
        self.api = self.program.api(&server);
        self.server = Some(server);
    }

    /// Kills the server as soon as something holds, while a write is under way.
    async fn kill_when(&mut self, call: &Call, holds: impl Fn(&Sandbox) -> bool) {
        let (url, token) = (format!("{}/graphql", self.api.base), self.api.token.clone());
        let call = call.clone();
        let sent = tokio::spawn(async move { call.send(&url, &token).await.is_none() });
        eventually(Duration::from_secs(10), "the write is under way", || async {
            holds(&self.sandbox).then_some(())
        })
        .await;
        self.kill();
        assert!(sent.await.unwrap(), "the caller is told nothing");
        self.restart().await;
    }

    async fn count(&self, creation: &Creation) -> usize {
        let list = plural(self.model.def(&creation.kind)).to_owned();
        let text = format!("{{ list: {list}(first: 250) {{ nodes {{ {} }} }} }}", creation.field);
        let answer = self.api.query(&text, json!({})).await;
        answer.data();
        let carries = |node: &&Value| {
            node[creation.field]
                .as_str()
                .is_some_and(|text| text.contains(&creation.word))
        };
        answer.nodes("list").iter().filter(carries).count()
    }

    /// Returns the newest entry of the log.
    async fn newest(&self) -> Value {
        let answer = self.api.query("{ writes(first: 1) { nodes { id } } }", json!({})).await;
        let id = answer.data()["writes"]["nodes"][0]["id"].clone();
        self.api.query(ENTRY, json!({ "id": id })).await.data()["write"].clone()
    }

    /// Waits until the newest entry is in one of some states.
    async fn until(&self, states: &[&str]) -> Value {
        eventually(RECOVERED, &format!("the write becomes one of {states:?}"), || async {
            let entry = self.newest().await;
            states.iter().any(|state| entry["state"] == *state).then_some(entry)
        })
        .await
    }

    fn attempts(&self) -> usize {
        self.sandbox.calls().iter().filter(|call| call.write).count()
    }

    fn reads(&self) -> usize {
        self.sandbox.calls().len() - self.attempts()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_before_anything_was_sent_it_has_failed_and_its_key_is_free() {
    let mut scene = Scene::open(System::SapS4hana).await;
    let creation = scene.creation(&["PurchaseOrder", "Vendor"]).await;
    let call = creation.call.clone().key("before");
    scene.sandbox.clear_calls();
    // The mark that must be fetched first does not come.
    scene
        .sandbox
        .set_fault(Some(Fault::new(Kind::HangAfter { ms: 20_000 })));
    scene.kill_when(&call, |sandbox| !sandbox.calls().is_empty()).await;
    scene.sandbox.set_fault(None);
    let entry = scene.until(&["FAILED"]).await;
    assert_eq!(entry["idempotencyKey"], Value::Null, "the key is free: {entry}");
    assert_eq!(scene.attempts(), 0);
    let done = scene.send(&call).await.unwrap();
    done.succeeded();
    assert!(!done.replayed);
    assert_eq!(scene.count(&creation).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_while_the_system_worked_it_is_looked_up_and_not_sent_again() {
    for of in [System::SapS4hana, System::Odoo] {
        let mut scene = Scene::open(of).await;
        let creation = scene.creation(&["PurchaseOrder", "Vendor"]).await;
        let call = creation.call.clone().key("during");
        scene.sandbox.clear_calls();
        scene
            .sandbox
            .set_fault(Some(Fault::new(Kind::HangAfter { ms: 20_000 }).writes().times(1)));
        scene
            .kill_when(&call, |sandbox| sandbox.calls().iter().any(|call| call.write))
            .await;
        let early = scene.send(&call).await.unwrap();
        assert!(
            early.replayed || early.errors == ["REQUEST_IN_PROGRESS"] || early.outcome == "IN_DOUBT",
            "{of}: {}",
            early.text
        );
        if creation.form.client_reference.is_some() {
            let entry = scene.until(&["SUCCEEDED", "FAILED"]).await;
            assert_eq!(
                (&entry["state"], &entry["settledBy"]),
                (&json!("SUCCEEDED"), &json!("look_up")),
                "{of}: {entry}"
            );
            let replay = scene.send(&call).await.unwrap();
            assert!(replay.replayed, "{of}: {}", replay.text);
        } else {
            scene.until(&["IN_DOUBT"]).await;
        }
        assert_eq!(scene.attempts(), 1, "{of}");
        assert_eq!(scene.count(&creation).await, 1, "{of}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_between_a_header_and_its_lines_it_waits_for_the_caller() {
    let mut scene = Scene::open(System::Dynamics365Fo).await;
    let creation = scene.creation(&["PurchaseOrder"]).await;
    let call = creation.call.clone().key("between");
    scene.sandbox.clear_calls();
    let lines = Fault::new(Kind::HangAfter { ms: 20_000 })
        .writes()
        .path_contains("PurchaseOrderLines");
    scene.sandbox.set_fault(Some(lines));
    let is_line = |sandbox: &Sandbox| {
        sandbox
            .calls()
            .iter()
            .any(|call| call.write && call.path.contains("Lines"))
    };
    scene.kill_when(&call, is_line).await;
    scene.sandbox.set_fault(None);
    let entry = scene.until(&["IN_DOUBT"]).await;
    assert!(entry["remoteId"].is_string(), "the header is known: {entry}");
    let (attempts, reads) = (scene.attempts(), scene.reads());
    eventually(RECOVERED, "it is looked up again", || async {
        (scene.reads() > reads).then_some(())
    })
    .await;
    assert_eq!(scene.newest().await["state"], "IN_DOUBT");
    assert_eq!(scene.attempts(), attempts, "nothing is sent again");
    assert_eq!(scene.count(&creation).await, 1);
    let settle =
        "mutation($id: ID!, $key: String) { settleWrite(id: $id, verdict: SUCCEEDED, remoteId: $key) { state } }";
    let settled = scene
        .api
        .query(settle, json!({ "id": entry["id"], "key": entry["remoteId"] }))
        .await;
    assert_eq!(settled.data()["settleWrite"]["state"], "SUCCEEDED");
    let replay = scene.send(&call).await.unwrap();
    assert!(replay.replayed && replay.outcome == "SUCCEEDED", "{}", replay.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_with_a_queue_it_carries_everything_out_once() {
    let mut scene = Scene::open(System::Odoo).await;
    let mut creations = Vec::new();
    for _ in 0..12 {
        creations.push(scene.creation(&["PurchaseOrder", "Vendor"]).await);
    }
    scene
        .sandbox
        .set_fault(Some(Fault::new(Kind::Latency { ms: 100 }).writes()));
    for (at, creation) in creations.iter().enumerate() {
        let queued = scene
            .send(&creation.call.clone().queued().key(&format!("queued-{at}")))
            .await
            .unwrap();
        assert_eq!(queued.outcome, "QUEUED", "{}", queued.text);
    }
    scene.kill();
    scene.sandbox.set_fault(None);
    scene.restart().await;
    let finished = "{ writes(first: 100) { nodes { state } } }";
    eventually(RECOVERED, "everything is carried out", || async {
        let answer = scene.api.query(finished, json!({})).await;
        let open = |node: &&Value| !["SUCCEEDED", "FAILED"].iter().any(|state| node["state"] == *state);
        let waiting = answer.nodes("writes").iter().filter(open).count();
        (waiting == 0).then_some(())
    })
    .await;
    let entries = "{ writes(first: 100) { nodes { state idempotencyKey } } }";
    let answer = scene.api.query(entries, json!({})).await;
    let mut carried_out = 0;
    for (at, creation) in creations.iter().enumerate() {
        let key = format!("queued-{at}");
        let entry = answer
            .nodes("writes")
            .iter()
            .find(|node| node["idempotencyKey"] == *key);
        // One that was under way may have been cut off before the system took it; then its key is free again.
        let expected = usize::from(entry.is_some_and(|entry| entry["state"] == "SUCCEEDED"));
        assert_eq!(scene.count(creation).await, expected, "{}", creation.word);
        carried_out += expected;
    }
    let at_once = 4;
    assert!(carried_out + at_once >= creations.len(), "{}", answer.text);
}

/// Sends a write again and again, as a client does that knows its key, until it is known what came of it.
async fn insist(url: String, token: String, call: Call) -> Option<Done> {
    loop {
        match call.send(&url, &token).await {
            None => return None,
            Some(done) if done.outcome == "SUCCEEDED" => return Some(done),
            Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_any_moment_each_write_is_carried_out_exactly_once() {
    let mut scene = Scene::open(System::SapS4hana).await;
    scene.sandbox.set_fault(Some(Fault::new(Kind::Latency { ms: 30 })));
    let mut dice = Dice::of("writes");
    let mut creations = Vec::new();
    for round in 0..4 {
        let mut calls = Vec::new();
        for client in 0..4 {
            let creation = scene.creation(&["PurchaseOrder", "Vendor"]).await;
            calls.push(creation.call.clone().key(&format!("{round}-{client}")));
            creations.push(creation);
        }
        let (url, token) = (format!("{}/graphql", scene.api.base), scene.api.token.clone());
        let sent = calls
            .iter()
            .map(|call| tokio::spawn(insist(url.clone(), token.clone(), call.clone())));
        let sent: Vec<_> = sent.collect();
        tokio::time::sleep(Duration::from_millis(dice.value(&(5_u64..250)))).await;
        scene.kill();
        for task in sent {
            task.await.unwrap();
        }
        scene.restart().await;
        let url = format!("{}/graphql", scene.api.base);
        let again = calls
            .iter()
            .map(|call| insist(url.clone(), token.clone(), call.clone()));
        let again = tokio::time::timeout(RECOVERED, join_all(again)).await;
        let again = again.unwrap_or_else(|_| panic!("round {round}: a key is stuck"));
        assert!(again.iter().all(Option::is_some), "round {round}");
    }
    scene.sandbox.set_fault(None);
    for creation in &creations {
        assert_eq!(scene.count(creation).await, 1, "{}", creation.word);
    }
}
