//! Shows how a connection maps an entity: every field with where it comes from, who said so, and live samples.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use lineshaft_connect::{
    blueprint::Blueprint,
    describe::Described,
    json,
    manifest::overlay::{EntityOverlay, FieldPatch, OverlayProblem, ProblemCode},
    mapping::{self, CompiledField, FieldView, checks, describe},
};
use lineshaft_schema::{Catalogue, FieldDef, FieldIndex, FieldType, Projection, Record, Shape, TypeDef, Writable};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    MappingError, Problem, RemoteField, Scope, Severity, effect,
    judge::{away, in_one_sentence, says},
    known::compiled,
    remote::{Told, unmapped},
    scope::is_bound,
    show,
};
use crate::{
    Engine, Session,
    connections::Connection,
    model::{Layer, Model},
};

/// Most live records that are shown.
const MOST_SAMPLES: usize = 20;

/// Who said where a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingOrigin {
    /// The connector.
    Connector,
    /// The layer of the whole organization.
    Organization,
    /// The layer of the customer.
    Customer,
    /// The layer of the connection.
    Connection,
    /// Nobody.
    None,
}

/// Whether a field has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// It comes from the system.
    Mapped,
    /// It is hidden.
    Hidden,
    /// Nothing is mapped to it.
    Unmapped,
    /// The server fills it itself.
    Computed,
}

/// How the fields of an object are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescribedBy {
    /// The system tells them.
    Metadata,
    /// They were seen in rows.
    Samples,
    /// They are not.
    None,
}

/// A layer and its version.
#[derive(Clone, Debug)]
pub struct LayerInfo {
    /// What it holds for.
    pub scope: Scope,
    /// Its version.
    pub version: i32,
}

/// How a connection maps an entity.
#[derive(Clone, Debug)]
pub struct EntityMapping {
    /// The entity.
    pub entity: String,
    /// What people call it.
    pub label: String,
    /// Whether the organization added it.
    pub is_custom: bool,
    /// Its object in the system; none when the connection does not map it.
    pub remote: Option<String>,
    /// Name of the root field that lists it.
    pub plural: Option<String>,
    /// The connection.
    pub connection_id: Uuid,
    /// The layers that say something of it, lowest first.
    pub layers: Vec<LayerInfo>,
    /// Its fields.
    pub fields: Vec<FieldMapping>,
    /// Fields of the system that nothing reads.
    pub unmapped: Vec<RemoteField>,
    /// Live records, as they came and as they are read.
    pub samples: Vec<MappedSample>,
    /// How the fields of the system are known.
    pub described_by: DescribedBy,
    /// What is wrong with its mapping now.
    pub problems: Vec<Problem>,
}

/// How one field is mapped.
#[derive(Clone, Debug)]
pub struct FieldMapping {
    /// Its name.
    pub name: String,
    /// What people call it, for a field that the organization added.
    pub label: Option<String>,
    /// What it holds.
    pub description: String,
    /// The name of its type in GraphQL, without lists.
    pub type_name: String,
    /// Whether it is a list.
    pub list: bool,
    /// Whether the organization added it.
    pub is_custom: bool,
    /// Who said where it comes from.
    pub origin: MappingOrigin,
    /// Whether it has a value.
    pub state: FieldState,
    /// Where it comes from, in a few words.
    pub source: Option<String>,
    /// The mapping as it holds.
    pub mapping: Option<Json>,
    /// What the highest layer says that speaks of it.
    pub layer_mapping: Option<Json>,
    /// How the value is read, where that is said.
    pub codec: Option<String>,
    /// When it can be written.
    pub writable: Writable,
    /// Operators that the system applies.
    pub filter_operators: Vec<&'static str>,
    /// Whether the system sorts by it.
    pub sortable: bool,
    /// For enums: the values.
    pub enum_values: Vec<String>,
    /// Its values in live records.
    pub samples: Vec<FieldSample>,
}

