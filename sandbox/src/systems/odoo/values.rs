//! Writes values and field descriptions the way Odoo does: `false` for every empty one, pairs for
//! links, UTC without zone for times.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::error::OdooError;
use crate::systems::orm::{Database, Field, Kind, Table, Val};

/// How links to one record are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// `[7, "Name"]`.
    Pairs,
    /// `7`.
    Ids,
}

/// Returns the rows with the fields asked for; all fields when none were named.
pub(super) fn rows(
    database: &Database,
    table: &Table,
    rows: &[&[Val]],
    fields: &[String],
    links: Links,
) -> Result<Vec<Value>, OdooError> {
    let fields: Vec<&Field> = if fields.is_empty() {
        table.fields.iter().collect()
    } else {
        fields
            .iter()
            .map(|name| {
                table
                    .field(name)
                    .ok_or_else(|| OdooError::unknown_field(name, table.model))
            })
            .collect::<Result<_, _>>()?
    };
    Ok(rows
        .iter()
        .map(|row| {
            let mut members = Map::new();
            members.insert("id".to_owned(), Table::id_of(row).into());
            for field in &fields {
                members.insert(
                    field.name.clone(),
                    value(database, field, table.value(row, &field.name), links),
                );
            }
            Value::Object(members)
        })
        .collect())
}

fn value(database: &Database, field: &Field, value: &Val, links: Links) -> Value {
    match value {
        Val::Null if matches!(field.kind, Kind::Float | Kind::Money) => json!(0.0),
        Val::Null if field.kind == Kind::Integer => json!(0),
        Val::Null if field.kind.is_many() => json!([]),
        Val::Null => Value::Bool(false),
        Val::Bool(flag) => Value::Bool(*flag),
        Val::Int(number) => Value::from(*number),
        Val::Number(number) => float(*number),
        Val::Text(text) => Value::from(text.as_str()),
        Val::Date(date) => Value::from(date.format("%Y-%m-%d").to_string()),
        Val::Moment(at) => Value::from(at.format("%Y-%m-%d %H:%M:%S").to_string()),
        Val::Span(seconds) => float(Decimal::from(*seconds) / Decimal::from(3600)),
        Val::One(id) if links == Links::Ids => Value::from(*id),
        Val::One(id) => json!([id, name_of(database, field.relation.unwrap_or(""), *id)]),
        Val::Many(ids) => json!(ids),
        Val::Reference(model, id) => Value::from(format!("{model},{id}")),
    }
}

/// Returns a record's display name.
pub(super) fn name_of(database: &Database, model: &str, id: u32) -> Value {
    database
        .table(model)
        .and_then(|table| table.text(id, "display_name"))
        .map_or(Value::Bool(false), Value::from)
}

/// Returns a number the way Python prints a float: always with a fraction.
pub(super) fn float(number: Decimal) -> Value {
    number
        .to_string()
        .parse::<f64>()
        .map_or(Value::Bool(false), Value::from)
}

/// Returns the descriptions of fields, each with the attributes asked for.
pub(super) fn describe(table: &Table, names: &[String], attributes: &[String]) -> Value {
    let described = table
        .fields
        .iter()
        .filter(|field| names.is_empty() || names.contains(&field.name))
        .map(|field| {
            let mut members = Map::new();
            let mut put = |name: &str, value: Value| {
                if attributes.is_empty() || attributes.iter().any(|attribute| attribute == name) {
                    members.insert(name.to_owned(), value);
                }
            };
            put("name", field.name.clone().into());
            put("readonly", (!field.stored || field.read_only).into());
            put("required", field.required.into());
            put("searchable", field.stored.into());
            put("sortable", field.stored.into());
            put("store", field.stored.into());
            put("string", field.label.clone().into());
            put("type", type_name(field.kind).into());
            if let Some(relation) = field.relation {
                put("relation", relation.into());
            }
            if field.kind == Kind::Selection {
                put("selection", json!(field.selection));
            }
            if field.custom {
                put("manual", true.into());
            }
            (field.name.clone(), Value::Object(members))
        });
    Value::Object(described.collect())
}

/// Returns Odoo's word for a kind of field.
pub(super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "integer",
        Kind::Float | Kind::Span => "float",
        Kind::Money => "monetary",
        Kind::Char => "char",
        Kind::Text => "text",
        Kind::Html => "html",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Moment => "datetime",
        Kind::Selection => "selection",
        Kind::One => "many2one",
        Kind::Children => "one2many",
        Kind::Many => "many2many",
        Kind::Reference => "reference",
    }
}
