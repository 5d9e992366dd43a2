//! Copies a layer to others, and brings an older version back: both are saves with another document.

use lineshaft_connect::manifest::overlay::Overlay;

use super::{
    Draft, MappingError, Place, SaveMapping, Saved,
    scope::Need,
    versions::{document, present},
};
use crate::{Engine, Session, origin::Origin};

/// Most layers that one is copied to at once.
const MOST: usize = 100;

/// A version of a layer to go back to.
#[derive(Clone, Debug)]
pub struct RollBackMapping {
    /// What the layer holds for.
    pub place: Place,
    /// The version to go back to; 0 is the empty one.
    pub to_version: i32,
    /// The version that was seen last.
    pub expected_version: i32,
    /// Why, for people.
    pub comment: Option<String>,
    /// Whether it is saved though values are lost.
    pub accept_warnings: bool,
}

/// A layer to copy to others.
#[derive(Clone, Debug)]
pub struct CopyMapping {
    /// What the layer holds for that is copied.
    pub from: Place,
    /// What the copies are to hold for.
    pub to: Vec<Place>,
    /// Why, for people.
    pub comment: Option<String>,
    /// Whether copies are saved though values are lost.
    pub accept_warnings: bool,
}

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
        back: RollBackMapping,
        origin: &Origin,
    ) -> Result<Saved, MappingError> {
        let to = back.to_version;
        let scope = self.scope(session, &back.place, Need::Change).await?;
        let older = self.mapping_version(session.caller.organization_id, &scope, to).await?;
        let save = SaveMapping {
            place: back.place,
            expected_version: back.expected_version,
            comment: back.comment.or_else(|| Some(format!("Back to version {to}"))),
            draft: Draft::Document(older.to_json()),
            accept_warnings: back.accept_warnings,
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
        copy: CopyMapping,
        origin: &Origin,
    ) -> Result<Vec<Copied>, MappingError> {
        if copy.to.len() > MOST {
            return Err(MappingError::TooMany(format!("at most {MOST} copies are made at once")));
        }
        let source = self.scope(session, &copy.from, Need::See).await?;
        let row = present(&self.database, session.caller.organization_id, &source).await?;
        let copied = row.as_ref().map_or_else(Overlay::new, document).to_json();
        let mut results = Vec::with_capacity(copy.to.len());
        for to in copy.to {
            let save = SaveMapping {
                place: to.clone(),
                expected_version: 0,
                comment: copy.comment.clone(),
                draft: Draft::Document(copied.clone()),
                accept_warnings: copy.accept_warnings,
            };
            let result = self.copy_to(session, &source.connector, save, origin).await;
            results.push(Copied { to, result });
        }
        Ok(results)
    }

    async fn copy_to(
        &self,
        session: &Session,
        connector: &str,
        save: SaveMapping,
        origin: &Origin,
    ) -> Result<Saved, MappingError> {
        let scope = self.scope(session, &save.place, Need::Change).await?;
        if scope.connector != connector {
            let message = format!("a mapping of `{connector}` does not fit `{}`", scope.connector);
            return Err(MappingError::Scope(message));
        }
        let row = present(&self.database, session.caller.organization_id, &scope).await?;
        let save = SaveMapping {
            expected_version: row.map_or(0, |row| row.version),
            ..save
        };
        self.save_mapping(session, save, origin).await
    }
}
