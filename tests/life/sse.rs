//! A client of server-sent events that keeps what it is told until it is cut off.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::api::Api;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub event: String,
    pub id: Option<String>,
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    heard: watch::Receiver<(Vec<Sent>, bool)>,
    reader: JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Stream {
    /// Opens a stream, behind the last event of an earlier one if it is told.
    pub async fn open(api: &Api, query: &str, variables: Value, last: Option<&str>) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client
            .post(format!("{}/graphql", api.base))
            .bearer_auth(&api.token)
            .header(ACCEPT, "text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(json!({"query": query, "variables": variables}).to_string());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let (hearing, heard) = watch::channel((Vec::new(), false));
        let reader = tokio::spawn(async move {
            let mut text = String::new();
            while let Ok(Some(chunk)) = response.chunk().await {
                text.push_str(std::str::from_utf8(&chunk).unwrap());
                while let Some((block, rest)) = text.split_once("\n\n") {
                    if let Some(sent) = parse(block) {
                        hearing.send_modify(|heard| heard.0.push(sent));
                    }
                    text = rest.to_owned();
                }
            }
            hearing.send_modify(|heard| heard.1 = true);
        });
        Self { heard, reader }
    }

    /// Waits until enough was sent or the stream has ended, at most for a time, and returns what there is then.
    pub async fn wait_until(&self, within: Duration, enough: impl Fn(&[Sent]) -> bool) -> Vec<Sent> {
        let mut heard = self.heard.clone();
        drop(timeout(within, heard.wait_for(|heard| enough(&heard.0) || heard.1)).await);
        self.heard.borrow().0.clone()
    }

    /// Waits until so much was sent.
    pub async fn wait(&self, within: Duration, count: usize) -> Vec<Sent> {
        self.wait_until(within, |sent| sent.len() >= count).await
    }
}

/// Reads one block; a comment that keeps the stream open is none.
fn parse(block: &str) -> Option<Sent> {
    let field = |name: &str| {
        let found = block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(|value| value.trim_start().to_owned())
    };
    Some(Sent {
        event: field("event")?,
        id: field("id"),
        data: serde_json::from_str(&field("data").unwrap_or_default()).unwrap_or(Value::Null),
    })
}
