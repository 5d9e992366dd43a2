//! Sends webhooks to a receiver over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

async fn post(receiver: &Receiver, body: &'static [u8]) -> reqwest::Response {
    let request = Client::new()
        .post(receiver.url("/hooks/a?b=c"))
        .header("x-probe", "one");
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn every_request_is_kept_as_it_came() {
    let receiver = Receiver::start().await.unwrap();
    assert_eq!(
        post(&receiver, b"{\"type\":\"connection.created\"}").await.status(),
        204
    );
    post(&receiver, b"\xff\x00").await;
    let received = receiver.received();
    let [first, second] = received.as_slice() else {
        panic!("{received:?}")
    };
    assert_eq!(
        (
            first.number,
            first.method.as_str(),
            first.path.as_str(),
            first.query.as_str()
        ),
        (1, "POST", "/hooks/a", "b=c")
    );
    assert_eq!(first.header("x-probe"), Some("one"));
    assert_eq!(first.json()["type"], "connection.created");
    assert_eq!(first.signature, Verdict::Unchecked);
    assert_eq!(second.bytes(), b"\xff\x00");
    assert!(second.at >= first.at);
    receiver.clear();
    post(&receiver, b"").await;
    assert_eq!((receiver.count(), receiver.received()[0].number), (1, 3));
}

#[tokio::test]
async fn answers_follow_the_script_and_then_the_rule() {
    let receiver = Receiver::start().await.unwrap();
    receiver.set_script([
        Reply::status(503).retry_after(7),
        Reply::status(500),
        Reply::status(200).after(Duration::from_millis(120)),
    ]);
    let busy = post(&receiver, b"").await;
    assert_eq!(
        (busy.status().as_u16(), &busy.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(post(&receiver, b"").await.status(), 500);
    let begun = Instant::now();
    assert_eq!(post(&receiver, b"").await.status(), 200);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    receiver.set_otherwise(Reply::status(410));
    assert_eq!(post(&receiver, b"").await.status(), 410);
    let statuses: Vec<u16> = receiver.received().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [503, 500, 200, 410]);
}

#[tokio::test]
async fn a_hanging_request_is_kept_and_ends_with_the_receiver() {
    let receiver = Receiver::start().await.unwrap();
    receiver.set_script([Reply::hang()]);
    let sent = tokio::spawn(Client::new().post(receiver.url("/")).body("x").send());
    let received = receiver.wait_for(1, Duration::from_secs(10)).await;
    assert_eq!((received.len(), received[0].status), (1, 0));
    receiver.stop().await;
    assert!(sent.await.unwrap().is_err());
}

#[tokio::test]
async fn signatures_are_checked_with_the_secrets_at_hand() {
    let receiver = Receiver::start().await.unwrap();
    receiver.set_secrets([
        format!("whsec_{}", STANDARD.encode(b"an older secret")),
        format!("whsec_{}", STANDARD.encode(b"the present secret")),
    ]);
    let send = async |key: &[u8], body: &'static str| {
        let time = Utc::now().timestamp();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("msg_1.{time}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let request = Client::new()
            .post(receiver.url("/"))
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", time)
            .header("webhook-signature", signature);
        request.body(body).send().await.unwrap();
        receiver.received().pop().unwrap().signature
    };
    assert_eq!(send(b"the present secret", "{}").await, Verdict::Valid);
    assert_eq!(send(b"an older secret", "{}").await, Verdict::Valid);
    assert_eq!(
        send(b"a wrong secret", "{}").await,
        Verdict::Invalid("no signature fits".to_owned())
    );
    post(&receiver, b"{}").await;
    let unsigned = receiver.received().pop().unwrap().signature;
    assert_eq!(
        unsigned,
        Verdict::Invalid("the header webhook-id is missing".to_owned())
    );
}

#[tokio::test]
async fn it_is_steered_and_read_over_http() {
    let receiver = Receiver::start().await.unwrap();
    let client = Client::new();
    let put = async |path: &str, body: Value| {
        let request = client.put(receiver.url(path)).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(put("/_script", json!([{"status": 429, "retry_after_s": 1}])).await, 204);
    assert_eq!(put("/_otherwise", json!({"status": 202})).await, 204);
    assert_eq!(put("/_secrets", json!(["whsec_c2VjcmV0"])).await, 204);
    assert_eq!(put("/_script", json!([{"state": 429}])).await, 400);
    assert_eq!(post(&receiver, b"<script>alert(1)</script>").await.status(), 429);
    assert_eq!(post(&receiver, b"{\"type\":\"a\"}").await.status(), 202);
    let shown: Value = client
        .get(receiver.url("/_received"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert_eq!(shown[1]["body"], "{\"type\":\"a\"}");
    assert_eq!(shown[1]["signature"]["verdict"], "invalid");
    let read: Vec<Received> = serde_json::from_value(shown).unwrap();
    assert_eq!(read, receiver.received());
    let page = client
        .get(receiver.base_url())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("2 requests") && page.contains("&lt;script&gt;") && !page.contains("<script>"));
    client.delete(receiver.url("/_received")).send().await.unwrap();
    assert_eq!(receiver.count(), 0);
}
