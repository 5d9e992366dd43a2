//! The page of the manual that tells what every connector can write: operations, fields, rows, actions.

use std::sync::Arc;

use lineshaft_connect::write::{OperationCapability, WritableField, WriteCapability};
use lineshaft_engine::registry::{Kind, Registry};
use lineshaft_schema::{Catalogue, TypeDef, Value};

use super::coverage::{anchor, code, line};

const HEAD: &str = "# What the connectors can write\n\n\
    This page is written by `lineshaft connector coverage --writes > docs/connectors/writes.md`; the option `--check` \
    compares it. `writeSchema` tells the same of one connection, with what the system itself adds.\n\n\
    - **Fields**: **bold** ones are needed for a new record; of embedded values the parts that can be written stand in \
    parentheses.\n\
    - **Rows** that belong to a record are written *with it*, in one request that is carried out as a whole or not at all, \
    or *after it*, one by one.\n\
    - **Lock**: how `expectedVersion` is compared: by the *system*, or *here* with a fresh copy right before the write.\n\
    - **Mark**: the field that carries our own mark, by which a new record is found again when no answer came.\n";

/// Returns the page.
pub(super) fn page(registry: &Registry) -> String {
    let kinds: Vec<_> = registry.all().collect();
    let catalogue = registry.catalogue();
    let mut page = HEAD.to_owned();
    overview(&mut page, &kinds, catalogue);
    for kind in &kinds {
        connector(&mut page, kind);
    }
    page
}

/// Writes which connector can do what with which type.
fn overview(page: &mut String, kinds: &[Arc<Kind>], catalogue: &Catalogue) {
    let names = kinds
        .iter()
        .map(|kind| format!(" [{}](#{}) |", kind.manifest.name, anchor(&kind.manifest.name)));
    let rule = "---|".repeat(kinds.len() + 1);
    line(
        page,
        &format!(
            "\n## Operations on each type\n\n| type |{}\n|{rule}",
            names.collect::<String>()
        ),
    );
    for def in catalogue.types.values().filter(|def| def.is_writable()) {
        let mut row = format!("| {} |", def.name);
        for kind in kinds {
            match kind
                .blueprint
                .writes(def.index)
                .map(operations)
                .filter(|words| !words.is_empty())
            {
                Some(words) => row.push_str(&format!(" {} |", words.join(", "))),
                None => row.push_str(" |"),
            }
        }
        line(page, &row);
    }
}

fn operations(writes: &WriteCapability) -> Vec<String> {
    let own = [
        ("create", writes.create.is_some()),
        ("update", writes.update.is_some()),
        ("delete", writes.delete.is_some()),
        ("delete (the system's way)", writes.soft_delete.is_some()),
    ];
    let own = own.iter().filter(|(_, can)| *can).map(|(name, _)| (*name).to_owned());
    own.chain(writes.actions.keys().cloned()).collect()
}

fn connector(page: &mut String, kind: &Kind) {
    let blueprint = &kind.blueprint;
    let written = kind.catalogue.types.values().filter_map(|def| {
        let writes = blueprint
            .writes(def.index)
            .filter(|writes| !operations(writes).is_empty())?;
        let owner = blueprint.written_in(def.index);
        Some((def, blueprint.resource(owner.unwrap_or(def.index))?.remote(), writes))
    });
    let written: Vec<_> = written.collect();
    line(page, &format!("\n## {}", kind.manifest.name));
    if written.is_empty() {
        line(page, "\nNothing can be written.");
        return;
    }
    for (def, remote, writes) in written {
        line(page, &format!("\n### {} of {}", def.name, code(remote)));
        table(page, &kind.catalogue, def, writes);
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
            notes.push(format!("When its outcome is unknown, people settle {}.", unsettled.join(", ")));
        }
        for (name, instead) in &writes.instead {
            // Sentences of the manifest bring their own full stop; names of actions do not.
            notes.push(format!("Instead of {}: {}.", code(name), instead.trim_end_matches('.')));
        }
        if !notes.is_empty() {
            line(page, &format!("\n{}", notes.join(" ")));
        }
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
