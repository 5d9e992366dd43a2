//! Checks a mapping against a spec: a raw row and what the API must show of it.

use chrono::{DateTime, NaiveDate, Utc};
use lineshaft_schema::{Catalogue, Projection, Record, TypeDef, Value};
use serde_json::Value as Json;

use super::CompiledMapping;
use crate::{
    codec::shown,
    json,
    manifest::{load::Spec, suggest},
};

/// Maps the row of a spec and tells what differs from what the spec expects; nothing when it holds.
///
/// Only the fields that the spec names are compared. `remoteId` is the text of the key. Fields whose names begin with
/// `custom:` are customer-specific ones, compared as JSON.
#[must_use]
pub fn check_spec(mapping: &CompiledMapping, spec: &Spec) -> Vec<String> {
    match check(mapping, spec) {
        Ok(differences) => differences,
        Err(problem) => vec![problem],
    }
}

/// The key of a record among the fields of a spec.
const KEY: &str = "remoteId";

/// The start of the names of customer-specific fields in a spec.
const CUSTOM: &str = "custom:";

fn check(mapping: &CompiledMapping, spec: &Spec) -> Result<Vec<String>, String> {
    let mapping = mapping.with_settings(&spec.settings)?;
    let def = mapping.definition().ok_or("the type is not in the catalogue")?;
    let mut differences = Vec::new();
    let mut projection = Projection::default();
    for name in spec.expect.keys() {
        match def.field(name) {
            _ if name.starts_with(CUSTOM) => projection.custom = true,
            _ if name == KEY => {}
            Some(field) if !field.computed => projection.insert(field.index),
            _ => differences.push(suggest::unknown("field", name, def.fields.keys().map(String::as_str))),
        }
    }
    let record = mapping.map_row(&spec.row, &projection, DateTime::<Utc>::UNIX_EPOCH)?;
    for problem in &record.problems {
        differences.push(format!(
            "{}: {} (at `{}`)",
            problem.field, problem.message, problem.path
        ));
    }
    for (name, expected) in &spec.expect {
        differences.extend(difference(def, &record, name, expected, &mapping.catalogue));
    }
    Ok(differences)
}

fn difference(def: &TypeDef, record: &Record, name: &str, expected: &Json, catalogue: &Catalogue) -> Option<String> {
    if let Some(key) = name.strip_prefix(CUSTOM) {
        let found = record.custom.iter().find(|field| field.key == key);
        let found: Json = found
            .and_then(|field| serde_json::from_str(&field.value).ok())
            .unwrap_or(Json::Null);
        return (found != *expected).then(|| format!("{name}: expected {expected}, the mapping gives {found}"));
    }
    if name == KEY {
        let key = record.key.to_string();
        let same = match expected {
            Json::Number(number) => number.to_string() == key,
            other => other.as_str() == Some(&key),
        };
        return (!same).then(|| format!("{name}: expected {expected}, the mapping gives {}", Json::from(key)));
    }
    let value = record.get(def.field(name)?.index);
    if same(value, expected, catalogue) {
        return None;
    }
    Some(format!(
        "{name}: expected {expected}, the mapping gives {}",
        shown(value, catalogue)
    ))
}

/// Compares by meaning: `1.5` and `"1.50"` are one decimal, and an instant may be written in any zone.
fn same(value: &Value, expected: &Json, catalogue: &Catalogue) -> bool {
    match (value, expected) {
        (Value::Decimal(number), Json::String(text)) => json::decimal_of(text) == Some(*number),
        (Value::Decimal(number), Json::Number(expected)) => json::decimal_of(&expected.to_string()) == Some(*number),
        (Value::Date(date), Json::String(text)) => text.parse::<NaiveDate>().as_ref() == Ok(date),
        (Value::DateTime(moment), Json::String(text)) => {
            DateTime::parse_from_rfc3339(text).is_ok_and(|expected| expected == *moment)
        }
        (Value::Reference(key), Json::Number(expected)) => expected.to_string() == key.to_string(),
        (Value::List(list), Json::Array(expected)) => {
            list.len() == expected.len()
                && list
                    .iter()
                    .zip(expected)
                    .all(|(value, expected)| same(value, expected, catalogue))
        }
        (Value::Object(object), Json::Object(expected)) => {
            let Some(def) = catalogue.type_at(object.kind) else {
                return false;
            };
            expected.keys().all(|name| def.field(name).is_some())
                && def
                    .fields
                    .keys()
                    .zip(object.slots.iter())
                    .all(|(name, value)| match expected.get(name) {
                        Some(expected) => same(value, expected, catalogue),
                        None => value.is_null(),
                    })
        }
        (Value::Json(_), expected) => shown(value, catalogue) == *expected,
        (value, expected) => shown(value, catalogue) == *expected,
    }
}