/// The value of a field in a live record.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSample {
    /// The key of the record.
    pub remote_id: String,
    /// What the system has.
    pub raw: Option<Json>,
    /// What it is read as.
    pub value: Option<Json>,
    /// Why it could not be read.
    pub problem: Option<String>,
}

/// A live record.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedSample {
    /// The key of the record.
    pub remote_id: String,
    /// The row as it came.
    pub raw: Json,
    /// What it is read as.
    pub value: Json,
}

/// An entity that a connection maps.
#[derive(Clone, Debug)]
pub struct MappedEntity {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Its object in the system.
    pub remote: String,
    /// Whether the organization added it.
    pub is_custom: bool,
    /// Name of the root field that lists it.
    pub plural: Option<String>,
    /// How many of its fields come from the system.
    pub mapped_fields: usize,
    /// How many fields it has.
    pub total_fields: usize,
    /// How many of them the organization added.
    pub custom_fields: usize,
    /// The layers that say something of it, lowest first.
    pub layers: Vec<LayerInfo>,
}

/// A row with the record that it is read as.
struct Sampled {
    row: Arc<str>,
    record: Record,
}

impl Engine {
    /// Lists the entities that a connection maps.
    ///
    /// # Errors
    /// When there is no such connection for the caller.
    pub async fn mapped_entities(
        &self,
        session: &Session,
        connection: Uuid,
    ) -> Result<Vec<MappedEntity>, MappingError> {
        let connection = self.seen(session, connection).await?;
        let (model, catalogue) = (&session.model, &session.model.catalogue);
        let blueprint = self.plans(&connection, model)?;
        let of = |def: &TypeDef| {
            let fields = compiled(&blueprint, catalogue, def);
            let remote = blueprint
                .resource(def.index)
                .map(|resource| resource.remote().to_owned());
            (remote.is_some() || !fields.is_empty()).then(|| MappedEntity {
                name: def.name.clone(),
                label: label(def),
                remote: remote.unwrap_or_default(),
                is_custom: def.label.is_some(),
                plural: plural(def),
                mapped_fields: fields.len(),
                total_fields: def.fields.len(),
                custom_fields: def.custom_fields().count(),
                layers: layers(session, &connection, &def.name),
            })
        };
        let types = catalogue.types.values().filter(|def| def.has_rows());
        Ok(types.filter_map(|def| of(def)).collect())
    }

    /// Shows how a connection maps an entity.
    ///
    /// # Errors
    /// When there is no such connection or entity for the caller.
    pub async fn entity_mapping(
        &self,
        session: &Session,
        connection: Uuid,
        entity: &str,
        samples: usize,
    ) -> Result<EntityMapping, MappingError> {
        let connection = self.seen(session, connection).await?;
        let model = &session.model;
        let def = model.catalogue.type_named(entity).filter(|def| def.has_rows());
        let def = def.ok_or_else(|| MappingError::unknown_entity(entity))?;
        let blueprint = self.plans(&connection, model)?;
        let resource = blueprint.resource(def.index);
        let mut problems = Vec::new();
        let told = match resource {
            Some(resource) => {
                let asked = match self.reach(session, &connection) {
                    Ok(reached) => {
                        let kind = resource.capability().list.then_some(def.index);
                        self.told_of(
                            &reached,
                            resource.remote(),
                            kind.or(Some(def.index)),
                            samples.min(MOST_SAMPLES),
                        )
                        .await
                    }
                    Err(error) => Err(error),
                };
                asked.map_err(|error| problems.push(unasked(entity, &error))).ok()
            }
            None => None,
        };
        let described = told.as_ref().map(|told| &told.described);
        problems.extend(self.present_problems(session, &connection, entity, described).await?);
        let bound = self.bound(&connection, model).unwrap_or_else(|| blueprint.clone());
        let sampled = match &told {
            Some(told) if samples > 0 => sampled(told, &bound, def, samples.min(MOST_SAMPLES)),
            _ => Vec::new(),
        };
        let remote = resource.map(|resource| resource.remote().to_owned());
        let unmapped = match (&told, &remote) {
            (Some(told), Some(remote)) => unmapped(&told.described, &blueprint, &model.catalogue, remote, def),
            _ => Vec::new(),
        };
        let view = View {
            session,
            connection: &connection,
            def,
            compiled: compiled(&blueprint, &model.catalogue, def),
            blueprint: &blueprint,
            sampled: &sampled,
        };
        Ok(EntityMapping {
            entity: def.name.clone(),
            label: label(def),
            is_custom: def.label.is_some(),
            remote,
            plural: plural(def),
            connection_id: connection.id,
            layers: layers(session, &connection, entity),
            fields: views(&blueprint, &model.catalogue, def)
                .into_iter()
                .map(|field| view.field(field))
                .collect(),
            unmapped,
            samples: sampled.iter().map(|sample| view.sample(sample)).collect(),
            described_by: told.map_or(DescribedBy::None, |told| told.by),
            problems,
        })
    }

