//! Many connect and disconnect at once with few credits, and the server is killed among them: the ledger is always true,
//! nothing is overspent, and of what is refused nothing is stored.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use lineshaft_sandbox::{Sandbox, System};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{
    api::{Api, CREATE, form, text},
    process::Stage,
    rows, system,
};
use crate::support::dice::Dice;

const CREDITS: i64 = 24;

/// What is known of the customers that somebody tried to connect.
#[derive(Debug, Default)]
struct Known {
    connected: HashMap<String, String>,
    disconnected: HashSet<String>,
    refused: HashSet<String>,
}

type Shared = Arc<Mutex<Known>>;

/// Connects a customer. What is not answered may have been done or not.
async fn connect(api: Api, sandbox: Arc<Sandbox>, customer: String, known: Shared) {
    let Some(answer) = api.try_query(CREATE, form(&sandbox, &customer)).await else {
        return;
    };
    let made = &answer.body["data"]["createConnection"]["connection"];
    if made.is_null() {
        assert_eq!(answer.codes(), ["CREDITS_EXHAUSTED"], "{}", answer.text);
        known.lock().unwrap().refused.insert(customer);
        return;
    }
    assert_eq!(made["status"], "ACTIVE");
    known.lock().unwrap().connected.insert(customer, text(&made["id"]));
}

/// Disconnects a customer again.
async fn disconnect(api: Api, id: String, known: Shared) {
    let mutation = "mutation($id: ID!) { disconnectConnection(id: $id) { id status credits } }";
    if let Some(answer) = api.try_query(mutation, json!({ "id": id })).await {
        assert_eq!(answer.data()["disconnectConnection"]["status"], "DISCONNECTED");
        known.lock().unwrap().disconnected.insert(id);
    }
}

async fn all_connections(api: &Api) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = api
            .query(
                "query($after: String) { connections(first: 250, after: $after) { \
                 nodes { id status credits customer { externalId } } pageInfo { hasNextPage endCursor } } }",
                json!({ "after": after }),
            )
            .await;
        let page = &answer.data()["connections"];
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Checks that the ledger says the same as the connections, and that what was answered is what is stored.
async fn assert_true(api: &Api, stage: &Stage, known: &Shared) {
    let (total, used, available) = api.credits().await;
    let connections = all_connections(api).await;
    let live = connections.iter().filter(|one| one["status"] != "DISCONNECTED");
    let reserved: i64 = live.map(|one| one["credits"].as_i64().unwrap()).sum();
    assert_eq!((total, used, available), (CREDITS, reserved, CREDITS - reserved));
    assert!(available >= 0);
    let entries = rows::select(&stage.database_file(), "SELECT amount FROM credit_entry ORDER BY id").await;
    let sum: i64 = entries.iter().map(|row| row.get::<i64, _>(0)).sum();
    assert_eq!(sum, available, "the sum of the ledger is what is available");
    let by_id: HashMap<&str, &Value> = connections
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one))
        .collect();
    let customers: HashSet<&str> = connections
        .iter()
        .filter_map(|one| one["customer"]["externalId"].as_str())
        .collect();
    let stored = rows::select(&stage.database_file(), "SELECT external_id FROM customer").await;
    let stored: HashSet<String> = stored.iter().map(|row| row.get(0)).collect();
    {
        let known = known.lock().unwrap();
        for (customer, id) in &known.connected {
            assert_eq!(by_id[id.as_str()]["customer"]["externalId"], customer.as_str());
            if known.disconnected.contains(id) {
                assert_eq!(by_id[id.as_str()]["status"], "DISCONNECTED");
            }
        }
        for customer in &known.refused {
            assert!(
                !customers.contains(customer.as_str()) && !stored.contains(customer),
                "{customer} was refused"
            );
        }
    }
    // Whatever is there is there as a whole: with credentials and a token while it lives, without both afterwards.
    let halves = rows::select(
        &stage.database_file(),
        "SELECT c.id FROM connection c WHERE (c.status <> 'DISCONNECTED') <> \
         (EXISTS (SELECT 1 FROM credential k WHERE k.connection_id = c.id)) OR (c.status <> 'DISCONNECTED') <> \
         (EXISTS (SELECT 1 FROM api_token t WHERE t.connection_id = c.id AND t.revoked_at IS NULL)) \
         OR NOT EXISTS (SELECT 1 FROM connection_event e WHERE e.connection_id = c.id)",
    )
    .await;
    assert!(halves.is_empty(), "{} connections are there by halves", halves.len());
}

/// Connects and disconnects at once.
async fn churn(api: &Api, sandbox: &Arc<Sandbox>, round: usize, known: &Shared) {
    let crowd = [40, 60, 200, 60][round];
    let leaving: Vec<String> = {
        let known = known.lock().unwrap();
        known
            .connected
            .values()
            .filter(|id| !known.disconnected.contains(*id))
            .cloned()
            .collect()
    };
    let arrivals = (0..crowd - leaving.len()).map(|number| {
        tokio::spawn(connect(
            api.clone(),
            sandbox.clone(),
            format!("c-{round}-{number}"),
            known.clone(),
        ))
    });
    let leaves = leaving
        .into_iter()
        .map(|id| tokio::spawn(disconnect(api.clone(), id, known.clone())));
    let all: Vec<_> = arrivals.chain(leaves).collect();
    for done in join_all(all).await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_ledger_is_true_through_crowds_and_kills() {
    let sandbox = system(System::Odoo).await;
    let stage = Stage::new(CREDITS, &[]);
    let known = Shared::default();
    let mut dice = Dice::of("ledger");
    let mut server = stage.serve().await;
    for round in 0..4 {
        let api = stage.api(&server);
        if round % 2 == 0 {
            churn(&api, &sandbox, round, &known).await;
        } else {
            let pause = Duration::from_millis(dice.value(&(50_u64..600)));
            let killing = async {
                tokio::time::sleep(pause).await;
                server.kill();
            };
            tokio::join!(churn(&api, &sandbox, round, &known), killing);
            server = stage.serve().await;
        }
        assert_true(&stage.api(&server), &stage, &known).await;
    }
    let known = known.lock().unwrap();
    assert!(!known.refused.is_empty() && !known.disconnected.is_empty(), "{known:?}");
}
