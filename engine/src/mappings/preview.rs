//! Tries a document before it is saved: what records look like before and after it, and what it does to filters and
//! writes. Records that are given are read without asking the system.

use std::sync::Arc;

use chrono::Utc;
use lineshaft_connect::{
    blueprint::Blueprint,
    json,
    manifest::overlay::{Lines, Overlay},
};
use lineshaft_schema::{Catalogue, Projection, Record, TypeDef};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{
    Draft, FilterEffect, MappingError, Place, Problem, WriteEffect,
    effect::{self, Side},
    judge::{Case, Judgement},
    known::Descriptions,
    problem::tell,
    scope::{Need, is_bound},
    show,
    versions::{document, present},
};
use crate::{Engine, Session, connections::Connection, model::Layer};

/// Most records that are tried.
const MOST_RECORDS: usize = 20;

/// Most bytes of a record that is given.
const MOST_BYTES: usize = 1024 * 1024;

/// A document to try.
#[derive(Clone, Debug)]
pub struct PreviewMapping {
    /// The connection that it is tried with.
    pub connection_id: Uuid,
    /// The entity that is looked at.
    pub entity: String,
    /// The layer that it would be; that of the connection unless said otherwise.
    pub place: Option<Place>,
    /// The document; none to look at the present one.
    pub draft: Option<Draft>,
    /// Rows to try it with; live ones are read when there are none.
    pub records: Option<Vec<Json>>,
    /// How many live rows are read.
    pub samples: usize,
}

/// What a document would do.
#[derive(Clone, Debug)]
pub struct MappingPreview {
    /// What is wrong with it, or lost by it.
    pub problems: Vec<Problem>,
    /// Records before and after it.
    pub records: Vec<PreviewRecord>,
    /// Fields that the system would filter otherwise.
    pub filters: Vec<FilterEffect>,
    /// Fields that would be written otherwise.
    pub writes: Vec<WriteEffect>,
}

/// A record before and after a document.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRecord {
    /// Its key.
    pub remote_id: Option<String>,
    /// The row as it came.
    pub raw: Json,
    /// How it is read now.
    pub before: Option<Json>,
    /// How it would be read.
    pub after: Option<Json>,
    /// Fields that differ.
    pub changed_fields: Vec<String>,
    /// What could not be read afterwards.
    pub problems: Vec<RecordProblem>,
}

/// What of a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordProblem {
    /// The field; none when the record itself cannot be read.
    pub field: Option<String>,
    /// Where it comes from.
    pub path: Option<String>,
    /// Why.
    pub message: String,
}

impl Engine {
    /// Tries a document with a connection.
    ///
    /// # Errors
    /// When there is no such connection, layer or entity for the caller.
    pub async fn preview_mapping(
        &self,
        session: &Session,
        preview: PreviewMapping,
    ) -> Result<MappingPreview, MappingError> {
        let place = preview
            .place
            .clone()
            .unwrap_or(Place::Connection(preview.connection_id));
        let scope = self.scope(session, &place, Need::See).await?;
        let connection = self.seen(session, preview.connection_id).await?;
        if !Layer::of(&connection).contains(&scope.layer) {
            return Err(MappingError::Scope(
                "the layer does not hold for the connection".to_owned(),
            ));
        }
        let row = present(&self.database, session.caller.organization_id, &scope).await?;
        let now = row.as_ref().map_or_else(Overlay::new, document);
        let read = match &preview.draft {
            Some(draft) => draft.read(&now, self.registry.catalogue()),
            None => Ok((now, Lines::default())),
        };
        let (overlay, lines) = match read {
            Ok((overlay, lines)) => (Arc::new(overlay), lines),
            Err(problems) => return Ok(nothing(tell(problems, &Lines::default()))),
        };
        let connections: Arc<[Connection]> = Arc::from([(*connection).clone()]);
        let case = Case {
            model: session.model.clone(),
            scope,
            overlay: overlay.clone(),
            connections: connections.clone(),
            is_bound: is_bound(session),
        };
        let mut judgement = self.judge(case).await?;
        let described = match &preview.records {
            Some(_) => Descriptions::default(),
            None => self.described_for(session, &overlay, &connections).await,
        };
        if !judgement.is_wrong()
            && let Some(outcome) = judgement.outcomes.first()
        {
            let lost = described.check(&overlay, outcome);
            judgement.problems.extend(lost);
        }
        self.try_out(session, &connection, preview, judgement, &lines).await
    }

