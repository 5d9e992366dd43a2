//! How many requests a query sends to the systems: as many as it has levels, however many records there are.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use lineshaft_sandbox::{Call, System};
use serde_json::{Value, json};

use crate::support::{Answer, Plant, Setup};

const NESTED: &str = "query($first: Int) { purchaseOrders(first: $first) {
    nodes { number connectionId vendor { name } lines { item { id sku stock { location { name } onHand { value } } } } }
    sources { connection { id } status upstreamCalls } } }";

fn assert_whole(answer: &Answer, records: usize) {
    answer.data();
    let nodes = answer.nodes("purchaseOrders");
    assert_eq!(nodes.len(), records);
    let vendors = nodes.iter().filter(|node| node["vendor"]["name"].is_string()).count();
    assert_eq!(vendors, records, "every order has its vendor");
    assert!(lines(nodes).count() > records, "orders have lines");
    let items: Vec<&Value> = lines(nodes)
        .map(|line| &line["item"])
        .filter(|item| !item.is_null())
        .collect();
    assert!(items.iter().all(|item| item["sku"].is_string()), "items have numbers");
    let levels: Vec<&Value> = items
        .iter()
        .flat_map(|item| item["stock"].as_array().expect("stock was loaded"))
        .collect();
    assert!(
        levels.iter().all(|level| level["onHand"]["value"].is_string()),
        "stock has quantities"
    );
    assert!(!levels.is_empty(), "there is stock");
}

fn lines(nodes: &[Value]) -> impl Iterator<Item = &Value> {
    nodes
        .iter()
        .flat_map(|node| node["lines"].as_array().expect("lines were loaded"))
}

/// Returns the requests of the nested query to one system. A level that comes within the rows of another costs nothing of
/// its own.
fn nested_calls(system: System, nodes: &[Value]) -> usize {
    match system {
        System::Described(_) => panic!("{system} is not part of the plant of these tests"),
        // Orders, vendors, lines, items, locations. Tryton computes stock for one product at a time: each item of the page
        // is asked for once, several side by side.
        System::Tryton => {
            let items: BTreeSet<&str> = lines(nodes).filter_map(|line| line["item"]["id"].as_str()).collect();
            5 + items.len()
        }
        // Orders, vendors, lines, items, stock. The storage locations of SAP are no records of their own.
        System::SapS4hana => 5,
        // Orders, vendors, lines, items, stock, locations.
        System::Odoo | System::Dynamics365Fo | System::Maximo | System::Limble => 6,
    }
}

async fn calls_of(plant: &Plant, system: System, text: &str, variables: Value) -> (Answer, Vec<Call>) {
    plant.clear_calls();
    let answer = plant.query(text, variables).await;
    (answer, plant.calls(system))
}

fn nodes_of(answer: &Answer, connection: &str) -> Vec<Value> {
    answer
        .nodes("purchaseOrders")
        .iter()
        .filter(|node| node["connectionId"] == connection)
        .cloned()
        .collect()
}