    /// Returns the plans of a connection, whether or not it can be used now.
    pub(super) fn plans(&self, connection: &Connection, model: &Model) -> Result<Arc<Blueprint>, MappingError> {
        let kind = self.registry.get(&connection.connector).ok_or_else(|| {
            let message = format!("the connector `{}` is not loaded or has errors", connection.connector);
            crate::query::SourceError::new("CONNECTOR_NOT_AVAILABLE", message)
        })?;
        Ok(model.blueprint(connection, &kind)?)
    }

    /// Returns the plans of a connection with its settings filled in; none when they do not fit.
    fn bound(&self, connection: &Connection, model: &Model) -> Option<Arc<Blueprint>> {
        let connector = self.pool.connector(connection, model).ok()?;
        Some(connector.blueprint().clone())
    }

    /// Tells what of the layers of a connection is left out now, such as after its connector has changed, and what reads
    /// fields that the system does not have.
    async fn present_problems(
        &self,
        session: &Session,
        connection: &Connection,
        entity: &str,
        described: Option<&Described>,
    ) -> Result<Vec<Problem>, MappingError> {
        let model = session.model.clone();
        let layers: Vec<Layer> = model
            .layers_of(connection)
            .into_iter()
            .map(|(layer, _)| layer)
            .collect();
        let Some(kind) = self.registry.get(&connection.connector).filter(|_| !layers.is_empty()) else {
            return Ok(Vec::new());
        };
        let invalid = |problem| crate::query::SourceError::new("INVALID_SETTINGS", problem);
        let base = kind.blueprint_for(&connection.settings).map_err(invalid)?;
        let own = model.layer(&Layer::Connection(connection.id)).cloned();
        let (described, name) = (described.cloned(), entity.to_owned());
        let overlaid = move || {
            let overlay = model.overlay_of(&layers);
            let (above, mut problems) = base.overlaid_leniently(&overlay, model.catalogue.clone());
            if let Some(described) = described {
                let known = |entity: &str| (entity == name).then(|| described.clone());
                let mut warned = checks::check(&base, &above, &overlay, &known);
                warned.retain(|problem| problem.code == ProblemCode::UnknownRemoteField);
                problems.extend(warned);
            }
            problems
        };
        let mut left_out = away(overlaid).await?;
        left_out.retain(|problem| problem.entity().as_deref() == Some(entity));
        if is_bound(session) {
            let is_own = |problem: &OverlayProblem| own.as_ref().is_some_and(|own| says(&own.overlay, problem));
            let (mut kept, others): (Vec<_>, Vec<_>) = left_out.into_iter().partition(is_own);
            kept.extend(in_one_sentence(&others));
            left_out = kept;
        }
        Ok(left_out.iter().map(Problem::from).collect())
    }
}

/// What the fields of an entity are shown from.
struct View<'v> {
    session: &'v Session,
    connection: &'v Connection,
    def: &'v TypeDef,
    compiled: HashMap<FieldIndex, &'v CompiledField>,
    blueprint: &'v Blueprint,
    sampled: &'v [Sampled],
}

