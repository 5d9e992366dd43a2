//! What a system has: its objects and their fields, as it describes them or as its rows show.

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use lineshaft_engine::mappings::{self, RemoteTarget};
use serde_json::Value;

use super::{count, failed, samples};
use crate::platform::{
    PageInfo,
    access::{self, id, page_size, refused},
};

/// How a system's fields became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::DescribedBy")]
pub(crate) enum DescribedBy {
    /// The system described them.
    Metadata,
    /// They were seen in its rows; what no row had is missing.
    Samples,
    /// They are not known.
    None,
}

/// A value to choose in a system.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RemoteChoice {
    /// The value.
    value: String,
    /// What people call it.
    label: Option<String>,
}

/// A field of an object of a system.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RemoteField {
    /// Where it stands in the rows.
    path: String,
    /// What people call it.
    label: Option<String>,
    /// The type that a field of your own over it would have, such as `STRING`, `DECIMAL` or `REFERENCE`.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// Its type in the words of the system.
    remote_type: Option<String>,
    /// Whether a new record must have it; null when that is not known.
    required: Option<bool>,
    /// Whether the system does not let it be written; null when that is not known.
    read_only: Option<bool>,
    /// Most characters.
    max_length: Option<u64>,
    /// The values to choose from; empty when they are not limited.
    choices: Vec<RemoteChoice>,
    /// Values of live records.
    samples: Vec<Json<Value>>,
    /// The fields that come from it.
    mapped_by: Vec<String>,
    /// A name for a field of your own over it.
    suggested_name: Option<String>,
    /// A definition of a field of your own over it, ready to be saved; null when it cannot be made into one.
    suggested: Option<Json<Value>>,
}

impl From<mappings::RemoteField> for RemoteField {
    fn from(field: mappings::RemoteField) -> Self {
        let choice = |(value, label)| RemoteChoice { value, label };
        let (name, suggested) = field.suggested.map(|known| (known.name, known.field)).unzip();
        Self {
            path: field.path,
            label: field.label,
            kind: field.kind,
            remote_type: field.remote_type,
            required: field.required,
            read_only: field.read_only,
            max_length: field.max_length.map(count),
            choices: field.choices.into_iter().map(choice).collect(),
            samples: field.samples.into_iter().map(Json).collect(),
            mapped_by: field.mapped_by,
            suggested_name: name,
            suggested: suggested.map(Json),
        }
    }
}

/// An object of a system: a table, model, entity set or document type.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RemoteObject {
    /// Its name in the system.
    name: String,
    /// What people call it.
    label: Option<String>,
    /// The entity that it is mapped by; null when it is not mapped.
    entity: Option<String>,
    /// Its fields; empty in lists of objects.
    fields: Vec<RemoteField>,
    /// How they became known.
    described_by: DescribedBy,
    /// When the system was asked for them.
    fetched_at: Option<DateTime<Utc>>,
}

impl From<mappings::RemoteObject> for RemoteObject {
    fn from(object: mappings::RemoteObject) -> Self {
        Self {
            name: object.name,
            label: object.label,
            entity: object.entity,
            fields: object.fields.into_iter().map(Into::into).collect(),
            described_by: object.described_by.into(),
            fetched_at: object.fetched_at,
        }
    }
}

/// A page of objects of a system, by name.
#[derive(SimpleObject)]
pub(crate) struct RemoteObjectPage {
    /// The objects, without their fields.
    nodes: Vec<RemoteObject>,
    /// Whether and where the list goes on.
    page_info: PageInfo,
    /// How many objects there are in all.
    total_count: u64,
}

/// The fields of the query root about what systems have.
#[derive(Default)]
pub(crate) struct RemoteQuery;

#[Object]
impl RemoteQuery {
    /// Lists the objects of a connected system: tables, models, entity sets or document types, mapped or not. Needs an
    /// organization's key, or a token with the scope `mappings`.
    async fn remote_objects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "Only objects whose name or label contains this.")] search: Option<String>,
        #[graphql(default = 50, desc = "How many: 1 to 250.")] first: i32,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> async_graphql::Result<RemoteObjectPage> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let (connection, size) = (id(&connection_id, "a connection")?, page_size(first)?);
        let page = engine
            .remote_objects(session, connection, search.as_deref(), size, after.as_deref())
            .await;
        let page = page.map_err(|error| failed(&error))?;
        let cursors = page.objects.iter().map(|object| object.name.clone());
        Ok(RemoteObjectPage {
            page_info: PageInfo::between(cursors, page.has_more, after.is_some()),
            total_count: count(page.total),
            nodes: page.objects.into_iter().map(Into::into).collect(),
        })
    }

    /// Tells the fields of an object of a connected system, with values of live records.
    async fn remote_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection.")] connection_id: ID,
        #[graphql(desc = "The name of the object in the system; this or `entity`.")] object: Option<String>,
        #[graphql(desc = "The entity whose object is meant; this or `object`.")] entity: Option<String>,
        #[graphql(default = 5, desc = "From how many live records values are shown: 0 to 20.")] samples: i32,
        #[graphql(default, desc = "Whether the system is asked anew, even when its answer is known.")] refresh: bool,
    ) -> async_graphql::Result<RemoteObject> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let of = match (object, entity) {
            (Some(object), None) => RemoteTarget::Object(object),
            (None, Some(entity)) => RemoteTarget::Entity(entity),
            _ => return Err(refused("INVALID_ARGUMENT", "give exactly one of `object` and `entity`")),
        };
        let (connection, samples) = (id(&connection_id, "a connection")?, self::samples(samples)?);
        let found = engine.remote_fields(session, connection, &of, samples, refresh).await;
        found.map(Into::into).map_err(|error| failed(&error))
    }
}
