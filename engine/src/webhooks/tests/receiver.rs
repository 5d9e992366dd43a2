//! A receiver of webhooks on a real socket that answers as a test says.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request that came in.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) at: Instant,
    /// The first line.
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

/// What is answered.
pub(super) enum Reply {
    Status(u16),
    /// A status with further header lines and a body.
    With(u16, String, String),
    /// Nothing, ever.
    Hang,
}

pub(super) struct Receiver {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Starts one that answers by the number of the request, from 0, and the request.
    pub(super) async fn start(reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?tenant=7", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (reply, requests, count) = (Arc::new(reply), Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, requests, count) = (Arc::clone(&reply), Arc::clone(&requests), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(request) = read(&mut stream).await else { return };
                    let answer = reply(count.fetch_add(1, Ordering::SeqCst), &request);
                    requests.lock().unwrap().push(request);
                    let (status, headers, body) = match answer {
                        Reply::Status(status) => (status, String::new(), String::new()),
                        Reply::With(status, headers, body) => (status, headers, body),
                        Reply::Hang => std::future::pending().await,
                    };
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
                    );
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, seen, task }
    }

    pub(super) async fn ok() -> Self {
        Self::start(|_, _| Reply::Status(204)).await
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests came in.
    pub(super) async fn until(&self, count: usize) -> Vec<Request> {
        let start = Instant::now();
        loop {
            let seen = self.seen();
            if seen.len() >= count {
                return seen;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{} of {count}", seen.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let line = lines.next().unwrap().to_owned();
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers["content-length"].parse().unwrap();
        if bytes.len() >= end + 4 + length {
            return Some(Request {
                at: Instant::now(),
                line,
                headers,
                body: String::from_utf8(bytes[end + 4..].to_vec()).unwrap(),
            });
        }
    }
}
