//! Compares records with what a spec expects of them.

use chrono::{DateTime, NaiveDate, Utc};
use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, Projection, Record, TypeDef, Value};
use serde_json::{Map, Value as Json};

use super::CompiledMapping;
use crate::{
    codec::shown,
    json,
    manifest::{load::escape, suggest},
};

/// The key of a record among the fields of a spec.
const KEY: &str = "remoteId";

/// The start of the names of customer-specific fields in a spec.
const CUSTOM: &str = "custom:";

/// Something that is not as a spec expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// A JSON pointer to what is expected.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Difference {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}

/// Fields of a record and their values as the API shows them.
pub(crate) type Expected = IndexMap<String, Json>;

/// Maps the row of a spec and tells what differs from what the spec expects; nothing when it holds.
///
/// Only the fields that the spec names are compared. `remoteId` is the text of the key. Fields whose names begin with
/// `custom:` are customer-specific ones, compared as JSON.
pub(crate) fn check_row(
    mapping: &CompiledMapping,
    settings: &Map<String, Json>,
    row: &json::Value<'_>,
    expect: &Expected,
) -> Vec<Difference> {
    let checked = mapping.with_settings(settings).and_then(|mapping| {
        let def = mapping.definition().ok_or("the type is not in the catalogue")?;
        let mut differences = Vec::new();
        let mut projection = Projection::default();
        project(def, expect, "/expect", &mut projection, &mut differences);
        let record = mapping.map_row(row, &projection, DateTime::<Utc>::UNIX_EPOCH)?;
        differences.extend(compare(def, &record, expect, "/expect", &mapping.catalogue));
        Ok(differences)
    });
    checked.unwrap_or_else(|problem| vec![Difference::new("/row", problem)])
}

/// Adds the fields that are expected, and tells which of them are none.
pub(crate) fn project(
    def: &TypeDef,
    expect: &Expected,
    pointer: &str,
    projection: &mut Projection,
    differences: &mut Vec<Difference>,
) {
    for name in expect.keys() {
        match def.field(name) {
            _ if name.starts_with(CUSTOM) => projection.custom = true,
            _ if name == KEY => {}
            Some(field) if !field.computed => projection.insert(field.index),
            _ => {
                let unknown = suggest::unknown("field", name, def.fields.keys().map(String::as_str));
                differences.push(Difference::new(format!("{pointer}/{}", escape(name)), unknown));
            }
        }
    }
}

/// Tells what of a record differs from what is expected, and what of it could not be mapped.
pub(crate) fn compare(
    def: &TypeDef,
    record: &Record,
    expect: &Expected,
    pointer: &str,
    catalogue: &Catalogue,
) -> Vec<Difference> {
    let problems = record.problems.iter().map(|problem| {
        let message = format!("{} (at `{}`)", problem.message, problem.path);
        Difference::new(format!("{pointer}/{}", escape(&problem.field)), message)
    });
    let differences = expect.iter().filter_map(|(name, expected)| {
        let message = difference(def, record, name, expected, catalogue)?;
        Some(Difference::new(format!("{pointer}/{}", escape(name)), message))
    });
    problems.chain(differences).collect()
}

fn difference(def: &TypeDef, record: &Record, name: &str, expected: &Json, catalogue: &Catalogue) -> Option<String> {
    if let Some(key) = name.strip_prefix(CUSTOM) {
        let found = record.custom.iter().find(|field| field.key == key);
        let found: Json = found
            .and_then(|field| serde_json::from_str(&field.value).ok())
            .unwrap_or(Json::Null);
        return (found != *expected).then(|| format!("expected {expected}, found {found}"));
    }
    if name == KEY {
        let key = record.key.to_string();
        let same = match expected {
            Json::Number(number) => number.to_string() == key,
            other => other.as_str() == Some(&key),
        };
        return (!same).then(|| format!("expected {expected}, found {}", Json::from(key)));
    }
    let value = record.get(def.field(name)?.index);
    if same(value, expected, catalogue) {
        return None;
    }
    Some(format!("expected {expected}, found {}", shown(value, catalogue)))
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
