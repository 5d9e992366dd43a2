//! Checks what every sandbox has: faults, the call log, edits, credentials and stopping.

use std::time::{Duration, Instant};

use lineshaft_sandbox::fault::Kind;
use lineshaft_sandbox::{Fault, Options, Sandbox, System};
use serde_json::{Value, json};

async fn start() -> Sandbox {
    Sandbox::start(System::Odoo, Options::default()).await.unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::new()
}

async fn get(sandbox: &Sandbox) -> reqwest::Result<reqwest::Response> {
    http().get(format!("{}/web/version", sandbox.base_url())).send().await
}

async fn with(sandbox: &Sandbox, kind: Kind) -> reqwest::Result<reqwest::Response> {
    sandbox.set_fault(Some(Fault::new(kind)));
    let answer = get(sandbox).await;
    sandbox.set_fault(None);
    answer
}

#[tokio::test]
async fn faults_replace_the_answer() {
    let sandbox = start().await;
    let limited = with(
        &sandbox,
        Kind::RateLimit {
            retry_after_s: Some(3),
            http_date: false,
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    let dated = with(
        &sandbox,
        Kind::RateLimit {
            retry_after_s: Some(3),
            http_date: true,
        },
    )
    .await
    .unwrap();
    assert!(dated.headers()["retry-after"].to_str().unwrap().ends_with("GMT"));
    let bare = with(
        &sandbox,
        Kind::RateLimit {
            retry_after_s: None,
            http_date: false,
        },
    )
    .await
    .unwrap();
    assert!(!bare.headers().contains_key("retry-after"));
    assert_eq!(with(&sandbox, Kind::Status { code: 503 }).await.unwrap().status(), 503);
    assert_eq!(with(&sandbox, Kind::Unauthorized).await.unwrap().status(), 401);
    assert!(
        with(&sandbox, Kind::Malformed)
            .await
            .unwrap()
            .json::<Value>()
            .await
            .is_err()
    );
    assert!(
        with(&sandbox, Kind::Html)
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("<form")
    );
    assert_eq!(
        with(&sandbox, Kind::Empty).await.unwrap().bytes().await.unwrap().len(),
        0
    );
    assert!(std::str::from_utf8(&with(&sandbox, Kind::BadUtf8).await.unwrap().bytes().await.unwrap()).is_err());
    assert_eq!(
        with(&sandbox, Kind::DeepJson)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .len(),
        200_000
    );
    assert_eq!(
        with(&sandbox, Kind::Huge { bytes: 3_000_001 })
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .len(),
        3_000_001
    );
}

#[tokio::test]
async fn faults_change_the_answer() {
    let sandbox = start().await;
    let begun = Instant::now();
    assert_eq!(with(&sandbox, Kind::Latency { ms: 150 }).await.unwrap().status(), 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let begun = Instant::now();
    let slow = with(&sandbox, Kind::SlowBody { bytes_per_second: 200 }).await.unwrap();
    assert!(slow.json::<Value>().await.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(250));
    assert!(with(&sandbox, Kind::Cut).await.unwrap().bytes().await.is_err());
    let truncated = with(&sandbox, Kind::Truncated).await.unwrap();
    assert!(truncated.text().await.unwrap().starts_with("{\"version_info\""));
    let wrong = with(&sandbox, Kind::WrongType)
        .await
        .unwrap()
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(wrong["version"], 7);
    assert!(with(&sandbox, Kind::Refuse).await.is_err());
    sandbox.set_fault(Some(Fault::new(Kind::SlowHeader { ms: 30_000 })));
    let impatient = http()
        .get(format!("{}/web/version", sandbox.base_url()))
        .timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_gzip_bomb_unpacks_to_its_size() {
    let sandbox = start().await;
    for bytes in [1, 258, 259, 1_000_000] {
        let answer = with(&sandbox, Kind::GzipBomb { bytes }).await.unwrap();
        let body = answer.bytes().await.unwrap();
        assert_eq!(body.len() as u64, bytes);
        assert!(body.iter().all(|byte| *byte == 0));
    }
}

#[tokio::test]
async fn a_fault_strikes_so_many_times_and_only_its_path() {
    let sandbox = start().await;
    sandbox.set_fault(Some(
        Fault::new(Kind::Status { code: 500 }).times(2).path_contains("version"),
    ));
    let statuses = [get(&sandbox).await, get(&sandbox).await, get(&sandbox).await];
    let statuses: Vec<u16> = statuses
        .into_iter()
        .map(|answer| answer.unwrap().status().as_u16())
        .collect();
    assert_eq!(statuses, [500, 500, 200]);
    sandbox.set_fault(Some(Fault::new(Kind::Status { code: 500 }).path_contains("elsewhere")));
    assert_eq!(get(&sandbox).await.unwrap().status(), 200);
    let logged: Vec<u16> = sandbox.calls().iter().map(|call| call.status).collect();
    assert_eq!(logged, [500, 500, 200, 200]);
}

#[tokio::test]
async fn faults_and_calls_are_reached_over_http() {
    let sandbox = start().await;
    let url = |path: &str| format!("{}/_sandbox/{path}", sandbox.base_url());
    let set = http()
        .put(url("fault"))
        .json(&json!({"kind": "status", "code": 502, "times": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(set.status(), 204);
    assert_eq!(get(&sandbox).await.unwrap().status(), 502);
    let calls: Value = http().get(url("calls")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&calls[0]["path"], &calls[0]["status"], calls.as_array().unwrap().len()),
        (&json!("/web/version"), &json!(502), 1)
    );
    http().delete(url("calls")).send().await.unwrap();
    assert!(sandbox.calls().is_empty());
    http()
        .put(url("fault"))
        .json(&json!({"kind": "html"}))
        .send()
        .await
        .unwrap();
    http().delete(url("fault")).send().await.unwrap();
    assert!(get(&sandbox).await.unwrap().json::<Value>().await.is_ok());
    assert_eq!(
        http()
            .put(url("fault"))
            .json(&json!({"kind": "nope"}))
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn edits_show_in_the_next_answer() {
    let sandbox = start().await;
    let (_, credentials) = sandbox.demo_connection();
    let key = credentials["api_key"].as_str().unwrap();
    let count = async || {
        let request = http().post(format!("{}/json/2/purchase.order/search_count", sandbox.base_url()));
        request
            .bearer_auth(key)
            .json(&json!({"domain": []}))
            .send()
            .await
            .unwrap()
            .json::<u64>()
            .await
            .unwrap()
    };
    assert_eq!(count().await, 60);
    sandbox.edit(|world| world.purchase_orders.remove(0));
    assert_eq!(count().await, 59);
    assert_eq!(sandbox.world().purchase_orders.len(), 59);
}

#[tokio::test]
async fn stopping_closes_the_port_and_open_connections() {
    let sandbox = start().await;
    let base = sandbox.base_url();
    let client = http();
    client.get(format!("{base}/web/version")).send().await.unwrap();
    sandbox.set_fault(Some(Fault::new(Kind::Latency { ms: 60_000 })));
    let waiting = {
        let (client, url) = (client.clone(), format!("{base}/web/version"));
        tokio::spawn(async move { client.get(url).send().await.is_err() })
    };
    while sandbox.calls().len() < 2 {
        tokio::task::yield_now().await;
    }
    sandbox.stop().await;
    assert!(waiting.await.unwrap());
    assert!(client.get(format!("{base}/web/version")).send().await.is_err());
}

#[tokio::test]
async fn every_system_starts_and_has_a_demo_connection() {
    for system in System::CODED {
        let sandbox = Sandbox::start(system, Options::default()).await.unwrap();
        let (settings, _) = sandbox.demo_connection();
        assert!(
            settings["base_url"].as_str().unwrap().starts_with(&sandbox.base_url()),
            "{system}"
        );
        assert_eq!(System::from_id(system.id()), Some(system));
        sandbox.stop().await;
    }
}
