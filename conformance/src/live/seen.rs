//! What the records of a real system show of a mapping: which fields never have a value, and what of that which the
//! mapping only recalls was there. What words and truth values mean is for people to judge.

use std::collections::BTreeSet;

use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::{FieldMapping, Resource, trust},
};
use lineshaft_schema::{FieldType, TypeDef};
use serde_json::Value;

use super::outcome::counted;
use crate::answer::{items, word};

/// Names of customer-specific fields that are told.
const TOLD: usize = 12;

/// What records show of the mapping of their type.
pub(super) struct Evidence {
    /// What is marked as recalled and was there.
    pub(super) seen: Vec<String>,
    /// What is marked as recalled and was not there, or is for people to judge.
    open: Vec<String>,
    /// Mapped fields without any value.
    empty: Vec<String>,
    /// Customer-specific fields.
    custom: BTreeSet<String>,
}

/// Looks through records.
pub(super) fn of(
    blueprint: &Blueprint,
    entity: &str,
    nodes: &[Value],
    operations: &BTreeSet<&'static str>,
    loaded: &BTreeSet<String>,
) -> Evidence {
    let custom = nodes.iter().flat_map(|node| items(&node["customFields"]));
    let custom = custom.map(|field| word(&field["key"]).to_owned()).collect();
    let catalogue = blueprint.catalogue();
    let (Some(def), Some(resource)) = (catalogue.type_named(entity), blueprint.manifest().resources.get(entity)) else {
        return Evidence {
            seen: Vec::new(),
            open: Vec::new(),
            empty: Vec::new(),
            custom,
        };
    };
    let was_there = |what: &String| match what.as_str() {
        "remote" | "key" => !operations.is_empty(),
        "list" => operations.contains("list"),
        "get_many" => operations.contains("get"),
        "children" => operations.contains("load"),
        name if loaded.contains(name) => true,
        name => can_be_judged(def, resource, name) && nodes.iter().any(|node| has_value(node, name)),
    };
    let (seen, open) = trust::recalled(resource).into_iter().partition(was_there);
    let is_plain = |name: &&String| {
        def.field(name)
            .is_some_and(|field| field.reverse.is_none() && !field.computed)
    };
    let empty = resource.fields.keys().filter(is_plain);
    let empty = empty.filter(|name| !nodes.iter().any(|node| has_value(node, name)));
    Evidence {
        seen,
        open,
        empty: empty.cloned().collect(),
        custom,
    }
}

/// Tells whether a value in a record proves that the mapping of its field is right: it comes from a place of the row, and
/// not from a table of words whose meaning somebody recalled.
fn can_be_judged(def: &TypeDef, resource: &Resource, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let is_word = def
        .field(first)
        .is_none_or(|field| matches!(field.kind, FieldType::Enum(_) | FieldType::Boolean));
    let from_row = resource.fields.get(first).is_some_and(|mapping| match mapping {
        FieldMapping::Path(_) => true,
        FieldMapping::Full(full) => {
            full.constant.is_none()
                && full.cases.is_none()
                && full.compute.is_none()
                && full.expression.is_none()
                && full.default.is_none()
        }
    });
    from_row && !is_word
}

/// Tells whether a record has a value at a place, in any element of lists.
fn has_value(node: &Value, name: &str) -> bool {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    match &node[first] {
        Value::Array(values) if !rest.is_empty() => values.iter().any(|value| has_value(value, rest)),
        value if !rest.is_empty() => has_value(value, rest),
        value => is_something(value),
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && text != "UNKNOWN",
        Value::Array(values) => values.iter().any(is_something),
        Value::Object(members) => members.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Evidence {
    /// Tells what people should look at.
    pub(super) fn notes(&self, records: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.empty.is_empty() {
            let names = self.empty.join(", ");
            notes.push(format!("no value in {}: {names}", counted(records, "record")));
        }
        if !self.custom.is_empty() {
            let named: Vec<&str> = self.custom.iter().take(TOLD).map(String::as_str).collect();
            let more = match self.custom.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!("customer-specific fields: {}{more}", named.join(", ")));
        }
        if !self.seen.is_empty() {
            notes.push(format!("recalled, and there: {}", self.seen.join(", ")));
        }
        if !self.open.is_empty() {
            notes.push(format!(
                "recalled, and for you to compare with the system before the mark is taken off: {}",
                self.open.join(", ")
            ));
        }
        notes
    }
}
