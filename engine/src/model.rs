//! What the records of an organization look like at one moment: the unified model with what the organization adds, and the
//! mappings that it changed. A request keeps the model that it began with.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use lineshaft_connect::{
    blueprint::Blueprint,
    connector::Connector,
    manifest::overlay::{Overlay, OverlayProblem, merge_additions},
};
use lineshaft_entities::{mapping_version, organization};
use lineshaft_schema::{
    Catalogue,
    extend::{Additions, Conflict},
};
use moka::{Entry, future, ops::compute::Op, sync};
use sea_orm::{
    AccessMode, ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExprTrait as _,
    IsolationLevel, QueryFilter as _, QuerySelect as _, TransactionOptions, TransactionTrait as _, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    connections::Connection,
    query::SourceError,
    registry::{Kind, Registry},
};

/// Most models that are kept, one for each organization that changed mappings.
const MOST_MODELS: u64 = 2_000;

/// Most compiled connectors that one model keeps: one for each set of layers.
const MOST_BLUEPRINTS: u64 = 1_000;

/// Most connectors with mappings of their own that one model keeps.
const MOST_CONNECTORS: u64 = 10_000;

/// What nobody used for so long is let go.
const IDLE: Duration = Duration::from_secs(3600);

/// What a layer of mappings holds for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// All connections of a connector.
    Connector(String),
    /// The connections of a connector that belong to one customer.
    Customer(Uuid, String),
    /// One connection.
    Connection(Uuid),
}

impl Layer {
    /// Returns its name in the database.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Connector(connector) => format!("connector:{connector}"),
            Self::Customer(customer, connector) => format!("customer:{customer}:{connector}"),
            Self::Connection(connection) => format!("connection:{connection}"),
        }
    }

    /// Returns the layers of a connection, lowest first.
    #[must_use]
    pub fn of(connection: &Connection) -> Vec<Self> {
        let customer = connection.customer.as_ref();
        let customer = customer.map(|customer| Self::Customer(customer.id, connection.connector.clone()));
        let lowest = Self::Connector(connection.connector.clone());
        [Some(lowest), customer, Some(Self::Connection(connection.id))]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The current version of a layer.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its number.
    pub version: i32,
    /// What changes.
    pub overlay: Arc<Overlay>,
}

/// The versions of the layers that a connection has, lowest first.
type Versions = Vec<(String, i32)>;

/// A compiled connector with the layers over it.
#[derive(Clone)]
struct Compiled {
    /// What it was compiled from; kept so that its address names nothing else.
    base: Arc<Blueprint>,
    blueprint: Arc<Blueprint>,
}

/// A connector with the mappings of its connection.
#[derive(Clone)]
struct Mapped {
    plain: Arc<Connector>,
    versions: Versions,
    connector: Arc<Connector>,
}

/// What the records of an organization look like at one moment.
pub struct Model {
    /// Counts the changes of the organization's mappings.
    pub revision: i64,
    /// The unified model with what the organization adds.
    pub catalogue: Arc<Catalogue>,
    additions: Additions,
    /// What of them cannot be added.
    conflicts: Arc<[Conflict]>,
    layers: HashMap<String, Current>,
    compiled: sync::Cache<(usize, Versions), Compiled>,
    mapped: sync::Cache<Uuid, Mapped>,
}

/// A model that was not saved, and what of it cannot be added.
pub(crate) struct Supposed {
    pub(crate) model: Model,
    /// Where layers contradict one another.
    pub(crate) problems: Vec<OverlayProblem>,
    /// What the unified model does not take.
    pub(crate) conflicts: Vec<Conflict>,
}

impl Model {
    /// Returns the model of an organization that changed nothing.
    #[must_use]
    pub fn plain(catalogue: Arc<Catalogue>) -> Self {
        Self {
            revision: 0,
            catalogue,
            additions: Additions::default(),
            conflicts: Arc::default(),
            layers: HashMap::new(),
            compiled: kept(MOST_BLUEPRINTS),
            mapped: kept(MOST_CONNECTORS),
        }
    }

    fn new(revision: i64, layers: HashMap<String, Current>, registry: &Registry, before: Option<&Self>) -> Self {
        let Supposed {
            model,
            problems,
            conflicts,
        } = Self::build(revision, layers, registry, before, None);
        for problem in problems {
            tracing::warn!(%problem, "a custom field or entity is left out");
        }
        for conflict in conflicts {
            tracing::warn!(
                of = conflict.of,
                field = conflict.field,
                problem = conflict.message,
                "a custom field or entity is left out"
            );
        }
        if let Some(before) = before.filter(|before| Arc::ptr_eq(&before.catalogue, &model.catalogue)) {
            model.take_over(before);
        }
        model
    }