impl View<'_> {
    fn field(&self, field: FieldView) -> FieldMapping {
        let def = self.def.field(&field.name);
        let compiled = def.and_then(|def| self.compiled.get(&def.index)).copied();
        let spoken = self.spoken(&field.name);
        let is_hidden = spoken.iter().any(|(_, patch)| patch.hide == Some(true));
        let reverse = def.and_then(|def| self.reverse(def));
        let state = match field.state {
            mapping::FieldState::Mapped => FieldState::Mapped,
            _ if is_hidden => FieldState::Hidden,
            _ if reverse.is_some() => FieldState::Computed,
            mapping::FieldState::Computed => FieldState::Computed,
            mapping::FieldState::Unmapped => FieldState::Unmapped,
        };
        let origin = match (spoken.last(), state) {
            (Some((layer, _)), _) => origin(layer),
            (None, FieldState::Mapped) => MappingOrigin::Connector,
            (None, _) => MappingOrigin::None,
        };
        let sampled = self.sampled.iter().filter_map(|sample| Some((sample, def?)));
        let samples = sampled.map(|(sample, def)| self.field_sample(sample, def, compiled));
        FieldMapping {
            origin,
            state,
            samples: samples.collect(),
            layer_mapping: self.layer_mapping(&field.name),
            filter_operators: effect::operators(&field),
            mapping: field.mapping.map(Json::Object),
            source: field.source.filter(|source| !source.is_empty()).or(reverse),
            name: field.name,
            label: field.label,
            description: field.description,
            type_name: field.type_name,
            list: field.list,
            is_custom: field.is_custom,
            codec: field.codec,
            writable: field.writable,
            sortable: field.sortable,
            enum_values: field.enum_values,
        }
    }

    /// Returns the reference of other records that a list is found by, where the connection maps it.
    fn reverse(&self, field: &FieldDef) -> Option<String> {
        let (FieldType::Object(of) | FieldType::Reference(of)) = field.kind else {
            return None;
        };
        let other = self.session.model.catalogue.type_at(of)?;
        let back = other.field(field.reverse.as_deref()?)?;
        let resource = self.blueprint.resource(of)?;
        resource.mapping().field(back.index)?;
        Some(format!("{}.{}", other.name, back.name))
    }

    /// Returns the layers that say where a field comes from, lowest first, with what they say.
    fn spoken(&self, field: &str) -> Vec<(Layer, FieldPatch)> {
        let layers = self.session.model.layers_of(self.connection).into_iter();
        let say = |(layer, current): (Layer, &crate::model::Current)| {
            let entity = current.overlay.entities.get(&self.def.name)?;
            let custom = entity.custom.get(field);
            let patch = match (entity.fields.get(field), custom) {
                (Some(patch), _) => patch.patch(),
                (None, Some(custom)) => custom.source.as_ref()?.patch(),
                (None, None) => return None,
            };
            Some((layer, patch))
        };
        layers.filter_map(say).collect()
    }

    /// Returns what the highest layer says of a field that the caller may see.
    fn layer_mapping(&self, field: &str) -> Option<Json> {
        let layers = self.session.model.layers_of(self.connection).into_iter().rev();
        let shown = layers.filter(|(layer, _)| !is_bound(self.session) || matches!(layer, Layer::Connection(_)));
        let say = |entity: &EntityOverlay| {
            let mapping = entity
                .fields
                .get(field)
                .and_then(|patch| serde_json::to_value(patch).ok());
            mapping.or_else(|| serde_json::to_value(entity.custom.get(field)?).ok())
        };
        let mut entities = shown.filter_map(|(_, current)| current.overlay.entities.get(&self.def.name));
        entities.find_map(say)
    }

    fn field_sample(&self, sample: &Sampled, field: &FieldDef, compiled: Option<&CompiledField>) -> FieldSample {
        let row = json::parse_text(&sample.row).ok();
        let path = compiled.and_then(|compiled| compiled.paths().first().or_else(|| compiled.key_paths().first()));
        let raw = row
            .as_ref()
            .zip(path)
            .and_then(|(row, path)| path.first(row))
            .map(show::raw);
        let value = show::value(&self.session.model.catalogue, sample.record.get(field.index));
        let within = format!("{}.", field.name);
        let mut problems = sample.record.problems.iter();
        FieldSample {
            remote_id: sample.record.key.to_string(),
            raw,
            value: (!value.is_null()).then_some(value),
            problem: problems
                .find(|problem| problem.field == field.name || problem.field.starts_with(&within))
                .map(|problem| problem.message.clone()),
        }
    }

    fn sample(&self, sample: &Sampled) -> MappedSample {
        MappedSample {
            remote_id: sample.record.key.to_string(),
            raw: serde_json::from_str(&sample.row).unwrap_or_default(),
            value: Json::Object(show::record(&self.session.model.catalogue, self.def, &sample.record)),
        }
    }
}

