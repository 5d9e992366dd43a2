//! A bare loop that signs and posts bodies like those of webhooks, as many at once, and keeps nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lineshaft_engine::webhooks::{Secret, Settings, signatures};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    deliveries::{ENDPOINTS, ORGANIZATIONS},
    receiver,
};

struct Endpoint {
    url: String,
    secrets: [Secret; 1],
}

pub async fn obey() {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let endpoint = |number| Endpoint {
        url: receiver::url(number),
        secrets: [Secret::generate().unwrap()],
    };
    let endpoints: Arc<Vec<Endpoint>> = Arc::new((0..ENDPOINTS).map(endpoint).collect());
    println!("ready");
    let mut filled = 0;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        if let Some(("fill", events)) = line.split_once(' ') {
            filled = events.parse().unwrap();
            println!("filled");
            continue;
        }
        let events = if line == "deliver" { filled } else { 1 };
        let began = crate::now_us();
        post(&client, &endpoints, events).await;
        if line == "deliver" {
            println!("{began} {}", crate::now_us());
        } else {
            println!("{}", vec![began.to_string(); ORGANIZATIONS].join(" "));
        }
    }
}

async fn post(client: &reqwest::Client, endpoints: &Arc<Vec<Endpoint>>, events: usize) {
    let connection = Uuid::now_v7();
    let body = |sequence| {
        let id = Uuid::now_v7().to_string();
        let text = json!({
            "id": id,
            "type": "connection.token_rotated",
            "timestamp": chrono::Utc::now(),
            "connectionId": connection,
            "sequence": sequence,
            "data": { "oldTokensEndAt": chrono::Utc::now(), "tokenId": Uuid::now_v7() },
        });
        (id, text.to_string())
    };
    let bodies: Arc<Vec<(String, String)>> = Arc::new((0..events).map(body).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..Settings::default().concurrency {
        let (client, endpoints, bodies, next) = (client.clone(), endpoints.clone(), bodies.clone(), next.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some((id, body)) = bodies.get(number / ENDPOINTS) else {
                    return;
                };
                let endpoint = &endpoints[number % ENDPOINTS];
                let timestamp = chrono::Utc::now().timestamp();
                let request = client
                    .post(&endpoint.url)
                    .header("content-type", "application/json")
                    .header("webhook-id", id)
                    .header("webhook-timestamp", timestamp)
                    .header("webhook-signature", signatures(&endpoint.secrets, id, timestamp, body))
                    .body(body.clone());
                assert!(request.send().await.unwrap().status().is_success());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
