//! Layers of mappings, their versions, and what differs between these.

use async_graphql::{Context, Enum, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::mappings::{self, LayerView};

use super::{
    failed,
    scope::{MappingScope, MappingScopeInput},
};
use crate::platform::{
    PageInfo,
    access::{self, cursor, page_size},
};

/// What an organization changed about the mappings of a connector, of a customer's connections or of one connection.
pub(crate) struct MappingLayer(pub(super) LayerView);

/// What an organization changed about the mappings of a connector, of a customer's connections or of one connection.
#[Object]
impl MappingLayer {
    /// What it holds for.
    async fn scope(&self) -> MappingScope {
        (&self.0.scope).into()
    }

    /// Its version; 0 when nothing was saved yet. Give it to `saveMapping` as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What it changes, in the grammar of mapping files.
    async fn document(&self) -> Json<serde_json::Value> {
        Json(self.0.document())
    }

    /// The same as YAML.
    async fn yaml(&self) -> String {
        self.0.yaml()
    }

    /// Who saved this version.
    async fn author(&self) -> Option<&str> {
        self.0.author.as_deref()
    }

    /// What the author said about it.
    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// When this version was saved.
    async fn created_at(&self) -> Option<DateTime<Utc>> {
        self.0.created_at
    }

    /// How many connections it holds for.
    async fn affected_connections(&self) -> u64 {
        self.0.affected_connections
    }
}

/// How a part of a mapping differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::ChangeKind")]
pub(crate) enum MappingChangeKind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It says something else.
    Changed,
}

/// One difference between two versions.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingChange {
    /// The entity.
    entity: String,
    /// The field; null when it is about the entity itself.
    field: Option<String>,
    /// Where it stands in the document, as a JSON pointer.
    path: String,
    /// How it differs.
    kind: MappingChangeKind,
    /// What was there before.
    before: Option<Json<serde_json::Value>>,
    /// What is there after.
    after: Option<Json<serde_json::Value>>,
}

impl From<mappings::Change> for MappingChange {
    fn from(change: mappings::Change) -> Self {
        Self {
            entity: change.entity,
            field: change.field,
            path: change.path,
            kind: change.kind.into(),
            before: change.before.map(Json),
            after: change.after.map(Json),
        }
    }
}

/// One saved version of a layer.
pub(crate) struct MappingVersion(mappings::Version);

/// One saved version of a layer.
#[Object]
impl MappingVersion {
    /// Its number, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What it changes, in the grammar of mapping files.
    async fn document(&self) -> Json<serde_json::Value> {
        Json(self.0.document())
    }

    /// The same as YAML.
    async fn yaml(&self) -> String {
        self.0.yaml()
    }

    /// Who saved it.
    async fn author(&self) -> &str {
        &self.0.author
    }

    /// What the author said about it.
    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// When it was saved.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// What differs from the version before it.
    async fn changes(&self) -> Vec<MappingChange> {
        self.0.changes.iter().cloned().map(Into::into).collect()
    }
}

/// A page of versions, the newest first.
#[derive(SimpleObject)]
pub(crate) struct MappingVersionPage {
    /// The versions.
    nodes: Vec<MappingVersion>,
    /// Whether and where the list goes on.
    page_info: PageInfo,
}

/// The fields of the query root about layers.
#[derive(Default)]
pub(crate) struct LayerQuery;

#[Object]
impl LayerQuery {
    /// Returns what was changed about mappings for a connector, a customer or a connection. Needs an organization's key,
    /// or a token with the scope `mappings` for the layer of its own connection.
    async fn mapping_layer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the layer holds for.")] scope: MappingScopeInput,
    ) -> async_graphql::Result<MappingLayer> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let layer = engine.mapping_layer(session, &scope.read()?).await;
        layer.map(MappingLayer).map_err(|error| failed(&error))
    }

    /// Lists the versions of a layer, the newest first. Needs what `mappingLayer` needs.
    async fn mapping_versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the layer holds for.")] scope: MappingScopeInput,
        #[graphql(default = 50, desc = "How many: 1 to 250. At most 50 come at once.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> async_graphql::Result<MappingVersionPage> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let (size, after) = (page_size(first)?, cursor::<i32>(after)?);
        let page = engine.mapping_versions(session, &scope.read()?, size, after).await;
        let page = page.map_err(|error| failed(&error))?;
        let cursors = page.versions.iter().map(|version| version.version.to_string());
        Ok(MappingVersionPage {
            page_info: PageInfo::between(cursors, page.has_more, after.is_some()),
            nodes: page.versions.into_iter().map(MappingVersion).collect(),
        })
    }

    /// Tells what differs between two versions of a layer. Needs what `mappingLayer` needs.
    async fn mapping_diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the layer holds for.")] scope: MappingScopeInput,
        #[graphql(desc = "The version before; 0 is the empty one.")] from: i32,
        #[graphql(desc = "The version after.")] to: i32,
    ) -> async_graphql::Result<Vec<MappingChange>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let changes = engine.mapping_diff(session, &scope.read()?, from, to).await;
        let changes = changes.map_err(|error| failed(&error))?;
        Ok(changes.into_iter().map(Into::into).collect())
    }
}
