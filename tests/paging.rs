//! Paging over many connections: one cursor leads through everything once, whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};

use lineshaft_sandbox::System;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{
    Plant, Setup,
    dice::{self, Dice},
    meaning::{Sort, compare_in_order},
};

/// Lists that every system has, with a field to order by.
const LISTS: [(&str, &str, &str, &str, Sort); 4] = [
    ("purchaseOrders", "PurchaseOrder", "ORDER_DATE", "orderDate", Sort::Date),
    ("vendors", "Vendor", "NAME", "name", Sort::Text),
    ("inventoryItems", "InventoryItem", "SKU", "sku", Sort::Text),
    ("workOrders", "WorkOrder", "UPDATED_AT", "updatedAt", Sort::DateTime),
];

/// Lists that a system cannot order by that field: it has none such.
const UNORDERED: [(&str, &str); 1] = [("workOrders", "dynamics-365-fo")];

fn page_text(list: &str, entity: &str, field: &str) -> String {
    format!(
        "query($first: Int, $after: String, $orderBy: {entity}Order, $connections: [ID!]) {{ {list}(first: $first, after: $after, \
         orderBy: $orderBy, connections: $connections) {{ nodes {{ id remoteId connectionId {field} }} totalCount \
         edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage endCursor startCursor }} \
         sources {{ connection {{ id }} status error {{ code }} records }} }} }}"
    )
}

