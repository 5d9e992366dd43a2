//! Rows of a record over a system that takes several requests as one: how many envelopes leave, and that all rows are there.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{call::Call, stage::Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_an_order_go_in_as_many_envelopes_as_they_fill() {
    let stage = Stage::start(System::from_id("fiix").unwrap()).await;
    let form = stage.form("PurchaseOrder", "create").await;
    let (mut input, _) = stage.new_input("PurchaseOrder", &form, stage.round(), true);
    let line = input["lines"][0].clone();
    input.insert("lines".to_owned(), vec![line; 60].into());
    stage.plant.clear_calls();
    let order = Call::create("PurchaseOrder", &stage.connection, Value::Object(input));
    let done = order.run(&stage.plant).await;
    assert_eq!(done.outcome, "SUCCEEDED", "{}", done.text);
    assert_eq!(done.record["lines"].as_array().map(Vec::len), Some(60), "{}", done.text);
    let calls = stage.sandbox().calls();
    let parts: Vec<usize> = calls.iter().map(|call| call.parts).collect();
    assert_eq!(parts[..3], [0, 50, 10], "the order, and its lines by fifty");
    let logged = done.operation["requests"].as_array().map(Vec::len);
    assert_eq!(
        logged,
        Some(50),
        "each line is written down, up to the bound of the log"
    );

    // What is removed and changed with an order goes in one envelope, after its rows were read by their keys.
    let lines = done.record["lines"].as_array().unwrap();
    let id = |at: usize| lines[at]["id"].clone();
    let changes = json!({ "lines": {
        "update": [{ "id": id(0), "description": "changed" }, { "id": id(1), "description": "changed" }],
        "delete": [id(2), id(3)],
    } });
    stage.plant.clear_calls();
    let id = done.record["id"].as_str().unwrap();
    let done = Call::update("PurchaseOrder", id, changes).run(&stage.plant).await;
    assert_eq!(done.outcome, "SUCCEEDED", "{}", done.text);
    let read = done.record["lines"].as_array().unwrap();
    let changed = read.iter().filter(|line| line["description"] == "changed");
    assert_eq!((read.len(), changed.count()), (58, 2), "{}", done.text);
    let calls = stage.sandbox().calls();
    let parts: Vec<usize> = calls.iter().map(|call| call.parts).filter(|parts| *parts > 0).collect();
    assert_eq!(parts, [4], "one envelope for what is changed and removed");
}
