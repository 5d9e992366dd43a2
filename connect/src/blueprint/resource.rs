//! The compiled form of one resource: everything that is needed to ask for its rows and to read them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use lineshaft_schema::{FieldIndex, Filter, TypeIndex};
use serde_json::{Map, Value};

use super::{
    call::{Base, Call, Texts},
    filters::{FilterRule, KeyPart, Lowering},
    labelled::Labelled,
    labels::JoinPlan,
};
use crate::{
    capability::Capability,
    dialect::{Language, LiteralKind},
    error::{Error, ErrorKind},
    manifest::{Expired, Select, Strategy},
    mapping::CompiledMapping,
    path::Path,
    request::RequestPlan,
    split::{Split, split},
    template::{JsonTemplate, Variables},
    write::{Described, WriteCapability, compile::WritePlan},
    xml::Lists,
};

/// One resource of a connector, ready to plan requests and to read answers.
#[derive(Clone, Debug)]
pub struct ResourcePlan {
    pub(crate) mapping: CompiledMapping,
    pub(crate) parts: Arc<Parts>,
    pub(crate) write: Option<Arc<WritePlan>>,
}

/// What does not depend on settings.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) base: Arc<Base>,
    pub(crate) type_name: String,
    pub(crate) capability: Capability,
    pub(crate) language: Language,
    pub(crate) key: Vec<KeyPart>,
    pub(crate) scope: ScopePlan,
    pub(crate) list: ListPlan,
    pub(crate) get_many: Option<GetManyPlan>,
    pub(crate) children: BTreeMap<FieldIndex, ChildrenPlan>,
    pub(crate) seek: Option<SeekPlan>,
    pub(crate) filters: BTreeMap<FieldIndex, FilterRule>,
    pub(crate) sorts: BTreeMap<FieldIndex, String>,
    /// The fields of these sorts by which lists are read in two parts: rows with a value, then those without.
    pub(crate) in_parts: BTreeSet<FieldIndex>,
    pub(crate) custom: CustomSelect,
    /// Whether requests of one record go into envelopes.
    pub(crate) batches: bool,
    /// The tables of codes that are joined into rows.
    pub(crate) joins: Vec<JoinPlan>,
    /// Fields whose texts are labels of codes.
    pub(crate) labelled: Vec<Labelled>,
    pub(crate) children_only: bool,
    pub(crate) max_keys: usize,
    pub(crate) max_url_bytes: usize,
}

/// Conditions that hold whatever is asked for.
#[derive(Debug, Default)]
pub(crate) struct ScopePlan {
    pub(crate) always: Option<JsonTemplate>,
    pub(crate) list: Option<JsonTemplate>,
    pub(crate) query: Texts,
    pub(crate) list_query: Texts,
}

/// How rows are listed.
#[derive(Debug)]
pub(crate) struct ListPlan {
    pub(crate) call: Call,
    pub(crate) records: Path,
    /// How rows that are text are cut.
    pub(crate) cells: Option<CellsPlan>,
    /// What one selected name is written as, with `{name}`.
    pub(crate) column: Option<serde_json::Value>,
    /// The member of rows whose elements are the records.
    pub(crate) each: Option<String>,
    /// Where rows have their names and values.
    pub(crate) pairs: Option<crate::manifest::RowPairs>,
    pub(crate) paging: PagingPlan,
    /// Where the answer tells whether more follows, and whether it is the last page.
    pub(crate) more: Option<Path>,
    pub(crate) last: Option<Path>,
    /// What is selected for names.
    pub(crate) columns: indexmap::IndexMap<String, String>,
    pub(crate) page_size: u32,
    pub(crate) max_page_size: u32,
    /// Whether the request does not say how many rows a page is to have: all pages have as many.
    pub(crate) is_fixed: bool,
    pub(crate) count: Option<CountPlan>,
    pub(crate) select: Select,
    pub(crate) order_separator: String,
    /// Members that the rows of the list lack though the records have them.
    pub(crate) lacks: Vec<String>,
    /// What of an answer in XML is a list however often it comes.
    pub(crate) lists: Lists,
}

/// How rows that are text are cut at places that the answer tells.
#[derive(Debug)]
pub(crate) struct CellsPlan {
    pub(crate) text: String,
    pub(crate) columns: Path,
    pub(crate) name: String,
    pub(crate) offset: String,
    pub(crate) length: String,
}

/// How a list goes on.
#[derive(Debug)]
pub(crate) enum PagingPlan {
    None,
    Offset { first: u64, more: Option<Path> },
    Page { first: u64 },
    Cursor { next: Path },
    Link { body: Option<Path>, header: Option<String> },
    Keyset,
    LastRow(Path),
    StartKey { inclusive: bool },
    Range { first: u64, header: String },
    ServerCursor { next: Path, expired: Expired },
}

