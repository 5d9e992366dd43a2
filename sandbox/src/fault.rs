//! Faults on demand: what a broken network, an overloaded server or a confused proxy would send
//! in place of the answer. The front applies at most one fault to each request.

mod bodies;
mod request;

pub(crate) use bodies::gzip_stored;
pub(crate) use request::Intent;

use axum::body::{Body, Bytes};
use axum::response::Response;
use chrono::Utc;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::time::Duration;

/// A fault with the requests it strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: Kind,
    /// How many requests it strikes; none means until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Strikes only requests whose path and query contain this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// Strikes only requests with one of these HTTP methods; empty means any. A method that a header or the path puts in
    /// place of the one that was sent counts as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Strikes only requests whose operation contains this text, as the log of calls names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_contains: Option<String>,
    /// Strikes only requests that change something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes: bool,
}

/// What happens to a struck request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The right answer comes late.
    Latency {
        /// How late.
        ms: u64,
    },
    /// 429, with or without a Retry-After header.
    RateLimit {
        /// Seconds in Retry-After; none leaves the header out.
        #[serde(default)]
        retry_after_s: Option<u32>,
        /// Gives Retry-After as an HTTP date.
        #[serde(default)]
        http_date: bool,
    },
    /// An answer with this status and a short text.
    Status {
        /// The status code.
        code: u16,
    },
    /// 401 with a Bearer challenge.
    Unauthorized,
    /// The connection closes in the middle of the body.
    Cut,
    /// The connection closes before any answer, and new ones are not served.
    Refuse,
    /// 200 with JSON that does not parse.
    Malformed,
    /// 200 with a login page.
    Html,
    /// 200 without a body.
    Empty,
    /// 200 with JSON whose text is not UTF-8.
    BadUtf8,
    /// 200 with JSON nested a hundred thousand levels deep.
    DeepJson,
    /// 200 with a JSON string of this many bytes, streamed.
    Huge {
        /// Size of the body.
        bytes: u64,
    },
    /// 200 with a small gzip body that unpacks to this many bytes.
    GzipBomb {
        /// Size unpacked.
        bytes: u64,
    },
    /// The right answer, its body slowed down.
    SlowBody {
        /// How fast.
        bytes_per_second: u32,
    },
    /// The right answer, but nothing is sent for a time.
    SlowHeader {
        /// How long; thirty seconds when left out.
        #[serde(default = "thirty_seconds")]
        ms: u64,
    },
    /// The right answer without its second half, with a length that fits.
    Truncated,
    /// The right answer with every value of another type.
    WrongType,
    /// The connection closes after the request was read, and the system never sees it.
    CutBefore,
    /// The system carries the request out, then the connection closes before any byte of the answer.
    CutAfter,
    /// The system carries the request out, but the answer has this status and a short text.
    StatusAfter {
        /// The status code.
        code: u16,
    },
    /// The system carries the request out, then nothing is sent for a time.
    HangAfter {
        /// How long; thirty seconds when left out.
        #[serde(default = "thirty_seconds")]
        ms: u64,
    },
}

fn thirty_seconds() -> u64 {
    30_000
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            times: None,
            path_contains: None,
            methods: Vec::new(),
            operation_contains: None,
            writes: false,
        }
    }
}

impl Fault {
    /// Returns a fault that strikes every request.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        kind.into()
    }

    /// Limits it to a number of requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Limits it to paths that contain a text.
    #[must_use]
    pub fn path_contains(mut self, text: impl Into<String>) -> Self {
        self.path_contains = Some(text.into());
        self
    }

    /// Limits it to HTTP methods.
    #[must_use]
    pub fn methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Limits it to operations whose name contains a text.
    #[must_use]
    pub fn operation_contains(mut self, text: impl Into<String>) -> Self {
        self.operation_contains = Some(text.into());
        self
    }

    /// Limits it to requests that change something.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    /// Says whether it strikes a request.
    pub(crate) fn strikes(&self, path_and_query: &str, method: &str, intent: &Intent) -> bool {
        let is_method = |wanted: &String| {
            let is = |given: &str| given.eq_ignore_ascii_case(wanted);
            is(method) || intent.method.as_deref().is_some_and(is)
        };
        let names = |text: &String| intent.operation.as_ref().is_some_and(|name| name.contains(text));
        self.times != Some(0)
            && self
                .path_contains
                .as_ref()
                .is_none_or(|text| path_and_query.contains(text))
            && (self.methods.is_empty() || self.methods.iter().any(is_method))
            && self.operation_contains.as_ref().is_none_or(names)
            && (!self.writes || intent.write)
    }
}

