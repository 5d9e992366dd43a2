//! Saves a layer: judged as a whole, then one transaction with the new version, the count of changes, the audit log and
//! the event. Of several who save over the same version one succeeds.

use std::{cmp::Ordering, sync::Arc};

use lineshaft_connect::manifest::overlay::Overlay;
use lineshaft_entities::{api_token, connection, mapping_version, organization};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, ExprTrait as _, QueryFilter as _,
    QuerySelect as _, Set, SqlErr, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Draft, LayerView, MappingError, Place, Problem, Scope,
    judge::Case,
    problem::tell,
    scope::{Need, is_bound},
    versions::{document, present},
};
use crate::{
    Engine, Session,
    audit::Act,
    connections::{self, Connection, Status},
    database,
    events::{EventKind, NewEvent, journal::Change},
    model::Model,
    origin::{Actor, Origin},
};

/// How often a document is judged anew because other layers of the organization were saved meanwhile, by other processes.
const MOST_TRIES: usize = 20;

/// Most characters of a comment.
const MOST_COMMENT: usize = 2_000;

/// A layer to save.
#[derive(Clone, Debug)]
pub struct SaveMapping {
    /// What it holds for.
    pub place: Place,
    /// The version that it was made from; 0 when there is none.
    pub expected_version: i32,
    /// Why, for people.
    pub comment: Option<String>,
    /// What it is to be.
    pub draft: Draft,
    /// Whether it is saved though values are lost.
    pub accept_warnings: bool,
}

/// What became of a save.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The layer as it is now; none when it was not saved.
    pub layer: Option<LayerView>,
    /// What is wrong with it, or lost by it.
    pub problems: Vec<Problem>,
}

impl Saved {
    const fn refused(problems: Vec<Problem>) -> Self {
        Self { layer: None, problems }
    }
}

impl Engine {
    /// Saves a layer, or tells what is wrong with it and leaves everything as it is.
    ///
    /// # Errors
    /// When the caller may not change it, somebody else saved meanwhile, or the database fails.
    pub async fn save_mapping(
        &self,
        session: &Session,
        save: SaveMapping,
        origin: &Origin,
    ) -> Result<Saved, MappingError> {
        let scope = self.scope(session, &save.place, Need::Change).await?;
        let too_long = |comment: &String| comment.chars().count() > MOST_COMMENT;
        if save.comment.as_ref().is_some_and(too_long) {
            return Err(MappingError::Argument(format!(
                "a comment has at most {MOST_COMMENT} characters"
            )));
        }
        let organization_id = session.caller.organization_id;
        let connections: Arc<[Connection]> = self.affected(organization_id, &scope).await?.into();
        let affected = u64::try_from(connections.len()).unwrap_or(u64::MAX);
        let row = present(&self.database, organization_id, &scope).await?;
        expect(row.as_ref(), save.expected_version)?;
        let before = row.as_ref().map_or_else(Overlay::new, document);
        let (overlay, lines) = match save.draft.read(&before, self.registry.catalogue()) {
            Ok((overlay, lines)) => (Arc::new(overlay), lines),
            Err(problems) => return Ok(Saved::refused(tell(problems, &Default::default()))),
        };
        // A document that is there already makes no new version.
        let is_same = row
            .as_ref()
            .map_or_else(|| overlay.is_empty(), |row| row.document == overlay.to_json());
        if is_same {
            return Ok(Saved {
                layer: Some(LayerView::new(scope, row.as_ref(), affected)),
                problems: Vec::new(),
            });
        }
        // What the systems tell is asked for first: nothing waits for a system once a turn is taken.
        let described = self.described_for(session, &overlay, &connections).await;
        let turn = self.models.turn(organization_id);
        let _turn = turn.lock().await;
        for _ in 0..MOST_TRIES {
            let model = self.models.current(organization_id).await?;
            let case = Case {
                model: model.clone(),
                scope: scope.clone(),
                overlay: overlay.clone(),
                connections: connections.clone(),
                is_bound: is_bound(session),
            };
            let judgement = self.judge(case).await?;
            let is_wrong = judgement.is_wrong();
            let mut problems = judgement.problems;
            if let (false, Some(outcome)) = (is_wrong, judgement.outcomes.first()) {
                problems.extend(described.check(&overlay, outcome));
            }
            let problems = tell(problems, &lines);
            let is_refused = problems.iter().any(Problem::is_error)
                || (!save.accept_warnings && problems.iter().any(Problem::must_be_accepted));
            if is_refused {
                return Ok(Saved::refused(problems));
            }
            let row = self
                .insert(&scope, &model, &save, &overlay, organization_id, origin)
                .await?;
            // Without a row another process has saved another layer since: it is judged anew.
            if let Some(row) = row {
                return Ok(Saved {
                    layer: Some(LayerView::new(scope, Some(&row), affected)),
                    problems,
                });
            }
        }
        Err(MappingError::Database(DbErr::Custom(
            "the mappings of the organization change too fast".to_owned(),
        )))
    }

