//! One guarded POST to an address that a customer gave, such as that of a webhook: exactly these bytes, no redirects, and
//! of the answer no more than the start.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{HttpClient, classify};
use crate::error::{Error, ErrorKind, Reach};

/// What is sent.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// Where to.
    pub url: &'a Url,
    /// All headers besides those of HTTP itself.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The longest time, from looking the name up to the end of the answer.
    pub time: Duration,
    /// Bytes of the answer that are read at most.
    pub most_bytes: usize,
}

/// What came back. Redirects are answers too.
#[derive(Clone, Debug)]
pub struct Posted {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The start of the body.
    pub body: Bytes,
    /// Whether there was more of it, or the rest did not come in time.
    pub cut: bool,
}

impl HttpClient {
    /// Sends a POST once.
    ///
    /// # Errors
    /// Refuses addresses that the guard does not admit, and tells failures of the network. Once a status has come there
    /// is an answer, whatever becomes of its body.
    pub async fn post(&self, post: Post<'_>) -> Result<Posted, Error> {
        let end = Instant::now() + post.time;
        let mut request = self.request(http::Method::POST, post.url.clone())?;
        if !post.headers.contains_key(header::ACCEPT) {
            request = request.header(header::ACCEPT, "*/*");
        }
        let sent = request.headers(post.headers).body(post.body).send();
        let mut response = match timeout_at(end, sent).await {
            Ok(sent) => sent.map_err(|error| classify(&error))?,
            Err(_) => {
                let late = Error::new(ErrorKind::Timeout, "there was no answer in time");
                return Err(late.with_reach(Reach::Unknown));
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        let cut = loop {
            match timeout_at(end, response.chunk()).await {
                Ok(Ok(None)) => break false,
                Ok(Ok(Some(piece))) => {
                    let room = post.most_bytes.saturating_sub(body.len());
                    body.extend_from_slice(piece.get(..room).unwrap_or(&piece));
                    if piece.len() > room {
                        break true;
                    }
                }
                Ok(Err(_)) | Err(_) => break true,
            }
        };
        Ok(Posted {
            status,
            headers,
            body: body.freeze(),
            cut,
        })
    }
}
