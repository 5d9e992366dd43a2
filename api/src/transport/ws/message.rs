//! The messages of the protocol: reads those of clients exactly, writes those of the server.

use std::borrow::Cow;

use http::HeaderValue;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::Close;
use crate::transport::{Operation, outcome::Outcome, request::parse_operation, write_response};

/// Characters that tell operations apart; more would only fill memory.
const ID_BYTES: usize = 256;

/// A message of a client.
#[derive(Debug)]
pub(super) enum Message {
    ConnectionInit { token: Option<HeaderValue> },
    Ping { payload: Option<Box<RawValue>> },
    Pong,
    Subscribe { id: Box<str>, operation: Box<Operation> },
    Complete { id: Box<str> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    payload: Option<&'a RawValue>,
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// 4400 with what is wrong, or 4403 for a token that cannot be one.
    pub(super) fn parse(text: &str) -> Result<Self, Close> {
        // A list would be taken for the fields of the struct in order.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(Close::bad_request("a message must be a JSON object"));
        }
        let frame: Frame<'_> =
            serde_json::from_str(text).map_err(|error| Close::bad_request(format!("invalid message: {error}")))?;
        match &*frame.kind {
            "connection_init" => {
                let payload = frame.object()?;
                Ok(Self::ConnectionInit {
                    token: payload.map_or(Ok(None), |payload| token(&payload))?,
                })
            }
            "ping" => {
                let _object = frame.object()?;
                Ok(Self::Ping {
                    payload: frame.payload.map(ToOwned::to_owned),
                })
            }
            "pong" => frame.object().map(|_| Self::Pong),
            "subscribe" => {
                let id = frame.id()?;
                let payload = frame
                    .payload
                    .ok_or_else(|| Close::bad_request("subscribe has no payload"))?;
                let operation = parse_operation(payload.get())
                    .map_err(|refusal| Close::bad_request(format!("invalid payload: {}", refusal.message)))?;
                if operation.query.is_none() && !operation.extensions.contains_key("persistedQuery") {
                    return Err(Close::bad_request("invalid payload: query is missing"));
                }
                Ok(Self::Subscribe {
                    id,
                    operation: Box::new(operation),
                })
            }
            "complete" => frame.id().map(|id| Self::Complete { id }),
            kind => Err(Close::bad_request(format!("unknown message type \"{kind}\""))),
        }
    }
}

impl Frame<'_> {
    fn id(&self) -> Result<Box<str>, Close> {
        match self.id.as_deref() {
            None | Some("") => Err(Close::bad_request(format!("{} has no id", self.kind))),
            Some(id) if id.len() > ID_BYTES => {
                Err(Close::bad_request(format!("an id may have at most {ID_BYTES} bytes")))
            }
            Some(id) => Ok(id.into()),
        }
    }

    fn object(&self) -> Result<Option<Map<String, Value>>, Close> {
        let Some(payload) = self.payload else { return Ok(None) };
        serde_json::from_str(payload.get())
            .map_err(|_| Close::bad_request(format!("the payload of {} must be an object", self.kind)))
    }
}

/// Finds the value of the header `Authorization` in the payload: `authorization` in any case, or a bare `token`.
fn token(payload: &Map<String, Value>) -> Result<Option<HeaderValue>, Close> {
    let member = |name: &str| payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    let text = match (member("authorization"), member("token")) {
        (Some((_, Value::String(text))), _) => text.clone(),
        (None, Some((_, Value::String(token)))) => format!("Bearer {token}"),
        (None, None) => return Ok(None),
        _ => return Err(Close::new(4403, "Forbidden: the token must be a string")),
    };
    match HeaderValue::try_from(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok(Some(value))
        }
        Err(_) => Err(Close::new(
            4403,
            "Forbidden: the token has characters that no token has",
        )),
    }
}

pub(super) const CONNECTION_ACK: &str = r#"{"type":"connection_ack"}"#;

pub(super) fn pong(payload: Option<&RawValue>) -> Vec<u8> {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{}}}"#, payload.get()).into(),
        None => br#"{"type":"pong"}"#.to_vec(),
    }
}

pub(super) fn next(id: &str, outcome: &Outcome) -> Vec<u8> {
    let mut out = head(id, "next");
    out.extend_from_slice(b",\"payload\":");
    write_response(&mut out, &outcome.response, outcome.data);
    out.push(b'}');
    out
}

pub(super) fn error(id: &str, outcome: &Outcome) -> Vec<u8> {
    let mut out = head(id, "error");
    out.extend_from_slice(b",\"payload\":");
    let start = out.len();
    if let Err(error) = serde_json::to_writer(&mut out, &outcome.response.errors) {
        tracing::error!(%error, "errors could not be written as JSON");
        out.truncate(start);
        out.extend_from_slice(b"[]");
    }
    out.push(b'}');
    out
}

pub(super) fn complete(id: &str) -> Vec<u8> {
    let mut out = head(id, "complete");
    out.push(b'}');
    out
}

fn head(id: &str, kind: &str) -> Vec<u8> {
    format!(r#"{{"id":{},"type":"{kind}""#, Value::from(id)).into()
}