    async fn try_out(
        &self,
        session: &Session,
        connection: &Arc<Connection>,
        preview: PreviewMapping,
        judgement: Judgement,
        lines: &Lines,
    ) -> Result<MappingPreview, MappingError> {
        let problems = tell(judgement.problems, lines);
        let Some(outcome) = judgement.outcomes.first() else {
            return Ok(nothing(problems));
        };
        let (old, new) = (&session.model.catalogue, &judgement.model.catalogue);
        let def = |catalogue: &'_ Arc<Catalogue>| {
            let found = catalogue.type_named(&preview.entity).filter(|def| def.has_rows());
            found.cloned()
        };
        let (old_def, new_def) = (def(old), def(new));
        if old_def.is_none() && new_def.is_none() {
            return match problems.is_empty() {
                true => Err(MappingError::unknown_entity(&preview.entity)),
                false => Ok(nothing(problems)),
            };
        }
        let plain = self.pool.plain(connection)?;
        let bound = |blueprint: &Blueprint| {
            plain
                .with_blueprint(blueprint)
                .map_err(|error| MappingError::from(&error))
        };
        let (before, after) = (bound(&outcome.before)?, bound(&outcome.after)?);
        let rows: Vec<Arc<str>> = match preview.records {
            Some(records) => given(&records)?,
            None => {
                let samples = preview.samples.min(MOST_RECORDS);
                let kind = new_def.as_ref().map(|def| def.index);
                let kind = kind.filter(|kind| samples > 0 && after.blueprint().resource(*kind).is_some());
                match kind {
                    Some(kind) => {
                        let reached = self.reach(session, connection)?;
                        let most = u32::try_from(samples).unwrap_or(u32::MAX);
                        let rows = after.sample_rows(&reached.context, kind, most).await;
                        rows.map_err(|error| MappingError::from(&error))?
                    }
                    None => Vec::new(),
                }
            }
        };
        let (old, new) = (
            Reader::new(before.blueprint(), old, old_def.as_ref()),
            Reader::new(after.blueprint(), new, new_def.as_ref()),
        );
        let records = rows.iter().map(|row| compare(row, &old, &new)).collect();
        let before = Side::new(&outcome.before, old_def.as_ref());
        let after = Side::new(&outcome.after, new_def.as_ref());
        Ok(MappingPreview {
            problems,
            records,
            filters: effect::of_filters(&before, &after),
            writes: effect::of_writes(&before, &after),
        })
    }
}

/// Reads rows of one entity.
struct Reader<'r> {
    blueprint: &'r Blueprint,
    catalogue: &'r Catalogue,
    def: Option<&'r TypeDef>,
    projection: Projection,
}

impl<'r> Reader<'r> {
    fn new(blueprint: &'r Blueprint, catalogue: &'r Catalogue, def: Option<&'r TypeDef>) -> Self {
        Self {
            blueprint,
            catalogue,
            def,
            projection: def.map(Projection::all).unwrap_or_default(),
        }
    }

    fn read(&self, row: &json::Value<'_>) -> Option<Result<Record, String>> {
        let resource = self.blueprint.resource(self.def?.index)?;
        Some(resource.mapping().map_row(row, &self.projection, Utc::now()))
    }

    fn show(&self, record: Option<&Record>) -> Option<Map<String, Json>> {
        Some(show::record(self.catalogue, self.def?, record?))
    }
}

fn compare(row: &str, old: &Reader<'_>, new: &Reader<'_>) -> PreviewRecord {
    let raw = serde_json::from_str(row).unwrap_or_default();
    let mut problems = Vec::new();
    let mut whole = |message: String| {
        problems.push(RecordProblem {
            field: None,
            path: None,
            message,
        });
    };
    let (before, after) = match json::parse_text(row) {
        Ok(parsed) => {
            let after = match new.read(&parsed) {
                Some(Ok(record)) => Some(record),
                Some(Err(message)) => {
                    whole(message);
                    None
                }
                None => None,
            };
            (old.read(&parsed).and_then(Result::ok), after)
        }
        Err(message) => {
            whole(message);
            (None, None)
        }
    };
    let (shown_before, shown_after) = (old.show(before.as_ref()), new.show(after.as_ref()));
    let unread = after.iter().flat_map(|record| &record.problems);
    problems.extend(unread.map(|problem| RecordProblem {
        field: Some(problem.field.clone()),
        path: Some(problem.path.clone()),
        message: problem.message.clone(),
    }));
    let key = after.as_ref().or(before.as_ref()).map(|record| record.key.to_string());
    PreviewRecord {
        remote_id: key,
        raw,
        changed_fields: changed(shown_before.as_ref(), shown_after.as_ref()),
        before: shown_before.map(Json::Object),
        after: shown_after.map(Json::Object),
        problems,
    }
}

fn changed(before: Option<&Map<String, Json>>, after: Option<&Map<String, Json>>) -> Vec<String> {
    let of = |fields: Option<&Map<String, Json>>, name: &str| fields.and_then(|fields| fields.get(name)).cloned();
    let mut names: Vec<&String> = Vec::new();
    for name in before.into_iter().chain(after).flat_map(Map::keys) {
        if of(before, name) != of(after, name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().cloned().collect()
}

/// Reads the rows that somebody gave.
fn given(records: &[Json]) -> Result<Vec<Arc<str>>, MappingError> {
    if records.len() > MOST_RECORDS {
        return Err(MappingError::TooMany(format!(
            "at most {MOST_RECORDS} records are tried at once"
        )));
    }
    let texts: Vec<Arc<str>> = records.iter().map(|record| record.to_string().into()).collect();
    match texts.iter().any(|text| text.len() > MOST_BYTES) {
        true => Err(MappingError::TooMany(format!(
            "a record has at most {MOST_BYTES} bytes"
        ))),
        false => Ok(texts),
    }
}

const fn nothing(problems: Vec<Problem>) -> MappingPreview {
    MappingPreview {
        problems,
        records: Vec::new(),
        filters: Vec::new(),
        writes: Vec::new(),
    }
}
