//! Trials of the simulated Limble over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use reqwest::{Client, Response};
use serde_json::Value;

use super::{CLIENT_ID, CLIENT_SECRET, LIMITED_ID, LIMITED_SECRET};
use crate::world::LocationKind;
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

    async fn send(&self, path: &str) -> Response {
        let address = format!("{}/v2/{path}", self.sandbox.base_url());
        self.client
            .get(address)
            .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
            .send()
            .await
            .unwrap()
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        let response = self.send(path).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body.as_array().unwrap().clone()
    }

    async fn refused(&self, path: &str) -> (u16, Value) {
        let response = self.send(path).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

fn ids(rows: &[Value], name: &str) -> Vec<u64> {
    rows.iter().map(|row| row[name].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_bad_key_and_a_missing_permission_share_a_status() {
    let trial = Trial::start().await;
    let me = trial.send("me").await;
    assert_eq!(me.json::<Value>().await.unwrap()["customerPlan"], "enterprise");
    let get = |path: &str, user: &str, password: &str| {
        let address = format!("{}/v2/{path}", trial.sandbox.base_url());
        trial.client.get(address).basic_auth(user, Some(password)).send()
    };
    let wrong = get("me", CLIENT_ID, "wrong").await.unwrap();
    assert_eq!(wrong.status(), 403);
    let body: Value = wrong.json().await.unwrap();
    assert_eq!(body["error"], 403);
    assert_eq!(body["success"], false);
    assert!(body["msg"].is_string());
    assert_eq!(get("me", LIMITED_ID, LIMITED_SECRET).await.unwrap().status(), 200);
    let withheld = get("vendors", LIMITED_ID, LIMITED_SECRET).await.unwrap();
    assert_eq!(withheld.status(), 403);
    assert!(withheld.json::<Value>().await.unwrap()["message"].is_string());
    let none = trial
        .client
        .get(format!("{}/v2/me", trial.sandbox.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(none.status(), 401);
    trial.sandbox.revoke_credentials();
    assert_eq!(trial.send("me").await.status(), 403);
}

#[tokio::test]
async fn next_page_headers_lead_through_all_rows() {
    let trial = Trial::start().await;
    let mut found = Vec::new();
    let mut path = "tasks?limit=7&page=1".to_owned();
    let mut pages = 0;
    loop {
        let response = trial.send(&path).await;
        let next = response
            .headers()
            .get("next-page")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(response.headers().contains_key("previous-page"), pages > 0);
        assert_eq!(response.headers().contains_key("last-page"), next.is_some());
        let rows: Vec<Value> = response.json().await.unwrap();
        found.extend(ids(&rows, "taskID"));
        pages += 1;
        let Some(next) = next else { break };
        path = next.split_once("/v2/").unwrap().1.to_owned();
    }
    let all = ids(&trial.rows("tasks?limit=1000").await, "taskID");
    assert_eq!(found, all);
    assert!(trial.rows("tasks?limit=7&page=999").await.is_empty());
    let mut by_cursor = Vec::new();
    loop {
        let last = by_cursor.last().copied().unwrap_or(0);
        let rows = trial.rows(&format!("tasks?limit=20&cursor={last}")).await;
        if rows.is_empty() {
            break;
        }
        by_cursor.extend(ids(&rows, "taskID"));
    }
    assert_eq!(by_cursor, all);
}

#[tokio::test]
async fn templates_are_mixed_with_tasks() {
    let trial = Trial::start().await;
    let rows = trial.rows("tasks?limit=1000").await;
    let templates = rows.iter().filter(|row| row["template"] == true).count();
    assert!(templates > 0);
    assert_eq!(rows.len() - templates, trial.sandbox.world().work_orders.len());
}

#[tokio::test]
async fn comma_lists_times_names_and_orders_are_evaluated() {
    let trial = Trial::start().await;
    let rows = trial.rows("vendors?vendors=5001,5003").await;
    assert_eq!(ids(&rows, "vendorID"), [5001, 5003]);
    let pumps = trial.rows("assets?name=%25pump%25").await;
    assert!(!pumps.is_empty());
    assert!(
        pumps
            .iter()
            .all(|row| row["name"].as_str().unwrap().to_lowercase().contains("pump"))
    );
    let newest = trial.rows("tasks?orderBy=-lastEdited&limit=1000").await;
    assert!(ids(&newest, "lastEdited").is_sorted_by(|left, right| left >= right));
    let time = newest[5]["lastEdited"].as_u64().unwrap();
    let later = trial.rows(&format!("tasks?start={time}&limit=1000")).await;
    assert!(later.iter().all(|row| row["lastEdited"].as_u64().unwrap() > time));
    let done = trial.rows("tasks?status=1&type=1,2&limit=1000").await;
    assert!(
        done.iter()
            .all(|row| row["status"] == 1 && row["dateCompleted"].as_u64().unwrap() > 0)
    );
    let of_order = trial.rows("po/items?pos=70001,70002").await;
    assert!(
        of_order
            .iter()
            .all(|row| [70001, 70002].contains(&row["poID"].as_u64().unwrap()))
    );
    let fields = trial.rows("assets/fields?assets=10001&limit=1000").await;
    assert!(
        fields
            .iter()
            .any(|row| row["field"] == "Serial Number" && row["fieldType"] == "Text")
    );
    assert!(fields.iter().all(|row| row.get("_assetName").is_none()));
    let tagged = trial.rows("tasks?tag=Sensor").await;
    assert!(!tagged.is_empty());
}

#[tokio::test]
async fn one_item_is_a_part_at_each_of_its_storerooms() {
    let trial = Trial::start().await;
    let parts = trial.rows("parts?limit=1000").await;
    let mut numbers: Vec<&str> = parts.iter().map(|row| row["number"].as_str().unwrap()).collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.len() < all);
    let world_total: f64 = trial
        .sandbox
        .world()
        .stock_levels
        .iter()
        .map(|level| level.on_hand.to_string().parse::<f64>().unwrap())
        .sum();
    let total: f64 = parts.iter().map(|row| row["stockOnHand"].as_f64().unwrap()).sum();
    assert!((total - world_total).abs() < 0.001);
    let storerooms = trial
        .sandbox
        .world()
        .locations
        .iter()
        .filter(|place| place.kind != LocationKind::Bin)
        .count();
    assert_eq!(trial.rows("locations").await.len(), storerooms);
}

#[tokio::test]
async fn bad_parameters_are_refused_in_two_shapes() {
    let trial = Trial::start().await;
    let (status, body) = trial.refused("tasks?limit=1001").await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["message"], "\"limit\" must be less than or equal to 1000");
    let (status, body) = trial.refused("uom?limit=101").await;
    assert_eq!((status, body["error"]["status"].as_u64().unwrap()), (400, 400));
    for path in [
        "tasks?nosuch=1",
        "tasks?tasks=abc",
        "assets?orderBy=name",
        "po/items?page=1",
        "vendors?orderBy=name",
    ] {
        assert_eq!(trial.refused(path).await.0, 400, "{path}");
    }
    let (status, body) = trial.refused("tasks?page=1&cursor=5").await;
    assert_eq!(status, 400);
    assert!(body["message"].is_string());
    assert_eq!(trial.refused("nosuch").await.0, 404);
    assert_eq!(trial.rows("uom").await.len(), 20);
}

#[tokio::test]
async fn every_answer_tells_what_is_left() {
    let trial = Trial::start().await;
    let first = trial.send("me").await;
    let second = trial.send("statuses").await;
    assert_eq!(first.headers()["x-ratelimit-remaining"], "3999");
    assert_eq!(second.headers()["x-ratelimit-minute-remaining"], "358");
    assert_eq!(second.headers()["x-ratelimit-minute-limit"], "360");
    assert!(!second.headers().contains_key("x-ratelimit-ttl"));
}

#[tokio::test]
async fn steps_states_and_empty_values_are_as_documented() {
    let trial = Trial::start().await;
    let steps = trial.rows("tasks/instructions?limit=1").await;
    let task = steps[0]["taskID"].as_u64().unwrap();
    assert!(!trial.rows(&format!("tasks/{task}/instructions")).await.is_empty());
    let order = &trial.rows("po?limit=1").await[0];
    let state: Value = trial
        .send(&format!("po/{}/state", order["poID"]))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(state["number"], order["state"]);
    let tasks = trial.rows("tasks?limit=1000").await;
    assert!(tasks.iter().any(|row| row["assetID"] == 0));
    assert!(tasks.iter().any(|row| row["due"] == 0 && row["template"] == false));
    let users = trial.rows("users").await;
    assert!(users.iter().any(|row| row["active"] == "false"));
}
