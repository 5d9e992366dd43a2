//! What connections are made of, and what they tell about themselves.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lineshaft_schema::{ConnectionId, KeyMap, Record};
use serde_json::{Map, Value};

use crate::{
    blueprint::Blueprint,
    error::{Error, ErrorKind},
    layers::breaker,
    store::{Clock, CredentialStore, Observer},
    transport::{Limits, Wire, retry},
};

/// What a connection is made of.
pub struct Parts {
    /// The connection.
    pub id: ConnectionId,
    /// The compiled connector. Its codecs take up the settings of the connection.
    pub blueprint: Arc<Blueprint>,
    /// The settings of the connection.
    pub settings: Map<String, Value>,
    /// Where its credentials are kept.
    pub credentials: Arc<dyn CredentialStore>,
    /// Who watches it.
    pub observer: Arc<dyn Observer>,
    /// The network; one `HttpClient` serves all connections.
    pub wire: Arc<dyn Wire>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Limits and settings.
    pub options: Options,
}

/// Limits and settings of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Limits of its requests. The manifest may lower them.
    pub limits: Limits,
    /// How requests are repeated.
    pub retry: retry::Settings,
    /// When calls are held back.
    pub breaker: breaker::Settings,
    /// Most children that one operation reads.
    pub most_children: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            retry: retry::Settings::default(),
            breaker: breaker::Settings::default(),
            most_children: 20_000,
        }
    }
}

/// Records by their keys.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The records.
    pub records: KeyMap<Arc<Record>>,
    /// Why some of them could not be read.
    pub failed: KeyMap<Error>,
}

/// The children of some records.
#[derive(Clone, Debug, Default)]
pub struct Children {
    /// The records; each tells its parent by its reference field.
    pub records: Vec<Arc<Record>>,
    /// Whether there are more than one operation reads.
    pub truncated: bool,
}

/// What a check of a type found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many records came; none when there are none yet.
    pub records: usize,
    /// How long it took, a sign-in included.
    pub latency: Duration,
}

/// Whose account the credentials open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account in words of the system, when it tells.
    pub account: Option<String>,
}

/// How a connection has fared since it was made.
#[derive(Clone, Debug)]
pub struct Health {
    /// Where the breaker stands.
    pub breaker: breaker::State,
    /// Until when calls are held back.
    pub open_until: Option<DateTime<Utc>>,
    /// Until when the system wants no calls.
    pub rate_limited_until: Option<DateTime<Utc>>,
    /// Whether the system refused the credentials.
    pub credentials_refused: bool,
    /// When an operation last succeeded.
    pub last_success: Option<DateTime<Utc>>,
    /// When an operation last failed, and how.
    pub last_error: Option<(DateTime<Utc>, Error)>,
}

/// Adds the defaults of the manifest to the settings of a connection.
pub(crate) fn complete(blueprint: &Blueprint, mut settings: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    for (name, field) in &blueprint.manifest().settings {
        if settings.get(name).is_some_and(|value| !value.is_null()) {
            continue;
        }
        match &field.default {
            Some(default) => {
                settings.insert(name.clone(), Value::String(default.clone()));
            }
            None if field.required => {
                return Err(Error::new(
                    ErrorKind::InvalidSettings,
                    format!("the setting `{name}` is missing"),
                ));
            }
            None => {}
        }
    }
    Ok(settings)
}
