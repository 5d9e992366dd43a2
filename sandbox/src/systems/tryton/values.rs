//! Writes rows the way Tryton does: class-tagged decimals and dates, links as ids, dotted fields
//! nested under a key that ends in a dot.

use chrono::{DateTime, Datelike, Timelike, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::domain::Dotted;
use super::error::TrytonError;
use crate::systems::orm::{Database, Dialect, Field, Kind, Laid, Table, Val};

/// How kept values are read again.
pub(super) const LAID: Laid = Laid {
    read: |field, value| match (field.kind, value) {
        (kind, Value::Array(ids)) if kind.is_many() => Some(Val::Many(
            ids.iter()
                .filter_map(Value::as_u64)
                .filter_map(|id| u32::try_from(id).ok())
                .collect(),
        )),
        (_, value) => Dotted::literal(field, value).ok(),
    },
    unchanged_is_null: true,
};

/// Returns rows with the fields asked for; only the id when none were named.
pub(super) fn rows(
    database: &Database,
    table: &Table,
    rows: &[&[Val]],
    fields: &[String],
) -> Result<Vec<Value>, TrytonError> {
    let mut plain: Vec<&Field> = Vec::new();
    let mut nested: Vec<(&Field, Vec<String>)> = Vec::new();
    let mut timestamp = false;
    for name in fields {
        if name == "_timestamp" {
            timestamp = true;
            continue;
        }
        let (first, rest) = name
            .split_once('.')
            .map_or((name.as_str(), None), |(first, rest)| (first, Some(rest)));
        let field = table.field(first).ok_or_else(|| TrytonError::key(first))?;
        match rest {
            None => plain.push(field),
            Some(rest) => match nested.iter_mut().find(|(known, _)| known.name == field.name) {
                Some((_, inner)) => inner.push(rest.to_owned()),
                None => nested.push((field, vec![rest.to_owned()])),
            },
        }
    }
    // Names below links are checked even when no row has the link.
    for (field, inner) in &nested {
        if let Some(target) = field.relation.and_then(|model| database.table(model)) {
            self::rows(database, &target, &[], inner)?;
        } else if field.kind != Kind::Reference {
            return Err(TrytonError::key(inner.first().map_or("", String::as_str)));
        }
    }
    rows.iter()
        .map(|row| {
            let mut members = Map::new();
            for field in &plain {
                members.insert(field.name.clone(), value(field, table.value(row, &field.name)));
            }
            members.insert("id".to_owned(), Table::id_of(row).into());
            if timestamp {
                members.insert("_timestamp".to_owned(), stamp(table, row));
            }
            for (field, inner) in &nested {
                let below = linked(database, field, table.value(row, &field.name), inner)?;
                members.insert(format!("{}.", field.name), below);
            }
            Ok(Value::Object(members))
        })
        .collect()
}

fn linked(database: &Database, field: &Field, value: &Val, fields: &[String]) -> Result<Value, TrytonError> {
    let one = |model: &str, id: u32| -> Result<Value, TrytonError> {
        let Some(target) = database.table(model) else {
            return Ok(Value::Null);
        };
        let row: Vec<&[Val]> = target.row(id).into_iter().collect();
        Ok(rows(database, &target, &row, fields)?.pop().unwrap_or(Value::Null))
    };
    match (value, field.relation) {
        (Val::One(id), Some(model)) => one(model, *id),
        (Val::Reference(model, id), _) => one(model, *id),
        (Val::Many(ids), Some(model)) => {
            let Some(target) = database.table(model) else {
                return Ok(json!([]));
            };
            let found: Vec<&[Val]> = ids.iter().filter_map(|id| target.row(*id)).collect();
            Ok(rows(database, &target, &found, fields)?.into())
        }
        _ => Ok(Value::Null),
    }
}

/// Returns the mark of a row's last change, as the optimistic lock compares it.
pub(super) fn stamp(table: &Table, row: &[Val]) -> Value {
    let at = match (table.value(row, "write_date"), table.value(row, "create_date")) {
        (Val::Moment(at), _) | (_, Val::Moment(at)) => *at,
        _ => DateTime::<Utc>::UNIX_EPOCH,
    };
    Value::from(format!("{}.{:06}", at.timestamp(), at.timestamp_subsec_micros()))
}

fn value(field: &Field, value: &Val) -> Value {
    match value {
        Val::Null if field.kind.is_many() => json!([]),
        Val::Null => Value::Null,
        // A stored flag comes out of SQLite as a number; a computed one is a real boolean.
        Val::Bool(flag) if field.stored => Value::from(i32::from(*flag)),
        Val::Bool(flag) => Value::Bool(*flag),
        Val::Int(number) => Value::from(*number),
        Val::Number(number) if field.kind == Kind::Money => decimal(*number),
        Val::Number(number) => number.to_string().parse::<f64>().map_or(Value::Null, Value::from),
        Val::Text(text) => Value::from(text.as_str()),
        Val::Date(date) => {
            json!({"__class__": "date", "year": date.year(), "month": date.month(), "day": date.day()})
        }
        Val::Moment(at) => json!({
            "__class__": "datetime",
            "year": at.year(),
            "month": at.month(),
            "day": at.day(),
            "hour": at.hour(),
            "minute": at.minute(),
            "second": at.second(),
            "microsecond": at.timestamp_subsec_micros(),
        }),
        Val::Span(seconds) => json!({"__class__": "timedelta", "seconds": span(*seconds)}),
        Val::One(id) => Value::from(*id),
        Val::Many(ids) => json!(ids),
        Val::Reference(model, id) => Value::from(format!("{model},{id}")),
    }
}

fn span(seconds: i64) -> Value {
    Decimal::from(seconds)
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

fn decimal(number: Decimal) -> Value {
    json!({"__class__": "Decimal", "decimal": number.to_string()})
}

/// Returns the descriptions of fields.
pub(super) fn describe(table: &Table, names: &[String]) -> Value {
    let described = table
        .fields
        .iter()
        .filter(|field| names.is_empty() || names.contains(&field.name))
        .map(|field| {
            let mut members = Map::new();
            members.insert("name".to_owned(), field.name.clone().into());
            members.insert("string".to_owned(), field.label.clone().into());
            members.insert("type".to_owned(), type_name(field).into());
            members.insert("help".to_owned(), "".into());
            members.insert("required".to_owned(), field.required.into());
            members.insert(
                "readonly".to_owned(),
                (!super::write::has_setter(table.model, &field.name) && (!field.stored || field.read_only)).into(),
            );
            members.insert("states".to_owned(), "{}".into());
            members.insert("domain".to_owned(), "[]".into());
            members.insert("context".to_owned(), "{}".into());
            members.insert("loading".to_owned(), if field.stored { "eager" } else { "lazy" }.into());
            members.insert("searchable".to_owned(), field.stored.into());
            members.insert("sortable".to_owned(), (field.stored && !field.kind.is_many()).into());
            if let Some(relation) = field.relation {
                members.insert("relation".to_owned(), relation.into());
            }
            if field.kind == Kind::Selection {
                members.insert("selection".to_owned(), json!(field.selection));
            }
            (field.name.clone(), Value::Object(members))
        });
    Value::Object(described.collect())
}

fn type_name(field: &Field) -> &'static str {
    match field.kind {
        Kind::Integer => "integer",
        Kind::Float => "float",
        Kind::Money => "numeric",
        Kind::Char => "char",
        Kind::Text | Kind::Html => "text",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Moment if matches!(field.name.as_str(), "create_date" | "write_date") => "timestamp",
        Kind::Moment => "datetime",
        Kind::Span => "timedelta",
        Kind::Selection => "selection",
        Kind::One => "many2one",
        Kind::Children => "one2many",
        Kind::Many => "many2many",
        Kind::Reference => "reference",
    }
}
