//! What a connector can write of a type, as tables of the manual: operations, fields, rows, actions.

use lineshaft_connect::write::{OperationCapability, WritableField, WriteCapability};
use lineshaft_schema::{Catalogue, TypeDef, Value};

use super::coverage::{code, line};

/// Returns what can be done with records of a type.
pub(super) fn operations(writes: &WriteCapability) -> Vec<String> {
    let own = [
        ("create", writes.create.is_some()),
        ("update", writes.update.is_some()),
        ("delete", writes.delete.is_some()),
        ("delete (the system's way)", writes.soft_delete.is_some()),
    ];
    let own = own.iter().filter(|(_, can)| *can).map(|(name, _)| (*name).to_owned());
    own.chain(writes.actions.keys().cloned()).collect()
}

/// Writes what can be written of a type.
pub(super) fn of_type(page: &mut String, catalogue: &Catalogue, def: &TypeDef, writes: &WriteCapability) {
    table(page, catalogue, def, writes);
    let mut notes = Vec::new();
    if let Some(field) = writes.client_reference.and_then(|field| def.field_at(field)) {
        notes.push(format!("Mark: {}.", code(&field.name)));
    }
    if writes.custom {
        notes.push("Customer-specific fields can be written.".to_owned());
    }
    if writes.described {
        notes.push("The system tells which fields it has.".to_owned());
    }
    let unsettled = writes.actions.iter().filter(|(_, action)| action.leads_to.is_empty());
    let unsettled: Vec<String> = unsettled.map(|(name, _)| code(name)).collect();
    if !unsettled.is_empty() {
        // No status tells that they were done.
        notes.push(format!(
            "When its outcome is unknown, people settle {}.",
            unsettled.join(", ")
        ));
    }
    for (name, instead) in &writes.instead {
        // Sentences of the manifest bring their own full stop; names of actions do not.
        notes.push(format!("Instead of {}: {}.", code(name), instead.trim_end_matches('.')));
    }
    if !notes.is_empty() {
        line(page, &format!("\n{}", notes.join(" ")));
    }
}

fn table(page: &mut String, catalogue: &Catalogue, def: &TypeDef, writes: &WriteCapability) {
    line(
        page,
        "\n| operation | fields | rows | allowed in | lock |\n|---|---|---|---|---|",
    );
    let own = [
        ("create", &writes.create),
        ("update", &writes.update),
        ("delete", &writes.delete),
        ("delete (the system's way)", &writes.soft_delete),
    ];
    for (name, operation) in own {
        if let Some(operation) = operation {
            row(page, catalogue, def, def, name, operation);
        }
    }
    for (name, operation) in &writes.actions {
        if let Some(told) = catalogue.action(&def.name, name) {
            row(page, catalogue, def, told, name, operation);
        }
    }
}

/// Writes one operation; its fields are those of `told`.
fn row(
    page: &mut String,
    catalogue: &Catalogue,
    def: &TypeDef,
    told: &TypeDef,
    name: &str,
    operation: &OperationCapability,
) {
    let is_list = |field: &&WritableField| operation.children.iter().any(|rows| rows.field == field.field);
    let fields = operation.fields.iter().filter(|field| !is_list(field));
    let fields: Vec<String> = fields.filter_map(|field| shown(told, field)).collect();
    let rows = operation.children.iter().filter_map(|rows| {
        let words = [
            ("create", rows.create),
            ("update", rows.update),
            ("delete", rows.delete),
        ];
        let words: Vec<&str> = words.iter().filter(|(_, can)| *can).map(|(word, _)| *word).collect();
        let how = if rows.atomic { "with it" } else { "after it" };
        Some(format!(
            "{} ({}, *{how}*)",
            def.field_at(rows.field)?.name,
            words.join(", ")
        ))
    });
    let statuses = operation.allowed_in.iter().filter_map(|value| status(catalogue, value));
    let lock = match (name, operation.native_lock) {
        ("create", _) => "",
        (_, true) => "system",
        (_, false) => "here",
    };
    line(
        page,
        &format!(
            "| {name} | {} | {} | {} | {lock} |",
            fields.join(", "),
            rows.collect::<Vec<_>>().join(", "),
            statuses.collect::<Vec<_>>().join(", ")
        ),
    );
}

fn shown(def: &TypeDef, field: &WritableField) -> Option<String> {
    let name = &def.field_at(field.field)?.name;
    let name = if field.required {
        format!("**{name}**")
    } else {
        name.clone()
    };
    Some(if field.parts.is_empty() {
        name
    } else {
        format!("{name} ({})", field.parts.join(", "))
    })
}

fn status(catalogue: &Catalogue, value: &Value) -> Option<String> {
    match value {
        Value::Enum(index, at) => catalogue.enum_at(*index)?.value_name(*at).map(str::to_owned),
        _ => None,
    }
}
