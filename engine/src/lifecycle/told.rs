//! What the events of a connection carry.

use chrono::{DateTime, Utc};
use lineshaft_entities::connection::Status;
use serde_json::{Map, Value, json};

use crate::{Engine, connections::Connection, events::EventKind, links};

/// An event to tell of a connection.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) kind: EventKind,
    /// The state before.
    pub(super) previous: Status,
    /// Until when it lasts, where that is known.
    pub(super) until: Option<DateTime<Utc>>,
}

/// Returns the data of an event, told of a connection as it is afterwards.
pub(super) fn data(engine: &Engine, connection: &Connection, told: &Told) -> Value {
    let mut data = Map::new();
    let text = |status: Status| Value::from(crate::status_of(status).as_str());
    data.insert("status".to_owned(), text(connection.status));
    data.insert("previousStatus".to_owned(), text(told.previous));
    data.insert("reason".to_owned(), json!(connection.status_reason));
    data.insert("message".to_owned(), json!(connection.status_message));
    data.insert("since".to_owned(), json!(connection.status_since));
    if let Some(until) = told.until {
        data.insert("until".to_owned(), json!(until));
    }
    if connection.status == Status::ReauthRequired
        && let Some(url) = links::reconnect_address(engine, connection)
    {
        data.insert("reconnectUrl".to_owned(), url.into());
    }
    Value::Object(data)
}
