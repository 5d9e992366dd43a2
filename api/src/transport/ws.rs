//! The protocol `graphql-transport-ws` on the path of the endpoint: the handshake, and the task that
//! each socket has.

mod close;
mod message;
mod socket;
mod wire;

use std::sync::Arc;

use async_graphql::Executor;
use axum::{
    extract::{FromRequestParts, WebSocketUpgrade},
    response::Response,
};
use futures_util::FutureExt;
use http::{HeaderValue, Method, header, request::Parts};

use self::{close::Close, socket::Socket, wire::Wire};
use super::{Code, Endpoint, Prepare, Refusal, RequestId};

const PROTOCOL: &str = "graphql-transport-ws";

/// Bytes of the buffer for reading, which every socket keeps.
const READ_BUFFER: usize = 512;

/// Says whether a request asks to become a WebSocket.
pub(super) fn is_upgrade(parts: &Parts) -> bool {
    parts.method == Method::GET
        && parts
            .headers
            .get(header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers the handshake and starts the socket's task. The caller is looked at when `connection_init` arrives, since
/// browsers can send a token only there.
pub(super) fn accept<E: Executor, P: Prepare>(
    endpoint: &Arc<Endpoint<E, P>>,
    parts: &mut Parts,
    id: &RequestId,
) -> Result<Response, Refusal> {
    if endpoint.stop.is_stopping() {
        return Err(endpoint.admission.overloaded());
    }
    let place = endpoint.streams.enter(None, 1)?;
    // The extractor looks at nothing but the head, so it is ready at once.
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &())
        .now_or_never()
        .and_then(Result::ok);
    let Some(upgrade) = upgrade else {
        let message = "the headers of the WebSocket handshake are incomplete, or the connection cannot be upgraded";
        return Err(Refusal::new(Code::InvalidRequest, message));
    };
    let limit = endpoint.settings.streams.message_bytes;
    let mut upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        // What is a little too long is read, so that the close code arrives.
        .max_message_size(limit.saturating_mul(2))
        .max_frame_size(limit.saturating_mul(2))
        .protocols([PROTOCOL]);
    let is_spoken = upgrade.selected_protocol().is_some();
    if !is_spoken && let Some(offered) = first_protocol(parts) {
        // Clients give up on a handshake that takes none of their protocols before they see the close code.
        upgrade.set_selected_protocol(offered);
    }
    let (endpoint, parts, id) = (Arc::clone(endpoint), Box::new(parts.clone()), id.clone());
    let open = endpoint.stop.enter();
    Ok(upgrade.on_upgrade(move |socket| {
        let wire = Wire::new(socket, &endpoint.settings.streams);
        async move {
            let (_place, _open, _count) = (place, &open, Count::start());
            if is_spoken {
                Box::pin(Socket::new(endpoint, parts, id, &open).run(wire)).await;
            } else {
                wire.close(Close::new(4406, "Subprotocol not acceptable")).await;
            }
        }
    }))
}

fn first_protocol(parts: &Parts) -> Option<HeaderValue> {
    let offered = parts.headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.as_bytes();
    let first = offered.split(|byte| *byte == b',').next()?.trim_ascii();
    HeaderValue::from_bytes(first).ok().filter(|first| !first.is_empty())
}

/// Counts a socket in the metrics until it is dropped.
struct Count;

impl Count {
    fn start() -> Self {
        metrics::gauge!("lineshaft_sockets_open").increment(1.0);
        Self
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        metrics::gauge!("lineshaft_sockets_open").decrement(1.0);
    }
}
