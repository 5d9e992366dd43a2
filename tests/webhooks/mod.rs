//! What arrives at a receiver of webhooks, verified by the official library of the Standard Webhooks specification.
//! Runs with the feature `standard-webhooks`; see `verify.sh`.

use std::{
    collections::HashMap,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use lineshaft_engine::{origin::Origin, webhooks::NewEndpoint};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use crate::support::Setup;

type Arrival = (HashMap<String, String>, String);

async fn receive(State(arrivals): State<Arc<UnboundedSender<Arrival>>>, headers: HeaderMap, body: String) {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    arrivals.send((headers, body)).unwrap();
}

/// Asks the library about several cases at once.
fn verify(cases: &[Value]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhooks/verify.sh");
    let mut library = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = library.stdin.take().unwrap();
    for case in cases {
        writeln!(input, "{case}").unwrap();
    }
    drop(input);
    let output = library.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_library_verifies_what_arrives_with_either_secret_and_nothing_else() {
    let plant = Setup::only([]).set("WEBHOOKS__ALLOW_HTTP", true).start().await;
    let (sender, mut arrivals) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/hooks", post(receive))
        .with_state(Arc::new(sender));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let (engine, organization, origin) = (plant.engine.clone(), plant.organization, Origin::operator());
    let new = NewEndpoint {
        url,
        description: String::new(),
        kinds: None,
        connection_id: None,
        ordered: false,
        enabled: true,
    };
    let created = engine.webhooks.create(organization, new, &origin).await.unwrap();
    let id = created.endpoint.id;
    let overlap = Duration::from_secs(60);
    let rotated = engine
        .webhooks
        .rotate_secret(organization, id, overlap, &origin)
        .await
        .unwrap();
    let stranger = lineshaft_engine::webhooks::Secret::generate().unwrap();
    engine.webhooks.send_test(organization, id, &origin).await.unwrap();
    let worker = engine.clone();
    let working = tokio::spawn(async move { worker.webhook_worker.run(std::future::pending()).await });
    let arrival = tokio::time::timeout(Duration::from_secs(20), arrivals.recv()).await;
    working.abort();
    let (headers, body) = arrival.unwrap().unwrap();

    let case = |secret: &SecretString, headers: &HashMap<String, String>, body: &str| json!({"secret": secret.expose_secret(), "headers": headers, "body": body});
    let mut other_id = headers.clone();
    other_id.insert("webhook-id".to_owned(), "another".to_owned());
    let mut old = headers.clone();
    let timestamp: i64 = headers["webhook-timestamp"].parse().unwrap();
    old.insert("webhook-timestamp".to_owned(), (timestamp - 600).to_string());
    let outcomes = verify(&[
        case(&created.secret, &headers, &body),
        case(&rotated.secret, &headers, &body),
        case(stranger.text(), &headers, &body),
        case(&created.secret, &headers, &body.replace("webhook.test", "webhook.text")),
        case(&created.secret, &other_id, &body),
        case(&created.secret, &old, &body),
    ]);
    let verified: Vec<bool> = outcomes.iter().map(|outcome| outcome == "verified").collect();
    assert_eq!(verified, [true, true, false, false, false, false], "{outcomes:?}");
}
