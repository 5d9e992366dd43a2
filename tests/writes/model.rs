//! The model as the trials of writes need it: which types can be written, what is selected of them, and how they are named
//! in mutations.

use std::sync::Arc;

use lineshaft_schema::{Catalogue, FieldDef, FieldType, Shape, TypeDef, Writable};

/// Returns the model.
pub fn catalogue() -> Arc<Catalogue> {
    Catalogue::unified().unwrap()
}

/// Returns the type with a name.
pub fn type_named<'a>(catalogue: &'a Catalogue, name: &str) -> &'a TypeDef {
    catalogue.type_named(name).unwrap_or_else(|| panic!("no type {name}"))
}

/// Returns the types whose records can be written, owners before their parts.
pub fn writable_types(catalogue: &Catalogue) -> Vec<&TypeDef> {
    let mut types: Vec<_> = catalogue
        .types
        .values()
        .map(|def| &**def)
        .filter(|def| def.is_writable())
        .collect();
    types.sort_by_key(|def| !def.is_entity());
    types
}

/// Returns every operation that the API has for a type, by the names that `writeSchema` takes.
pub fn operations(catalogue: &Catalogue, kind: &str) -> Vec<String> {
    let def = type_named(catalogue, kind);
    let changes = def.fields.values().any(|field| field.writable.on_update());
    let mut names = vec!["create".to_owned(), "delete".to_owned()];
    names.extend(changes.then(|| "update".to_owned()));
    names.extend(catalogue.actions_of(kind).map(|(name, _)| name.to_owned()));
    names
}

/// Returns the name of the field that holds a record of a type.
pub fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

/// Returns the name of the list of an entity.
pub fn plural(def: &TypeDef) -> &str {
    match &def.shape {
        Shape::Entity { plural } => plural,
        other => panic!("{} cannot be listed: {other:?}", def.name),
    }
}

/// Returns the selection of everything of a record that can be written, with its id, its version and its status.
pub fn selection(catalogue: &Catalogue, kind: &str) -> String {
    let def = type_named(catalogue, kind);
    let mut parts = vec!["id".to_owned(), "remoteId".to_owned()];
    for name in ["version", "isDeleted"] {
        parts.extend(def.field(name).map(|field| field.name.clone()));
    }
    let fields = def
        .fields
        .values()
        .filter(|field| field.writable != Writable::Never || ["status", "lastReading"].contains(&field.name.as_str()));
    parts.extend(fields.filter_map(|field| select(catalogue, field)));
    parts.join(" ")
}

/// Returns the selection of one field.
pub fn select(catalogue: &Catalogue, field: &FieldDef) -> Option<String> {
    let name = &field.name;
    match field.kind {
        FieldType::Platform => None,
        FieldType::Reference(_) => Some(format!("{name} {{ id }}")),
        FieldType::Object(kind) => {
            let def = catalogue.type_at(kind).unwrap();
            let inner = if def.has_rows() {
                selection(catalogue, &def.name)
            } else {
                let parts = def.fields.values().filter_map(|part| select(catalogue, part));
                parts.collect::<Vec<_>>().join(" ")
            };
            Some(format!("{name} {{ {inner} }}"))
        }
        _ => Some(name.clone()),
    }
}
