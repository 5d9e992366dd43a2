//! What a system has besides what is mapped: its objects and their fields, as it tells them or as its rows show.

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, Utc};
use lineshaft_connect::{
    ErrorKind,
    blueprint::Blueprint,
    describe::{Described, DescribedField, ValueKind, infer, with_samples},
};
use lineshaft_schema::{Catalogue, TypeDef, TypeIndex};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    MappingError, Suggestion,
    known::{Reached, compiled, field_of, paths_of},
    scope::{self, Need},
    see::DescribedBy,
    suggest::{self, Trial},
};
use crate::{Engine, Session, database};

/// Most rows that are looked at for samples.
const MOST_SAMPLES: usize = 20;

/// Rows that are looked at where the system does not tell its fields.
const ROWS: usize = 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteTarget {
    /// An object, by its name in the system.
    Object(String),
    /// What an entity reads.
    Entity(String),
}

/// An object of a system.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteObject {
    /// Its name in the system.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// The entity that reads it.
    pub entity: Option<String>,
    /// Its fields; empty in lists of objects.
    pub fields: Vec<RemoteField>,
    /// How its fields are known.
    pub described_by: DescribedBy,
    /// When they were asked for.
    pub fetched_at: Option<DateTime<Utc>>,
}

/// Some objects of a system.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteObjectPage {
    /// The objects, by name.
    pub objects: Vec<RemoteObject>,
    /// Whether more follow.
    pub has_more: bool,
    /// How many fit.
    pub total: usize,
}

/// A field of an object of a system.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteField {
    /// The path to it.
    pub path: String,
    /// Its label.
    pub label: Option<String>,
    /// Its type in general words, such as `STRING`.
    pub kind: Option<String>,
    /// Its type in the words of the system.
    pub remote_type: Option<String>,
    /// Whether a new record must have it.
    pub required: Option<bool>,
    /// Whether it cannot be written.
    pub read_only: Option<bool>,
    /// Most characters.
    pub max_length: Option<usize>,
    /// The values to choose from, with labels.
    pub choices: Vec<(String, Option<String>)>,
    /// Some of its values.
    pub samples: Vec<Json>,
    /// The fields of the model that read it.
    pub mapped_by: Vec<String>,
    /// A custom field that fits it: for a new entity, or where nothing reads it yet.
    pub suggested: Option<Suggestion>,
}

/// What is known of the fields of an object, with the rows that were looked at.
pub(super) struct Told {
    pub(super) described: Described,
    pub(super) by: DescribedBy,
    pub(super) rows: Vec<Arc<str>>,
}

impl Engine {
    /// Lists the objects of a system behind one of these names, in the order of their names.
    ///
    /// # Errors
    /// When there is no such connection for the caller, or the system fails.
    pub async fn remote_objects(
        &self,
        session: &Session,
        connection: Uuid,
        search: Option<&str>,
        first: u64,
        after: Option<&str>,
    ) -> Result<RemoteObjectPage, MappingError> {
        scope::may(session, Need::See)?;
        let connection = self.seen(session, connection).await?;
        let reached = self.reach(session, &connection)?;
        let mut found = reached
            .connector
            .objects(&reached.context, search)
            .await
            .map_err(|error| MappingError::from(&error))?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        let total = found.len();
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let mut rest = found
            .into_iter()
            .skip_while(|object| after.is_some_and(|after| *object.name <= *after));
        let blueprint = reached.connector.blueprint();
        let objects = rest.by_ref().take(first).map(|object| RemoteObject {
            entity: reader_of(blueprint, &object.name),
            name: object.name,
            label: object.label,
            fields: Vec::new(),
            described_by: DescribedBy::None,
            fetched_at: None,
        });
        Ok(RemoteObjectPage {
            objects: objects.collect(),
            has_more: rest.next().is_some(),
            total,
        })
    }

