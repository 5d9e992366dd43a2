//! What the records of an organization look like at one moment: the unified model with what the organization adds, and the
//! mappings that it changed. Whoever sees one connection gets what the layers of that connection add, nothing of others. A
//! request keeps the model that it began with.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use lineshaft_connect::{
    blueprint::Blueprint,
    connector::Connector,
    manifest::overlay::{Overlay, OverlayProblem, merge_additions},
};
use lineshaft_entities::{connection, mapping_version, organization};
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
    connections::{Connection, Visible},
    query::SourceError,
    registry::{Kind, Registry},
};

/// Most models that are kept, one for each organization that changed mappings and each of its connections that is asked
/// with a token of its own.
const MOST_MODELS: u64 = 5_000;

/// Most extended models that are kept beside those, so that equal additions share one.
const MOST_CATALOGUES: u64 = 2_000;

/// Most organizations of which it is known whether somebody saves just now.
const MOST_TURNS: u64 = 10_000;

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
        let customer = connection.customer.as_ref().map(|customer| customer.id);
        Self::over(&connection.connector, customer, connection.id)
    }

    fn over(connector: &str, customer: Option<Uuid>, connection: Uuid) -> Vec<Self> {
        let customer = customer.map(|customer| Self::Customer(customer, connector.to_owned()));
        let lowest = Self::Connector(connector.to_owned());
        [Some(lowest), customer, Some(Self::Connection(connection))]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Returns where a layer stands among those that add to one model: the words of an organization count before those of a
/// customer, and these before those of a connection.
fn rank(key: &str) -> u8 {
    match key.split_once(':') {
        Some(("connector", _)) => 0,
        Some(("customer", _)) => 1,
        _ => 2,
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

/// A unified model with additions, and what of them it does not take.
type Extended = (Arc<Catalogue>, Arc<[Conflict]>);

/// The extended models of all organizations: equal additions share one, and so one schema.
type Catalogues = sync::Cache<Additions, Extended>;

/// A model that was not saved, and what of it cannot be added.
pub(crate) struct Supposed {
    pub(crate) model: Model,
    /// Where layers contradict one another: what the lower ones say is left out.
    pub(crate) problems: Vec<OverlayProblem>,
    /// What the supposed layer says and others contradict, which count before it.
    pub(crate) refused: Vec<OverlayProblem>,
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

    fn new(
        revision: i64,
        layers: HashMap<String, Current>,
        registry: &Registry,
        before: Option<&Self>,
        catalogues: &Catalogues,
    ) -> Self {
        let (additions, problems) = merge_additions(additions(&layers, registry, None).into_iter().map(|(_, own)| own));
        for problem in problems {
            tracing::warn!(%problem, "a custom field or entity is left out");
        }
        let (catalogue, conflicts) = match additions.is_empty() {
            true => (registry.catalogue().clone(), Arc::default()),
            false => catalogues.get_with_by_ref(&additions, || extended(&additions, registry)),
        };
        for conflict in conflicts.iter() {
            tracing::warn!(
                of = conflict.of,
                field = conflict.field,
                problem = conflict.message,
                "a custom field or entity is left out"
            );
        }
        let model = Self {
            revision,
            additions,
            conflicts,
            layers,
            ..Self::plain(catalogue)
        };
        if let Some(before) = before.filter(|before| Arc::ptr_eq(&before.catalogue, &model.catalogue)) {
            model.take_over(before);
        }
        model
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
        let key = layer.key();
        let ordered = additions(&layers, registry, Some(&key));
        let until = |last: usize| {
            let first = ordered.iter().take(last).map(|(_, own)| own.clone());
            merge_additions(first).1.len()
        };
        // What is told of some layers is told first of all of them.
        let at = ordered.iter().position(|(name, _)| *name == key);
        let (from, to) = at.map_or((0, 0), |at| (until(at), until(at + 1)));
        let (additions, mut problems) = merge_additions(ordered.into_iter().map(|(_, own)| own));
        let refused = problems.drain(from..to.max(from)).collect();
        let present = contradictions(self, registry);
        problems.retain(|problem| !present.contains(problem));
        let (catalogue, conflicts) = match additions == self.additions {
            true => (self.catalogue.clone(), self.conflicts.clone()),
            false if additions.is_empty() => (registry.catalogue().clone(), Arc::default()),
            false => extended(&additions, registry),
        };
        let model = Self {
            revision: self.revision,
            additions,
            conflicts: conflicts.clone(),
            layers,
            ..Self::plain(catalogue)
        };
        Supposed {
            model,
            problems,
            refused,
            conflicts: conflicts.to_vec(),
        }
    }

    /// Returns the model of those who see only the connection that some layers hold for.
    fn part(&self, of: &[Layer], registry: &Registry, before: Option<&Self>, catalogues: &Catalogues) -> Self {
        let own = of.iter().map(Layer::key);
        let own = own.filter_map(|key| self.layers.get(&key).map(|layer| (key.clone(), layer.clone())));
        Self::new(self.revision, own.collect(), registry, before, catalogues)
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

/// Returns what each layer adds, in the order in which they count. Every process must give what is added the same places. Of
/// two of one rank who want one name the first has it; a layer that is only supposed comes last of its rank: what is there
/// already has its name.
fn additions(
    layers: &HashMap<String, Current>,
    registry: &Registry,
    supposed: Option<&str>,
) -> Vec<(String, Additions)> {
    let mut names: Vec<&String> = layers.keys().collect();
    names.sort_by_key(|name| (rank(name), supposed == Some(name.as_str()), *name));
    let named = names.into_iter().filter_map(|name| Some((name, layers.get(name)?)));
    named
        .map(|(name, layer)| (name.clone(), layer.overlay.added(registry.catalogue())))
        .collect()
}

/// Returns where the layers of a model contradict one another already.
fn contradictions(model: &Model, registry: &Registry) -> Vec<OverlayProblem> {
    merge_additions(additions(&model.layers, registry, None).into_iter().map(|(_, own)| own)).1
}

fn extended(additions: &Additions, registry: &Registry) -> Extended {
    let (catalogue, conflicts) = registry.catalogue().extended(additions);
    (Arc::new(catalogue), conflicts.into())
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

/// Whose model it is: that of an organization, or of those who see one of its connections.
type Whose = (Uuid, Option<Uuid>);

/// The models of organizations, as this process last saw them.
pub struct Models {
    database: DatabaseConnection,
    registry: Arc<Registry>,
    plain: Arc<Model>,
    kept: future::Cache<Whose, Arc<Model>>,
    catalogues: Catalogues,
    turns: sync::Cache<Uuid, Arc<tokio::sync::Mutex<()>>>,
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
            catalogues: kept(MOST_CATALOGUES),
            turns: kept(MOST_TURNS),
        }
    }

    /// Returns the turn of those who save for an organization: of many in this process that save at once each sees what
    /// the one before it saved. What is saved is compared with what was seen all the same.
    pub(crate) fn turn(&self, organization_id: Uuid) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.get_with(organization_id, Arc::default)
    }

    /// Returns the model of organizations that changed nothing.
    #[must_use]
    pub const fn plain(&self) -> &Arc<Model> {
        &self.plain
    }

    /// Returns the model as it is now, whichever process changed it last: of a whole organization, or of those who see
    /// only one of its connections.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current(&self, visible: impl Into<Visible>) -> Result<Arc<Model>, DbErr> {
        let visible: Visible = visible.into();
        let organization_id = visible.organization_id();
        let revision = revision(&self.database, organization_id).await?;
        if revision == 0 {
            return Ok(self.plain.clone());
        }
        let whole =
            move |before: Option<Arc<Model>>| async move { self.read(organization_id, before.as_deref()).await };
        let Some(connection_id) = visible.connection_id() else {
            return self.at((organization_id, None), revision, whole).await;
        };
        let own = move |before: Option<Arc<Model>>| async move {
            let layers = self.layers_over(organization_id, connection_id).await?;
            let all = self.at((organization_id, None), revision, whole).await?;
            Ok(all.part(&layers, &self.registry, before.as_deref(), &self.catalogues))
        };
        self.at((organization_id, Some(connection_id)), revision, own).await
    }

    /// Returns a model of at least a revision; one that is not known is made from the one before.
    async fn at<F: Future<Output = Result<Model, DbErr>>>(
        &self,
        whose: Whose,
        revision: i64,
        make: impl FnOnce(Option<Arc<Model>>) -> F,
    ) -> Result<Arc<Model>, DbErr> {
        let fits = |model: &Arc<Model>| model.revision == revision;
        if let Some(model) = self.kept.get(&whose).await.filter(fits) {
            return Ok(model);
        }
        // Of many requests that see a new revision one reads it.
        let read = self.kept.entry(whose).and_try_compute_with(async |known| match known {
            Some(known) if known.value().revision >= revision => Ok(Op::Nop),
            known => make(known.map(Entry::into_value))
                .await
                .map(|model| Op::Put(Arc::new(model))),
        });
        let model = read.await?.into_entry().map(Entry::into_value);
        model.ok_or_else(|| DbErr::Custom("the mappings of an organization were let go".to_owned()))
    }

    /// Returns the layers that a connection may have, lowest first; none when there is no such connection.
    async fn layers_over(&self, organization_id: Uuid, connection_id: Uuid) -> Result<Vec<Layer>, DbErr> {
        let known: Option<(String, Option<Uuid>)> = connection::Entity::for_organization(organization_id)
            .filter(connection::Column::Id.eq(connection_id))
            .select_only()
            .column(connection::Column::Connector)
            .column(connection::Column::CustomerId)
            .into_tuple()
            .one(&self.database)
            .await?;
        let layers = known.map(|(connector, customer)| Layer::over(&connector, customer, connection_id));
        Ok(layers.unwrap_or_default())
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
        Ok(Model::new(
            revision,
            layers(rows),
            &self.registry,
            before,
            &self.catalogues,
        ))
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
