//! The server is killed between a change and its delivery, again and again: what it acknowledged stays, and every event
//! arrives at every endpoint.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use lineshaft_sandbox::{Received, Receiver, Reply, System};
use serde_json::{Value, json};

use super::{
    api::{Api, CREATE, ROTATE, eventually, form, text},
    process::Stage,
    system,
};
use crate::support::dice::Dice;

/// A delivery that a killed server was sending is sent again when its claim has lapsed: the time of an attempt and
/// twenty seconds.
const REDELIVERED: Duration = Duration::from_secs(60);

const SETTINGS: [(&str, &str); 3] = [
    ("WEBHOOKS__TIMEOUT_MS", "400"),
    (
        "WEBHOOKS__SCHEDULE_S",
        "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
    ),
    ("WEBHOOKS__SCHEDULE_SCALE", "0.2"),
];

/// Makes connections that are never tried, so that no system is needed.
async fn connections(api: &Api, count: usize) -> Vec<String> {
    let sandbox = system(System::Tryton).await;
    let mut ids = Vec::new();
    for number in 0..count {
        let mut form = form(&sandbox, &format!("c-{number}"));
        form["input"]["verify"] = json!(false);
        let made = api.query(CREATE, form).await;
        ids.push(text(&made.data()["createConnection"]["connection"]["id"]));
    }
    ids
}

/// Changes connections until the server is gone, and notes what it acknowledged.
async fn change(api: Api, id: String, acknowledged: Arc<Mutex<Vec<String>>>, begun: Arc<AtomicBool>) {
    loop {
        let Some(answer) = api.try_query(ROTATE, json!({ "id": id })).await else {
            return;
        };
        let token = text(&answer.data()["rotateConnectionToken"]["token"]["id"]);
        acknowledged.lock().unwrap().push(token);
        begun.store(true, Ordering::Release);
        for deed in ["pauseConnection", "resumeConnection"] {
            let mutation = format!("mutation($id: ID!) {{ {deed}(id: $id) {{ id }} }}");
            if api.try_query(&mutation, json!({ "id": id })).await.is_none() {
                return;
            }
        }
    }
}

/// Returns the events that an endpoint took, in the order in which it first took them.
fn taken(received: &[Received], path: &str) -> Vec<Value> {
    let mut seen = HashSet::new();
    received
        .iter()
        .filter(|one| one.path == path && (200..300).contains(&one.status))
        .filter(|one| seen.insert(one.header("webhook-id").unwrap().to_owned()))
        .map(Received::json)
        .collect()
}

fn assert_in_order(events: &[Value], what: &str) {
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in events.iter().filter(|event| !event["connectionId"].is_null()) {
        let sequence = event["sequence"].as_i64().unwrap();
        let last = last.entry(text(&event["connectionId"])).or_default();
        assert_eq!(sequence, *last + 1, "{what}: {event}");
        *last = sequence;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_loses_no_event_and_no_delivery() {
    let stage = Stage::new(100, &SETTINGS);
    let receiver = Receiver::start().await.unwrap();
    let mut server = stage.serve().await;
    let api = stage.api(&server);
    let mut endpoints = BTreeMap::new();
    for (path, ordered) in [("/any", false), ("/ordered", true)] {
        endpoints.insert(path, api.endpoint(&receiver.url(path), ordered).await);
    }
    receiver.set_secrets(endpoints.values().map(|(_, secret)| secret.clone()));
    let ids = connections(&api, 3).await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let mut dice = Dice::of("crash");
    for (round, otherwise) in [
        Reply {
            hang: true,
            ..Reply::default()
        },
        Reply {
            delay_ms: 150,
            ..Reply::default()
        },
        Reply {
            status: 503,
            ..Reply::default()
        },
        Reply::default(),
    ]
    .into_iter()
    .enumerate()
    {
        receiver.set_otherwise(otherwise);
        let api = stage.api(&server);
        let begun = Arc::new(AtomicBool::new(false));
        let writers = ids
            .iter()
            .map(|id| tokio::spawn(change(api.clone(), id.clone(), acknowledged.clone(), begun.clone())));
        let writers: Vec<_> = writers.collect();
        eventually(Duration::from_secs(20), "the first change", || async {
            begun.load(Ordering::Acquire).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(dice.value(&(0_u64..400)))).await;
        server.kill();
        for writer in join_all(writers).await {
            writer.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        server = stage.serve().await;
    }
    receiver.set_otherwise(Reply::default());
    let api = stage.api(&server);
    let log = api.log("0").await;
    let positions: Vec<i64> = log
        .iter()
        .map(|event| text(&event["cursor"]).parse().unwrap())
        .collect();
    assert_eq!(
        positions,
        (1..=i64::try_from(log.len()).unwrap()).collect::<Vec<_>>(),
        "no gap"
    );
    assert_in_order(&log, "the log");
    let rotated: HashSet<String> = log
        .iter()
        .filter_map(|event| event["data"]["tokenId"].as_str().map(str::to_owned))
        .collect();
    for token in acknowledged.lock().unwrap().iter() {
        assert!(rotated.contains(token), "what was acknowledged is in the log: {token}");
    }
    let all: HashSet<String> = log.iter().map(|event| text(&event["id"])).collect();
    for path in endpoints.keys() {
        let arrived = eventually(REDELIVERED, "every event arrived", || async {
            let taken = taken(&receiver.received(), path);
            (taken.len() >= all.len()).then_some(taken)
        })
        .await;
        let ids: HashSet<String> = arrived.iter().map(|event| text(&event["id"])).collect();
        assert_eq!(ids, all, "{path}");
        if *path == "/ordered" {
            assert_in_order(&arrived, path);
        }
    }
    for one in receiver.received() {
        assert_eq!(
            one.header("webhook-id"),
            one.json()["id"].as_str(),
            "each repetition has the same id"
        );
        assert_eq!(one.signature, lineshaft_sandbox::receiver::Verdict::Valid);
    }
}