    /// Tells the fields of an object, with samples from live rows, what reads them, and how they could be mapped. What an
    /// entity reads is told to all who see it; an object of any name only to those who work on mappings.
    ///
    /// # Errors
    /// When the caller may not, there is no such connection or object, or the system fails.
    pub async fn remote_fields(
        &self,
        session: &Session,
        connection: Uuid,
        of: &RemoteTarget,
        samples: usize,
        refresh: bool,
    ) -> Result<RemoteObject, MappingError> {
        if matches!(of, RemoteTarget::Object(_)) {
            scope::may(session, Need::See)?;
        }
        let connection = self.seen(session, connection).await?;
        let reached = self.reach(session, &connection)?;
        if refresh {
            reached.connector.forget_descriptions();
        }
        let blueprint = reached.connector.blueprint().clone();
        let catalogue = session.model.catalogue.clone();
        let samples = samples.min(MOST_SAMPLES);
        let (name, def) = match of {
            RemoteTarget::Object(name) if !blueprint.may_ask_for(name) => {
                return Err(MappingError::ObjectNotFound(name.clone()));
            }
            RemoteTarget::Object(name) => (name.clone(), readers(&blueprint, name).next()),
            RemoteTarget::Entity(name) => {
                let def = catalogue.type_named(name).filter(|def| def.has_rows());
                let def = def.ok_or_else(|| MappingError::unknown_entity(name))?;
                let resource = blueprint.resource(def.index);
                let resource = resource.ok_or_else(|| not_mapped(&connection.connector, name))?;
                (resource.remote().to_owned(), Some(def))
            }
        };
        let told = self.told_of(&reached, &name, def.map(|def| def.index), samples).await?;
        // Who asks for an object makes an entity of it, with names of its own.
        let is_object = matches!(of, RemoteTarget::Object(_));
        let trial = is_object.then(|| Trial::new(&blueprint, &catalogue, &name)).flatten();
        let wanted = match is_object {
            true => Wanted::Entity(trial.as_ref()),
            false => Wanted::Fields(def),
        };
        Ok(RemoteObject {
            entity: def.map(|def| def.name.clone()),
            label: None,
            fields: fields(&told.described, &blueprint, &catalogue, &name, wanted),
            described_by: told.by,
            fetched_at: Some(database::now()),
            name,
        })
    }

    /// Asks for the fields of an object: its own words first, then what its rows show.
    pub(super) async fn told_of(
        &self,
        reached: &Reached,
        remote: &str,
        kind: Option<TypeIndex>,
        samples: usize,
    ) -> Result<Told, MappingError> {
        let Reached { connector, context, .. } = reached;
        let described = match kind {
            Some(kind) => connector.describe(context, kind).await,
            None => connector.describe_object(context, remote).await,
        };
        let described = match described {
            Ok(described) => described.filter(|described| !described.is_empty()),
            // Rows may tell what metadata does not, such as to accounts that may read but not look behind.
            Err(error) if kind.is_some() && is_about_object(&error) => None,
            Err(error) if is_about_object(&error) => {
                return Err(MappingError::ObjectNotFound(remote.to_owned()));
            }
            Err(error) => return Err(MappingError::from(&error)),
        };
        let wanted = match &described {
            Some(_) => samples,
            None => samples.max(ROWS),
        };
        let rows = match (wanted, kind) {
            (0, _) => Ok(Vec::new()),
            (wanted, Some(kind)) => connector.sample_rows(context, kind, to_u32(wanted)).await,
            (wanted, None) => connector.sample_object(context, remote, to_u32(wanted)).await,
        };
        match (described, rows) {
            (Some(described), rows) => {
                let rows = rows.unwrap_or_else(|error| {
                    tracing::debug!(%error, remote, "no rows could be read for samples");
                    Vec::new()
                });
                Ok(Told {
                    described: with_samples(&described, &rows),
                    by: DescribedBy::Metadata,
                    rows,
                })
            }
            (None, Ok(rows)) => Ok(Told {
                by: match rows.is_empty() {
                    true => DescribedBy::None,
                    false => DescribedBy::Samples,
                },
                described: infer(&rows),
                rows,
            }),
            (None, Err(error)) if kind.is_none() && is_about_object(&error) => {
                Err(MappingError::ObjectNotFound(remote.to_owned()))
            }
            (None, Err(error)) => Err(MappingError::from(&error)),
        }
    }
}

