//! Overlays: what an organization, a customer or a connection changes about the mappings of a connector, in the same
//! grammar.
//!
//! Overlays lie over one another: an organization's for a connector at the bottom, then that of one customer, then that
//! of one connection. [`Overlay::lay`] is associative, so it does not matter which are joined first.

mod additions;
mod apply;
mod custom_entity;
mod origins;
mod problem;
mod yaml;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod checks_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unmapped_tests;

pub use additions::merge_additions;
pub(crate) use apply::{Applied, apply, words_of};
pub use problem::{OverlayProblem, ProblemCode, Severity};
pub use yaml::Lines;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{field::OneOrMany, write::WriteField};

/// Words of a field mapping that give the value: with one of them a patch takes the place of what lies below.
pub const SOURCES: &[&str] = &[
    "path",
    "constant",
    "cases",
    "compute",
    "keys",
    "object",
    "list",
    "each",
    "lists",
    "digest",
    "expression",
];

/// Changes of mappings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Version of the grammar; 1.
    pub mapping: u32,
    /// What changes, by unified entity or part, or by the name of an entity of the organization's own.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub entities: IndexMap<String, EntityOverlay>,
}

/// Changes of the mapping of one entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityOverlay {
    /// For an entity of the organization's own: what of the system it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<CustomEntity>,
    /// For a unified type that the connector does not map: what of the system its records are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RecordSource>,
    /// Unified fields whose mapping changes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub fields: IndexMap<String, FieldOverlay>,
    /// Fields of the organization's own, by their names in GraphQL, such as `costCenter`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub custom: IndexMap<String, CustomFieldOverlay>,
}

/// An entity of the organization's own: a table, model, entity set or object of the system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomEntity {
    /// Its name in the system, such as `x_calibration` or `ZEquipmentLogSet`.
    pub remote: String,
    /// Name of the root field that lists it, such as `calibrations`.
    pub plural: String,
    /// What people call it; its name unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Paths of the parts of the key; as the connector says for objects of the system unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<OneOrMany<String>>,
    /// Which operations clients may carry out, of `create`, `update` and `delete`; none unless said otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// What else differs from how the connector reads objects of the system: members of a mapping file, such as
    /// `literals`, `seek`, `scope`, `list`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub resource: Map<String, Value>,
}

/// What of the system the records of a unified type are, where the connector does not map the type: a table, model, entity
/// set or object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSource {
    /// Its name in the system, such as `Suppliers`.
    pub remote: String,
    /// Paths of the parts of the key; as the connector says for objects of the system unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<OneOrMany<String>>,
    /// Which operations clients may carry out, of `create`, `update` and `delete`; none unless said otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// What else differs from how the connector reads objects of the system: members of a mapping file, such as
    /// `literals`, `seek`, `scope`, `list`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub resource: Map<String, Value>,
}

/// A change of the mapping of one field: a path, or the long form.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldOverlay {
    /// Where the field comes from now.
    Path(String),
    /// Everything else.
    Patch(Box<FieldPatch>),
}

/// The long form of a change. With a word that gives the value (`path`, `constant`, `expression`, …) it takes the place
/// of the mapping below; without one its other words (`as`, `default`, `filter`, …) are laid over that mapping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldPatch {
    /// Whether the field is hidden: it is always null then, and cannot be filtered, sorted or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide: Option<bool>,
    /// Whether and how the field is written: `true`, the path to write to, or the long form of the `write` section of
    /// mappings. A field that comes from elsewhere now is not written unless this says how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Value>,
    /// The words of a field mapping.
    #[serde(flatten)]
    pub mapping: Map<String, Value>,
}

/// A field of the organization's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldOverlay {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: CustomType,
    /// Whether it holds a list of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub list: bool,
    /// What people call it; its name unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For `enum`: the values with what they mean, such as `{HIGH: High risk}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, String>,
    /// For `reference`: the entity that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// For `object`: its parts, each of a type that is neither `reference` nor `object`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parts: IndexMap<String, CustomPart>,
    /// Where it comes from; left out where the field is only declared, such as for a whole organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<FieldOverlay>,
}

/// A part of a custom field of the type `object`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomPart {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: CustomType,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For `enum`: the values with what they mean.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, String>,
}

