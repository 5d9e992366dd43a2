//! A receiver of webhooks for demonstrations and tests: it keeps every request, answers as it is told, and checks
//! signatures on its own.

mod page;
mod received;
mod reply;
mod signature;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::response::{Html, IntoResponse, Response};
use axum::{Json, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use http::{HeaderMap, Method, Request, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use received::Received;
pub use reply::Reply;
pub use signature::Verdict;

use crate::server::serve::{self, Answer};

/// The longest body that is taken.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Memory {
    received: Vec<Received>,
    last: u64,
    script: VecDeque<Reply>,
    otherwise: Reply,
    secrets: Vec<String>,
}

impl Receiver {
    /// Starts a receiver on a free port of the loopback address.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts a receiver on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            memory: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let answering = Answering(Arc::clone(&shared));
        let task = tokio::spawn(serve::until_aborted(listener, answering));
        Ok(Self { shared, address, task })
    }

    /// Returns `http://127.0.0.1:PORT`; every path below it takes webhooks.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns an address below it to send webhooks to.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{}", self.base_url(), path.trim_start_matches('/'))
    }

    /// Checks signatures with these secrets (`whsec_…`) from now on; one that fits is enough. None stops checking.
    pub fn set_secrets(&self, secrets: impl IntoIterator<Item = impl Into<String>>) {
        self.shared.memory().secrets = secrets.into_iter().map(Into::into).collect();
    }

    /// Answers the next requests in this order, one each. What was left of the last script is forgotten.
    pub fn set_script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.memory().script = replies.into_iter().collect();
    }

    /// Answers all requests in this way that the script has nothing for; 204 at the beginning.
    pub fn set_otherwise(&self, reply: Reply) {
        self.shared.memory().otherwise = reply;
    }

    /// Returns the requests received so far, those to the receiver's own pages left out.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.memory().received.clone()
    }

    /// Returns how many requests are kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.memory().received.len()
    }

    /// Waits until this many requests are kept, at most for a time, and returns those that are there then.
    pub async fn wait_for(&self, count: usize, at_most: Duration) -> Vec<Received> {
        let mut changes = self.shared.count.subscribe();
        let reached = changes.wait_for(|kept| *kept >= count);
        let _in_time = tokio::time::timeout(at_most, reached).await;
        self.received()
    }

    /// Forgets the requests received so far.
    pub fn clear(&self) {
        self.shared.clear();
    }

    /// Closes the listener and all connections at once.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Keeps a request and returns how to answer it.
    fn keep(&self, head: &http::request::Parts, body: &Bytes) -> Reply {
        let mut memory = self.memory();
        let next = memory.script.pop_front();
        let reply = next.unwrap_or_else(|| memory.otherwise.clone());
        memory.last += 1;
        let now = Utc::now();
        let received = Received {
            number: memory.last,
            at: now,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: texts(&head.headers),
            body: String::from_utf8_lossy(body).into_owned(),
            raw_body: STANDARD.encode(body),
            status: if reply.hang { 0 } else { reply.status },
            signature: signature::verdict(&memory.secrets, &head.headers, body, now.timestamp()),
        };
        memory.received.push(received);
        self.count.send_replace(memory.received.len());
        reply
    }

    fn clear(&self) {
        let mut memory = self.memory();
        memory.received.clear();
        self.count.send_replace(0);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

#[derive(Clone)]
struct Answering(Arc<Shared>);

impl Answer for Answering {
    async fn answer(self, request: Request<Body>) -> io::Result<Response> {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
            return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        };
        if let Some(response) = self.own_page(&head, &body) {
            return Ok(response);
        }
        let reply = self.0.keep(&head, &body);
        if reply.hang {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
        Ok(reply.response())
    }
}

impl Answering {
    /// Answers what is meant for the receiver itself.
    fn own_page(&self, head: &http::request::Parts, body: &[u8]) -> Option<Response> {
        let path = head.uri.path();
        if path == "/" && matches!(head.method, Method::GET | Method::HEAD) {
            let page = page::write(&self.0.memory().received);
            let policy = (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'",
            );
            return Some(([policy], Html(page)).into_response());
        }
        match (&head.method, path) {
            (&Method::GET, "/_received") => Some(Json(&self.0.memory().received).into_response()),
            (&Method::DELETE, "/_received") => {
                self.0.clear();
                Some(StatusCode::NO_CONTENT.into_response())
            }
            (&Method::PUT, "/_script") => {
                Some(self.set(body, |memory, replies: VecDeque<Reply>| memory.script = replies))
            }
            (&Method::PUT, "/_otherwise") => Some(self.set(body, |memory, reply: Reply| memory.otherwise = reply)),
            (&Method::PUT, "/_secrets") => {
                Some(self.set(body, |memory, secrets: Vec<String>| memory.secrets = secrets))
            }
            _ => None,
        }
    }

    fn set<T: serde::de::DeserializeOwned>(&self, body: &[u8], change: impl FnOnce(&mut Memory, T)) -> Response {
        match serde_json::from_slice(body) {
            Ok(value) => {
                change(&mut self.0.memory(), value);
                StatusCode::NO_CONTENT.into_response()
            }
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        }
    }
}