impl Kind {
    /// Says whether the system answers and the answer is then changed.
    pub(crate) fn wants_answer(&self) -> bool {
        matches!(
            self,
            Self::Latency { .. }
                | Self::Cut
                | Self::SlowBody { .. }
                | Self::SlowHeader { .. }
                | Self::Truncated
                | Self::WrongType
                | Self::CutAfter
                | Self::StatusAfter { .. }
                | Self::HangAfter { .. }
        )
    }

    /// Says whether the connection closes without a byte of an answer.
    pub(crate) fn closes(&self) -> bool {
        matches!(self, Self::Refuse | Self::CutBefore | Self::CutAfter)
    }

    /// Says whether the body is changed, which asks for one that is not packed.
    pub(crate) fn changes_body(&self) -> bool {
        matches!(self, Self::Cut | Self::Truncated | Self::WrongType)
    }

    /// Returns how long to wait before the answer.
    pub(crate) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Latency { ms } | Self::SlowHeader { ms } | Self::HangAfter { ms } => Some(Duration::from_millis(*ms)),
            _ => None,
        }
    }

    /// Returns the answer in place of the system's.
    pub(crate) fn replace(&self) -> Response {
        match self {
            Self::RateLimit {
                retry_after_s,
                http_date,
            } => rate_limited(*retry_after_s, *http_date),
            Self::Status { code } => plain(*code),
            Self::Unauthorized => {
                let mut response = answer(
                    StatusCode::UNAUTHORIZED,
                    "application/json",
                    "{\"error\":\"unauthorized\"}",
                );
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
            Self::Malformed => json("{\"value\": [ {\"id\": 1, \"name\": \"half"),
            Self::Html => answer(StatusCode::OK, "text/html; charset=utf-8", bodies::LOGIN_PAGE),
            Self::Empty => answer(StatusCode::OK, "application/json", Body::empty()),
            Self::BadUtf8 => json(Bytes::from_static(
                b"{\"value\":[{\"id\":1,\"name\":\"\xff\xfe\xc3\x28\"}]}",
            )),
            Self::DeepJson => json(bodies::deep(100_000)),
            Self::Huge { bytes } => json(Body::from_stream(bodies::huge(*bytes))),
            Self::GzipBomb { bytes } => {
                let mut response = json(bodies::gzip_of_zeros(*bytes));
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            _ => answer(StatusCode::OK, "application/json", Body::empty()),
        }
    }

    /// Changes the system's answer, whose body was read.
    pub(crate) fn change(&self, response: Response, body: Bytes) -> Response {
        let (mut head, _) = response.into_parts();
        match self {
            Self::StatusAfter { code } => plain(*code),
            Self::Cut => {
                head.headers.remove(header::CONTENT_ENCODING);
                head.headers
                    .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len().max(2)));
                let half = body.slice(..body.len() / 2);
                // The pause lets the head and the first half reach the client before the end.
                let half = stream::once(async move { Ok(half) });
                let end = stream::once(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
                });
                Response::from_parts(head, Body::from_stream(half.chain(end)))
            }
            Self::SlowBody { bytes_per_second } => {
                Response::from_parts(head, Body::from_stream(dribble(body, *bytes_per_second)))
            }
            Self::Truncated => {
                head.headers.remove(header::CONTENT_LENGTH);
                head.headers.remove(header::CONTENT_ENCODING);
                let half = body.slice(..body.len() / 2);
                Response::from_parts(head, Body::from(half))
            }
            Self::WrongType => {
                head.headers.remove(header::CONTENT_LENGTH);
                head.headers.remove(header::CONTENT_ENCODING);
                Response::from_parts(head, Body::from(bodies::wrong_types(&body)))
            }
            _ => Response::from_parts(head, Body::from(body)),
        }
    }
}

fn dribble(body: Bytes, bytes_per_second: u32) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    let step = usize::try_from(bytes_per_second.max(10) / 10).unwrap_or(1);
    let pieces: Vec<Bytes> = (0..body.len())
        .step_by(step)
        .map(|at| body.slice(at..(at + step).min(body.len())))
        .collect();
    stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(piece)
    })
}

fn rate_limited(retry_after_s: Option<u32>, http_date: bool) -> Response {
    let mut response = answer(StatusCode::TOO_MANY_REQUESTS, "text/plain", "Too Many Requests");
    let Some(seconds) = retry_after_s else { return response };
    let value = if http_date {
        let at = Utc::now() + chrono::Duration::seconds(i64::from(seconds));
        HeaderValue::from_str(&at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
    } else {
        Some(HeaderValue::from(seconds))
    };
    if let Some(value) = value {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn plain(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, "text/plain", status.canonical_reason().unwrap_or("").to_owned())
}

fn json(body: impl Into<Body>) -> Response {
    answer(StatusCode::OK, "application/json", body)
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