/// The type of the value of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// An exact number.
    Decimal,
    /// A truth value.
    Boolean,
    /// A date.
    Date,
    /// A moment.
    Datetime,
    /// One of some values.
    Enum,
    /// The key of another record.
    Reference,
    /// A value of several parts.
    Object,
    /// Anything, as it came.
    Json,
}

impl Overlay {
    /// Returns an overlay that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            mapping: 1,
            entities: IndexMap::new(),
        }
    }

    /// Returns whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Returns whether a field is hidden.
    #[must_use]
    pub fn hides(&self, entity: &str, field: &str) -> bool {
        let hides = |source: &FieldOverlay| source.patch().hide == Some(true);
        self.entities.get(entity).is_some_and(|entity| {
            let source = entity.custom.get(field).and_then(|custom| custom.source.as_ref());
            entity.fields.get(field).or(source).is_some_and(hides)
        })
    }

    /// Lays another overlay over this one.
    pub fn lay(&mut self, above: &Self) {
        for (name, upper) in &above.entities {
            match self.entities.get_mut(name) {
                Some(lower) => lower.lay(upper),
                None => {
                    self.entities.insert(name.clone(), upper.clone());
                }
            }
        }
    }
}

impl EntityOverlay {
    /// Returns the object of the system that it names, where the connector's own mapping is not what counts.
    #[must_use]
    pub fn remote(&self) -> Option<&str> {
        let own = self.entity.as_ref().map(|own| &own.remote);
        own.or(self.from.as_ref().map(|from| &from.remote)).map(String::as_str)
    }

    fn lay(&mut self, above: &Self) {
        if above.entity.is_some() {
            self.entity.clone_from(&above.entity);
        }
        if above.from.is_some() {
            self.from.clone_from(&above.from);
        }
        for (name, upper) in &above.fields {
            match self.fields.get_mut(name) {
                Some(lower) => lower.lay(upper),
                None => {
                    self.fields.insert(name.clone(), upper.clone());
                }
            }
        }
        for (name, upper) in &above.custom {
            match self.custom.get_mut(name) {
                Some(lower) => lower.lay(upper),
                None => {
                    self.custom.insert(name.clone(), upper.clone());
                }
            }
        }
    }
}

impl CustomEntity {
    /// Returns where its records come from.
    fn source(&self) -> RecordSource {
        RecordSource {
            remote: self.remote.clone(),
            key: self.key.clone(),
            write: self.write.clone(),
            resource: self.resource.clone(),
        }
    }
}

impl CustomFieldOverlay {
    fn lay(&mut self, above: &Self) {
        let below = self.source.take();
        *self = above.clone();
        self.source = match (below, self.source.take()) {
            (Some(mut below), Some(above)) => {
                below.lay(&above);
                Some(below)
            }
            (below, above) => above.or(below),
        };
    }
}

impl FieldOverlay {
    /// Returns the long form.
    #[must_use]
    pub fn patch(&self) -> FieldPatch {
        match self {
            Self::Path(path) => FieldPatch {
                mapping: Map::from_iter([("path".to_owned(), Value::String(path.clone()))]),
                ..FieldPatch::default()
            },
            Self::Patch(patch) => (**patch).clone(),
        }
    }

    fn lay(&mut self, above: &Self) {
        let mut below = self.patch();
        below.lay(&above.patch());
        *self = Self::Patch(Box::new(below));
    }
}

impl PartialEq for FieldOverlay {
    fn eq(&self, other: &Self) -> bool {
        self.patch() == other.patch()
    }
}

impl FieldPatch {
    /// Returns whether it gives the value anew, so that nothing of the mapping below is left.
    #[must_use]
    pub fn has_source(&self) -> bool {
        SOURCES.iter().any(|word| self.mapping.contains_key(*word))
    }

    fn lay(&mut self, above: &Self) {
        if above.has_source() {
            *self = above.clone();
            return;
        }
        self.hide = above.hide.or(self.hide);
        if above.write.is_some() {
            self.write.clone_from(&above.write);
        }
        for (word, value) in &above.mapping {
            self.mapping.insert(word.clone(), value.clone());
        }
    }

    /// Returns how the field is written, when that is said and well-formed.
    #[must_use]
    pub fn write_field(&self) -> Option<Result<WriteField, String>> {
        let written = self.write.as_ref()?;
        Some(serde_json::from_value(written.clone()).map_err(|error| error.to_string()))
    }
}