    fn build(
        revision: i64,
        layers: HashMap<String, Current>,
        registry: &Registry,
        before: Option<&Self>,
        last: Option<&str>,
    ) -> Supposed {
        let mut names: Vec<&String> = layers.keys().collect();
        // Every process must give what is added the same places. Of two who want one name the first has it.
        names.sort_by_key(|name| (last == Some(name.as_str()), *name));
        let overlays = names
            .iter()
            .filter_map(|name| layers.get(*name))
            .map(|layer| layer.overlay.added(registry.catalogue()));
        let (additions, problems) = merge_additions(overlays);
        let known = before.filter(|before| before.additions == additions);
        let (catalogue, conflicts) = match known {
            Some(known) => (known.catalogue.clone(), known.conflicts.clone()),
            None if additions.is_empty() => (registry.catalogue().clone(), Arc::default()),
            None => {
                let (catalogue, conflicts) = registry.catalogue().extended(&additions);
                (Arc::new(catalogue), conflicts.into())
            }
        };
        let model = Self {
            revision,
            additions,
            conflicts: conflicts.clone(),
            layers,
            ..Self::plain(catalogue)
        };
        Supposed {
            model,
            problems,
            conflicts: conflicts.to_vec(),
        }
    }

    /// Takes over what is compiled of layers that have not changed since. The unified model must be the same.
    fn take_over(&self, before: &Self) {
        let holds = |versions: &Versions| {
            let mut versions = versions.iter();
            versions.all(|(name, version)| self.layers.get(name).is_some_and(|layer| layer.version == *version))
        };
        for (key, compiled) in before.compiled.iter().filter(|(key, _)| holds(&key.1)) {
            self.compiled.insert((*key).clone(), compiled);
        }
        for (id, mapped) in before.mapped.iter().filter(|(_, mapped)| holds(&mapped.versions)) {
            self.mapped.insert(*id, mapped);
        }
    }

    /// Returns the model as it would be with another document of a layer.
    pub(crate) fn supposing(&self, layer: &Layer, overlay: Arc<Overlay>, registry: &Registry) -> Supposed {
        let mut layers = self.layers.clone();
        if overlay.is_empty() {
            layers.remove(&layer.key());
        } else {
            let supposed = Current {
                version: i32::MAX,
                overlay,
            };
            layers.insert(layer.key(), supposed);
        }
        // What is there already has its name.
        Self::build(self.revision, layers, registry, Some(self), Some(&layer.key()))
    }

    /// Returns all layers of a connection as one overlay.
    pub(crate) fn overlay_of(&self, layers: &[Layer]) -> Overlay {
        let mut joined = Overlay::new();
        let known = layers.iter().filter_map(|layer| self.layer(layer));
        known.for_each(|layer| joined.lay(&layer.overlay));
        joined
    }

    /// Returns what of the additions of the organization cannot be added.
    pub(crate) fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Returns whether the organization adds nothing to the unified model.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.additions.is_empty()
    }

    /// Returns the current version of a layer; none when nothing was saved for it.
    #[must_use]
    pub fn layer(&self, layer: &Layer) -> Option<&Current> {
        self.layers.get(&layer.key())
    }

    /// Returns the layers that were saved for a connection, lowest first.
    #[must_use]
    pub fn layers_of(&self, connection: &Connection) -> Vec<(Layer, &Current)> {
        let layers = Layer::of(connection).into_iter();
        layers
            .filter_map(|layer| self.layers.get(&layer.key()).map(|current| (layer, current)))
            .collect()
    }

    /// Returns the plans of a connection: those of its connector, with what its layers change.
    ///
    /// # Errors
    /// When the connector does not fit the settings of the connection.
    pub fn blueprint(&self, connection: &Connection, kind: &Kind) -> Result<Arc<Blueprint>, SourceError> {
        let base = kind.blueprint_for(&connection.settings).map_err(unfit)?;
        let layers = self.layers_of(connection);
        if layers.is_empty() {
            return Ok(base);
        }
        let versions = versions(&layers);
        let key = (Arc::as_ptr(&base).addr(), versions);
        let compiled = self.compiled.get_with(key, || {
            let names: Vec<Layer> = layers.into_iter().map(|(layer, _)| layer).collect();
            let overlay = self.overlay_of(&names);
            let (blueprint, problems) = base.overlaid_leniently(&overlay, self.catalogue.clone());
            for problem in problems {
                tracing::warn!(connector.id = connection.connector, %problem, "a part of a mapping is left out");
            }
            Compiled {
                blueprint: Arc::new(blueprint),
                base: base.clone(),
            }
        });
        debug_assert!(Arc::ptr_eq(&compiled.base, &base), "the address of another connector");
        Ok(compiled.blueprint)
    }

    /// Returns the connector of a connection with what its layers change.
    pub(crate) fn connector(
        &self,
        connection: &Connection,
        kind: &Kind,
        plain: Arc<Connector>,
    ) -> Result<Arc<Connector>, SourceError> {
        let layers = self.layers_of(connection);
        if layers.is_empty() {
            return Ok(plain);
        }
        let versions = versions(&layers);
        let fits = |mapped: &Mapped| Arc::ptr_eq(&mapped.plain, &plain) && mapped.versions == versions;
        if let Some(mapped) = self.mapped.get(&connection.id).filter(fits) {
            return Ok(mapped.connector);
        }
        let blueprint = self.blueprint(connection, kind)?;
        let connector = Arc::new(
            plain
                .with_blueprint(&blueprint)
                .map_err(|error| SourceError::from(&error))?,
        );
        let mapped = Mapped {
            plain,
            versions,
            connector: connector.clone(),
        };
        self.mapped.insert(connection.id, mapped);
        Ok(connector)
    }
}

