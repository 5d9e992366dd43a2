//! Values that a manifest or a spec writes itself, and values as the API shows them.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use lineshaft_schema::{Catalogue, FieldDef, FieldType, RemoteKey, Value};
use serde_json::{Map, Value as Json};

use crate::{json, manifest::suggest};

/// Turns a value that a manifest writes into the value of a field.
///
/// # Errors
/// Tells why it does not fit the field.
pub fn constant(field: &FieldDef, written: &Json, catalogue: &Catalogue) -> Result<Value, String> {
    match written {
        Json::Null => Ok(Value::Null),
        Json::Array(list) if field.list => list
            .iter()
            .map(|element| single(field, element, catalogue))
            .collect::<Result<_, _>>()
            .map(Value::List),
        other if field.list => single(field, other, catalogue).map(|value| Value::List(vec![value])),
        other => single(field, other, catalogue),
    }
}

fn single(field: &FieldDef, written: &Json, catalogue: &Catalogue) -> Result<Value, String> {
    let wrong = || format!("{written} is not {}", field.type_name);
    let text = written.as_str();
    match field.kind {
        FieldType::Text | FieldType::Id => match written {
            Json::String(text) => Ok(Value::text(text)),
            Json::Number(number) => Ok(Value::text(&number.to_string())),
            _ => Err(wrong()),
        },
        FieldType::Integer => written.as_i64().map(Value::Integer).ok_or_else(wrong),
        FieldType::Boolean => written.as_bool().map(Value::Boolean).ok_or_else(wrong),
        FieldType::Decimal => match written {
            Json::String(text) => json::decimal_of(text),
            Json::Number(number) => json::decimal_of(&number.to_string()),
            _ => None,
        }
        .map(Value::Decimal)
        .ok_or_else(wrong),
        FieldType::Date => text
            .and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
            .map(Value::Date)
            .ok_or_else(wrong),
        FieldType::DateTime => text
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|moment| Value::DateTime(moment.to_utc()))
            .ok_or_else(wrong),
        FieldType::Json => Ok(Value::Json(written.to_string().into())),
        FieldType::Enum(index) => {
            let def = catalogue.enum_at(index).ok_or_else(wrong)?;
            let name = text.ok_or_else(wrong)?;
            def.value_index(name).map(|at| Value::Enum(index, at)).ok_or_else(|| {
                suggest::unknown(
                    &format!("value of {}", def.name),
                    name,
                    def.values.keys().map(String::as_str),
                )
            })
        }
        FieldType::Reference(_) => match written {
            Json::String(key) => Ok(Value::Reference(RemoteKey::from(key.as_str()))),
            Json::Number(key) => Ok(Value::Reference(RemoteKey::single(key.to_string()))),
            _ => Err(wrong()),
        },
        FieldType::Object(_) | FieldType::Platform => {
            Err(format!("{} cannot be written as one value", field.type_text))
        }
    }
}

/// Returns a value as the API shows it; references as the text of their keys, objects without their empty fields.
#[must_use]
pub fn shown(value: &Value, catalogue: &Catalogue) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::Integer(number) => Json::from(*number),
        Value::Decimal(number) => Json::String(number.to_string()),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::DateTime(moment) => Json::String(moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::Enum(index, at) => catalogue
            .enum_at(*index)
            .and_then(|def| def.value_name(*at))
            .map_or(Json::Null, Json::from),
        Value::Reference(key) => Json::String(key.to_string()),
        Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        Value::List(list) => list.iter().map(|element| shown(element, catalogue)).collect(),
        Value::Object(object) => {
            let Some(def) = catalogue.type_at(object.kind) else {
                return Json::Null;
            };
            let fields = def
                .fields
                .keys()
                .zip(object.slots.iter())
                .filter(|(_, value)| !value.is_null());
            Json::Object(
                fields
                    .map(|(name, value)| (name.clone(), shown(value, catalogue)))
                    .collect::<Map<_, _>>(),
            )
        }
    }
}
