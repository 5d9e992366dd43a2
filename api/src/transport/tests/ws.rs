//! `graphql-transport-ws` over real sockets: every close code, operations, limits, signals and clients
//! that do not keep up.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::{Shared, serve, serve_until};
use crate::transport::{Settings, Streams};

struct Client(WebSocketStream<TcpStream>);

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Client {
    async fn handshake(address: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        client_async(request, stream).await.map(|(socket, _)| Self(socket))
    }

    async fn connect(address: &str) -> Self {
        let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
        Self::handshake(address, &[protocol]).await.unwrap()
    }

    /// Returns a client that has been let in.
    async fn ready(address: &str, payload: Value) -> Self {
        let mut client = Self::connect(address).await;
        client
            .send(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
        client
    }

    async fn send(&mut self, message: Value) {
        self.text(&message.to_string()).await;
    }

    async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({"type": "subscribe", "id": id, "payload": {"query": query}}))
            .await;
    }

    async fn next(&mut self) -> Message {
        let next = timeout(Duration::from_secs(10), self.0.next());
        next.await.expect("a message").expect("an open socket").unwrap()
    }

    async fn receive(&mut self) -> Value {
        loop {
            match self.next().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the server closes, and returns code and reason.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.next().await {
                let frame = frame.expect("a code");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

async fn start(settings: Settings) -> (String, Arc<Shared>) {
    let (router, shared) = serve(settings);
    (listen(router).await, shared)
}

fn streams(change: impl FnOnce(&mut Streams)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings.streams);
    settings
}

#[tokio::test]
async fn other_subprotocols_are_closed_with_4406() {
    let (address, _) = start(Settings::default()).await;
    for headers in [&[][..], &[("sec-websocket-protocol", "graphql-ws, mqtt")]] {
        let mut client = Client::handshake(&address, headers).await.unwrap();
        assert_eq!(client.closed().await, (4406, "Subprotocol not acceptable".to_owned()));
    }
    let several = [("sec-websocket-protocol", "mqtt, graphql-transport-ws")];
    assert!(Client::handshake(&address, &several).await.is_ok());
}

#[tokio::test]
async fn messages_that_the_protocol_does_not_know_are_closed_with_4400() {
    let (address, _) = start(Settings::default()).await;
    let long_id = json!({"type": "complete", "id": "i".repeat(257)}).to_string();
    for text in [
        "{",
        "[]",
        "\"ping\"",
        r#"["ping"]"#,
        "{}",
        r#"{"type":"nonsense"}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":1}"#,
        r#"{"type":"ping","extra":1}"#,
        r#"{"type":"ping","payload":[]}"#,
        r#"{"type":"connection_init","payload":"token"}"#,
        r#"{"type":"subscribe","payload":{"query":"{ hello }"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ hello }"}}"#,
        r#"{"type":"subscribe","id":7,"payload":{"query":"{ hello }"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ hello }","variables":[]}}"#,
        r#"{"type":"complete"}"#,
        &long_id,
    ] {
        let mut client = Client::ready(&address, json!({})).await;
        client.text(text).await;
        let (code, reason) = client.closed().await;
        assert_eq!(code, 4400, "{text}");
        assert!(!reason.is_empty() && reason.len() <= 123, "{reason}");
    }
    let mut client = Client::ready(&address, json!({})).await;
    client.0.send(Message::binary(b"{}".to_vec())).await.unwrap();
    assert_eq!(client.closed().await.0, 4400);
}

#[tokio::test]
async fn operations_before_the_acknowledgement_are_closed_with_4401() {
    let (address, _) = start(Settings::default()).await;
    let mut client = Client::connect(&address).await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.closed().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn refused_tokens_are_closed_with_4403() {
    let (address, _) = start(Settings::default()).await;
    for payload in [
        json!({"authorization": "Bearer unknown"}),
        json!({"Authorization": "Bearer readonly"}),
        json!({"token": "unknown"}),
        json!({"token": 7}),
        json!({"token": "un\nknown"}),
    ] {
        let mut client = Client::connect(&address).await;
        client
            .send(json!({"type": "connection_init", "payload": payload}))
            .await;
        let (code, reason) = client.closed().await;
        assert_eq!(code, 4403, "{payload}");
        assert!(reason.starts_with("Forbidden: "), "{reason}");
    }
    for (token, expected) in [("eager", 1013), ("early", 1013), ("broken", 4500), ("panic", 4500)] {
        let mut client = Client::connect(&address).await;
        client
            .send(json!({"type": "connection_init", "payload": {"token": token}}))
            .await;
        let (code, reason) = client.closed().await;
        assert_eq!(code, expected);
        assert!(!reason.contains("10.0.0.1") && !reason.contains("hunter2"), "{reason}");
    }
    let mut client = Client::connect(&address).await;
    client
        .send(json!({"type": "connection_init", "payload": {"token": "long"}}))
        .await;
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.len()), (4403, 123));
}

#[tokio::test]
async fn the_token_comes_from_the_message_or_from_the_header() {
    let (address, _) = start(Settings::default()).await;
    let headers = [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("authorization", "Bearer header"),
    ];
    for (payload, caller) in [
        (json!(null), "Bearer header"),
        (json!({"other": 1}), "Bearer header"),
        (json!({"AUTHORIZATION": "Bearer init"}), "Bearer init"),
        (json!({"token": "bare"}), "Bearer bare"),
    ] {
        let mut client = Client::handshake(&address, &headers).await.unwrap();
        client
            .send(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
        client.subscribe("1", "{ who { caller } }").await;
        assert_eq!(client.receive().await["payload"]["data"]["who"]["caller"], caller);
    }
}

#[tokio::test]
async fn silent_clients_are_closed_with_4408() {
    let (address, _) = start(streams(|streams| streams.init_timeout_ms = 20)).await;
    let mut client = Client::connect(&address).await;
    assert_eq!(
        client.closed().await,
        (4408, "Connection initialisation timeout".to_owned())
    );
    let mut client = Client::ready(&address, json!({})).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    client.send(json!({"type": "ping"})).await;
    assert_eq!(client.receive().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn an_id_in_use_is_closed_with_4409_and_is_free_again_afterwards() {
    let (address, shared) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({})).await;
    for _ in 0..2 {
        client.subscribe("1", "{ hello }").await;
        assert_eq!(client.receive().await["type"], "next");
        assert_eq!(client.receive().await, json!({"id": "1", "type": "complete"}));
    }
    client.subscribe("1", "subscription { news }").await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(
        client.closed().await,
        (4409, "Subscriber for 1 already exists".to_owned())
    );
    shared.until_dropped(1).await;
}

#[tokio::test]
async fn a_second_init_is_closed_with_4429() {
    let (address, _) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({})).await;
    client.send(json!({"type": "connection_init"})).await;
    assert_eq!(
        client.closed().await,
        (4429, "Too many initialisation requests".to_owned())
    );
}

#[tokio::test]
async fn pings_are_answered_before_and_after_the_acknowledgement() {
    let (address, _) = start(Settings::default()).await;
    let mut client = Client::connect(&address).await;
    client.send(json!({"type": "ping", "payload": {"a": 1}})).await;
    assert_eq!(client.receive().await, json!({"type": "pong", "payload": {"a": 1}}));
    client.send(json!({"type": "pong"})).await;
    client.send(json!({"type": "connection_init"})).await;
    assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
    client.send(json!({"type": "ping"})).await;
    assert_eq!(client.receive().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn operations_of_every_kind_are_answered() {
    let (address, _) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({})).await;
    client
        .send(json!({"type": "subscribe", "id": "q", "payload": {
            "query": "query A { hello } query B($n: Int!) { double(number: $n) }",
            "operationName": "B", "variables": {"n": 21}}}))
        .await;
    let next = client.receive().await;
    assert_eq!(
        next,
        json!({"id": "q", "type": "next", "payload": {"data": {"double": 42}}})
    );
    assert_eq!(client.receive().await, json!({"id": "q", "type": "complete"}));
    client.subscribe("m", "mutation { bump }").await;
    assert_eq!(client.receive().await["payload"], json!({"data": {"bump": 1}}));
    assert_eq!(client.receive().await, json!({"id": "m", "type": "complete"}));
    client.subscribe("s", "subscription { ticks }").await;
    for number in 1..=3 {
        assert_eq!(client.receive().await["payload"], json!({"data": {"ticks": number}}));
    }
    assert_eq!(client.receive().await, json!({"id": "s", "type": "complete"}));
    client.subscribe("n", "subscription { numbers }").await;
    let next = client.receive().await;
    assert_eq!(
        next,
        json!({"id": "n", "type": "next", "payload": {"data": {"numbers": 1}}})
    );
}

#[tokio::test]
async fn what_is_not_executed_is_an_error_and_never_a_next() {
    let (address, _) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({})).await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { double(number: $n) }", "BAD_USER_INPUT"),
        ("subscription { unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { floods(bytes: \"many\") }", "BAD_USER_INPUT"),
        ("subscription { ticks numbers }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { ...f } fragment f on Ticks { ticks }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { refused }", "NOT_FOR_YOU"),
        ("subscription { panics }", "INTERNAL"),
        (&super::precheck::bomb(25, 2), "QUERY_TOO_COMPLEX"),
    ] {
        client.subscribe("1", query).await;
        let error = client.receive().await;
        assert_eq!(
            (&error["type"], &error["id"]),
            (&json!("error"), &json!("1")),
            "{query}"
        );
        let first = &error["payload"][0];
        assert_eq!(first["extensions"]["code"], code, "{error}");
        assert!(
            first["message"].is_string() && first["extensions"]["requestId"].is_string(),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    client.subscribe("1", "subscription { halting }").await;
    let failed = client.receive().await;
    assert_eq!(failed["type"], "next");
    assert_eq!(failed["payload"]["errors"][0]["extensions"]["code"], "NO_VALUE");
    assert_eq!(client.receive().await["payload"]["data"]["halting"], 2);
    assert_eq!(client.receive().await["type"], "complete");
    client.subscribe("1", "{ node { fails } }").await;
    assert_eq!(client.receive().await["type"], "next");
}

#[tokio::test]
async fn completing_stops_the_resolver_and_keeps_the_socket() {
    let (address, shared) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({})).await;
    client.subscribe("1", "subscription { news }").await;
    shared.started.notified().await;
    shared.news.tell("a");
    assert_eq!(client.receive().await["payload"]["data"]["news"], "a");
    client.send(json!({"type": "complete", "id": "1"})).await;
    shared.until_dropped(1).await;
    client.send(json!({"type": "complete", "id": "unknown"})).await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.receive().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn everything_stops_when_the_client_leaves() {
    let (address, shared) = start(Settings::default()).await;
    for is_polite in [true, false] {
        let before = shared.dropped.load(Ordering::SeqCst);
        let mut client = Client::ready(&address, json!({})).await;
        client.subscribe("1", "subscription { news }").await;
        client.subscribe("2", "{ waits }").await;
        shared.started.notified().await;
        client.send(json!({"type": "ping"})).await;
        client.receive().await;
        if is_polite {
            client.0.close(None).await.unwrap();
        }
        drop(client);
        shared.until_dropped(before + 2).await;
    }
}

#[tokio::test]
async fn a_socket_runs_a_bounded_number_of_operations() {
    let (address, _) = start(streams(|streams| {
        streams.subscriptions = 2;
        streams.message_bytes = 1000;
    }))
    .await;
    let mut client = Client::ready(&address, json!({})).await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { news }").await;
    }
    let error = client.receive().await;
    assert_eq!((&error["id"], &error["type"]), (&json!("3"), &json!("error")));
    assert_eq!(error["payload"][0]["extensions"]["code"], "TOO_MANY_SUBSCRIPTIONS");
    client.send(json!({"type": "complete", "id": "1"})).await;
    client
        .subscribe("4", &format!("{{ hello }} # {}", "x".repeat(900)))
        .await;
    let error = client.receive().await;
    assert_eq!(error["payload"][0]["extensions"]["code"], "TOO_MANY_SUBSCRIPTIONS");
    client.subscribe("4", "{ hello }").await;
    assert_eq!(client.receive().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn operations_count_against_the_same_bounds_as_over_http() {
    let settings = Settings {
        operations_per_caller: 1,
        query_timeout_ms: 100,
        ..Settings::default()
    };
    let (address, shared) = start(settings).await;
    let mut client = Client::ready(&address, json!({"token": "a"})).await;
    client.subscribe("1", "subscription { news }").await;
    client.subscribe("2", "subscription { news }").await;
    shared.started.notified().await;
    client.subscribe("3", "{ waits }").await;
    client.subscribe("4", "{ hello }").await;
    let error = client.receive().await;
    assert_eq!(
        (&error["id"], &error["payload"][0]["extensions"]["code"]),
        (&json!("4"), &json!("TOO_MANY_REQUESTS"))
    );
    let error = client.receive().await;
    assert_eq!(
        (&error["id"], &error["payload"][0]["extensions"]["code"]),
        (&json!("3"), &json!("TIMEOUT"))
    );
    client.subscribe("5", "subscription { stuck { never } }").await;
    let error = client.receive().await;
    assert_eq!(
        (&error["id"], &error["payload"][0]["extensions"]["code"]),
        (&json!("5"), &json!("TIMEOUT"))
    );
    shared.until_dropped(2).await;
}

#[tokio::test]
async fn messages_that_are_too_long_are_closed_with_1009() {
    let (address, _) = start(streams(|streams| streams.message_bytes = 1000)).await;
    for length in [1001, 3000] {
        let mut client = Client::ready(&address, json!({})).await;
        client.text(&" ".repeat(length)).await;
        assert_eq!(client.closed().await.0, 1009);
    }
}

#[tokio::test]
async fn sockets_beyond_the_bound_are_turned_away() {
    let (address, _) = start(streams(|streams| streams.sockets = 1)).await;
    let client = Client::connect(&address).await;
    let protocol = [("sec-websocket-protocol", "graphql-transport-ws")];
    match Client::handshake(&address, &protocol).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status().as_u16(), 503);
            assert_eq!(response.headers()["retry-after"], "1");
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(client);
    let free = async { while Client::handshake(&address, &protocol).await.is_err() {} };
    timeout(Duration::from_secs(10), free).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_closes_the_socket_with_4403() {
    let (address, shared) = start(Settings::default()).await;
    let mut client = Client::ready(&address, json!({"token": "revocable"})).await;
    client.subscribe("1", "subscription { news }").await;
    shared.started.notified().await;
    shared.revoked.notify_one();
    assert_eq!(
        client.closed().await,
        (4403, "Forbidden: the token was revoked".to_owned())
    );
    shared.until_dropped(1).await;
}

#[tokio::test]
async fn a_stopping_server_ends_queries_and_closes_with_1001() {
    let (router, shared, stop) = serve_until(Settings::default());
    let address = listen(router).await;
    let mut idle = Client::ready(&address, json!({})).await;
    let mut busy = Client::ready(&address, json!({})).await;
    busy.subscribe("1", "{ waits }").await;
    shared.started.notified().await;
    stop.stop();
    assert_eq!(idle.closed().await, (1001, "the server is stopping".to_owned()));
    busy.subscribe("2", "{ hello }").await;
    assert_eq!(busy.receive().await["payload"][0]["extensions"]["code"], "OVERLOADED");
    shared.release.notify_one();
    assert_eq!(busy.receive().await["payload"]["data"]["waits"], "done");
    assert_eq!(busy.receive().await["type"], "complete");
    assert_eq!(busy.closed().await.0, 1001);
    drop((idle, busy));
    timeout(Duration::from_secs(10), stop.drained()).await.unwrap();
}

#[tokio::test]
async fn slow_consumers_are_closed_with_4508() {
    let (address, shared) = start(streams(|streams| streams.slow_ms = 50)).await;
    let mut client = Client::ready(&address, json!({})).await;
    client.subscribe("1", "subscription { floods(bytes: 100000) }").await;
    // Nothing is read until the server has given up.
    shared.until_dropped(1).await;
    let made = shared.bumps.load(Ordering::SeqCst);
    assert_eq!(
        client.closed().await,
        (4508, "slow consumer: messages are not taken fast enough".to_owned())
    );
    assert_eq!(shared.bumps.load(Ordering::SeqCst), made);
}

#[tokio::test]
async fn consumers_that_keep_reading_are_not_slow() {
    let (address, shared) = start(streams(|streams| {
        streams.slow_ms = 200;
        streams.send_queue = 2;
    }))
    .await;
    let mut client = Client::ready(&address, json!({})).await;
    client.subscribe("1", "subscription { floods(bytes: 100000) }").await;
    for _ in 0..300 {
        assert_eq!(client.receive().await["type"], "next");
    }
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn clients_that_miss_two_pings_are_dropped() {
    let (address, shared) = start(streams(|streams| streams.ping_ms = 30)).await;
    let mut client = Client::ready(&address, json!({})).await;
    client.subscribe("1", "subscription { news }").await;
    shared.started.notified().await;
    // Whoever reads answers pings.
    for _ in 0..5 {
        assert!(matches!(client.next().await, Message::Ping(_)));
    }
    assert_eq!(shared.dropped.load(Ordering::SeqCst), 0);
    shared.until_dropped(1).await;
}

#[tokio::test]
async fn plain_requests_with_half_a_handshake_are_refused() {
    let (router, _) = serve(Settings::default());
    let request = super::with(super::get(&[]), "upgrade", "websocket");
    let reply = super::send(&router, request).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "INVALID_REQUEST"));
}