fn kept<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>(most: u64) -> sync::Cache<K, V> {
    sync::Cache::builder().max_capacity(most).time_to_idle(IDLE).build()
}

fn versions(layers: &[(Layer, &Current)]) -> Versions {
    layers
        .iter()
        .map(|(layer, current)| (layer.key(), current.version))
        .collect()
}

fn unfit(problem: String) -> SourceError {
    SourceError::new("INVALID_SETTINGS", problem)
}

/// The models of organizations, as this process last saw them.
pub struct Models {
    database: DatabaseConnection,
    registry: Arc<Registry>,
    plain: Arc<Model>,
    kept: future::Cache<Uuid, Arc<Model>>,
    /// Whoever saves: of many in this process that save at once each sees what the one before it saved.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Models {
    pub(crate) fn new(database: DatabaseConnection, registry: Arc<Registry>) -> Self {
        Self {
            plain: Arc::new(Model::plain(registry.catalogue().clone())),
            database,
            registry,
            kept: future::Cache::builder()
                .max_capacity(MOST_MODELS)
                .time_to_idle(IDLE)
                .build(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the model of organizations that changed nothing.
    #[must_use]
    pub const fn plain(&self) -> &Arc<Model> {
        &self.plain
    }

    /// Returns the model of an organization as it is now, whichever process changed it last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current(&self, organization_id: Uuid) -> Result<Arc<Model>, DbErr> {
        let revision = revision(&self.database, organization_id).await?;
        if revision == 0 {
            return Ok(self.plain.clone());
        }
        let fits = |model: &Arc<Model>| model.revision == revision;
        if let Some(model) = self.kept.get(&organization_id).await.filter(fits) {
            return Ok(model);
        }
        // Of many requests that see a new revision one reads it.
        let read = self
            .kept
            .entry(organization_id)
            .and_try_compute_with(async |known| match known {
                Some(known) if known.value().revision >= revision => Ok(Op::Nop),
                known => {
                    let before = known.map(future_value);
                    self.read(organization_id, before.as_deref())
                        .await
                        .map(|model| Op::Put(Arc::new(model)))
                }
            });
        let model = read.await?.into_entry().map(future_value);
        model.ok_or_else(|| DbErr::Custom("the mappings of an organization were let go".to_owned()))
    }

    async fn read(&self, organization_id: Uuid, before: Option<&Model>) -> Result<Model, DbErr> {
        // Revision and layers are of one moment, whatever is saved meanwhile.
        let is_postgres = self.database.get_database_backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: is_postgres.then_some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        let snapshot = self.database.begin_with_options(options).await?;
        let revision = revision(&snapshot, organization_id).await?;
        let rows = mapping_version::Entity::for_organization(organization_id)
            .filter(mapping_version::Column::SupersededAt.is_null())
            .all(&snapshot)
            .await?;
        snapshot.commit().await?;
        Ok(Model::new(revision, layers(rows), &self.registry, before))
    }
}

async fn revision(database: &impl ConnectionTrait, organization_id: Uuid) -> Result<i64, DbErr> {
    let revision: Option<i64> = organization::Entity::for_organization(organization_id)
        .select_only()
        .column(organization::Column::MappingRevision)
        .into_tuple()
        .one(database)
        .await?;
    Ok(revision.unwrap_or_default())
}

/// Erases what was saved for one connection, all versions, within the transaction that erases the connection.
pub(crate) async fn erase(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    connection_id: Uuid,
) -> Result<(), DbErr> {
    let erased = mapping_version::Entity::delete_for_organization(organization_id)
        .filter(mapping_version::Column::ConnectionId.eq(connection_id))
        .exec(transaction)
        .await?;
    if erased.rows_affected == 0 {
        return Ok(());
    }
    organization::Entity::update_for_organization(organization_id)
        .col_expr(
            organization::Column::MappingRevision,
            Expr::col(organization::Column::MappingRevision).add(1),
        )
        .exec(transaction)
        .await
        .map(drop)
}

fn future_value(entry: Entry<Uuid, Arc<Model>>) -> Arc<Model> {
    entry.into_value()
}

fn layers(rows: Vec<mapping_version::Model>) -> HashMap<String, Current> {
    let read = |row: mapping_version::Model| match serde_json::from_value::<Overlay>(row.document) {
        Ok(overlay) => Some((
            row.scope,
            Current {
                version: row.version,
                overlay: Arc::new(overlay),
            },
        )),
        Err(error) => {
            tracing::error!(%error, mapping.scope = row.scope, mapping.version = row.version, "a mapping cannot be read and is left out");
            None
        }
    };
    rows.into_iter()
        .filter_map(read)
        .filter(|(_, layer)| !layer.overlay.is_empty())
        .collect()
}
