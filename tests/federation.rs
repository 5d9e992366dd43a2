//! One query over a connection of each system there is: every system answers in time, with exactly as many requests as its
//! pages cost.

use std::fmt::Write as _;

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use crate::support::{Setup, Trials};

const LISTS: [&str; 5] = ["purchaseOrders", "workOrders", "inventoryItems", "vendors", "assets"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_query_over_every_system_costs_what_their_pages_cost() {
    let systems = System::all();
    let setup = Setup {
        limits: false,
        ..Setup::only(systems.clone())
    };
    let plant = setup.start().await;
    let mut text = String::from("{");
    for list in LISTS {
        let sources = "sources { connection { id } status error { code message } upstreamCalls }";
        write!(text, " {list}(first: 10) {{ nodes {{ id }} {sources} }}").unwrap();
    }
    text.push('}');
    // The first query signs in everywhere, and the simulated systems lay out their tables for it.
    plant.query(&text, json!({})).await;
    plant.clear_calls();
    let answer = plant.query(&text, json!({})).await;
    answer.data();
    let mut wrong = Vec::new();
    let mut answered = 0;
    for system in systems {
        let connection = plant.connection(system);
        let trials = Trials::of(system);
        let (mut counted, mut expected) = (0, 0);
        for list in LISTS {
            let source = answer.source(list, &connection);
            let calls = source["upstreamCalls"].as_u64().unwrap();
            let is_read = match source["status"].as_str().unwrap() {
                "OK" => true,
                "UNSUPPORTED" => false,
                _ => {
                    wrong.push(format!("{system} {list}: {source}"));
                    continue;
                }
            };
            let wanted = if is_read { trials.calls(list) as u64 } else { 0 };
            if calls != wanted {
                wrong.push(format!("{system} {list}: {calls} calls, and {wanted} expected"));
            }
            answered += usize::from(is_read);
            counted += calls;
            expected += wanted;
        }
        let seen = plant.calls(system).len() as u64;
        if seen != counted && expected == counted {
            wrong.push(format!("{system}: {counted} calls were told, and {seen} came"));
        }
    }
    assert!(answered >= 3 * System::CODED.len(), "only {answered} lists were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let nodes = |list: &str| answer.body["data"][list]["nodes"].as_array().map_or(0, Vec::len);
    assert!(
        LISTS.iter().all(|list| nodes(list) == 10),
        "pages are full: {}",
        Value::from(LISTS.map(nodes).to_vec())
    );
}
