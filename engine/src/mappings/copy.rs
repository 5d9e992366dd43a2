//! Copies a layer to others, and brings an older version back: both are saves with another document.

use lineshaft_connect::manifest::overlay::Overlay;
use serde_json::Value as Json;

use super::{
    Draft, MappingError, Place, SaveMapping, Saved,
    scope::Need,
    versions::{document, present},
};
use crate::{Engine, Session, origin::Origin};

/// Most layers that one is copied to at once.
const MOST: usize = 100;

/// What became of one copy.
#[derive(Debug)]
pub struct Copied {
    /// Where it was to go.
    pub to: Place,
    /// What became of it.
    pub result: Result<Saved, MappingError>,
}

impl Engine {
    /// Saves an older version of a layer as its newest.
    ///
    /// # Errors
    /// When the caller may not change it, there is no such version, or somebody saved meanwhile.
    pub async fn roll_back_mapping(
        &self,
        session: &Session,
        place: &Place,
        to: i32,
        expected: i32,
        comment: Option<String>,
        origin: &Origin,
    ) -> Result<Saved, MappingError> {
        let scope = self.scope(session, place, Need::Change).await?;
        let older = self.mapping_version(session.caller.organization_id, &scope, to).await?;
        let save = SaveMapping {
            place: place.clone(),
            expected_version: expected,
            comment: comment.or_else(|| Some(format!("Back to version {to}"))),
            draft: Draft::Document(older.to_json()),
            // What it loses was accepted when it was saved first.
            accept_warnings: true,
        };
        self.save_mapping(session, save, origin).await
    }

    /// Puts the document of a layer in the place of those of others of the same connector.
    ///
    /// # Errors
    /// When the caller may not see the layer that is copied. What is wrong with one copy is told with it.
    pub async fn copy_mapping(
        &self,
        session: &Session,
        from: &Place,
        to: Vec<Place>,
        comment: Option<String>,
        origin: &Origin,
    ) -> Result<Vec<Copied>, MappingError> {
        if to.len() > MOST {
            return Err(MappingError::TooMany(format!("at most {MOST} copies are made at once")));
        }
        let source = self.scope(session, from, Need::See).await?;
        let row = present(&self.database, session.caller.organization_id, &source).await?;
        let copied = row.as_ref().map_or_else(Overlay::new, document).to_json();
        let mut results = Vec::with_capacity(to.len());
        for to in to {
            let result = self
                .copy_to(session, &source.connector, &to, copied.clone(), comment.clone(), origin)
                .await;
            results.push(Copied { to, result });
        }
        Ok(results)
    }

    async fn copy_to(
        &self,
        session: &Session,
        connector: &str,
        to: &Place,
        copied: Json,
        comment: Option<String>,
        origin: &Origin,
    ) -> Result<Saved, MappingError> {
        let scope = self.scope(session, to, Need::Change).await?;
        if scope.connector != connector {
            let message = format!("a mapping of `{connector}` does not fit `{}`", scope.connector);
            return Err(MappingError::Scope(message));
        }
        let row = present(&self.database, session.caller.organization_id, &scope).await?;
        let save = SaveMapping {
            place: to.clone(),
            expected_version: row.map_or(0, |row| row.version),
            comment,
            draft: Draft::Document(copied),
            accept_warnings: true,
        };
        self.save_mapping(session, save, origin).await
    }
}
