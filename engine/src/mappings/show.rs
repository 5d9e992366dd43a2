//! Values and records as JSON, for people who look at a mapping.

use lineshaft_connect::json;
use lineshaft_schema::{Catalogue, Record, TypeDef, Value};
use serde_json::{Map, Value as Json};

/// Returns a value as JSON: enums by name, records by their key in the system.
pub(super) fn value(catalogue: &Catalogue, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Decimal(value) => Json::String(value.to_string()),
        Value::Text(value) => Json::String(value.to_string()),
        Value::Date(value) => Json::String(value.to_string()),
        Value::DateTime(value) => Json::String(value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        Value::Enum(kind, value) => {
            let name = catalogue.enum_at(*kind).and_then(|def| def.value_name(*value));
            name.map_or(Json::Null, Json::from)
        }
        Value::Reference(key) => Json::String(key.to_string()),
        Value::Object(object) => {
            let fields = catalogue
                .type_at(object.kind)
                .into_iter()
                .flat_map(|def| def.fields.values());
            let known = fields.map(|field| (field.name.clone(), object.fields().get(field.index)));
            let present = known.filter(|(_, value)| !value.is_null());
            Json::Object(
                present
                    .map(|(name, part)| (name, self::value(catalogue, part)))
                    .collect(),
            )
        }
        Value::List(list) => Json::Array(list.iter().map(|part| self::value(catalogue, part)).collect()),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_default(),
    }
}

/// Returns the fields of a record that have a value.
pub(super) fn record(catalogue: &Catalogue, def: &TypeDef, record: &Record) -> Map<String, Json> {
    let fields = def.fields.values().map(|field| (field, record.get(field.index)));
    let present = fields.filter(|(_, value)| !value.is_null());
    present
        .map(|(field, part)| (field.name.clone(), value(catalogue, part)))
        .collect()
}

/// Returns what came from a system as JSON.
pub(super) fn raw(value: &json::Value<'_>) -> Json {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}
