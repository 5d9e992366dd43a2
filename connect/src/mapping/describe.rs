//! What people see of a mapping: every field of a type, where it comes from and what can be done with it.

use lineshaft_schema::{FieldDef, FieldType, Operator, TypeDef, TypeIndex, Writable};
use serde_json::{Map, Value as Json};

use super::CompiledField;
use crate::{
    blueprint::Blueprint,
    manifest::{FieldMapping, overlay::words_of},
};

/// Whether a field has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// It comes from the system.
    Mapped,
    /// Nothing is mapped to it.
    Unmapped,
    /// The server fills it itself.
    Computed,
}

/// One field of a type and its mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldView {
    /// Its name in GraphQL.
    pub name: String,
    /// What people call it, for a field that the organization added.
    pub label: Option<String>,
    /// What it holds.
    pub description: String,
    /// The name of its type in GraphQL.
    pub type_name: String,
    /// Whether it holds a list.
    pub list: bool,
    /// Whether the organization added it.
    pub is_custom: bool,
    /// Whether it has a value.
    pub state: FieldState,
    /// Where it comes from, as a person would write it.
    pub source: Option<String>,
    /// The words of its mapping.
    pub mapping: Option<Map<String, Json>>,
    /// The name of the codec that reads it; none when it is not read as one value.
    pub codec: Option<String>,
    /// When it can be written over this connection.
    pub writable: Writable,
    /// The operators that the system applies.
    pub filter_operators: Vec<Operator>,
    /// Whether the system sorts by it.
    pub sortable: bool,
    /// The values of an enum.
    pub enum_values: Vec<String>,
}

/// Describes every field of a type, in the order of the model.
#[must_use]
pub fn describe(blueprint: &Blueprint, kind: TypeIndex) -> Vec<FieldView> {
    let catalogue = blueprint.catalogue();
    let Some(def) = catalogue.type_at(kind) else {
        return Vec::new();
    };
    let fields = def.fields.values().filter(|field| field.kind != FieldType::Platform);
    fields.map(|field| view(blueprint, def, field)).collect()
}

fn view(blueprint: &Blueprint, def: &TypeDef, field: &FieldDef) -> FieldView {
    let capability = blueprint.capability(def.index);
    let capability = capability.and_then(|capability| capability.fields.get(&field.index));
    let mapping = mapping(blueprint, def, &field.name);
    let compiled = compiled(blueprint, def, field);
    let words = mapping.map(words_of);
    let enum_values = match field.kind {
        FieldType::Enum(index) => blueprint.catalogue().enum_at(index),
        _ => None,
    };
    FieldView {
        name: field.name.clone(),
        label: field.label.clone(),
        description: field.description.clone(),
        type_name: field.type_name.clone(),
        list: field.list,
        is_custom: field.label.is_some(),
        state: match (mapping.is_some(), field.computed) {
            (true, _) => FieldState::Mapped,
            (false, true) => FieldState::Computed,
            (false, false) => FieldState::Unmapped,
        },
        source: compiled.map(CompiledField::describe),
        codec: words.as_ref().and_then(|words| codec(field, words)),
        mapping: words,
        writable: writable(blueprint, def, field),
        filter_operators: capability
            .map(|known| known.filters.keys().copied().collect())
            .unwrap_or_default(),
        sortable: capability.is_some_and(|known| known.sortable),
        enum_values: enum_values
            .map(|def| def.values.keys().cloned().collect())
            .unwrap_or_default(),
    }
}

/// Returns the mapping of a field: that of the type's own resource, else that of the list which shows a part.
fn mapping<'b>(blueprint: &'b Blueprint, def: &TypeDef, name: &str) -> Option<&'b FieldMapping> {
    let resources = &blueprint.manifest().resources;
    if let Some(resource) = resources.get(&def.name) {
        return resource.fields.get(name);
    }
    let lists = resources.iter().filter_map(|(owner, resource)| {
        let owner = blueprint.catalogue().type_named(owner)?;
        let shows = |field: &FieldDef| field.list && field.kind == FieldType::Object(def.index);
        let list = owner.fields.values().find(|field| shows(field))?;
        match resource.fields.get(&list.name)? {
            FieldMapping::Full(full) => full.each.as_ref()?.get(name),
            FieldMapping::Path(_) => None,
        }
    });
    lists.into_iter().next()
}

fn compiled<'b>(blueprint: &'b Blueprint, def: &TypeDef, field: &FieldDef) -> Option<&'b CompiledField> {
    if let Some(resource) = blueprint.resource(def.index) {
        return resource.mapping().field(field.index);
    }
    let shows = |owner: TypeIndex, list: &CompiledField| {
        let owner = blueprint.catalogue().type_at(owner);
        let list = owner.and_then(|owner| owner.field_at(list.index()));
        list.is_some_and(|list| list.list && list.kind == FieldType::Object(def.index))
    };
    let lists = blueprint.resources().flat_map(|resource| {
        resource
            .mapping()
            .fields()
            .filter(move |list| shows(resource.kind(), list))
    });
    lists
        .flat_map(CompiledField::inner)
        .find(|inner| inner.index() == field.index)
}

fn writable(blueprint: &Blueprint, def: &TypeDef, field: &FieldDef) -> Writable {
    let Some(writes) = blueprint.writes(def.index) else {
        return Writable::Never;
    };
    let takes = |operation: &Option<crate::write::OperationCapability>| {
        operation
            .as_ref()
            .is_some_and(|operation| operation.fields.iter().any(|known| known.field == field.index))
    };
    let is_new = takes(&writes.create) || writes.fields.iter().any(|known| known.field == field.index);
    match (is_new, takes(&writes.update)) {
        (_, true) => Writable::Always,
        (true, false) => Writable::OnCreate,
        (false, false) => Writable::Never,
    }
}

/// Returns the name of the codec that reads a field.
fn codec(field: &FieldDef, words: &Map<String, Json>) -> Option<String> {
    match words.get("as") {
        Some(Json::String(name)) => return Some(name.clone()),
        Some(Json::Object(tagged)) => return tagged.keys().next().cloned(),
        _ => {}
    }
    let is_read = ["path", "keys", "expression"]
        .iter()
        .any(|word| words.contains_key(*word));
    let name = match field.kind {
        _ if !is_read || words.contains_key("each") => return None,
        FieldType::Text | FieldType::Id | FieldType::Reference(_) => "string",
        FieldType::Integer => "integer",
        FieldType::Boolean => "boolean",
        FieldType::Decimal => "decimal",
        FieldType::Date => "date",
        FieldType::DateTime => "date_time",
        FieldType::Json => "json",
        FieldType::Enum(_) => "enum",
        FieldType::Object(_) | FieldType::Platform => return None,
    };
    Some(name.to_owned())
}
