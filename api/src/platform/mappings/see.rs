//! How the entities of a connection are mapped: each field with where it comes from and what that gives.

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};
use lineshaft_engine::mappings;
use serde_json::Value;

use super::{
    FieldWritable, MappingProblem, count, failed,
    remote::{DescribedBy, RemoteField},
    samples,
    scope::MappingLayerInfo,
    told,
};
use crate::platform::access::{self, id};

/// Who says where a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::MappingOrigin")]
pub(crate) enum MappingOrigin {
    /// The connector.
    Connector,
    /// The organization, for all its connections of the connector.
    Organization,
    /// The organization, for the connections of the customer.
    Customer,
    /// The organization, for this connection.
    Connection,
    /// Nobody.
    None,
}

/// Whether a field has values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::FieldState")]
pub(crate) enum MappingState {
    /// It comes from the system.
    Mapped,
    /// A layer hides it: it is always null.
    Hidden,
    /// Nothing says where it comes from: it is always null.
    Unmapped,
    /// The server makes it, such as the id.
    Computed,
}

/// What a field is in one live record.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FieldSample {
    /// The key of the record in its system.
    remote_id: String,
    /// What stands in the row.
    raw: Option<Json<Value>>,
    /// What the mapping makes of it.
    value: Option<Json<Value>>,
    /// Why it makes nothing of it.
    problem: Option<String>,
}

/// How a field of an entity is mapped.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FieldMapping {
    /// Its name.
    name: String,
    /// What people call it, for a field of your own.
    label: Option<String>,
    /// What it is.
    description: String,
    /// The name of its type.
    #[graphql(name = "type")]
    kind: String,
    /// Whether it holds a list.
    list: bool,
    /// Whether it is a field of your own.
    is_custom: bool,
    /// Who says where it comes from.
    origin: MappingOrigin,
    /// Whether it has values.
    state: MappingState,
    /// Where it comes from, in a few words: most often a path.
    source: Option<String>,
    /// The mapping that holds, in the grammar of mapping files.
    mapping: Option<Json<Value>>,
    /// What the highest layer that changes it says.
    layer_mapping: Option<Json<Value>>,
    /// How values are turned into those of the field.
    codec: Option<String>,
    /// When it can be written.
    writable: FieldWritable,
    /// The operators by which lists can be filtered by it, such as `eq`.
    filter_operators: Vec<String>,
    /// Whether lists can be sorted by it.
    sortable: bool,
    /// The values of an enum; null for other types.
    enum_values: Option<Vec<String>>,
    /// What it is in live records.
    samples: Vec<FieldSample>,
}

impl From<mappings::FieldMapping> for FieldMapping {
    fn from(field: mappings::FieldMapping) -> Self {
        let sample = |sample: mappings::FieldSample| FieldSample {
            remote_id: sample.remote_id,
            raw: sample.raw.map(Json),
            value: sample.value.map(Json),
            problem: sample.problem,
        };
        Self {
            name: field.name,
            label: field.label,
            description: field.description,
            kind: field.type_name,
            list: field.list,
            is_custom: field.is_custom,
            origin: field.origin.into(),
            state: field.state.into(),
            source: field.source,
            mapping: field.mapping.map(Json),
            layer_mapping: field.layer_mapping.map(Json),
            codec: field.codec,
            writable: field.writable.into(),
            filter_operators: field.filter_operators.into_iter().map(str::to_owned).collect(),
            sortable: field.sortable,
            enum_values: Some(field.enum_values).filter(|values| !values.is_empty()),
            samples: field.samples.into_iter().map(sample).collect(),
        }
    }
}

/// One live record before and after mapping.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappedSample {
    /// The key of the record in its system.
    remote_id: String,
    /// The row as it came.
    raw: Json<Value>,
    /// What the mapping makes of it.
    value: Json<Value>,
}

