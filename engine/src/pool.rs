//! The live connectors of this process: one for each connection, kept while its settings stay the same.

use std::{sync::Arc, time::Duration};

use lineshaft_connect::{
    connector::{Connector, Options, Parts},
    store::{SystemClock, Unobserved},
    transport::Wire,
};
use lineshaft_schema::ConnectionId;
use moka::{ops::compute::Op, sync::Cache};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{applications::Applications, connections::Connection, credentials::Vault, query::SourceError, registry::Registry, store::VaultStore};

/// Connectors that nobody used for so long are let go.
const IDLE: Duration = Duration::from_secs(3600);
const MOST: u64 = 10_000;

/// The live connectors of this process.
pub struct Pool {
    registry: Arc<Registry>,
    vault: Vault,
    wire: Arc<dyn Wire>,
    options: Options,
    applications: Applications,
    live: Cache<Uuid, Entry>,
}

#[derive(Clone)]
struct Entry {
    settings: Arc<Map<String, Value>>,
    connector: Arc<Connector>,
}

impl Pool {
    /// Makes an empty pool.
    pub(crate) fn new(
        registry: Arc<Registry>,
        vault: Vault,
        wire: Arc<dyn Wire>,
        options: Options,
        applications: Applications,
    ) -> Self {
        Self {
            registry,
            vault,
            wire,
            options,
            applications,
            live: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(),
        }
    }

    /// Returns the connector of a connection.
    ///
    /// # Errors
    /// When the connector is not loaded, or the settings do not fit it.
    pub fn connector(&self, connection: &Connection) -> Result<Arc<Connector>, SourceError> {
        let fits = |entry: &Entry| *entry.settings == connection.settings;
        if let Some(entry) = self.live.get(&connection.id).filter(fits) {
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

    fn make(&self, connection: &Connection) -> Result<Entry, SourceError> {
        let kind = self.registry.get(&connection.connector).ok_or_else(|| {
            let message = format!("the connector `{}` is not loaded or has errors", connection.connector);
            SourceError::new("CONNECTOR_NOT_AVAILABLE", message)
        })?;
        let blueprint = kind
            .blueprint_for(&connection.settings)
            .and_then(|blueprint| blueprint.with_settings(&connection.settings));
        let blueprint = blueprint.map_err(|problem| SourceError::new("INVALID_SETTINGS", problem))?;
        let parts = Parts {
            id: ConnectionId(connection.id),
            blueprint: Arc::new(blueprint),
            settings: connection.settings.clone(),
            credentials: Arc::new(
                VaultStore::new(self.vault.clone(), connection.organization_id, connection.id)
                    .with_application(self.applications.of(&kind.manifest)),
            ),
            observer: Arc::new(Unobserved),
            wire: self.wire.clone(),
            clock: Arc::new(SystemClock),
            options: self.options,
        };
        let connector = Connector::new(parts).map_err(|error| SourceError::from(&error))?;
        Ok(Entry {
            settings: Arc::new(connection.settings.clone()),
            connector: Arc::new(connector),
        })
    }

    /// Lets a connector go, so that the next use starts afresh.
    pub fn forget(&self, connection: Uuid) {
        self.live.invalidate(&connection);
    }
}
