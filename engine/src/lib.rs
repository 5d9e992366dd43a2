//! The use cases: federated query, connections, tokens, credentials.

pub mod applications;
pub mod audit;
pub mod command;
pub mod connections;
pub mod credentials;
pub mod credits;
pub mod customers;
pub mod database;
pub mod events;
pub mod forms;
pub mod leases;
pub mod lifecycle;
pub mod links;
pub mod mappings;
pub mod model;
pub mod organizations;
pub mod origin;
pub mod pool;
pub mod query;
pub mod registry;
pub mod secrets;
pub mod session;
pub mod tokens;
pub mod trial;
pub mod webhooks;

mod live;
mod probe;
mod store;

pub use live::Live;
pub use probe::ProbeReport;
pub use session::Session;

use std::sync::{Arc, OnceLock};

use lineshaft_connect::transport::Wire;
use lineshaft_schema::{Catalogue, ConnectionStatus};
use sea_orm::DatabaseConnection;

use crate::{
    connections::Connections,
    credentials::Vault,
    events::{Feed, Journal},
    leases::Leases,
    lifecycle::Lifecycle,
    model::Models,
    pool::Pool,
    registry::Registry,
    secrets::KeyRing,
    tokens::Tokens,
};

/// What an engine is made of.
pub struct Parts {
    /// The own database, migrated.
    pub database: DatabaseConnection,
    /// The keys that seal secrets.
    pub keys: Arc<KeyRing>,
    /// The connectors.
    pub registry: Registry,
    /// The network for calls to systems.
    pub wire: Arc<dyn Wire>,
    /// Settings.
    pub settings: Settings,
}

/// Settings of the engine.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Limits of queries.
    pub query: query::Settings,
    /// Limits of calls to systems.
    pub connector: lineshaft_connect::connector::Options,
    /// What connections cost.
    pub credits: credits::Settings,
    /// How events are handed on and kept.
    pub events: events::Settings,
    /// How webhooks are delivered.
    pub webhooks: webhooks::Settings,
    /// Links to the hosted pages.
    pub links: links::Settings,
    /// API tokens.
    pub tokens: tokens::Settings,
    /// The operator's own applications at systems where people sign in.
    pub applications: applications::Applications,
    /// How the health of connections is watched.
    pub health: lifecycle::Settings,
    /// How writes are carried out and kept.
    pub writes: command::Settings,
    /// How systems are looked at again.
    pub discovery: mappings::drift::Settings,
    /// How directories of connectors are watched.
    pub registry: registry::Settings,
}

/// Everything that the server can do, behind every way to ask it.
pub struct Engine {
    /// The unified model.
    pub catalogue: Arc<Catalogue>,
    /// The own database.
    pub database: DatabaseConnection,
    /// The connectors.
    pub registry: Arc<Registry>,
    /// Changes with their events.
    pub journal: Journal,
    /// Events as they come.
    pub feed: Feed,
    /// The endpoints of webhooks and what is delivered to them.
    pub webhooks: webhooks::Endpoints,
    /// What delivers to webhooks.
    pub webhook_worker: webhooks::Worker,
    /// Turns that processes take.
    pub leases: Leases,
    /// The connections.
    pub connections: Connections,
    /// Credentials of connections.
    pub vault: Vault,
    /// API tokens.
    pub tokens: Tokens,
    /// What watches the live connections.
    pub lifecycle: Lifecycle,
    /// What the records of organizations look like.
    pub models: Models,
    /// Live connections.
    pub pool: Pool,
    /// Settings.
    pub settings: Settings,
    pub(crate) writer: command::Writer,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) wire: Arc<dyn Wire>,
    public_url: OnceLock<String>,
}

impl Engine {
    /// Puts an engine together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let registry = Arc::new(parts.registry);
        let vault = Vault::new(parts.database.clone(), parts.keys.clone());
        let tokens = Tokens::new(parts.database.clone(), parts.keys.clone());
        let journal = Journal::new(parts.database.clone());
        let webhook_settings = Arc::new(parts.settings.webhooks.clone());
        let webhooks = webhooks::Endpoints::new(journal.clone(), parts.keys.clone(), webhook_settings);
        let webhook_worker = webhooks::Worker::new(webhooks.clone(), parts.wire.clone());
        let leases = Leases::new(parts.database.clone());
        let lifecycle = Lifecycle::new(&parts.settings.health);
        let pool = Pool::new(pool::Parts {
            registry: registry.clone(),
            vault: vault.clone(),
            leases: leases.clone(),
            lifecycle: lifecycle.clone(),
            wire: parts.wire.clone(),
            options: parts.settings.connector,
            applications: parts.settings.applications.clone(),
        });
        let writer = command::Writer::new(journal.clone(), parts.keys.clone(), parts.settings.writes.clone());
        Self {
            catalogue: registry.catalogue().clone(),
            models: Models::new(parts.database.clone(), registry.clone()),
            writer,
            connections: Connections::new(&journal, vault.clone()),
            feed: Feed::new(journal.clone(), &parts.settings.events),
            journal,
            webhooks,
            webhook_worker,
            leases,
            lifecycle,
            database: parts.database,
            registry,
            vault,
            tokens,
            pool,
            settings: parts.settings,
            keys: parts.keys,
            wire: parts.wire,
            public_url: OnceLock::new(),
        }
    }

    /// Says under which address people reach the server, without a slash at its end. What is said first stays.
    pub fn serve_under(&self, public_url: String) {
        drop(self.public_url.set(public_url));
    }

    /// Returns the address under which people reach the server; empty until it serves.
    #[must_use]
    pub fn public_url(&self) -> &str {
        self.public_url.get().map_or("", String::as_str)
    }
}

/// Returns the status of a connection in the words of the model.
#[must_use]
pub fn status_of(status: connections::Status) -> ConnectionStatus {
    use connections::Status;
    match status {
        Status::Pending => ConnectionStatus::Pending,
        Status::Active => ConnectionStatus::Active,
        Status::Degraded => ConnectionStatus::Degraded,
        Status::Unreachable => ConnectionStatus::Unreachable,
        Status::ReauthRequired => ConnectionStatus::ReauthRequired,
        Status::Paused => ConnectionStatus::Paused,
        Status::Disabled => ConnectionStatus::Disabled,
        Status::Disconnected => ConnectionStatus::Disconnected,
    }
}
