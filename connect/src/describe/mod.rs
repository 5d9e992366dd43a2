//! What a system tells of its objects and their fields: asked for in its own way, or inferred from rows.

mod infer;
mod kinds;
mod metadata;
mod plan;
mod read;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

pub use infer::{infer, with_samples};
pub use kinds::ValueKind;
pub(crate) use metadata::odata_sets;
pub(crate) use plan::DescribePlan;
pub use read::read_description;

/// Most fields that are kept of one object.
pub const MOST_FIELDS: usize = 5_000;

/// Most objects that are kept of one system.
pub const MOST_OBJECTS: usize = 5_000;

/// An object of a system: a table, model, entity set or object structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteObject {
    /// Its name in the system.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// The name under which its fields are described, where that is another.
    pub(crate) described_as: Option<String>,
}

/// What a system tells of one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribedField {
    /// Its name; of fields inferred from rows, the path to it.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// Its type, in the words of the system; none when it was inferred.
    pub kind: Option<String>,
    /// Its type in general words, where it is known.
    pub value_kind: Option<ValueKind>,
    /// Whether a new record must have it.
    pub required: Option<bool>,
    /// Whether it cannot be written.
    pub read_only: Option<bool>,
    /// Most characters.
    pub max_length: Option<usize>,
    /// The values to choose from, with labels; empty when they are not limited.
    pub choices: Vec<(String, Option<String>)>,
    /// The object that it refers to, by its name in the system.
    pub relation: Option<String>,
    /// Whether it is a part of the key.
    pub is_key: bool,
    /// Some of its values, without repetition; long ones are cut.
    pub samples: Vec<Value>,
}

/// The fields that a system tells of an object, by name.
pub type Described = Arc<IndexMap<String, DescribedField>>;
