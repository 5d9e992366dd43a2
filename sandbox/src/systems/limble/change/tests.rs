//! Trials of writes over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::super::{CLIENT_ID, CLIENT_SECRET, LIMITED_ID, LIMITED_SECRET};
use crate::{Options, Sandbox, System};

struct Trial {
    sandbox: Sandbox,
    client: Client,
}

impl Trial {
    async fn start() -> Self {
        let sandbox = Sandbox::start(System::Limble, Options::default()).await.unwrap();
        Self {
            sandbox,
            client: Client::new(),
        }
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Response {
        let address = format!("{}/v2/{path}", self.sandbox.base_url());
        let request = self
            .client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), address)
            .basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let request = if body.is_null() { request } else { request.json(body) };
        request.send().await.unwrap()
    }

    /// Creates a record, and returns its id and the row that the given address reads.
    async fn create(&self, path: &str, name: &str, body: Value) -> (u64, Value) {
        let response = self.send("POST", path, &body).await;
        let status = response.status();
        let location = response.headers().get("location").cloned();
        let made: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{made}");
        let id = match &made[name] {
            Value::String(text) => text.parse().unwrap(),
            other => other.as_u64().unwrap(),
        };
        let address = location.unwrap().to_str().unwrap().to_owned();
        let request = self.client.get(address).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let rows: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(rows.len(), 1);
        (id, rows[0].clone())
    }

    /// Sends a change whose answer is an empty 200.
    async fn change(&self, method: &str, path: &str, body: Value) {
        let response = self.send(method, path, &body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!((status.as_u16(), text.as_str()), (200, ""), "{path}");
    }

    async fn row(&self, path: &str) -> Value {
        let rows: Vec<Value> = self.send("GET", path, &Value::Null).await.json().await.unwrap();
        rows.into_iter().next().unwrap_or_default()
    }

    async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let response = self.send(method, path, &body).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        let text = body["message"].as_str().or_else(|| body["error"]["message"].as_str());
        (status, text.unwrap_or_default().to_owned())
    }
}

fn failed(text: &str) -> (u16, String) {
    (400, text.to_owned())
}

