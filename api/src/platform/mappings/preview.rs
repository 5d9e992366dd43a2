//! Tries a mapping before it is saved: what it makes of records, and what it does to filters and writes.

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject};
use lineshaft_engine::mappings;
use serde_json::Value;

use super::{
    FieldWritable, MappingProblem, failed, samples,
    save::{MappingEdit, draft},
    scope::MappingScopeInput,
    told,
};
use crate::platform::access::{self, id};

/// What to try: at most one of `yaml`, `document` and `edits`; without any, what is saved.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct PreviewMappingInput {
    /// The id of the connection whose records are mapped.
    connection_id: ID,
    /// The name of the entity or part.
    entity: String,
    /// What the layer holds for that is tried; the connection unless it is said.
    scope: Option<MappingScopeInput>,
    /// The whole document of the layer as YAML.
    yaml: Option<String>,
    /// The whole document of the layer as JSON.
    document: Option<Json<Value>>,
    /// Edits of the present document of the layer.
    edits: Option<Vec<MappingEdit>>,
    /// Rows in the words of the system; live ones are read when it is left out.
    records: Option<Vec<Json<Value>>>,
    /// How many live records are read: 0 to 20.
    #[graphql(default = 5)]
    samples: i32,
}

/// A field of a record that could not be mapped.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PreviewProblem {
    /// The field.
    field: Option<String>,
    /// Where the value stands in the row.
    path: Option<String>,
    /// What is wrong.
    message: String,
}

/// One record, mapped as now and as tried.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PreviewRecord {
    /// The key of the record in its system.
    remote_id: Option<String>,
    /// The row.
    raw: Json<Value>,
    /// What the mapping makes of it that holds now; null when it makes nothing of it.
    before: Option<Json<Value>>,
    /// What the mapping makes of it that is tried; null when it makes nothing of it.
    after: Option<Json<Value>>,
    /// The fields that differ.
    changed_fields: Vec<String>,
    /// Fields that cannot be mapped as tried.
    problems: Vec<PreviewProblem>,
}

/// How the filters by a field change.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FilterEffect {
    /// The field.
    field: String,
    /// The operators now.
    before: Vec<String>,
    /// The operators as tried.
    after: Vec<String>,
}

/// How the writes to a field change.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteEffect {
    /// The field.
    field: String,
    /// When it can be written now.
    before: FieldWritable,
    /// When it can be written as tried.
    after: FieldWritable,
}

/// What a mapping would do.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingPreview {
    /// What is wrong with the mapping, or is lost by it.
    problems: Vec<MappingProblem>,
    /// Records, mapped as now and as tried.
    records: Vec<PreviewRecord>,
    /// Fields whose filters change.
    filters: Vec<FilterEffect>,
    /// Fields whose writes change.
    writes: Vec<WriteEffect>,
}

impl From<mappings::MappingPreview> for MappingPreview {
    fn from(preview: mappings::MappingPreview) -> Self {
        let words = |operators: Vec<&'static str>| operators.into_iter().map(str::to_owned).collect();
        let filter = |effect: mappings::FilterEffect| FilterEffect {
            field: effect.field,
            before: words(effect.before),
            after: words(effect.after),
        };
        let write = |effect: mappings::WriteEffect| WriteEffect {
            field: effect.field,
            before: effect.before.into(),
            after: effect.after.into(),
        };
        Self {
            problems: told(preview.problems),
            records: preview.records.into_iter().map(Into::into).collect(),
            filters: preview.filters.into_iter().map(filter).collect(),
            writes: preview.writes.into_iter().map(write).collect(),
        }
    }
}

impl From<mappings::PreviewRecord> for PreviewRecord {
    fn from(record: mappings::PreviewRecord) -> Self {
        let problem = |problem: mappings::RecordProblem| PreviewProblem {
            field: problem.field,
            path: problem.path,
            message: problem.message,
        };
        Self {
            remote_id: record.remote_id,
            raw: Json(record.raw),
            before: record.before.map(Json),
            after: record.after.map(Json),
            changed_fields: record.changed_fields,
            problems: record.problems.into_iter().map(problem).collect(),
        }
    }
}

/// The fields of the query root about mappings that are not saved yet.
#[derive(Default)]
pub(crate) struct PreviewQuery;

#[Object]
impl PreviewQuery {
    /// Shows what a mapping would do before it is saved: records as they are now beside what they would be, and what
    /// becomes of filters and writes. Nothing is saved. Needs an organization's key, or a token with the scope `mappings`.
    async fn preview_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to try.")] input: PreviewMappingInput,
    ) -> async_graphql::Result<MappingPreview> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let given = input.yaml.is_some() || input.document.is_some() || input.edits.is_some();
        let draft = given
            .then(|| draft(input.yaml, input.document, input.edits))
            .transpose()?;
        let records = input
            .records
            .map(|records| records.into_iter().map(|Json(row)| row).collect());
        let preview = mappings::PreviewMapping {
            connection_id: id(&input.connection_id, "a connection")?,
            entity: input.entity,
            place: input.scope.map(MappingScopeInput::read).transpose()?,
            draft,
            records,
            samples: samples(input.samples)?,
        };
        let preview = engine.preview_mapping(session, preview).await;
        preview.map(Into::into).map_err(|error| failed(&error))
    }
}