/// Describes the fields of an entity, also those that other connections of the organization have.
fn views(blueprint: &Blueprint, catalogue: &Catalogue, def: &TypeDef) -> Vec<FieldView> {
    let mut views = match blueprint.catalogue().type_at(def.index) {
        Some(known) if known.name == def.name => describe(blueprint, def.index),
        _ => Vec::new(),
    };
    for field in def.fields.values().filter(|field| field.kind != FieldType::Platform) {
        if views.iter().any(|view| view.name == field.name) {
            continue;
        }
        let values = match field.kind {
            FieldType::Enum(kind) => catalogue.enum_at(kind),
            _ => None,
        };
        views.push(FieldView {
            name: field.name.clone(),
            label: field.label.clone(),
            description: field.description.clone(),
            type_name: field.type_name.clone(),
            list: field.list,
            is_custom: field.label.is_some(),
            state: match field.computed {
                true => mapping::FieldState::Computed,
                false => mapping::FieldState::Unmapped,
            },
            source: None,
            mapping: None,
            codec: None,
            writable: Writable::Never,
            filter_operators: Vec::new(),
            sortable: false,
            enum_values: values
                .map(|def| def.values.keys().cloned().collect())
                .unwrap_or_default(),
        });
    }
    views
}

/// Reads rows as records; those without a key are left out.
fn sampled(told: &Told, blueprint: &Blueprint, def: &TypeDef, most: usize) -> Vec<Sampled> {
    let Some(resource) = blueprint.resource(def.index) else {
        return Vec::new();
    };
    let projection = Projection::all(def);
    let read = |row: &Arc<str>| {
        let parsed = json::parse_text(row).ok()?;
        let record = resource.mapping().map_row(&parsed, &projection, Utc::now()).ok()?;
        Some(Sampled {
            row: row.clone(),
            record,
        })
    };
    told.rows.iter().filter_map(read).take(most).collect()
}

fn layers(session: &Session, connection: &Arc<Connection>, entity: &str) -> Vec<LayerInfo> {
    let layers = session.model.layers_of(connection).into_iter();
    let speaks = layers.filter(|(layer, current)| {
        current.overlay.entities.contains_key(entity) && (!is_bound(session) || matches!(layer, Layer::Connection(_)))
    });
    speaks
        .map(|(layer, current)| LayerInfo {
            scope: Scope::of(&layer, connection),
            version: current.version,
        })
        .collect()
}

const fn origin(layer: &Layer) -> MappingOrigin {
    match layer {
        Layer::Connector(_) => MappingOrigin::Organization,
        Layer::Customer(..) => MappingOrigin::Customer,
        Layer::Connection(_) => MappingOrigin::Connection,
    }
}

fn label(def: &TypeDef) -> String {
    def.label.clone().unwrap_or_else(|| def.name.clone())
}

fn plural(def: &TypeDef) -> Option<String> {
    match &def.shape {
        Shape::Entity { plural } => Some(plural.clone()),
        _ => None,
    }
}

fn unasked(entity: &str, error: &MappingError) -> Problem {
    Problem {
        severity: Severity::Warning,
        code: error.code(),
        entity: Some(entity.to_owned()),
        field: None,
        pointer: String::new(),
        line: None,
        message: format!("the system could not be asked for its fields: {error}"),
        help: None,
    }
}
