//! Many subscribers over WebSockets that cost next to nothing: frames are read by hand, and nothing of them is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

/// Handshakes under way at once.
const OPENED_AT_ONCE: usize = 64;
/// The longest that an event may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(30);

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Subscribers that note when each of them received the last event.
pub struct Fleet {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    /// By subscriber, in microseconds of the time of day.
    received: Vec<AtomicU64>,
    events: AtomicUsize,
    ended: AtomicUsize,
}

impl Fleet {
    pub async fn open(address: &str, token: &str, count: usize) -> Self {
        let shared = Arc::new(Shared {
            received: (0..count).map(|_| AtomicU64::new(0)).collect(),
            events: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        });
        let mut sockets = stream::iter(0..count)
            .map(|_| Socket::subscribe(address, token))
            .buffer_unordered(OPENED_AT_ONCE);
        let mut tasks = JoinSet::new();
        let mut number = 0;
        while let Some(socket) = sockets.next().await {
            tasks.spawn(listen(socket, number, shared.clone()));
            number += 1;
        }
        drop(sockets);
        Self { tasks, shared }
    }

    /// Forgets what was received.
    pub fn reset(&self) {
        self.shared.events.store(0, Ordering::SeqCst);
        self.shared
            .received
            .iter()
            .for_each(|received| received.store(0, Ordering::SeqCst));
    }

    /// Waits until every subscriber has received one event, and returns when each did.
    pub async fn received(&self) -> Vec<u64> {
        let count = self.tasks.len();
        let started = Instant::now();
        while self.shared.events.load(Ordering::SeqCst) < count {
            let ended = self.shared.ended.load(Ordering::SeqCst);
            assert_eq!(ended, 0, "the server ended subscriptions");
            assert!(
                started.elapsed() < PATIENCE,
                "{} of {count} subscribers received the event",
                self.shared.events.load(Ordering::SeqCst)
            );
            sleep(Duration::from_millis(5)).await;
        }
        let all: Vec<u64> = self
            .shared
            .received
            .iter()
            .map(|received| received.load(Ordering::SeqCst))
            .collect();
        assert!(all.iter().all(|moment| *moment > 0), "some received an event twice");
        all
    }
}

async fn listen(mut socket: Socket, number: usize, shared: Arc<Shared>) {
    while socket.next_is_event().await {
        shared.received[number].store(crate::now_us(), Ordering::SeqCst);
        shared.events.fetch_add(1, Ordering::SeqCst);
    }
    shared.ended.fetch_add(1, Ordering::SeqCst);
}

struct Socket {
    stream: TcpStream,
    /// What was read and not looked at yet.
    buffer: Vec<u8>,
}

impl Socket {
    async fn subscribe(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut socket = Self {
            stream,
            buffer: Vec::with_capacity(512),
        };
        let handshake = format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        socket.stream.write_all(handshake.as_bytes()).await.unwrap();
        let end = loop {
            assert!(socket.fill().await, "the server hung up during the handshake");
            if let Some(at) = socket.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head: Vec<u8> = socket.buffer.drain(..end).collect();
        let head = String::from_utf8_lossy(&head);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } });
        socket.say(TEXT, init.to_string().as_bytes()).await;
        socket.expect("connection_ack").await;
        let query = json!({ "query": "subscription { events { id type cursor } }" });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": query });
        socket.say(TEXT, subscribe.to_string().as_bytes()).await;
        socket.say(TEXT, br#"{"type":"ping"}"#).await;
        socket.expect("pong").await;
        socket
    }

    /// Returns whether the next message is an event; else the socket ended.
    async fn next_is_event(&mut self) -> bool {
        self.message().await.is_some_and(|text| text.contains("\"next\""))
    }

    async fn expect(&mut self, kind: &str) {
        let text = self.message().await.unwrap_or_default();
        assert!(text.contains(kind), "{kind} is expected: {text}");
    }

    /// Returns the next text. Pings are answered on the way.
    async fn message(&mut self) -> Option<String> {
        loop {
            let Some((kind, start, end)) = frame(&self.buffer) else {
                if !self.fill().await {
                    return None;
                }
                continue;
            };
            let payload = self.buffer[start..end].to_vec();
            self.buffer.drain(..end);
            match kind {
                TEXT => return Some(String::from_utf8(payload).unwrap()),
                PING => self.say(PONG, &payload).await,
                CLOSE => return None,
                _ => {}
            }
        }
    }

    async fn fill(&mut self) -> bool {
        self.buffer.reserve(512);
        self.stream
            .read_buf(&mut self.buffer)
            .await
            .is_ok_and(|count| count > 0)
    }

    /// Sends a frame whose mask is zero, which leaves the payload as it is.
    async fn say(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | kind];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        // A server that has gone away is noticed by reading.
        let _ = self.stream.write_all(&frame).await;
    }
}

/// Finds a whole frame at the beginning: its kind, and where its payload begins and ends.
fn frame(buffer: &[u8]) -> Option<(u8, usize, usize)> {
    let (kind, length) = (*buffer.first()? & 0x0f, usize::from(*buffer.get(1)? & 0x7f));
    let (start, length) = match length {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        127 => panic!("no message of this benchmark is so long"),
        short => (2, short),
    };
    (buffer.len() >= start + length).then_some((kind, start, start + length))
}
