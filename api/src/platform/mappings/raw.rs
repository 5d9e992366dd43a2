//! Requests of a client's own to a connected system, in the system's own words.

use async_graphql::{Context, ID, Json, Object, SimpleObject};
use lineshaft_engine::mappings::{self, RawCall};
use serde_json::{Map, Value};

use super::failed;
use crate::platform::access::{self, id};

/// What a system answered to a request of a client's own.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RawResponse {
    /// The HTTP status.
    status: i32,
    /// The headers that may be told, by their names in small letters.
    headers: Json<Value>,
    /// The body, when it is JSON.
    body: Option<Json<Value>>,
    /// The body, when it is another text.
    text: Option<String>,
    /// How long the system took.
    latency_ms: u64,
}

impl From<mappings::RawAnswer> for RawResponse {
    fn from(answer: mappings::RawAnswer) -> Self {
        let mut headers = Map::new();
        for (name, value) in answer.headers {
            let known = headers.entry(name.to_ascii_lowercase()).or_insert(Value::Null);
            *known = match known.as_str() {
                Some(before) => Value::String(format!("{before}, {value}")),
                None => Value::String(value),
            };
        }
        Self {
            status: i32::from(answer.status),
            headers: Json(Value::Object(headers)),
            body: answer.body.map(Json),
            text: answer.text,
            latency_ms: u64::try_from(answer.latency.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What is asked of systems in their own words.
#[derive(Default)]
pub(crate) struct RawMutation;

#[Object]
impl RawMutation {
    /// Sends a request to the connected system in its own words, through the same layers as all others: sign-in, limits,
    /// breaker, audit. Only what the connector allows is sent. Needs an organization's key or a token with the scope
    /// `passthrough`, which no token of a connection has unless it is given.
    async fn raw_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "The HTTP method.")] method: String,
        #[graphql(desc = "The path below the address of the system, without a query.")] path: String,
        #[graphql(desc = "The parameters of the query: an object of texts, numbers, truth values or lists of them.")]
        query: Option<Json<Value>>,
        #[graphql(desc = "The body, sent as JSON.")] body: Option<Json<Value>>,
    ) -> async_graphql::Result<RawResponse> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let call = RawCall {
            connection_id: id(&connection_id, "a connection")?,
            method,
            path,
            query: query.map(|Json(query)| query),
            body: body.map(|Json(body)| body),
        };
        let answer = engine.raw_request(session, call, &session.origin()).await;
        answer.map(Into::into).map_err(|error| failed(&error))
    }
}
