//! Requests of clients' own to a connected system: through the connector's layers, within what it allows, and written down.

use std::time::Duration;

use lineshaft_connect::blueprint::raw::{MOST_PARAMETERS, RawRequest};
use sea_orm::DbErr;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{MappingError, scope};
use crate::{
    Engine, Session,
    audit::Act,
    connections::{Connection, WriteMode},
    origin::Origin,
};

/// What the caller of a simulated request is told.
const SIMULATED: &str = "simulated: nothing was sent";

/// A request of a client's own.
#[derive(Clone, Debug, PartialEq)]
pub struct RawCall {
    /// The connection.
    pub connection_id: Uuid,
    /// HTTP method.
    pub method: String,
    /// Path below the address of the connection.
    pub path: String,
    /// Query parameters: an object of texts, numbers, truth values, or lists of them.
    pub query: Option<Json>,
    /// JSON body.
    pub body: Option<Json>,
}

/// The answer to a request of a client's own.
#[derive(Clone, Debug, PartialEq)]
pub struct RawAnswer {
    /// HTTP status; 0 when nothing was sent because the connection simulates.
    pub status: u16,
    /// Headers that say something about what was asked for.
    pub headers: Vec<(String, String)>,
    /// The body, when it is JSON.
    pub body: Option<Json>,
    /// The body, when it is another text.
    pub text: Option<String>,
    /// How long it took.
    pub latency: Duration,
}

impl Engine {
    /// Sends a request of a client's own and returns the answer, whatever its status.
    ///
    /// # Errors
    /// When the token, the connector or the connection does not allow it, or the system cannot be asked.
    pub async fn raw_request(
        &self,
        session: &Session,
        call: RawCall,
        origin: &Origin,
    ) -> Result<RawAnswer, MappingError> {
        scope::may_pass(session)?;
        let connection = self.seen(session, call.connection_id).await?;
        let request = RawRequest {
            method: call.method.to_ascii_uppercase(),
            path: call.path,
            query: parameters(call.query)?,
            body: call.body,
        };
        let reached = self.reach(session, &connection)?;
        let reads = reached.connector.blueprint().raw_reads(&request);
        let reads = reads.map_err(|refusal| MappingError::RawNotAllowed(refusal.0))?;
        if !reads {
            may_change(session, &connection)?;
            if connection.write_mode == WriteMode::Simulate {
                self.note_raw(&connection, origin, "raw.request", &request, json!({"simulated": true}))
                    .await?;
                return Ok(RawAnswer {
                    status: 0,
                    headers: Vec::new(),
                    body: None,
                    text: Some(SIMULATED.to_owned()),
                    latency: Duration::ZERO,
                });
            }
            // Should this server end before the answer comes, it is known that something was sent.
            self.note_raw(&connection, origin, "raw.sending", &request, json!({}))
                .await?;
        }
        let answer = reached.connector.raw_request(&reached.context, &request).await;
        let outcome = match &answer {
            Ok(answer) => json!({"status": answer.status}),
            Err(error) => json!({"error": error.kind().code()}),
        };
        self.note_raw(&connection, origin, "raw.request", &request, outcome)
            .await?;
        let answer = answer.map_err(|error| MappingError::from(&error))?;
        let body: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let text = match (&body, answer.body.is_empty()) {
            (None, false) => Some(String::from_utf8_lossy(&answer.body).into_owned()),
            _ => None,
        };
        Ok(RawAnswer {
            status: answer.status,
            headers: answer.headers,
            body,
            text,
            latency: answer.latency,
        })
    }

    /// Writes down that a request was sent: never its parameters or body.
    async fn note_raw(
        &self,
        connection: &Connection,
        origin: &Origin,
        action: &'static str,
        request: &RawRequest,
        outcome: Json,
    ) -> Result<(), DbErr> {
        let mut detail = json!({"method": request.method, "path": request.path});
        if let (Json::Object(detail), Json::Object(outcome)) = (&mut detail, outcome) {
            detail.extend(outcome);
        }
        let act = Act {
            action,
            target_id: Some(connection.id),
            detail,
        };
        let change = self.journal.begin().await?;
        change.note(connection.organization_id, origin, act).await?;
        change.commit().await
    }
}

/// Refuses requests that change something where nothing may be changed.
fn may_change(session: &Session, connection: &Connection) -> Result<(), MappingError> {
    let caller = &session.caller;
    if !caller.scopes.is_empty() && !caller.may("write") {
        return Err(MappingError::Forbidden(
            "the token may not write: it lacks the scope `write`",
        ));
    }
    match connection.write_mode {
        WriteMode::ReadOnly => Err(MappingError::ReadOnly),
        WriteMode::Enabled | WriteMode::Simulate => Ok(()),
    }
}

fn parameters(query: Option<Json>) -> Result<Vec<(String, String)>, MappingError> {
    let wrong =
        || MappingError::Argument("`query` is an object of texts, numbers, truth values, or lists of them".into());
    let members = match query {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(members)) => members,
        Some(_) => return Err(wrong()),
    };
    let mut parameters = Vec::new();
    for (name, value) in members {
        let values = match value {
            Json::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let text = match value {
                Json::String(text) => text,
                Json::Number(number) => number.to_string(),
                Json::Bool(truth) => truth.to_string(),
                _ => return Err(wrong()),
            };
            parameters.push((name.clone(), text));
        }
    }
    match parameters.len() > MOST_PARAMETERS {
        true => Err(MappingError::TooMany(format!(
            "a query has at most {MOST_PARAMETERS} parameters"
        ))),
        false => Ok(parameters),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_query_has_as_many_parameters_as_are_sent() {
        let of = |count: usize| parameters(Some(json!({"a": vec![1; count]})));
        assert_eq!(of(MOST_PARAMETERS).unwrap().len(), MOST_PARAMETERS);
        assert!(matches!(of(MOST_PARAMETERS + 1), Err(MappingError::TooMany(_))));
    }
}
