//! What is told of the state of a connection: its row, and what this process has seen since.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use lineshaft_connect::layers::breaker;
use serde::Serialize;
use uuid::Uuid;

use super::entities::{self, EntityStatus};
use crate::{
    Engine,
    connections::{self, Connection, Visible},
    database, links,
};

/// Moments of this process are told to so many seconds, so that the report of a busy connection does not change with
/// every call.
const ROUNDED_TO: TimeDelta = TimeDelta::seconds(10);

/// The state of a connection as the API tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The connection.
    pub id: Uuid,
    /// Its state.
    pub status: &'static str,
    /// Why.
    pub status_reason: Option<String>,
    /// What more is to be told, for people.
    pub status_message: Option<String>,
    /// Since when.
    pub status_since: DateTime<Utc>,
    /// When an operation last succeeded, to about ten seconds.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When an operation last failed, to about ten seconds.
    pub last_error_at: Option<DateTime<Utc>>,
    /// That failure.
    pub last_error: Option<Failure>,
    /// When the credentials end, if that is known.
    pub credentials_expire_at: Option<DateTime<Utc>>,
    /// When it is tried next without being asked.
    pub next_check_at: Option<DateTime<Utc>>,
    /// Whether calls go through.
    pub circuit: CircuitReport,
    /// Whether the system asks for fewer calls.
    pub rate_limit: RateLimitReport,
    /// Where somebody can sign in again, while the connection waits for it.
    pub reconnect_url: Option<String>,
    /// The account that the credentials open.
    pub account: Option<String>,
    /// How each entity fares.
    pub entity_health: Vec<EntityReport>,
    /// Counts the changes of its state.
    pub revision: i64,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its stable code.
    pub code: String,
    /// What it said.
    pub message: String,
}

/// Whether calls go through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CircuitReport {
    /// Where the breaker stands.
    pub state: CircuitState,
    /// Until when calls are held back.
    pub open_until: Option<DateTime<Utc>>,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls are held back.
    Open,
    /// One call is let through to see whether the system is back.
    HalfOpen,
}

/// Whether the system asks for fewer calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitReport {
    /// Whether it does.
    pub limited: bool,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
}

/// How an entity fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityReport {
    /// The entity.
    pub entity: String,
    /// How its last reading went.
    pub status: EntityStatus,
    /// The code of the last failure, while it has not been read since.
    pub code: Option<String>,
    /// What that failure said.
    pub message: Option<String>,
    /// When it was last read.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When reading it last failed.
    pub last_error_at: Option<DateTime<Utc>>,
}

impl CircuitState {
    /// Returns its text in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }
}

impl StatusReport {
    /// Returns a weak entity tag of all that is told.
    #[must_use]
    pub fn etag(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let hash = blake3::hash(&text).to_hex();
        format!("W/\"{}-{}\"", self.revision, hash.get(..16).unwrap_or_default())
    }
}

impl Engine {
    /// Tells the state of a connection. Reads one row.
    ///
    /// # Errors
    /// When there is no such connection for whoever asks.
    pub async fn status_of_connection(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
    ) -> Result<StatusReport, connections::Error> {
        let connection = self.connections.get(visible, id).await?;
        Ok(self.status_report(&connection))
    }

    /// Tells the state of a connection that was read already.
    #[must_use]
    pub fn status_report(&self, connection: &Connection) -> StatusReport {
        let now = database::now();
        let watch = self.lifecycle.desk.find(connection.id);
        let (facts, seen) = watch.as_ref().map(|watch| watch.facts()).unwrap_or_default();
        let health = watch.as_ref().and_then(|watch| watch.health());
        let mut entities = entities::parse(connection.entity_health.as_ref());
        entities::merge(&mut entities, &seen);
        let stored = connection.last_error.as_ref().map(|(code, message)| Failure {
            code: code.clone(),
            message: message.clone(),
        });
        let newer = facts
            .last_error
            .filter(|error| connection.last_error_at.is_none_or(|stored| error.at > stored));
        let (last_error_at, last_error) = match newer {
            Some(error) => (
                Some(rounded(error.at)),
                Some(Failure {
                    code: error.code.to_owned(),
                    message: error.message,
                }),
            ),
            None => (connection.last_error_at.map(rounded), stored),
        };
        let circuit = match &health {
            Some(health) if health.breaker != breaker::State::Closed => CircuitReport {
                state: match health.breaker {
                    breaker::State::HalfOpen => CircuitState::HalfOpen,
                    _ => CircuitState::Open,
                },
                open_until: health.open_until.map(rounded_up),
            },
            _ => stored_circuit(connection, now),
        };
        let until = connection
            .rate_limited_until
            .max(facts.rate_limited_until)
            .filter(|until| *until > now);
        StatusReport {
            id: connection.id,
            status: crate::status_of(connection.status).as_str(),
            status_reason: connection.status_reason.clone(),
            status_message: connection.status_message.clone(),
            status_since: connection.status_since,
            last_success_at: connection.last_success_at.max(facts.last_success_at).map(rounded),
            last_error_at,
            last_error,
            credentials_expire_at: connection.credentials_expire_at,
            next_check_at: connection
                .next_check_at
                .filter(|_| crate::status_of(connection.status).is_usable()),
            circuit,
            rate_limit: RateLimitReport {
                limited: until.is_some(),
                until,
            },
            reconnect_url: self.reconnect_url(connection),
            account: connection.account.clone(),
            entity_health: entities.into_iter().map(EntityReport::from).collect(),
            revision: connection.revision,
        }
    }

    /// Returns the address on which somebody can sign in again, while the connection waits for it.
    #[must_use]
    pub fn reconnect_url(&self, connection: &Connection) -> Option<String> {
        links::reconnect_address(self, connection)
    }
}

impl From<(String, entities::EntityHealth)> for EntityReport {
    fn from((entity, health): (String, entities::EntityHealth)) -> Self {
        Self {
            entity,
            status: health.status,
            code: health.code,
            message: health.message,
            last_success_at: health.last_success_at.map(rounded),
            last_error_at: health.last_error_at.map(rounded),
        }
    }
}

fn stored_circuit(connection: &Connection, now: DateTime<Utc>) -> CircuitReport {
    let state = match connection.circuit_open_until {
        None => CircuitState::Closed,
        Some(until) if until > now => CircuitState::Open,
        Some(_) => CircuitState::HalfOpen,
    };
    CircuitReport {
        state,
        open_until: connection.circuit_open_until,
    }
}

fn rounded(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(ROUNDED_TO).unwrap_or(at)
}

/// The breaker tells its end by the time that is left, which is never the same to the microsecond.
fn rounded_up(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::seconds(1))
        .map_or(at, |at| at + TimeDelta::seconds(1))
}
