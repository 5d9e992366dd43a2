//! A client of `graphql-transport-ws` that keeps what it is told, with the moment, until it is cut off.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{Mutex, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use super::api::Api;

/// Something that a subscription told.
#[derive(Clone, Debug)]
pub struct Told {
    pub at: DateTime<Utc>,
    /// The id of the subscription.
    pub id: String,
    /// What came: the payload of `next` or `error`.
    pub payload: Value,
}

#[derive(Debug, Default)]
struct Heard {
    acknowledged: bool,
    told: Vec<Told>,
    closed: Option<u16>,
}

/// An open socket.
pub struct Socket {
    writer: Mutex<SplitSink<WebSocketStream<TcpStream>, Message>>,
    heard: watch::Receiver<Heard>,
    reader: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Socket {
    /// Opens a socket with the caller's token. It may be refused: `closed` tells.
    pub async fn open(api: &Api) -> Self {
        let address = api.base.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(request, stream).await.unwrap();
        let (writer, mut messages) = socket.split();
        let (hearing, heard) = watch::channel(Heard::default());
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                hearing.send_modify(|heard| heard.take(&message));
            }
            hearing.send_modify(|heard| heard.closed = heard.closed.or(Some(1006)));
        });
        let socket = Self {
            writer: Mutex::new(writer),
            heard,
            reader,
        };
        let token = format!("Bearer {}", api.token);
        socket
            .send(&json!({"type": "connection_init", "payload": {"authorization": token}}))
            .await;
        let mut heard = socket.heard.clone();
        let let_in = heard.wait_for(|heard| heard.acknowledged || heard.closed.is_some());
        drop(timeout(Duration::from_secs(10), let_in).await.expect("an answer"));
        socket
    }

    async fn send(&self, message: &Value) {
        // A socket that was closed meanwhile is told by `closed`.
        drop(self.writer.lock().await.send(Message::text(message.to_string())).await);
    }

    pub async fn subscribe(&self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.send(&json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
    }

    /// Returns what a subscription has told so far.
    pub fn told(&self, id: &str) -> Vec<Told> {
        let heard = self.heard.borrow();
        heard.told.iter().filter(|told| told.id == id).cloned().collect()
    }

    /// Waits until a subscription has told so much, at most for a time, and returns what there is then.
    pub async fn wait(&self, id: &str, within: Duration, count: usize) -> Vec<Told> {
        self.wait_until(id, within, |told| told.len() >= count).await
    }

    /// Waits until a subscription has told enough, at most for a time, and returns what there is then.
    pub async fn wait_until(&self, id: &str, within: Duration, enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let mut heard = self.heard.clone();
        let reached = heard.wait_for(|heard| {
            let own: Vec<Told> = heard.told.iter().filter(|told| told.id == id).cloned().collect();
            enough(&own) || heard.closed.is_some()
        });
        drop(timeout(within, reached).await);
        self.told(id)
    }

    /// Waits until the server has closed the socket, and returns the code.
    pub async fn closed(&self, within: Duration) -> u16 {
        let mut heard = self.heard.clone();
        let closed = timeout(within, heard.wait_for(|heard| heard.closed.is_some())).await;
        closed.expect("the socket is closed in time").unwrap().closed.unwrap()
    }

    pub fn is_open(&self) -> bool {
        self.heard.borrow().closed.is_none()
    }
}

impl Heard {
    fn take(&mut self, message: &Message) {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(frame) => {
                self.closed = Some(frame.as_ref().map_or(1005, |frame| frame.code.into()));
                return;
            }
            _ => return,
        };
        let message: Value = serde_json::from_str(text).unwrap();
        match message["type"].as_str().unwrap() {
            "connection_ack" => self.acknowledged = true,
            "next" | "error" => self.told.push(Told {
                at: Utc::now(),
                id: message["id"].as_str().unwrap().to_owned(),
                payload: message["payload"].clone(),
            }),
            _ => {}
        }
    }
}