/// How an entity of a connection is mapped.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct EntityMapping {
    /// The name of the entity.
    entity: String,
    /// What people call it.
    label: String,
    /// Whether it is an entity of your own.
    is_custom: bool,
    /// The object of the system that it is.
    remote: Option<String>,
    /// The name of the list in the query root.
    plural: Option<String>,
    /// The id of the connection.
    connection_id: ID,
    /// The layers that hold for the connection, the lowest first.
    layers: Vec<MappingLayerInfo>,
    /// Its fields, mapped or not.
    fields: Vec<FieldMapping>,
    /// What the system has and no field comes from.
    unmapped: Vec<RemoteField>,
    /// Live records before and after mapping.
    samples: Vec<MappedSample>,
    /// How the fields of the system became known.
    described_by: DescribedBy,
    /// What is wrong with the mapping that holds, such as fields that the system does not have any more.
    problems: Vec<MappingProblem>,
}

impl From<mappings::EntityMapping> for EntityMapping {
    fn from(mapping: mappings::EntityMapping) -> Self {
        let sample = |sample: mappings::MappedSample| MappedSample {
            remote_id: sample.remote_id,
            raw: Json(sample.raw),
            value: Json(sample.value),
        };
        Self {
            entity: mapping.entity,
            label: mapping.label,
            is_custom: mapping.is_custom,
            remote: mapping.remote,
            plural: mapping.plural,
            connection_id: ID(mapping.connection_id.to_string()),
            layers: mapping.layers.into_iter().map(Into::into).collect(),
            fields: mapping.fields.into_iter().map(Into::into).collect(),
            unmapped: mapping.unmapped.into_iter().map(Into::into).collect(),
            samples: mapping.samples.into_iter().map(sample).collect(),
            described_by: mapping.described_by.into(),
            problems: told(mapping.problems),
        }
    }
}

/// An entity that a connection offers.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappedEntity {
    /// Its name.
    name: String,
    /// What people call it.
    label: String,
    /// The object of the system that it is.
    remote: String,
    /// Whether it is an entity of your own.
    is_custom: bool,
    /// The name of the list in the query root; null for a part, which is read with its owner.
    plural: Option<String>,
    /// How many of its fields are mapped.
    mapped_fields: u64,
    /// How many fields it has.
    total_fields: u64,
    /// How many of them are your own.
    custom_fields: u64,
    /// The layers that change it, the lowest first.
    layers: Vec<MappingLayerInfo>,
}

impl From<mappings::MappedEntity> for MappedEntity {
    fn from(entity: mappings::MappedEntity) -> Self {
        Self {
            name: entity.name,
            label: entity.label,
            remote: entity.remote,
            is_custom: entity.is_custom,
            plural: entity.plural,
            mapped_fields: count(entity.mapped_fields),
            total_fields: count(entity.total_fields),
            custom_fields: count(entity.custom_fields),
            layers: entity.layers.into_iter().map(Into::into).collect(),
        }
    }
}

/// The fields of the query root about what is mapped.
#[derive(Default)]
pub(crate) struct SeeQuery;

#[Object]
impl SeeQuery {
    /// Tells how an entity of a connection is mapped: each field with its source, who says so, and what it can be used for;
    /// with samples also what live records hold, before and after.
    async fn entity_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "The name of the entity or part, such as `PurchaseOrder`.")] entity: String,
        #[graphql(default = 0, desc = "How many live records are read for samples: 0 to 20.")] samples: i32,
    ) -> async_graphql::Result<EntityMapping> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let (connection, samples) = (id(&connection_id, "a connection")?, self::samples(samples)?);
        let mapping = engine.entity_mapping(session, connection, &entity, samples).await;
        mapping.map(Into::into).map_err(|error| failed(&error))
    }

    /// Lists the entities that a connection offers: those of the unified model and those of your own.
    async fn mapped_entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
    ) -> async_graphql::Result<Vec<MappedEntity>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let entities = engine
            .mapped_entities(session, id(&connection_id, "a connection")?)
            .await;
        let entities = entities.map_err(|error| failed(&error))?;
        Ok(entities.into_iter().map(Into::into).collect())
    }
}