#[tokio::test]
async fn tasks_are_created_changed_closed_and_deleted() {
    let trial = Trial::start().await;
    let body = json!({
        "name": "Grease bearing", "locationID": 103, "due": 1_800_000_000, "type": 6, "assetID": 10_001, "priority": 6,
        "estimatedTime": 50, "meta1": "key-1", "assignment": 201, "assignmentType": "user",
        "scheduledStart": 1_799_000_000, "scheduledEnd": 1_799_003_600, "requestName": "Ada",
    });
    let (id, row) = trial.create("tasks", "taskID", body).await;
    for (name, value) in [
        ("name", json!("Grease bearing")),
        ("type", json!(6)),
        ("status", json!(0)),
        ("statusID", json!(1)),
        ("priority", json!(6)),
        ("priorityID", json!(14)),
        ("estimatedTime", json!(50)),
        ("meta1", json!("key-1")),
        ("meta2", Value::Null),
        ("userID", json!(201)),
        ("teamID", json!(0)),
        ("due", json!(1_800_000_000)),
        ("requestorName", json!("Ada")),
        ("locationID", json!(103)),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let path = format!("tasks/{id}");
    assert_eq!(trial.row("tasks?meta1=key-1").await["taskID"], id);
    trial
        .change("PATCH", &path, json!({"asset": 0, "statusID": 4, "meta1": ""}))
        .await;
    let held = trial.row(&format!("tasks?tasks={id}")).await;
    assert_eq!(
        (&held["assetID"], &held["statusID"], &held["type"]),
        (&json!(0), &json!(4), &json!(6))
    );
    assert!(held["lastEdited"].as_i64() > row["lastEdited"].as_i64());
    let unassigned = trial.refused("PATCH", &path, json!({"status": 1})).await;
    assert_eq!(unassigned, failed("\"assignment\" is required"));
    let closing = json!({"status": 1, "assignment": 437, "assignmentType": "team"});
    trial.change("PATCH", &path, closing).await;
    let closed = trial.row(&format!("tasks?tasks={id}&status=1")).await;
    assert_eq!(
        (&closed["statusID"], &closed["teamID"], &closed["userID"]),
        (&json!(2), &json!(437), &json!(0))
    );
    assert!(closed["dateCompleted"].as_i64().unwrap() > 0);
    trial.change("PATCH", &path, json!({"status": 0})).await;
    let open = trial.row(&format!("tasks?tasks={id}")).await;
    assert_eq!((&open["status"], &open["dateCompleted"]), (&json!(0), &json!(0)));
    trial.change("DELETE", &path, Value::Null).await;
    assert_eq!(trial.row(&format!("tasks?tasks={id}")).await, Value::Null);
    assert_eq!(trial.refused("DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn members_are_checked() {
    let trial = Trial::start().await;
    let task = json!({"name": "x", "locationID": 103, "due": 0, "type": 2});
    let with = |name: &str, value: Value| {
        let mut body = task.clone();
        body[name] = value;
        body
    };
    let mut short = task.clone();
    short.as_object_mut().unwrap().remove("due");
    assert_eq!(
        trial.refused("POST", "tasks", short).await,
        failed("\"due\" is required")
    );
    for (name, value, text) in [
        ("nosuch", json!(1), "\"nosuch\" is not allowed"),
        ("due", json!("soon"), "\"due\" must be a number"),
        ("name", json!(""), "\"name\" is not allowed to be empty"),
        ("name", json!(5), "\"name\" must be a string"),
        ("type", json!(3), "\"type\" must be one of [1, 2, 4, 6]"),
        ("priority", json!(4), "\"priority\" must be a configured level"),
        ("assignment", json!(201), "\"assignmentType\" is required"),
    ] {
        assert_eq!(trial.refused("POST", "tasks", with(name, value)).await, failed(text));
    }
    let mut turned = with("scheduledStart", json!(20));
    turned["scheduledEnd"] = json!(10);
    assert_eq!(trial.refused("POST", "tasks", turned).await.0, 400);
    for (name, value) in [
        ("locationID", json!(9999)),
        ("assetID", json!(1)),
        ("templateID", json!(40_001)),
    ] {
        assert_eq!(trial.refused("POST", "tasks", with(name, value)).await.0, 404, "{name}");
    }
    assert_eq!(
        trial.refused("PATCH", "tasks/40001", json!({"statusID": 2})).await.0,
        400
    );
    assert_eq!(trial.refused("PATCH", "tasks/1", json!({"name": "x"})).await.0, 404);
    assert_eq!(trial.refused("POST", "locations", json!({})).await.0, 501);
    assert_eq!(trial.refused("POST", "tasks", json!([])).await.0, 400);
}

#[tokio::test]
async fn a_post_may_stand_for_a_patch() {
    let trial = Trial::start().await;
    let address = format!("{}/v2/assets/10001", trial.sandbox.base_url());
    let request = trial.client.post(address).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let request = request
        .header("x-http-method-override", "PATCH")
        .json(&json!({"name": "Renamed"}));
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-ratelimit-limit"]),
        (200, &"2000".parse().unwrap())
    );
    assert_eq!(trial.row("assets?assets=10001").await["name"], "Renamed");
}

#[tokio::test]
async fn parts_and_steps_of_tasks_are_kept() {
    let trial = Trial::start().await;
    let task = json!({"name": "x", "locationID": 103, "due": 0, "type": 4});
    let (id, _) = trial.create("tasks", "taskID", task).await;
    let part = trial.row("parts?limit=1").await["partID"].clone();
    let body = json!({"partID": part, "quantity": 2});
    trial.change("PUT", &format!("tasks/{id}/parts"), body.clone()).await;
    assert_eq!(trial.refused("PUT", &format!("tasks/{id}/parts"), body).await.0, 409);
    let row = trial.row(&format!("tasks/parts?tasks={id}")).await;
    assert_eq!((&row["partID"], &row["quantity"]), (&part, &json!(2)));
    trial.change("DELETE", &format!("tasks/{id}/{part}"), Value::Null).await;
    assert_eq!(trial.row(&format!("tasks/parts?tasks={id}")).await, Value::Null);
    let step = json!({"type": 3, "instruction": "Look", "parentInstructionID": 0});
    let (step, row) = trial
        .create(&format!("tasks/{id}/instructions"), "instructionID", step)
        .await;
    assert_eq!((&row["instruction"], &row["type"]), (&json!("Look"), &json!(3)));
    trial
        .change(
            "PATCH",
            &format!("tasks/instructions/{step}"),
            json!({"instruction": "Listen"}),
        )
        .await;
    let rows: Vec<Value> = trial
        .send("GET", &format!("tasks/{id}/instructions"), &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(rows[0]["instruction"], "Listen");
    trial
        .change("DELETE", &format!("tasks/instructions/{step}"), Value::Null)
        .await;
}

#[tokio::test]
async fn orders_go_one_step_at_a_time_and_are_received_once_for_each_request() {
    let trial = Trial::start().await;
    let body = json!({"locationID": 101, "vendorID": 5001, "userID": 203, "customField1": "ours", "expectedDate": 1_800_000_000});
    let missing = trial
        .refused("POST", "po", json!({"locationID": 101, "vendorID": 5001}))
        .await;
    assert_eq!(missing, failed("\"userID\" is required"));
    let (id, row) = trial.create("po", "poID", body).await;
    assert_eq!(
        (&row["state"], &row["customField1"], &row["customField5"]),
        (&json!(0), &json!("ours"), &Value::Null)
    );
    let part = trial.row("parts?limit=1").await;
    let line = json!({"itemType": 1, "partID": part["partID"], "quantity": 5, "rate": 2.5, "tax": 10, "discount": 3});
    let path = format!("po/{id}/items");
    for (wrong, text) in [
        (json!({"itemType": 1}), "\"partID\" is required"),
        (json!({"itemType": 4}), "\"name\" is required"),
        (json!({"itemType": 2, "name": "x"}), "\"checklistID\" is required"),
        (
            json!({"itemType": 4, "name": "x", "partID": 1}),
            "\"partID\" is not allowed",
        ),
    ] {
        assert_eq!(trial.refused("POST", &path, wrong).await, failed(text));
    }
    let (item, row) = trial.create(&path, "itemID", line).await;
    assert_eq!(
        (&row["qty"], &row["rate"], &row["tax"], &row["discount"]),
        (&json!(5), &json!(2.5), &json!(10), &json!(3))
    );
    let other = json!({"itemType": 4, "name": "Freight", "description": "By road", "rate": 7});
    let (freight, row) = trial.create(&path, "itemID", other).await;
    assert_eq!(
        (&row["name"], &row["description"], &row["qty"]),
        (&json!("Freight"), &json!("By road"), &json!(1))
    );
    let changed = trial
        .send("PATCH", &format!("{path}/{item}"), &json!({"quantity": 6}))
        .await;
    assert_eq!(changed.json::<Value>().await.unwrap(), json!({"success": true}));
    trial.change("DELETE", &format!("{path}/{freight}"), Value::Null).await;

    let state = format!("po/{id}/state");
    let skipped = trial.refused("PATCH", &state, json!({"newState": 97})).await;
    assert_eq!(skipped, failed("Transition not allowed from current state"));
    let receive = format!("{path}/{item}");
    assert_eq!(trial.refused("PUT", &receive, json!({"quantity": 1})).await.0, 400);
    for (next, name) in [
        (json!(1), "budget_approval"),
        (json!("ready_to_receive"), "ready_to_receive"),
    ] {
        let moved = trial.send("PATCH", &state, &json!({"newState": next})).await;
        assert_eq!(moved.json::<Value>().await.unwrap()["currentState"], name);
    }
    assert_eq!(trial.refused("PATCH", &receive, json!({"quantity": 9})).await.0, 400);
    assert_eq!(
        trial
            .refused("PATCH", &format!("po/{id}"), json!({"budgetID": 1}))
            .await
            .0,
        400
    );
    let stock = async || trial.row(&format!("parts?parts={}", part["partID"])).await;
    let before = stock().await;
    for expected in [98, 99] {
        let received = trial.send("PUT", &receive, &json!({"quantity": 3})).await;
        let body: Value = received.json().await.unwrap();
        let row = trial
            .row(&format!("bills/transactions?transactions={}", body["transactionID"]))
            .await;
        assert_eq!((&row["billID"], &row["qtyReceived"]), (&body["prID"], &json!(3)));
        assert_eq!(trial.row(&format!("po?pos={id}")).await["state"], expected);
    }
    let after = stock().await;
    assert_eq!(
        after["stockOnHand"].as_f64().unwrap() - before["stockOnHand"].as_f64().unwrap(),
        6.0
    );
    assert_eq!(after["generalStock"], before["generalStock"]);
    assert_eq!(trial.refused("PUT", &receive, json!({"quantity": 1})).await.0, 400);
    trial.send("PATCH", &state, &json!({"newState": 100})).await;
    assert_eq!(trial.row(&format!("po?pos={id}")).await["state"], 100);
    trial.change("DELETE", &format!("po/{id}"), Value::Null).await;
    assert_eq!(trial.row(&format!("po/items?pos={id}")).await, Value::Null);
}

#[tokio::test]
async fn an_order_can_be_disapproved_before_it_is_ready() {
    let trial = Trial::start().await;
    let (id, _) = trial
        .create(
            "po",
            "poID",
            json!({"locationID": 101, "vendorID": 5001, "userID": 203}),
        )
        .await;
    let shown: Value = trial
        .send("GET", &format!("po/{id}/state/transitions"), &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(shown["available"][1]["name"], "disapproved");
    trial
        .send("PATCH", &format!("po/{id}/state"), &json!({"newState": "disapproved"}))
        .await;
    assert_eq!(trial.row(&format!("po?pos={id}")).await["state"], 101);
}

#[tokio::test]
async fn parts_have_a_general_stock_of_their_own() {
    let trial = Trial::start().await;
    let body = json!({
        "locationID": 103, "name": "O-ring", "number": "OR-1", "generalStock": 12, "generalPrice": 0.5,
        "unitCode": "box", "minQtyThreshold": 20, "location": "Shelf 3", "categoryID": 1,
    });
    let (id, row) = trial.create("parts", "partID", body).await;
    for (name, value) in [
        ("name", json!("O-ring")),
        ("number", json!("OR-1")),
        ("generalStock", json!(12)),
        ("stockOnHand", json!(12)),
        ("generalPrice", json!(0.5)),
        ("unitCode", json!("box")),
        ("minQtyThreshold", json!(20)),
        ("maxQtyThreshold", json!(-1)),
        ("minQtyStatus", json!(1)),
        ("location", json!("Shelf 3")),
        ("categoryID", json!(1)),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let path = format!("parts/{id}");
    assert_eq!(
        trial.refused("PATCH", &path, json!({"generalStock": 3})).await,
        failed("\"locationID\" is required")
    );
    trial
        .change("PATCH", &path, json!({"locationID": 103, "generalStock": 30}))
        .await;
    assert_eq!(trial.row("parts?numbers=OR-1").await["stockOnHand"], 30);
    let unknown = json!({"locationID": 103, "unitCode": "nosuch"});
    assert_eq!(trial.refused("PATCH", &path, unknown).await.0, 404);
    trial.change("DELETE", &path, Value::Null).await;
    assert_eq!(trial.row(&format!("parts?parts={id}")).await, Value::Null);
    // Another part of the same item keeps its name.
    let parts: Vec<Value> = trial
        .send("GET", "parts?limit=1000", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    let twin = parts
        .iter()
        .find(|part| parts.iter().filter(|other| other["number"] == part["number"]).count() > 1)
        .unwrap();
    let body = json!({"locationID": twin["locationID"], "name": "Mine"});
    trial.change("PATCH", &format!("parts/{}", twin["partID"]), body).await;
    let named: Vec<Value> = trial
        .send("GET", "parts?name=Mine", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(named.len(), 1);
}

#[tokio::test]
async fn assets_vendors_and_their_fields_are_kept() {
    let trial = Trial::start().await;
    let body = json!({"name": "Mixer", "locationID": 105, "parentAssetID": 10_001});
    let (id, row) = trial.create("assets", "assetID", body).await;
    assert_eq!(
        (&row["parentAssetID"], &row["hoursPerWeek"]),
        (&json!(10_001), &json!(-1))
    );
    let loop_back = json!({"parentAssetID": id});
    assert_eq!(trial.refused("PATCH", "assets/10001", loop_back).await.0, 400);
    assert_eq!(
        trial
            .refused("PATCH", "assets/10001/move", json!({"locationID": 101}))
            .await
            .0,
        400
    );
    let fields = format!("assets/fields?assets={id}");
    assert_eq!(trial.row(&fields).await, Value::Null);
    let attach = json!({"locationID": 105, "fieldID": 10_504});
    let attached = trial.send("PUT", &format!("assets/{id}/fields"), &attach).await;
    let value = attached.json::<Value>().await.unwrap()["valueID"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        trial.refused("PUT", &format!("assets/{id}/fields"), attach).await.0,
        409
    );
    trial
        .change("PATCH", &format!("assets/fields/{value}"), json!({"value": "SN-9"}))
        .await;
    let row = trial.row(&fields).await;
    assert_eq!(
        (&row["field"], &row["value"]),
        (&json!("Serial Number"), &json!("SN-9"))
    );
    assert_eq!(
        trial
            .refused("PATCH", &format!("assets/fields/{value}"), json!({"value": 9}))
            .await
            .0,
        400
    );
    let many = json!([{"valueID": value.parse::<u64>().unwrap(), "value": "SN-10"}, {"valueID": 1, "value": "x"}]);
    let partly: Value = trial
        .send("POST", "assets/fields/batch/update", &many)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&partly["success"], &partly["updates"][0]["success"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(trial.row(&fields).await["value"], "SN-10");
    trial
        .change("PATCH", &format!("assets/{id}/move"), json!({"locationID": 101}))
        .await;
    let moved = trial.row(&format!("assets?assets={id}")).await;
    assert_eq!(
        (&moved["locationID"], &moved["parentAssetID"]),
        (&json!(101), &json!(0))
    );
    trial.change("DELETE", &format!("assets/{id}"), Value::Null).await;

    let body = json!({"name": "Nine", "locationID": "101", "email": "a@nine.example", "address": "1 Road"});
    let (id, row) = trial.create("vendors", "vendorID", body).await;
    assert_eq!(
        (&row["email"], &row["address"]),
        (&json!("a@nine.example"), &json!("1 Road"))
    );
    assert_eq!(
        trial
            .refused("PATCH", &format!("vendors/{id}"), json!({"phone": "1"}))
            .await
            .0,
        400
    );
    trial
        .change(
            "PATCH",
            &format!("vendors/{id}"),
            json!({"locationID": 101, "phone": "1"}),
        )
        .await;
    let changed = trial.row(&format!("vendors?vendors={id}")).await;
    assert_eq!(changed["phone"], "1");
    assert!(changed["lastEdited"].as_i64() > row["lastEdited"].as_i64());
    trial.change("DELETE", &format!("vendors/{id}"), Value::Null).await;
    assert_eq!(trial.row(&format!("vendors?vendors={id}")).await, Value::Null);
}

#[tokio::test]
async fn writes_need_the_right() {
    let trial = Trial::start().await;
    trial.sandbox.deny("PurchaseOrderLine").unwrap();
    assert_eq!(
        trial
            .refused("POST", "po/70001/items", json!({"itemType": 4, "name": "x"}))
            .await
            .0,
        403
    );
    trial.sandbox.deny("WorkOrder").unwrap();
    assert_eq!(trial.refused("PATCH", "tasks/40001", json!({"name": "x"})).await.0, 403);
    let address = format!("{}/v2/vendors", trial.sandbox.base_url());
    let request = trial.client.post(address).basic_auth(LIMITED_ID, Some(LIMITED_SECRET));
    let response = request
        .json(&json!({"name": "x", "locationID": 101}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
}
