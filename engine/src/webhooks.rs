//! Delivers events to the addresses that organizations name, at least once, signed as Standard Webhooks asks.
//!
//! An event is put into the outbox with the change that it tells; the worker claims what is due, sends it and writes
//! down what came of it.

mod address;
mod attempt;
mod claims;
pub mod deliveries;
pub mod endpoints;
pub(crate) mod outbox;
mod retention;
mod schedule;
mod secrets;
mod settle;
mod signature;
mod worker;

#[cfg(test)]
mod tests;

pub use deliveries::{Attempt, Delivery, Filter, Page, Replay, Replayed, State};
pub use endpoints::{Created, Endpoint, Endpoints, Missed, NewEndpoint, Patch, Updated};
pub use retention::sweep;
pub use secrets::Rotated;
pub use signature::{Secret, signatures};
pub use worker::Worker;

pub(crate) use secrets::binding as secret_binding;

use std::time::Duration;

use lineshaft_connect::transport::Guard;
use sea_orm::DbErr;
use uuid::Uuid;

/// The kind of an event that only tries an endpoint.
pub const TEST: &str = "webhook.test";
/// Endpoints of an organization.
pub const MOST_ENDPOINTS: u64 = 50;
/// Events that are replayed in one go.
pub const MOST_REPLAYED: u64 = 10_000;

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they may be sent to.
    pub guard: Guard,
    /// Whether addresses may begin with http:, which the guard still lets into allowed networks only.
    pub allow_http: bool,
    /// The time of one attempt.
    pub timeout: Duration,
    /// How long a claimed delivery is left to the process that claimed it. Longer than an attempt takes.
    pub lease: Duration,
    /// The waits after failed attempts; after the last one the delivery is given up.
    pub schedule: Vec<Duration>,
    /// By which share the waits vary.
    pub jitter: f64,
    /// What the waits are multiplied by.
    pub schedule_scale: f64,
    /// Days of nothing but failures after which an endpoint is switched off.
    pub disable_after_days: u32,
    /// Attempts under way at once.
    pub concurrency: usize,
    /// Days that finished deliveries are kept.
    pub keep_days: u32,
    /// How often what other processes put into the outbox is looked for.
    pub poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let schedule = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self {
            guard: Guard::default(),
            allow_http: false,
            timeout: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            schedule: schedule.map(Duration::from_secs).to_vec(),
            jitter: 0.2,
            schedule_scale: 1.0,
            disable_after_days: 5,
            concurrency: 1000,
            keep_days: 30,
            poll: Duration::from_millis(250),
        }
    }
}

/// Why an endpoint could not be added or changed, or a delivery not be sent again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("the address of the endpoint cannot be used: {0}")]
    InvalidUrl(String),
    /// The description is too long.
    #[error("the description of an endpoint has at most 200 characters")]
    InvalidDescription,
    /// A kind of event is none.
    #[error(transparent)]
    UnknownKind(#[from] crate::events::UnknownKind),
    /// An endpoint that asks for no events.
    #[error("name at least one type of event, or none at all to get every event")]
    NoKinds,
    /// There are enough endpoints.
    #[error("an organization has at most {MOST_ENDPOINTS} endpoints")]
    TooManyEndpoints,
    /// The organization has no such connection, or it was disconnected.
    #[error("there is no connection `{0}`")]
    UnknownConnection(Uuid),
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The organization has no such endpoint.
    #[error("there is no webhook endpoint `{0}`")]
    NotFound(Uuid),
    /// The organization has no such delivery.
    #[error("there is no delivery `{0}`")]
    DeliveryNotFound(Uuid),
    /// Nothing is sent to an endpoint that is switched off.
    #[error("the endpoint is switched off; enable it first")]
    Disabled,
    /// The overlap of two secrets is too long.
    #[error("an old secret may go on for at most 30 days")]
    InvalidOverlap,
    /// The end of a range lies before its beginning.
    #[error("the range ends before it begins")]
    InvalidRange,
    /// Too many events to replay at once.
    #[error("the range has more than {MOST_REPLAYED} events; choose a shorter one")]
    TooManyEvents,
    /// The secret could not be made or sealed.
    #[error("the secret of the endpoint cannot be made")]
    Secrets(#[from] crate::secrets::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}
