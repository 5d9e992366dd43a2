//! The versions of layers: the present one, all of them, and what differs between two.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_connect::manifest::overlay::Overlay;
use lineshaft_entities::mapping_version::{Column, Entity, Model as Row};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Change, MappingError, Place, Scope, change::diff, scope::Need};
use crate::{Engine, Session};

/// Most versions that are read at once: each may be a long document.
const MOST_VERSIONS: u64 = 50;

/// A layer as it is now.
#[derive(Clone, Debug)]
pub struct LayerView {
    /// What it holds for.
    pub scope: Scope,
    /// Its version; 0 when nothing was saved.
    pub version: i32,
    /// What it changes.
    pub overlay: Arc<Overlay>,
    /// Who saved it.
    pub author: Option<String>,
    /// Why.
    pub comment: Option<String>,
    /// When it was saved.
    pub created_at: Option<DateTime<Utc>>,
    /// How many connections it holds for.
    pub affected_connections: u64,
}

/// A version of a layer.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub version: i32,
    /// What it changes.
    pub overlay: Arc<Overlay>,
    /// Who saved it.
    pub author: String,
    /// Why.
    pub comment: Option<String>,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
    /// What differs from the version before.
    pub changes: Vec<Change>,
}

/// Versions, the newest first.
#[derive(Clone, Debug)]
pub struct VersionPage {
    /// The versions.
    pub versions: Vec<Version>,
    /// Whether older ones follow.
    pub has_more: bool,
}

impl LayerView {
    /// Returns the document as JSON.
    #[must_use]
    pub fn document(&self) -> Json {
        self.overlay.to_json()
    }

    /// Returns the document as YAML.
    #[must_use]
    pub fn yaml(&self) -> String {
        self.overlay.to_yaml()
    }

    pub(super) fn new(scope: Scope, row: Option<&Row>, affected_connections: u64) -> Self {
        Self {
            scope,
            version: row.map_or(0, |row| row.version),
            overlay: Arc::new(row.map_or_else(Overlay::new, document)),
            author: row.map(|row| row.author.clone()),
            comment: row.and_then(|row| row.comment.clone()),
            created_at: row.map(|row| row.created_at),
            affected_connections,
        }
    }
}

impl Version {
    /// Returns the document as JSON.
    #[must_use]
    pub fn document(&self) -> Json {
        self.overlay.to_json()
    }

    /// Returns the document as YAML.
    #[must_use]
    pub fn yaml(&self) -> String {
        self.overlay.to_yaml()
    }
}

/// Reads the document of a row. One of a later server that this one cannot read is told and taken for empty.
pub(super) fn document(row: &Row) -> Overlay {
    serde_json::from_value(row.document.clone()).unwrap_or_else(|error| {
        tracing::error!(%error, mapping.scope = row.scope, mapping.version = row.version, "a mapping cannot be read");
        Overlay::new()
    })
}

/// Reads the present version of a layer.
pub(super) async fn present(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    scope: &Scope,
) -> Result<Option<Row>, DbErr> {
    Entity::for_organization(organization_id)
        .filter(Column::Scope.eq(scope.layer.key()))
        .filter(Column::SupersededAt.is_null())
        .one(database)
        .await
}

impl Engine {
    /// Returns a layer as it is now; an empty one when nothing was saved.
    ///
    /// # Errors
    /// When the caller may not see it, or it cannot be read.
    pub async fn mapping_layer(&self, session: &Session, place: &Place) -> Result<LayerView, MappingError> {
        let scope = self.scope(session, place, Need::See).await?;
        let organization_id = session.caller.organization_id;
        let row = present(&self.database, organization_id, &scope).await?;
        let affected = self.affected(organization_id, &scope).await?.len();
        Ok(LayerView::new(
            scope,
            row.as_ref(),
            u64::try_from(affected).unwrap_or(u64::MAX),
        ))
    }

    /// Lists the versions of a layer before one, the newest first, each with what differs from the one before it; 50 at
    /// most.
    ///
    /// # Errors
    /// When the caller may not see them, or they cannot be read.
    pub async fn mapping_versions(
        &self,
        session: &Session,
        place: &Place,
        first: u64,
        after: Option<i32>,
    ) -> Result<VersionPage, MappingError> {
        let scope = self.scope(session, place, Need::See).await?;
        let first = first.min(MOST_VERSIONS);
        let mut query = Entity::for_organization(session.caller.organization_id)
            .filter(Column::Scope.eq(scope.layer.key()))
            .order_by_desc(Column::Version)
            .limit(first.saturating_add(1));
        if let Some(after) = after {
            query = query.filter(Column::Version.lt(after));
        }
        let rows = query.all(&self.database).await?;
        let documents: Vec<Arc<Overlay>> = rows.iter().map(|row| Arc::new(document(row))).collect();
        let shown = usize::try_from(first).unwrap_or(usize::MAX);
        let nothing = Overlay::new();
        let versions = rows.iter().zip(&documents).enumerate().take(shown);
        let versions = versions.map(|(at, (row, overlay))| Version {
            version: row.version,
            changes: diff(documents.get(at + 1).map_or(&nothing, |before| before), overlay),
            overlay: overlay.clone(),
            author: row.author.clone(),
            comment: row.comment.clone(),
            created_at: row.created_at,
        });
        Ok(VersionPage {
            versions: versions.collect(),
            has_more: rows.len() > shown,
        })
    }

    /// Tells what differs between two versions of a layer; version 0 is empty.
    ///
    /// # Errors
    /// When the caller may not see them, or there is no such version.
    pub async fn mapping_diff(
        &self,
        session: &Session,
        place: &Place,
        from: i32,
        to: i32,
    ) -> Result<Vec<Change>, MappingError> {
        let scope = self.scope(session, place, Need::See).await?;
        let organization_id = session.caller.organization_id;
        let from = self.mapping_version(organization_id, &scope, from).await?;
        let to = self.mapping_version(organization_id, &scope, to).await?;
        Ok(diff(&from, &to))
    }

    /// Returns the document of a version.
    pub(super) async fn mapping_version(
        &self,
        organization_id: Uuid,
        scope: &Scope,
        version: i32,
    ) -> Result<Overlay, MappingError> {
        if version == 0 {
            return Ok(Overlay::new());
        }
        let row = Entity::for_organization(organization_id)
            .filter(Column::Scope.eq(scope.layer.key()))
            .filter(Column::Version.eq(version))
            .one(&self.database)
            .await?;
        let row = row.ok_or_else(|| MappingError::Argument(format!("there is no version {version}")))?;
        Ok(document(&row))
    }
}