/// What fields of an object are suggested for.
#[derive(Clone, Copy)]
enum Wanted<'w> {
    /// Fields of an entity that reads the object: those that it does not read yet.
    Fields(Option<&'w TypeDef>),
    /// A new entity over the object: all of them.
    Entity(Option<&'w Trial>),
}

/// Returns what the fields of an object are, and what reads them.
fn fields(
    described: &Described,
    blueprint: &Blueprint,
    catalogue: &Catalogue,
    remote: &str,
    wanted: Wanted<'_>,
) -> Vec<RemoteField> {
    let def = match wanted {
        Wanted::Fields(def) => def,
        Wanted::Entity(_) => None,
    };
    let readers: Vec<&TypeDef> = readers(blueprint, remote).collect();
    let mut mapped_by: Vec<(&str, String)> = Vec::new();
    let own = def.filter(|def| !readers.iter().any(|reader| reader.index == def.index));
    for reader in readers.iter().copied().chain(own) {
        for field in compiled(blueprint, catalogue, reader).values() {
            for path in paths_of(field) {
                if let Some(known) = field_of(path, described) {
                    mapped_by.push((known.name.as_str(), format!("{}.{}", reader.name, field.name())));
                }
            }
        }
    }
    mapped_by.sort();
    mapped_by.dedup();
    let reader = def.or_else(|| readers.first().copied());
    let (like, mut taken): (_, HashSet<String>) = match wanted {
        Wanted::Fields(_) => (
            reader.map(|def| (blueprint, def)),
            reader.into_iter().flat_map(|def| def.fields.keys().cloned()).collect(),
        ),
        Wanted::Entity(Some(trial)) => (trial.like(), trial.taken()),
        Wanted::Entity(None) => (None, HashSet::new()),
    };
    let place = suggest::Place { blueprint, like };
    let is_new = matches!(wanted, Wanted::Entity(_));
    let tell = |field: &DescribedField| {
        let by = mapped_by.iter().filter(|(name, _)| *name == field.name);
        let mapped_by: Vec<String> = by.map(|(_, reader)| reader.clone()).collect();
        RemoteField {
            path: field.name.clone(),
            label: field.label.clone(),
            kind: field.value_kind.map(|kind| word(kind).to_owned()),
            remote_type: field.kind.clone(),
            required: field.required,
            read_only: field.read_only,
            max_length: field.max_length,
            choices: field.choices.clone(),
            samples: field.samples.clone(),
            suggested: (is_new || mapped_by.is_empty()).then(|| place.suggest(field, &mut taken)),
            mapped_by,
        }
    };
    described.values().map(tell).collect()
}

/// Returns the fields of an object that an entity does not read.
pub(super) fn unmapped(
    described: &Described,
    blueprint: &Blueprint,
    catalogue: &Catalogue,
    remote: &str,
    def: &TypeDef,
) -> Vec<RemoteField> {
    let own = format!("{}.", def.name);
    let all = fields(described, blueprint, catalogue, remote, Wanted::Fields(Some(def)));
    let is_read = |field: &RemoteField| field.mapped_by.iter().any(|reader| reader.starts_with(&own));
    // Of what is read in part, such as a pair of key and name, only the other parts are left.
    let read: HashSet<String> = all
        .iter()
        .filter(|field| is_read(field))
        .flat_map(|field| wholes(&field.path))
        .collect();
    all.into_iter().filter(|field| !read.contains(&field.path)).collect()
}

/// Returns a path with every path that it lies in.
fn wholes(path: &str) -> Vec<String> {
    let cuts = path.match_indices('.').filter_map(|(at, _)| path.get(..at));
    cuts.chain([path]).map(str::to_owned).collect()
}

/// Iterates over the types that read an object.
fn readers<'b>(blueprint: &'b Blueprint, remote: &'b str) -> impl Iterator<Item = &'b TypeDef> {
    let resources = blueprint
        .resources()
        .filter(move |resource| resource.remote() == remote);
    resources.filter_map(|resource| blueprint.catalogue().type_at(resource.kind()))
}

fn reader_of(blueprint: &Blueprint, remote: &str) -> Option<String> {
    readers(blueprint, remote).next().map(|def| def.name.clone())
}

fn is_about_object(error: &lineshaft_connect::Error) -> bool {
    use ErrorKind::{InvalidRequest, MalformedResponse, NotFound, NotSupported};
    matches!(
        error.kind(),
        NotFound | NotSupported | MalformedResponse | InvalidRequest
    )
}

fn not_mapped(connector: &str, entity: &str) -> MappingError {
    MappingError::Argument(format!("`{connector}` does not map {entity}"))
}

const fn word(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Text => "STRING",
        ValueKind::Integer => "INTEGER",
        ValueKind::Decimal => "DECIMAL",
        ValueKind::Boolean => "BOOLEAN",
        ValueKind::Date => "DATE",
        ValueKind::Datetime => "DATETIME",
        ValueKind::Choice => "ENUM",
        ValueKind::Reference => "REFERENCE",
        ValueKind::Object => "OBJECT",
        ValueKind::List => "LIST",
    }
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