fn told(calls: &[Call]) -> String {
    let lines = calls.iter().map(|call| {
        let query: String = call.query.chars().take(160).collect();
        format!(
            "{} {} {} {query}",
            call.method,
            call.path,
            call.operation.as_deref().unwrap_or("")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nested_query_sends_one_request_for_each_level_of_a_system() {
    let mut wrong = Vec::new();
    for system in System::CODED {
        let plant = Setup::only([system]).start().await;
        for records in [10, 20] {
            let (answer, calls) = calls_of(&plant, system, NESTED, json!({ "first": records })).await;
            assert_whole(&answer, records);
            let expected = nested_calls(system, answer.nodes("purchaseOrders"));
            if calls.len() != expected {
                wrong.push(format!(
                    "{system} with {records} orders: {} requests, not {expected}:\n{}",
                    calls.len(),
                    told(&calls)
                ));
            }
            let source = answer.source("purchaseOrders", &plant.connection(system));
            let signed_in = plant.logins(system);
            assert_eq!(
                source["upstreamCalls"],
                json!(calls.len() + signed_in),
                "sources tell the calls: {source}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nested_query_over_all_systems_sends_to_each_what_it_would_send_alone() {
    let plant = Plant::start().await;
    for records in [20, 40] {
        plant.clear_calls();
        let answer = plant.query(NESTED, json!({ "first": records })).await;
        assert_whole(&answer, records);
        for system in System::CODED {
            let calls = plant.calls(system);
            let expected = nested_calls(system, &nodes_of(&answer, &plant.connection(system)));
            assert_eq!(
                calls.len(),
                expected,
                "{system} with {records} orders:\n{}",
                told(&calls)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_keys_do_not_fit_into_one_address_they_go_into_few() {
    let plant = Setup::only([System::Dynamics365Fo]).start().await;
    let (answer, calls) = calls_of(&plant, System::Dynamics365Fo, NESTED, json!({ "first": 60 })).await;
    assert_whole(&answer, 60);
    assert!((7..=12).contains(&calls.len()), "{}", told(&calls));
    assert!(
        calls.iter().all(|call| call.query.len() + call.path.len() <= 2_000),
        "{}",
        told(&calls)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_identical_queries_at_once_send_no_more_each() {
    let plant = Plant::start().await;
    let _warm = plant.query(NESTED, json!({ "first": 20 })).await;
    plant.clear_calls();
    let answers = join_all((0..16).map(|_| plant.query(NESTED, json!({ "first": 20 })))).await;
    for answer in &answers {
        assert_whole(answer, 20);
        assert_eq!(answer.nodes("purchaseOrders"), answers[0].nodes("purchaseOrders"));
    }
    for system in System::CODED {
        let calls = plant.calls(system);
        let alone = nested_calls(system, &nodes_of(&answers[0], &plant.connection(system)));
        assert!(
            calls.len() <= 16 * alone,
            "{system}: {} calls, and one query alone sends {alone}",
            calls.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_of_which_only_its_id_is_asked_sends_nothing() {
    let plant = Plant::start().await;
    let bare = "{ purchaseOrders(first: 12) { nodes { number } } }";
    let with_ids = "{ purchaseOrders(first: 12) { nodes { number vendor { id remoteId __typename connectionId } } } }";
    let _warm = plant.query(bare, json!({})).await;
    plant.clear_calls();
    let answer = plant.query(with_ids, json!({})).await;
    answer.data();
    assert!(
        answer
            .nodes("purchaseOrders")
            .iter()
            .all(|node| node["vendor"]["remoteId"].is_string() && node["vendor"]["id"].is_string())
    );
    for system in System::CODED {
        let calls = plant.calls(system);
        assert_eq!(calls.len(), 1, "{system}:\n{}", told(&calls));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_record_on_two_paths_is_fetched_once() {
    let plant = Plant::start().await;
    let one = "{ purchaseOrders(first: 12) { nodes { vendor { name } } } }";
    let _warm = plant.query(one, json!({})).await;
    plant.clear_calls();
    plant.query(one, json!({})).await.data();
    let single: Vec<usize> = System::CODED.iter().map(|system| plant.calls(*system).len()).collect();
    plant.clear_calls();
    let twice = plant
        .query(
            "{ purchaseOrders(first: 12) { nodes { a: vendor { name } b: vendor { name } } } }",
            json!({}),
        )
        .await;
    twice.data();
    assert!(
        twice
            .nodes("purchaseOrders")
            .iter()
            .all(|node| node["a"] == node["b"] && node["a"]["name"].is_string())
    );
    for (system, single) in System::CODED.into_iter().zip(single) {
        let calls = plant.calls(system);
        assert_eq!(calls.len(), single, "{system}:\n{}", told(&calls));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lists_of_one_query_share_what_they_look_up() {
    for system in System::CODED {
        let plant = Setup::only([system]).start().await;
        let list = plant
            .query("{ purchaseOrders(first: 12) { nodes { id } } }", json!({}))
            .await;
        list.data();
        let lists = plant
            .calls(system)
            .iter()
            .map(|call| (call.path.clone(), call.operation.clone()))
            .collect::<Vec<_>>();
        plant.clear_calls();
        let text = "{ a: purchaseOrders(first: 12) { nodes { vendor { name } } } b: purchaseOrders(first: 9) { nodes { vendor { name } } } }";
        let answer = plant.query(text, json!({})).await;
        answer.data();
        let calls = plant.calls(system);
        let look_ups = calls
            .iter()
            .filter(|call| !lists.contains(&(call.path.clone(), call.operation.clone())))
            .count();
        assert!(
            (1..=2).contains(&look_ups),
            "{system}: {look_ups} look-ups of vendors:\n{}",
            told(&calls)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_record_asked_for_twice_by_id_is_fetched_once() {
    let plant = Plant::start().await;
    let answer = plant
        .query("{ vendors(first: 6) { nodes { id name } } }", json!({}))
        .await;
    answer.data();
    let ids: Vec<&Value> = answer
        .nodes("vendors")
        .iter()
        .flat_map(|node| [&node["id"], &node["id"]])
        .collect();
    plant.clear_calls();
    let found = plant
        .query(
            "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Vendor { name } } }",
            json!({ "ids": ids }),
        )
        .await;
    let names = found.data()["nodes"].as_array().unwrap().clone();
    for (pair, vendor) in names.chunks(2).zip(answer.nodes("vendors")) {
        assert_eq!(pair[0], pair[1]);
        assert_eq!(pair[0]["name"], vendor["name"]);
    }
    for system in System::CODED {
        let calls = plant.calls(system);
        assert_eq!(calls.len(), 1, "{system}:\n{}", told(&calls));
    }
}
