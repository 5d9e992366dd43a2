//! Checks the faults around writes and that the log of calls tells writes from reads.

use std::time::{Duration, Instant};

use lineshaft_sandbox::fault::Kind;
use lineshaft_sandbox::{Call, Fault, Options, Sandbox, System};
use serde_json::{Value, json};

async fn start() -> (Sandbox, reqwest::Client) {
    let sandbox = Sandbox::start(System::Limble, Options::default()).await.unwrap();
    (sandbox, reqwest::Client::new())
}

fn create(sandbox: &Sandbox, client: &reqwest::Client) -> reqwest::RequestBuilder {
    let (_, credentials) = sandbox.demo_connection();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    client
        .post(format!("{}/v2/vendors", sandbox.base_url()))
        .basic_auth(text("client_id"), Some(text("client_secret")))
        .json(&json!({"name": "Twice Ltd", "locationID": 101}))
}

fn read(sandbox: &Sandbox, client: &reqwest::Client) -> reqwest::RequestBuilder {
    let (_, credentials) = sandbox.demo_connection();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    client
        .get(format!("{}/v2/vendors", sandbox.base_url()))
        .basic_auth(text("client_id"), Some(text("client_secret")))
}

fn made(sandbox: &Sandbox) -> usize {
    let world = sandbox.world();
    world.vendors.iter().filter(|vendor| vendor.name == "Twice Ltd").count()
}

fn last(sandbox: &Sandbox) -> Call {
    sandbox.calls().last().unwrap().clone()
}

#[tokio::test]
async fn a_cut_before_leaves_nothing_and_a_cut_after_leaves_the_record() {
    let (sandbox, client) = start().await;
    sandbox.set_fault(Some(Fault::new(Kind::CutBefore).writes()));
    assert!(create(&sandbox, &client).send().await.is_err());
    assert_eq!((made(&sandbox), sandbox.writes().len()), (0, 0));
    assert_eq!(
        (last(&sandbox).write, last(&sandbox).reached, last(&sandbox).status),
        (true, false, 0)
    );
    assert_eq!(read(&sandbox, &client).send().await.unwrap().status(), 200);

    sandbox.set_fault(Some(Fault::new(Kind::CutAfter).methods(["POST"]).times(1)));
    assert_eq!(read(&sandbox, &client).send().await.unwrap().status(), 200);
    assert!(create(&sandbox, &client).send().await.is_err());
    assert_eq!((made(&sandbox), sandbox.writes().len()), (1, 1));
    assert_eq!((last(&sandbox).reached, last(&sandbox).status), (true, 0));
}

#[tokio::test]
async fn a_status_and_a_wait_can_hide_that_the_work_was_done() {
    let (sandbox, client) = start().await;
    sandbox.set_fault(Some(Fault::new(Kind::StatusAfter { code: 500 }).writes()));
    let answer = create(&sandbox, &client).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.text().await.unwrap(), "Internal Server Error");
    assert_eq!((made(&sandbox), last(&sandbox).status), (1, 500));

    sandbox.set_fault(Some(Fault::new(Kind::HangAfter { ms: 60_000 }).methods(["post"])));
    let begun = Instant::now();
    let request = create(&sandbox, &client).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(made(&sandbox), 2);
}

#[tokio::test]
async fn operations_are_struck_where_the_path_does_not_tell() {
    let sandbox = Sandbox::start(System::Odoo, Options::default()).await.unwrap();
    let (_, credentials) = sandbox.demo_connection();
    let key = credentials["api_key"].as_str().unwrap().to_owned();
    let client = reqwest::Client::new();
    let call = |method: &str| {
        let address = format!("{}/json/2/res.partner/{method}", sandbox.base_url());
        client
            .post(address)
            .bearer_auth(&key)
            .json(&json!({"domain": []}))
            .send()
    };
    sandbox.set_fault(Some(
        Fault::new(Kind::Status { code: 503 }).operation_contains("partner.search_count"),
    ));
    assert_eq!(call("search_count").await.unwrap().status(), 503);
    assert_ne!(call("search").await.unwrap().status(), 503);
    let log = sandbox.calls();
    assert_eq!(log[0].operation.as_deref(), Some("res.partner.search_count"));
    assert!(log.iter().all(|call| !call.write));
}

#[tokio::test]
async fn write_faults_are_set_over_http() {
    let (sandbox, client) = start().await;
    let fault = json!({
        "kind": "status_after", "code": 502, "methods": ["POST"], "operation_contains": "x", "writes": true,
    });
    let url = format!("{}/_sandbox/fault", sandbox.base_url());
    let answer = client.put(&url).json(&fault).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let shown: Value = client.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown, fault);
}