    async fn insert(
        &self,
        scope: &Scope,
        model: &Model,
        save: &SaveMapping,
        overlay: &Overlay,
        organization_id: Uuid,
        origin: &Origin,
    ) -> Result<Option<mapping_version::Model>, MappingError> {
        let mut change = self.journal.begin().await?;
        let transaction = change.transaction();
        // The row of a connection is locked before that of its organization, as everywhere.
        if let Some(id) = scope.connection_id() {
            lock_connection(transaction, organization_id, id).await?;
        }
        let counted = organization::Entity::update_for_organization(organization_id)
            .col_expr(
                organization::Column::MappingRevision,
                Expr::col(organization::Column::MappingRevision).add(1),
            )
            .filter(organization::Column::MappingRevision.eq(model.revision))
            .exec(transaction)
            .await?;
        if counted.rows_affected == 0 {
            let row = present(transaction, organization_id, scope).await?;
            expect(row.as_ref(), save.expected_version)?;
            return Ok(None);
        }
        let now = database::now();
        mapping_version::Entity::update_for_organization(organization_id)
            .set(mapping_version::ActiveModel {
                superseded_at: Set(Some(now)),
                ..Default::default()
            })
            .filter(mapping_version::Column::Scope.eq(scope.layer.key()))
            .filter(mapping_version::Column::Version.eq(save.expected_version))
            .filter(mapping_version::Column::SupersededAt.is_null())
            .exec(transaction)
            .await?;
        let row = mapping_version::ActiveModel {
            id: Set(Uuid::now_v7()),
            organization_id: Set(organization_id),
            scope: Set(scope.layer.key()),
            version: Set(save.expected_version.saturating_add(1)),
            connector: Set(scope.connector.clone()),
            customer_id: Set(scope.customer.as_ref().map(|customer| customer.id)),
            connection_id: Set(scope.connection_id()),
            document: Set(overlay.to_json()),
            author: Set(author(transaction, organization_id, origin).await?),
            comment: Set(save.comment.clone()),
            created_at: Set(now),
            superseded_at: Set(None),
        };
        let row = match row.insert(transaction).await {
            Ok(row) => row,
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
                drop(change);
                let row = present(&self.database, organization_id, scope).await?;
                let present = row.map_or(0, |row| row.version);
                return Err(MappingError::VersionConflict { present });
            }
            Err(error) => return Err(error.into()),
        };
        note(&mut change, scope, &row, model.revision + 1, origin).await?;
        change.commit().await?;
        Ok(Some(row))
    }
}

/// Writes the act and the event of a new version.
async fn note(
    change: &mut Change,
    scope: &Scope,
    row: &mapping_version::Model,
    revision: i64,
    origin: &Origin,
) -> Result<(), DbErr> {
    let mut detail = json!({
        "scope": scope.kind().as_str(),
        "connector": row.connector,
        "version": row.version,
    });
    if let (Some(customer), Some(detail)) = (scope.customer_id(), detail.as_object_mut()) {
        detail.insert("customer".to_owned(), customer.into());
    }
    let act = Act {
        action: "mapping.save",
        target_id: scope.connection_id().or(row.customer_id),
        detail: detail.clone(),
    };
    change.note(row.organization_id, origin, act).await?;
    let entities = row.document.get("entities").and_then(serde_json::Value::as_object);
    let entities: Vec<&String> = entities.into_iter().flat_map(serde_json::Map::keys).collect();
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("entities".to_owned(), json!(entities));
        detail.insert("revision".to_owned(), revision.into());
        detail.insert("author".to_owned(), row.author.clone().into());
        detail.insert("comment".to_owned(), json!(row.comment));
    }
    let event = NewEvent {
        organization_id: row.organization_id,
        connection_id: scope.connection_id(),
        kind: EventKind::MappingChanged,
        data: detail,
    };
    change.tell(event).await.map(drop)
}

fn expect(row: Option<&mapping_version::Model>, expected: i32) -> Result<(), MappingError> {
    let present = row.map_or(0, |row| row.version);
    match present.cmp(&expected) {
        Ordering::Equal => Ok(()),
        _ => Err(MappingError::VersionConflict { present }),
    }
}

async fn lock_connection(
    transaction: &impl ConnectionTrait,
    organization_id: Uuid,
    id: Uuid,
) -> Result<(), MappingError> {
    let row = connection::Entity::for_organization(organization_id)
        .filter(connection::Column::Id.eq(id))
        .lock_exclusive()
        .one(transaction)
        .await?;
    match row {
        Some(row) if row.status == Status::Disconnected => {
            Err(MappingError::Scope("the connection is disconnected".to_owned()))
        }
        Some(_) => Ok(()),
        None => Err(connections::Error::NotFound(id).into()),
    }
}

/// Returns who saves, in words that outlast the token.
async fn author(transaction: &impl ConnectionTrait, organization_id: Uuid, origin: &Origin) -> Result<String, DbErr> {
    Ok(match origin.actor {
        Actor::Token(id) => {
            let query = api_token::Entity::for_organization(organization_id).filter(api_token::Column::Id.eq(id));
            let token = query.one(transaction).await?;
            token.map_or_else(|| "an API token".to_owned(), |token| token.name)
        }
        Actor::Page(_) => "the hosted page".to_owned(),
        Actor::Operator => "the operator".to_owned(),
        Actor::Server => "the server".to_owned(),
    })
}
