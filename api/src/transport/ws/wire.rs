//! A WebSocket with a bounded queue of what is to be sent; reads and writes never wait for each other.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::time::timeout;

use super::Close;
use crate::transport::Streams;

/// Time that a client has to take the close frame and to answer it.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) struct Wire {
    socket: WebSocket,
    queue: VecDeque<Message>,
    queued_bytes: usize,
    most: usize,
    most_bytes: usize,
    is_flushed: bool,
}

impl Wire {
    pub(super) fn new(socket: WebSocket, settings: &Streams) -> Self {
        Self {
            socket,
            queue: VecDeque::new(),
            queued_bytes: 0,
            most: settings.send_queue.max(1),
            most_bytes: settings.message_bytes,
            is_flushed: true,
        }
    }

    /// Queues a text. The caller looks at `is_full` before it makes something to send.
    pub(super) fn push(&mut self, text: Vec<u8>) {
        match Utf8Bytes::try_from(text) {
            Ok(text) => self.push_message(Message::Text(text)),
            Err(error) => tracing::error!(%error, "a message is not UTF-8 and was not sent"),
        }
    }

    pub(super) fn push_ping(&mut self) {
        self.push_message(Message::Ping(Bytes::new()));
    }

    fn push_message(&mut self, message: Message) {
        self.queued_bytes += size(&message);
        self.queue.push_back(message);
    }

    /// Says whether nothing more may be queued until the client has taken some of it.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.most || self.queued_bytes >= self.most_bytes
    }

    /// Sends what the client takes; ready when nothing is left.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if !self.is_flushed {
                ready!(Pin::new(&mut self.socket).poll_flush(context))?;
                self.is_flushed = true;
            }
            if self.queue.is_empty() {
                // A burst leaves no large queue behind.
                self.queue.shrink_to(8);
                return Poll::Ready(Ok(()));
            }
            ready!(Pin::new(&mut self.socket).poll_ready(context))?;
            if let Some(message) = self.queue.pop_front() {
                self.queued_bytes -= size(&message);
                Pin::new(&mut self.socket).start_send(message)?;
                self.is_flushed = false;
            }
        }
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        self.socket.poll_next_unpin(context)
    }

    /// Closes the socket, and waits a little for the client to do the same.
    pub(super) async fn close(mut self, close: Close) {
        if !close.is_orderly {
            self.queue.clear();
        }
        let frame = CloseFrame {
            code: close.code,
            reason: close.reason.as_ref().into(),
        };
        let farewell = async {
            while let Some(message) = self.queue.pop_front() {
                self.socket.feed(message).await?;
            }
            self.socket.send(Message::Close(Some(frame))).await?;
            self.end().await;
            Ok::<_, Error>(())
        };
        // A client that has gone needs no farewell.
        let _ = timeout(FAREWELL, farewell).await;
    }

    /// Waits a little for the end of a socket that the client has closed.
    pub(super) async fn closed(mut self) {
        let _ = timeout(FAREWELL, self.end()).await;
    }

    async fn end(&mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}
