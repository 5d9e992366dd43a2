//! Measures the time from the save of a mapping to its effect: how long the save takes, and how long the next query takes
//! on the server that saved it and on another one with the same database, against a query when nothing was changed.
//!
//! Each server and the system run as processes of their own. Every first query must show what was saved.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

mod serving;

use std::{path::Path, time::Instant};

use lineshaft_sandbox::System;
use serde_json::{Value, json};
use serving::{Process, ROLE};

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SYSTEM: System = System::Odoo;
const EDITS: i64 = 200;
const QUERY: &str = "{ purchaseOrders(first: 2) { nodes { notes edition vendor { edition } } } }";
const SAVE: &str =
    "mutation($input: SaveMappingInput!) { saveMapping(input: $input) { layer { version } problems { message } } }";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match std::env::var(ROLE).as_deref() {
            Ok("system") => serving::system(SYSTEM).await,
            Ok("server") => serving::server(SYSTEM).await,
            _ => measure().await,
        }
    });
}

/// One of the servers, as its client knows it.
struct Server {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Server {
    /// Asks and returns the data with the milliseconds that it took.
    async fn ask(&self, query: &str, variables: Value) -> (Value, f64) {
        let body = json!({ "query": query, "variables": variables });
        let begun = Instant::now();
        let request = self.client.post(&self.url).bearer_auth(&self.token).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let took = begun.elapsed().as_secs_f64() * 1_000.0;
        assert!(answer["errors"].is_null(), "{answer}");
        (answer["data"].clone(), took)
    }

    /// Asks for what the mapping changes and holds that it is the version that was saved last.
    async fn sees(&self, version: i64) -> f64 {
        let (data, took) = self.ask(QUERY, json!({})).await;
        let expected = json!(format!("v{version}"));
        for node in data["purchaseOrders"]["nodes"].as_array().unwrap() {
            assert_eq!(
                [&node["notes"], &node["edition"], &node["vendor"]["edition"]],
                [&expected; 3]
            );
        }
        took
    }
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Process::start("system", "", Path::new(""));
    let first = Process::start("server", &upstream.told, folder.path());
    let second = Process::start("server", &upstream.told, folder.path());
    let told: Vec<&str> = first.told.split(' ').collect();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let [here, there] = [told[0], second.told.as_str()].map(|address| Server {
        url: format!("http://{address}/graphql"),
        token: told[1].to_owned(),
        client: client.clone(),
    });
    let scope = json!({ "connectionId": told[2] });
    let [mut saves, mut firsts, mut others, mut usual, mut effects] = [const { Vec::new() }; 5];
    for version in 1..=EDITS {
        let yaml = format!(
            "mapping: 1\nentities:\n  PurchaseOrder:\n    fields: {{notes: {{constant: v{version}}}}}\n    custom: {{edition: \
             {{type: string, source: {{constant: v{version}}}}}}}\n  Vendor:\n    custom: {{edition: {{type: string, source: \
             {{constant: v{version}}}}}}}\n"
        );
        let input = json!({ "scope": scope, "expectedVersion": version - 1, "yaml": yaml, "acceptWarnings": true });
        let (saved, save) = here.ask(SAVE, json!({ "input": input })).await;
        assert_eq!(saved["saveMapping"]["layer"]["version"], version, "{saved}");
        let next = here.sees(version).await;
        let other = there.sees(version).await;
        saves.push(save);
        firsts.push(next);
        others.push(other);
        usual.push(here.sees(version).await);
        effects.push(save + next);
    }
    println!("{EDITS} saves of a mapping with 1 changed and 2 custom fields; milliseconds\n");
    println!("{:<44} {:>8} {:>8}", "", "p50", "p99");
    for (name, times) in [
        ("the save", saves),
        ("the next query, on the same server", firsts),
        ("the next query, on another server", others),
        ("a query when nothing was changed", usual),
        ("from the begin of the save to its effect", effects),
    ] {
        println!("{name:<44} {:>8.1} {:>8.1}", at(&times, 0.5), at(&times, 0.99));
    }
}

fn at(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
