//! Saves layers of mappings: new documents, edits, older versions, copies.

use async_graphql::{Context, Enum, InputObject, Json, Object, SimpleObject};
use lineshaft_engine::mappings::{self, CopyMapping, Draft, Edit, RollBackMapping, SaveMapping};
use serde_json::Value;

use super::{
    MappingProblem, failed,
    layer::MappingLayer,
    scope::{MappingScopeInput, MappingTarget},
    told,
};
use crate::platform::access::{self, refused};

/// What of an entity an edit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "mappings::Part")]
pub(crate) enum MappingPart {
    /// The mapping of a unified field.
    Field,
    /// A field of the organization's own.
    Custom,
    /// What of the system an entity of the organization's own is, or the records of a unified type that the connector does
    /// not map.
    Entity,
}

/// One edit of the present document.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct MappingEdit {
    /// The name of the entity or part.
    entity: String,
    /// What of it is meant.
    #[graphql(default_with = "MappingPart::Field")]
    part: MappingPart,
    /// The name of the field; left out for the entity itself.
    field: Option<String>,
    /// What stands there from now on, in the grammar of mapping files: a path or a patch for a unified field, the
    /// definition of a field or an entity of your own.
    set: Option<Json<Value>>,
    /// Whether it is taken away instead.
    #[graphql(default)]
    remove: bool,
}

impl MappingEdit {
    fn read(self) -> async_graphql::Result<Edit> {
        let set = self.set.map(|Json(set)| set);
        if set.is_some() == self.remove {
            let message = "an edit has either `set` or `remove: true`";
            return Err(refused("INVALID_ARGUMENT", message));
        }
        Ok(Edit {
            entity: self.entity,
            part: self.part.into(),
            field: self.field,
            set,
        })
    }
}

/// Reads what a layer is to be; none when nothing is given.
pub(super) fn draft(
    yaml: Option<String>,
    document: Option<Json<Value>>,
    edits: Option<Vec<MappingEdit>>,
) -> async_graphql::Result<Draft> {
    let edits = edits.map(|edits| edits.into_iter().map(MappingEdit::read).collect());
    let edits = edits.transpose()?;
    Draft::new(yaml, document.map(|Json(document)| document), edits).map_err(|error| failed(&error))
}

/// What to save: exactly one of `yaml`, `document` and `edits`.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct SaveMappingInput {
    /// What the layer holds for.
    scope: MappingScopeInput,
    /// The version that you have seen; 0 when there was none. When somebody saved meanwhile, nothing is saved and the code
    /// is `VERSION_CONFLICT`.
    expected_version: i32,
    /// What you say about it.
    comment: Option<String>,
    /// The whole document as YAML.
    yaml: Option<String>,
    /// The whole document as JSON.
    document: Option<Json<Value>>,
    /// Edits of the present document.
    edits: Option<Vec<MappingEdit>>,
    /// Whether it is saved although values are lost, as warnings tell.
    #[graphql(default)]
    accept_warnings: bool,
}

/// What came of saving.
#[derive(SimpleObject)]
pub(crate) struct SaveMappingPayload {
    /// The layer as saved; null when it was refused, as `problems` tell.
    layer: Option<MappingLayer>,
    /// What is wrong with the mapping, or is lost by it.
    problems: Vec<MappingProblem>,
}

impl From<mappings::Saved> for SaveMappingPayload {
    fn from(saved: mappings::Saved) -> Self {
        Self {
            layer: saved.layer.map(MappingLayer),
            problems: told(saved.problems),
        }
    }
}

/// Why a copy was not made.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MappingRefusal {
    /// Stable code; each has a page in the documentation.
    code: String,
    /// What happened, for people.
    message: String,
}

/// What came of one copy.
#[derive(SimpleObject)]
pub(crate) struct CopyMappingResult {
    /// Where it was to go.
    scope: MappingTarget,
    /// The layer as saved; null when it was refused, as `problems` or `error` tell.
    layer: Option<MappingLayer>,
    /// What is wrong with the mapping there, or is lost by it.
    problems: Vec<MappingProblem>,
    /// Why it was refused as a whole.
    error: Option<MappingRefusal>,
}

impl From<mappings::Copied> for CopyMappingResult {
    fn from(copied: mappings::Copied) -> Self {
        let (saved, error) = match copied.result {
            Ok(saved) => (SaveMappingPayload::from(saved), None),
            Err(error) => {
                // Faults of ours are hidden, and logged.
                let message = failed(&error).message;
                let code = error.code().to_owned();
                let nothing = SaveMappingPayload {
                    layer: None,
                    problems: Vec::new(),
                };
                (nothing, Some(MappingRefusal { code, message }))
            }
        };
        Self {
            scope: copied.to.into(),
            layer: saved.layer,
            problems: saved.problems,
            error,
        }
    }
}

/// What can be saved of mappings.
#[derive(Default)]
pub(crate) struct SaveMutation;

#[Object]
impl SaveMutation {
    /// Saves a new version of a layer. It holds from the next request on, in every process; requests under way go on with
    /// the version that they began with. Needs an organization's key, or a token with the scope `mappings` for the layer of
    /// its own connection.
    async fn save_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveMappingInput,
    ) -> async_graphql::Result<SaveMappingPayload> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let save = SaveMapping {
            place: input.scope.read()?,
            expected_version: input.expected_version,
            comment: input.comment,
            draft: draft(input.yaml, input.document, input.edits)?,
            accept_warnings: input.accept_warnings,
        };
        let saved = engine.save_mapping(session, save, &session.origin()).await;
        saved.map(Into::into).map_err(|error| failed(&error))
    }

    /// Saves an older version of a layer as its newest. Needs what `saveMapping` needs.
    async fn roll_back_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the layer holds for.")] scope: MappingScopeInput,
        #[graphql(desc = "The version to go back to; 0 is the empty one.")] to_version: i32,
        #[graphql(desc = "The newest version that you have seen.")] expected_version: i32,
        #[graphql(desc = "What you say about it.")] comment: Option<String>,
        #[graphql(
            default = false,
            desc = "Whether it is saved although values are lost, as warnings tell."
        )]
        accept_warnings: bool,
    ) -> async_graphql::Result<SaveMappingPayload> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let back = RollBackMapping {
            place: scope.read()?,
            to_version,
            expected_version,
            comment,
            accept_warnings,
        };
        let saved = engine.roll_back_mapping(session, back, &session.origin()).await;
        saved.map(Into::into).map_err(|error| failed(&error))
    }

    /// Puts the document of a layer in the place of those of others of the same connector, each with an outcome of its own.
    /// Needs what `saveMapping` needs, for each.
    async fn copy_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the layer holds for that is copied.")] from: MappingScopeInput,
        #[graphql(desc = "What the copies are to hold for.")] to: Vec<MappingScopeInput>,
        #[graphql(desc = "What you say about it.")] comment: Option<String>,
        #[graphql(
            default = false,
            desc = "Whether copies are saved although values are lost, as warnings tell."
        )]
        accept_warnings: bool,
    ) -> async_graphql::Result<Vec<CopyMappingResult>> {
        let (engine, session) = (access::engine(ctx)?, access::session(ctx)?);
        let copy = CopyMapping {
            from: from.read()?,
            to: to.into_iter().map(MappingScopeInput::read).collect::<Result<_, _>>()?,
            comment,
            accept_warnings,
        };
        let copied = engine.copy_mapping(session, copy, &session.origin()).await;
        let copied = copied.map_err(|error| failed(&error))?;
        Ok(copied.into_iter().map(Into::into).collect())
    }
}