fn ids(nodes: &[Value]) -> Vec<String> {
    nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Walks through a list with the given page sizes, in turn, and calls a function between pages.
async fn walk(
    plant: &Plant,
    text: &str,
    list: &str,
    mut variables: Value,
    sizes: &[u32],
    mut between: impl FnMut(usize, &[Value]),
) -> Vec<Value> {
    let mut all = Vec::new();
    for turn in 0..500 {
        variables["first"] = json!(sizes[turn % sizes.len()]);
        let answer = plant.query(text, variables.clone()).await;
        let page = &answer.data()[list];
        let nodes = page["nodes"].as_array().unwrap();
        let info = &page["pageInfo"];
        let first = usize::try_from(sizes[turn % sizes.len()]).unwrap();
        assert!(nodes.len() <= first, "a page has at most what was asked for");
        assert_eq!(info["hasPreviousPage"], json!(turn > 0));
        assert_eq!(
            ids(nodes),
            page["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge["node"]["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        );
        let told: u64 = page["sources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|source| source["records"].as_u64().unwrap())
            .sum();
        assert_eq!(told, nodes.len() as u64, "sources tell how many records each gave");
        all.extend(nodes.iter().cloned());
        between(turn, &all);
        if info["hasNextPage"] != true {
            return all;
        }
        assert_eq!(nodes.len(), first, "only the last page is short");
        assert!(info["endCursor"].is_string());
        variables["after"] = info["endCursor"].clone();
    }
    panic!("the list does not end");
}

fn assert_once(all: &[Value], context: &str) -> BTreeSet<String> {
    let unique: BTreeSet<String> = ids(all).into_iter().collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = all
        .iter()
        .filter(|node| !seen.insert(node["id"].as_str().unwrap()))
        .map(|node| &node["remoteId"])
        .collect();
    assert!(twice.is_empty(), "{context}: came twice: {twice:?}");
    unique
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_every_connection_comes_once_whatever_the_page_sizes() {
    let plant = Plant::start().await;
    let mut dice = Dice::of("page sizes");
    for (list, entity, order, field, sort) in LISTS {
        let text = page_text(list, entity, field);
        let mut expected = BTreeMap::new();
        for system in System::CODED {
            let alone = walk(
                &plant,
                &text,
                list,
                json!({ "connections": [plant.connection(system)] }),
                &[250],
                |_, _| {},
            )
            .await;
            expected.insert(system.id(), assert_once(&alone, list));
        }
        let of_all = |ordered: bool| -> BTreeSet<String> {
            let takes_part = |system: &&str| !ordered || !UNORDERED.contains(&(list, *system));
            let systems = expected.iter().filter(|(system, _)| takes_part(system));
            systems.flat_map(|(_, ids)| ids).cloned().collect()
        };
        for direction in [None, Some("ASC"), Some("DESC")] {
            let sizes = dice.value(&prop::collection::vec(1_u32..90, 4));
            let context = format!("{list} {direction:?} sizes {sizes:?} seed {}", dice::seed());
            let mut variables = json!({});
            if let Some(direction) = direction {
                variables["orderBy"] = json!({ "field": order, "direction": direction });
            }
            let found = walk(&plant, &text, list, variables, &sizes, |_, _| {}).await;
            let all = of_all(direction.is_some());
            assert_eq!(assert_once(&found, &context), all, "{context}");
            if direction.is_some() {
                for pair in found.windows(2) {
                    let order = compare_in_order(sort, direction == Some("DESC"), &pair[0][field], &pair[1][field]);
                    assert!(order.is_le(), "{context}: {} before {}", pair[0], pair[1]);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_order_connections_give_in_turn() {
    let plant = Plant::start().await;
    let answer = plant
        .query("{ purchaseOrders(first: 12) { nodes { connectionId } } }", json!({}))
        .await;
    answer.data();
    let of: Vec<_> = answer
        .nodes("purchaseOrders")
        .iter()
        .map(|node| node["connectionId"].as_str().unwrap())
        .collect();
    for round in of.chunks(6) {
        assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), 6, "{of:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_added_and_removed_in_between_neither_repeat_nor_hide_others() {
    let order = json!({ "field": "ORDER_DATE", "direction": "ASC" });
    for (order, size) in [(Value::Null, 11), (Value::Null, 40), (order, 23)] {
        let plant = Plant::start().await;
        let (list, entity, _, field, _) = LISTS[0];
        let text = page_text(list, entity, field);
        let before = walk(&plant, &text, list, json!({ "orderBy": order }), &[250], |_, _| {}).await;
        let before = assert_once(&before, "before");
        let change_all = |turn, _: &[Value]| {
            System::CODED
                .into_iter()
                .for_each(|system| change(&plant, system, turn))
        };
        let found = walk(&plant, &text, list, json!({ "orderBy": order }), &[size], change_all).await;
        let context = format!("order {order} size {size}");
        let found = assert_once(&found, &context);
        let left = walk(&plant, &text, list, json!({ "orderBy": order }), &[250], |_, _| {}).await;
        let left = assert_once(&left, "left");
        let stayed: BTreeSet<_> = before.intersection(&left).collect();
        assert!(stayed.len() >= 150, "most records stayed: {}", stayed.len());
        let hidden: Vec<_> = stayed.into_iter().filter(|id| !found.contains(*id)).collect();
        assert!(
            hidden.is_empty(),
            "{context}: {} of the records that stayed did not come",
            hidden.len()
        );
    }
}

/// Removes an order and adds another, at places that move from turn to turn.
fn change(plant: &Plant, system: System, turn: usize) {
    plant.sandbox(system).edit(|world| {
        if world.purchase_orders.len() < 30 {
            return;
        }
        let at = (turn * 17 + 3) % world.purchase_orders.len();
        let gone = world.purchase_orders.remove(at);
        world.receipts.retain(|receipt| receipt.purchase_order != gone.id);
        world
            .stock_movements
            .retain(|movement| movement.purchase_order != Some(gone.id));
        let mut new = world.purchase_orders[at / 2].clone();
        new.id = world.purchase_orders.iter().map(|order| order.id).max().unwrap() + 1;
        new.number = format!("{}", 4_500_009_000_u64 + u64::from(new.id));
        let lines = world
            .purchase_orders
            .iter()
            .flat_map(|order| &order.lines)
            .map(|line| line.id)
            .max()
            .unwrap();
        for (place, line) in (1..).zip(&mut new.lines) {
            line.id = lines + place;
        }
        world.purchase_orders.push(new);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cursor_of_any_edge_goes_on_right_behind_it() {
    let plant = Plant::start().await;
    for (list, entity, order, field, _) in LISTS {
        let text = page_text(list, entity, field);
        for order in [Value::Null, json!({ "field": order, "direction": "ASC" })] {
            let whole = plant.query(&text, json!({ "first": 60, "orderBy": order })).await;
            let page = &whole.data()[list];
            let all = ids(page["nodes"].as_array().unwrap());
            assert_eq!(page["pageInfo"]["startCursor"], page["edges"][0]["cursor"]);
            for at in [0, 7, 20] {
                let after = &page["edges"][at]["cursor"];
                let rest = plant
                    .query(&text, json!({ "first": 12, "after": after, "orderBy": order }))
                    .await;
                let rest = ids(rest.data()[list]["nodes"].as_array().unwrap());
                let context = format!("{list} behind edge {at}, order {order}");
                if order.is_null() {
                    // Connections take turns, and the turn begins anew: the records are others than those before.
                    assert!(rest.iter().all(|id| !all[..=at].contains(id)), "{context}");
                } else {
                    assert_eq!(rest, all[at + 1..at + 13], "{context}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_total_is_the_same_on_every_page_and_the_number_of_records() {
    for system in System::CODED {
        let plant = Setup::only([system]).start().await;
        let (list, entity, _, field, _) = LISTS[0];
        let text = page_text(list, entity, field);
        let mut totals = Vec::new();
        let mut after = Value::Null;
        let mut count = 0;
        loop {
            let answer = plant.query(&text, json!({ "first": 25, "after": after })).await;
            let page = &answer.data()[list];
            count += page["nodes"].as_array().unwrap().len();
            totals.push(page["totalCount"].clone());
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let expected = if totals[0].is_null() { Value::Null } else { json!(count) };
        assert!(
            totals.iter().all(|total| *total == expected),
            "{system}: {totals:?}, and there are {count}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_over_all_systems_is_their_sum_or_unknown() {
    let plant = Plant::start().await;
    let text = "query($connections: [ID!]) { purchaseOrders(first: 1, connections: $connections) { totalCount } }";
    let mut sum = Some(0);
    for system in System::CODED {
        let answer = plant
            .query(text, json!({ "connections": [plant.connection(system)] }))
            .await;
        let total = answer.data()["purchaseOrders"]["totalCount"].as_u64();
        sum = sum.zip(total).map(|(sum, total)| sum + total);
    }
    let answer = plant.query(text, json!({})).await;
    assert_eq!(answer.data()["purchaseOrders"]["totalCount"], json!(sum));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_goes_on_only_with_the_query_that_gave_it() {
    let plant = Setup::only([System::Odoo, System::Tryton]).start().await;
    let text = |arguments: &str| {
        format!(
            "query($after: String) {{ purchaseOrders(first: 5, after: $after{arguments}) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}"
        )
    };
    let answer = plant.query(&text(""), json!({})).await;
    let cursor = answer.data()["purchaseOrders"]["pageInfo"]["endCursor"].clone();
    plant.query(&text(""), json!({ "after": cursor })).await.data();
    let one = plant.connection(System::Odoo);
    for other in [
        ", filter: { status: { eq: SENT } }".to_owned(),
        ", orderBy: { field: ORDER_DATE }".to_owned(),
        format!(", connections: [\"{one}\"]"),
        ", connectors: [\"odoo\"]".to_owned(),
        ", customers: [\"nobody\"]".to_owned(),
    ] {
        let answer = plant.query(&text(&other), json!({ "after": cursor })).await;
        assert_eq!(answer.codes(), ["CURSOR_OF_ANOTHER_QUERY"], "{other}");
    }
    let answer = plant
        .query(
            "query($after: String) { vendors(first: 5, after: $after) { nodes { id } } }",
            json!({ "after": cursor }),
        )
        .await;
    assert_eq!(answer.codes(), ["CURSOR_OF_ANOTHER_QUERY"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_cursor_is_refused_before_anything_is_sent() {
    let plant = Setup::only([System::Odoo]).start().await;
    let text =
        "query($after: String) { purchaseOrders(first: 5, after: $after) { nodes { id } pageInfo { endCursor } } }";
    let answer = plant.query(text, json!({})).await;
    let cursor = answer.data()["purchaseOrders"]["pageInfo"]["endCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    plant.clear_calls();
    let mut dice = Dice::of("damage");
    let mut damaged = vec![
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        cursor[1..].to_owned(),
        cursor[..cursor.len() - 4].to_owned(),
        "A".repeat(200_000),
    ];
    for (at, letter) in (0..40).map(|_| dice.value(&(0..cursor.len(), "[ -~]"))) {
        let mut text = cursor.clone();
        text.replace_range(at..=at, &letter);
        if text != cursor {
            damaged.push(text);
        }
    }
    for text_of in damaged {
        let answer = plant.query(text, json!({ "after": text_of })).await;
        let codes = answer.codes();
        // A letter in a key or a number may make another cursor that can be read: it leads to other places of the list.
        let fine = codes.is_empty() || codes == ["INVALID_CURSOR"] || codes == ["CURSOR_OF_ANOTHER_QUERY"];
        assert!(fine, "{codes:?} for {text_of}");
        if text_of.len() < 8 || text_of.len() > 100_000 || text_of.len() < cursor.len() {
            assert_eq!(codes, ["INVALID_CURSOR"], "{text_of}");
        }
    }
}
