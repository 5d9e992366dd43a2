//! What systems tell of the fields behind entities, and which mapped paths do not fit it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use indexmap::IndexMap;
use lineshaft_connect::{
    blueprint::Blueprint,
    connector::Connector,
    context::CallContext,
    describe::{Described, DescribedField},
    manifest::overlay::{Overlay, OverlayProblem},
    mapping::{CompiledField, checks},
    path::Path,
};
use lineshaft_schema::{Catalogue, FieldIndex, FieldType, Shape, TypeDef};
use tokio::time::Instant;
use uuid::Uuid;

use super::{MappingError, judge::Outcome};
use crate::{Engine, Session, connections::Connection};

/// Time that systems have to tell of their fields before something is saved.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most entities of a document that are looked up.
const MOST_ENTITIES: usize = 60;

/// Entities that are looked up at a time.
const AT_ONCE: usize = 4;

/// A connection that can be asked now.
pub(super) struct Reached {
    pub(super) connector: Arc<Connector>,
    pub(super) context: CallContext,
}

/// What a system tells of the fields behind entities, by the names of the entities.
#[derive(Default)]
pub(super) struct Descriptions(HashMap<String, Described>);

impl Engine {
    /// Finds a connection that the session may see.
    pub(super) async fn seen(&self, session: &Session, id: Uuid) -> Result<Arc<Connection>, MappingError> {
        Ok(Arc::new(self.connections.get(session.visible, id).await?))
    }

    /// Makes a connection ready to be asked.
    pub(super) fn reach(&self, session: &Session, connection: &Arc<Connection>) -> Result<Reached, MappingError> {
        let live = self.ready(session, connection.clone());
        match (live.connector, live.refused) {
            (_, Some(error)) => Err(error.into()),
            (Some(connector), None) => Ok(Reached {
                connector,
                context: live.context,
            }),
            (None, None) => Err(MappingError::NotFound(connection.id)),
        }
    }

    /// Asks one of the connections that a document is for what the system tells of the fields that it may map. What cannot
    /// be told is left out.
    pub(super) async fn described_for(
        &self,
        session: &Session,
        overlay: &Overlay,
        connections: &[Connection],
    ) -> Descriptions {
        let usable = connections.iter().find(|connection| self.refusal(connection).is_none());
        let Some(reached) = usable.and_then(|connection| self.reach(session, &Arc::new(connection.clone())).ok())
        else {
            return Descriptions::default();
        };
        let context = reached
            .context
            .child_until(session.deadline.min(Instant::now() + PATIENCE));
        let asked = overlay.entities.iter().take(MOST_ENTITIES).map(|(name, entity)| {
            let (connector, context) = (&reached.connector, &context);
            let own = entity.remote().map(str::to_owned);
            async move {
                let kind = connector.blueprint().catalogue().type_named(name).map(|def| def.index);
                let described = match (own, kind) {
                    (Some(remote), _) => connector.describe_object(context, &remote).await,
                    (None, Some(kind)) => connector.describe(context, kind).await,
                    (None, None) => Ok(None),
                };
                match described {
                    Ok(described) => Some((name.clone(), described?)),
                    Err(error) => {
                        tracing::debug!(%error, entity = name, "the fields of an entity could not be told");
                        None
                    }
                }
            }
        });
        // A closure over references must not be held while it is waited: the future could not move between threads.
        let asked: Vec<_> = asked.collect();
        let found: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        Descriptions(found.into_iter().flatten().collect())
    }
}

impl Descriptions {
    /// Tells what a document loses, and what of it does not fit what the system tells of itself.
    pub(super) fn check(&self, overlay: &Overlay, outcome: &Outcome) -> Vec<OverlayProblem> {
        let described = |name: &str| self.0.get(name).filter(|described| !described.is_empty()).cloned();
        checks::check(&outcome.below, &outcome.after, overlay, &described)
    }
}

/// Returns the compiled fields of a type by their places: its own, or those that it has within its owner.
pub(super) fn compiled<'b>(
    blueprint: &'b Blueprint,
    catalogue: &Catalogue,
    def: &TypeDef,
) -> HashMap<FieldIndex, &'b CompiledField> {
    if let Some(resource) = blueprint.resource(def.index) {
        return resource
            .mapping()
            .fields()
            .map(|field| (field.index(), field))
            .collect();
    }
    let Shape::Part { of } = &def.shape else {
        return HashMap::new();
    };
    let owner = catalogue.type_named(of);
    let holds = |field: &&lineshaft_schema::FieldDef| field.kind == FieldType::Object(def.index);
    let list = owner.and_then(|owner| owner.fields.values().find(holds));
    let plan = owner.and_then(|owner| blueprint.resource(owner.index));
    let within = plan.zip(list).and_then(|(plan, list)| plan.mapping().field(list.index));
    within
        .into_iter()
        .flat_map(CompiledField::inner)
        .map(|field| (field.index(), field))
        .collect()
}

/// Returns the paths by which a field is read, those of its parts among them.
pub(super) fn paths_of(field: &CompiledField) -> Vec<&Path> {
    let own = field.paths().iter().chain(field.key_paths());
    own.chain(
        field
            .inner()
            .flat_map(|inner| inner.paths().iter().chain(inner.key_paths())),
    )
    .collect()
}

/// Returns what a system tells of the field that a path leads to.
pub(super) fn field_of<'d>(path: &Path, described: &'d IndexMap<String, DescribedField>) -> Option<&'d DescribedField> {
    if let Some(members) = path.members() {
        let joined = |end: usize, sign: &str| members.get(..end).unwrap_or_default().join(sign);
        let longest = (1..=members.len()).rev();
        let found = longest.flat_map(|end| [joined(end, "."), joined(end, "/")]);
        if let Some(known) = found.into_iter().find_map(|name| described.get(&name)) {
            return Some(known);
        }
    }
    let root = path.root();
    // Some systems have what a reference leads to beside it, under its name with a dot.
    described
        .get(root)
        .or_else(|| described.get(root.trim_end_matches('.')))
}
