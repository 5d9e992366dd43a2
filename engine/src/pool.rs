//! The live connectors of this process: one for each connection, kept while its settings stay the same.

use std::{sync::Arc, time::Duration};

use lineshaft_connect::{
    connector::{self, Connector, Options},
    manifest::Auth,
    store::SystemClock,
    transport::{Farewell, Wire},
};
use lineshaft_schema::ConnectionId;
use moka::{ops::compute::Op, sync::Cache};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    applications::Applications,
    connections::Connection,
    credentials::Vault,
    leases::Leases,
    lifecycle::{Lifecycle, Watch},
    model::Model,
    query::SourceError,
    registry::{Kind, Registry},
    store::VaultStore,
};

/// Connectors that nobody used for so long are let go.
const IDLE: Duration = Duration::from_secs(3600);
const MOST: u64 = 10_000;

/// The live connectors of this process.
pub struct Pool {
    parts: Parts,
    live: Cache<Uuid, Entry>,
}

/// What live connectors are made with.
pub(crate) struct Parts {
    pub(crate) registry: Arc<Registry>,
    pub(crate) vault: Vault,
    pub(crate) leases: Leases,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) options: Options,
    pub(crate) applications: Applications,
}

#[derive(Clone)]
struct Entry {
    settings: Arc<Map<String, Value>>,
    connector: Arc<Connector>,
    watch: Arc<Watch>,
}

impl Pool {
    /// Makes an empty pool.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            live: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(),
        }
    }

    /// Returns the connector of a connection, with the mappings of a model.
    ///
    /// # Errors
    /// When the connector is not loaded, or the settings do not fit it.
    pub fn connector(&self, connection: &Connection, model: &Model) -> Result<Arc<Connector>, SourceError> {
        let plain = self.plain(connection)?;
        match model.layers_of(connection).is_empty() {
            true => Ok(plain),
            false => model.connector(connection, &*self.kind(connection)?, plain),
        }
    }

    /// Returns the connector of a connection as its maker has mapped it. When the row tells that somebody else changed its state, such as by new
    /// credentials, what is stored is taken up with the next call.
    ///
    /// # Errors
    /// When the connector is not loaded, or the settings do not fit it.
    pub fn plain(&self, connection: &Connection) -> Result<Arc<Connector>, SourceError> {
        let fits = |entry: &Entry| *entry.settings == connection.settings;
        if let Some(entry) = self.live.get(&connection.id).filter(fits) {
            if entry.watch.see(connection) {
                entry.connector.reload_credentials();
            }
            return Ok(entry.connector);
        }
        // One connector for each connection: two would sign in twice, and not know of each other's limits.
        let made = self
            .live
            .entry(connection.id)
            .and_try_compute_with(|known| match known {
                Some(known) if fits(known.value()) => Ok(Op::Nop),
                _ => self.make(connection).map(Op::Put),
            })?;
        let entry = made
            .into_entry()
            .ok_or_else(|| SourceError::new("INTERNAL", "the connector was let go"))?;
        Ok(entry.into_value().connector)
    }

    fn kind(&self, connection: &Connection) -> Result<Arc<Kind>, SourceError> {
        self.parts.registry.get(&connection.connector).ok_or_else(|| {
            let message = format!("the connector `{}` is not loaded or has errors", connection.connector);
            SourceError::new("CONNECTOR_NOT_AVAILABLE", message)
        })
    }

    fn make(&self, connection: &Connection) -> Result<Entry, SourceError> {
        let kind = self.kind(connection)?;
        let blueprint = kind
            .blueprint_for(&connection.settings)
            .and_then(|blueprint| blueprint.with_settings(&connection.settings));
        let blueprint = blueprint.map_err(|problem| SourceError::new("INVALID_SETTINGS", problem))?;
        let parts = &self.parts;
        let watch = parts.lifecycle.desk.watch(connection);
        watch.see(connection);
        let credentials = VaultStore::new(
            parts.vault.clone(),
            parts.leases.clone(),
            connection.organization_id,
            connection.id,
            watch.credentials_version.clone(),
        )
        .with_application(parts.applications.of(&kind.manifest));
        let made = Connector::new(connector::Parts {
            id: ConnectionId(connection.id),
            blueprint: Arc::new(blueprint),
            settings: connection.settings.clone(),
            credentials: Arc::new(credentials),
            observer: watch.clone(),
            wire: parts.wire.clone(),
            clock: Arc::new(SystemClock),
            options: parts.options,
        });
        let connector = Arc::new(made.map_err(|error| SourceError::from(&error))?);
        watch.attach(&connector);
        Ok(Entry {
            settings: Arc::new(connection.settings.clone()),
            connector,
            watch,
        })
    }

    /// Returns the session of a connection that is to be removed, when its system wants to be told.
    pub(crate) async fn farewell(&self, connection: &Connection) -> Option<Farewell> {
        let kind = self.parts.registry.get(&connection.connector)?;
        if !kind.manifest.auth.iter().any(Auth::has_logout) {
            return None;
        }
        self.plain(connection).ok()?.farewell().await
    }

    /// Gives up the session that this process uses for a connection, and lets its connector go.
    pub(crate) fn give_up(&self, connection: Uuid) {
        if let Some(entry) = self.live.get(&connection) {
            entry.connector.give_up();
        }
        self.forget(connection);
    }

    /// Returns the network that connectors use.
    pub(crate) const fn wire(&self) -> &Arc<dyn Wire> {
        &self.parts.wire
    }

    /// Lets a connector go, so that the next use starts afresh.
    pub fn forget(&self, connection: Uuid) {
        self.live.invalidate(&connection);
    }
}