/// How rows are counted.
#[derive(Debug)]
pub(crate) struct CountPlan {
    pub(crate) path: Option<Path>,
    pub(crate) header: Option<String>,
    pub(crate) query: Texts,
    pub(crate) call: Option<Call>,
}

/// How rows are fetched by keys.
#[derive(Debug)]
pub(crate) struct GetManyPlan {
    pub(crate) via: Strategy,
    /// For `each` the request of one record; otherwise a list request with the variable `keys`.
    pub(crate) call: Option<Call>,
    pub(crate) record: Path,
    pub(crate) kept: KeptList,
}

/// How a list is kept from which records are taken by their keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptList {
    pub(crate) time: Duration,
    /// Most rows.
    pub(crate) most: usize,
}

/// How the rows of one parent are read.
#[derive(Debug)]
pub(crate) struct ChildrenPlan {
    pub(crate) call: Call,
    /// Where the parent's key is put in each row.
    pub(crate) parent_as: String,
    /// The parts of the parent's key.
    pub(crate) key: Vec<KeyPart>,
}

/// How a list goes on behind a known record.
#[derive(Debug)]
pub(crate) enum SeekPlan {
    /// By one field, which is the part of the key at a place.
    By {
        name: String,
        kind: Option<LiteralKind>,
        part: usize,
    },
    /// By a query parameter that takes the key.
    Parameter(String),
    /// By all parts of the key, compared one after the other.
    Key,
}

/// What must be selected for customer-specific fields.
#[derive(Debug, Default)]
pub(crate) struct CustomSelect {
    pub(crate) everything: bool,
    pub(crate) names: Vec<String>,
}

impl ResourcePlan {
    /// Returns the unified type.
    #[must_use]
    pub fn kind(&self) -> TypeIndex {
        self.parts.capability.kind
    }

    /// Returns the name of the unified type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.parts.type_name
    }

    /// Returns the name of the table, model or entity set in the system.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.parts.capability.remote
    }

    /// Returns what the system offers for this type.
    #[must_use]
    pub fn capability(&self) -> &Capability {
        &self.parts.capability
    }

    /// Returns what can be written; none when nothing can.
    #[must_use]
    pub fn writes(&self) -> Option<&WriteCapability> {
        self.write_plan().map(|plan| &plan.capability)
    }

    /// Returns whether reading, by keys too, hides some of the system's rows: those of another company, or of another
    /// kind. A write by key must not reach them either.
    pub(crate) fn is_scoped(&self) -> bool {
        let scope = &self.parts.scope;
        scope.always.is_some() || !scope.query.is_empty() || self.mapping.hides_rows()
    }

    pub(crate) fn write_plan(&self) -> Option<&WritePlan> {
        self.write.as_deref()
    }

    /// Plans the request by which the system tells which fields it has; none when it does not. Its answer is read by
    /// `read_description`.
    #[must_use]
    pub fn plan_describe(&self, variables: &Variables<'_>) -> Option<Result<RequestPlan, Error>> {
        let describe = self.write_plan()?.describe.as_ref()?;
        Some(describe.plan(&self.parts.base, self.remote(), self.remote(), variables))
    }

    /// Reads what the system tells of its fields.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when the fields are not where they should be.
    pub fn read_description(&self, body: &[u8]) -> Result<Described, Error> {
        match self.write_plan().and_then(|plan| plan.describe.as_ref()) {
            Some(describe) => describe.read(self.remote(), body),
            None => Err(Error::new(
                ErrorKind::NotSupported,
                "the system does not tell which fields it has",
            )),
        }
    }

    /// Returns the mapping of rows.
    #[must_use]
    pub fn mapping(&self) -> &CompiledMapping {
        &self.mapping
    }

    /// Splits a filter into what the system applies and what must be checked for each record.
    #[must_use]
    pub fn split(&self, filter: &Filter) -> Split {
        let parts = &self.parts;
        let taken = |name: &str| {
            parts.list.call.sets_parameter(name)
                || parts
                    .scope
                    .query
                    .iter()
                    .chain(&parts.scope.list_query)
                    .any(|(known, _)| known == name)
        };
        split(self.lowering(), taken, filter)
    }

    pub(crate) fn lowering(&self) -> Lowering<'_> {
        Lowering {
            mapping: &self.mapping,
            rules: &self.parts.filters,
            language: &self.parts.language,
            most_values: self.parts.max_keys,
        }
    }

    /// Returns the plan with settings filled into its codecs.
    pub(super) fn with_settings(&self, settings: &Map<String, Value>) -> Result<Self, String> {
        Ok(Self {
            mapping: self.mapping.with_settings(settings)?,
            parts: Arc::clone(&self.parts),
            write: self
                .write
                .as_ref()
                .map(|write| match write.takes_settings() {
                    true => write.with_settings(settings).map(Arc::new),
                    false => Ok(Arc::clone(write)),
                })
                .transpose()?,
        })
    }
}
