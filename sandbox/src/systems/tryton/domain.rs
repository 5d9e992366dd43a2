//! Reads Tryton's domains (nested lists with AND and OR), orders and class-tagged literals.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::Value;

use super::error::TrytonError;
use crate::systems::orm::{Clause, Dialect, Domain, Failure, Field, Kind, Operator, SortKey, Val};

/// How Tryton writes literals and names.
pub(super) struct Dotted;

impl Dialect for Dotted {
    const NAME_FIELD: &'static str = "rec_name";
    // As SQLite sorts.
    const NULLS_LAST: bool = false;

    fn parent_field(_model: &str) -> &'static str {
        "parent"
    }

    fn literal(field: &Field, value: &Value) -> Result<Val, Failure> {
        Ok(match (field.kind, value) {
            (_, Value::Null) => Val::Null,
            (_, Value::Object(_)) => tagged(field, value)?,
            (_, Value::Bool(flag)) => Val::Bool(*flag),
            (Kind::Boolean, Value::Number(number)) => Val::Bool(number.as_i64() != Some(0)),
            (kind, Value::Number(number)) if kind.is_link() => number
                .as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .map_or(Val::Int(-1), Val::One),
            (_, Value::Number(number)) => Val::Number(number.as_f64().and_then(Decimal::from_f64).unwrap_or_default()),
            (Kind::Date, Value::String(text)) => Val::Date(text.parse().map_err(|_| bad(value))?),
            (Kind::Moment, Value::String(text)) => {
                Val::Moment(text.parse::<NaiveDateTime>().map_err(|_| bad(value))?.and_utc())
            }
            (_, Value::String(text)) if field.is_numeric() => Val::Number(text.parse().map_err(|_| bad(value))?),
            (_, Value::String(text)) => Val::Text(text.clone()),
            (_, Value::Array(_)) => return Err(bad(value)),
        })
    }
}

fn bad(value: &Value) -> Failure {
    Failure::BadValue(format!("Invalid value: {value}"))
}

fn tagged(field: &Field, value: &Value) -> Result<Val, Failure> {
    let number = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|number| u32::try_from(number).ok())
    };
    let day = || {
        let year = i32::try_from(number("year")?).ok()?;
        NaiveDate::from_ymd_opt(year, number("month")?, number("day")?)
    };
    let found = match value.get("__class__").and_then(Value::as_str) {
        Some("date") => day().map(|day| match field.kind {
            Kind::Moment => Val::Moment(midnight(day)),
            _ => Val::Date(day),
        }),
        Some("datetime") => day().and_then(|day| {
            let (hour, minute, second) = (number("hour"), number("minute"), number("second"));
            let micro = number("microsecond").unwrap_or(0);
            let at = day.and_hms_micro_opt(hour.unwrap_or(0), minute.unwrap_or(0), second.unwrap_or(0), micro)?;
            Some(if field.kind == Kind::Date {
                Val::Date(day)
            } else {
                Val::Moment(at.and_utc())
            })
        }),
        Some("Decimal") => value
            .get("decimal")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .map(Val::Number),
        Some("timedelta") => {
            let seconds = value.get("seconds").and_then(Value::as_f64).and_then(Decimal::from_f64);
            seconds
                .and_then(|seconds| i64::try_from(seconds.round()).ok())
                .map(Val::Span)
        }
        _ => None,
    };
    found.ok_or_else(|| bad(value))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc()
}

/// Reads a date of a context: class-tagged or ISO text.
pub(super) fn context_date(value: Option<&Value>) -> Option<NaiveDate> {
    match value? {
        Value::String(text) => text.parse().ok(),
        tagged => {
            let number = |name: &str| tagged.get(name).and_then(Value::as_i64);
            let month = u32::try_from(number("month")?).ok()?;
            let day = u32::try_from(number("day")?).ok()?;
            NaiveDate::from_ymd_opt(i32::try_from(number("year")?).ok()?, month, day)
        }
    }
}

/// Reads a domain; an empty one picks everything.
pub(super) fn parse(value: &Value) -> Result<Option<Domain>, TrytonError> {
    match value {
        Value::Null => Ok(None),
        Value::Array(parts) if parts.is_empty() => Ok(None),
        Value::Array(parts) => part_of(parts).map(Some),
        other => Err(TrytonError::Python(format!("Invalid domain: {other}"))),
    }
}

fn part_of(parts: &[Value]) -> Result<Domain, TrytonError> {
    match parts.first() {
        Some(Value::String(word)) if word == "OR" => Ok(Domain::Any(all(&parts[1..])?)),
        Some(Value::String(word)) if word == "AND" => Ok(Domain::All(all(&parts[1..])?)),
        Some(Value::String(field)) => clause(field, parts),
        _ => Ok(Domain::All(all(parts)?)),
    }
}

fn all(parts: &[Value]) -> Result<Vec<Domain>, TrytonError> {
    parts
        .iter()
        .map(|part| match part {
            Value::Array(inner) => part_of(inner),
            other => Err(TrytonError::Python(format!("Invalid domain: {other}"))),
        })
        .collect()
}

fn clause(field: &str, parts: &[Value]) -> Result<Domain, TrytonError> {
    let (Some(Value::String(operator)), Some(value)) = (parts.get(1), parts.get(2)) else {
        return Err(TrytonError::Python(format!("Invalid domain: {}", Value::from(parts))));
    };
    let like = |fold, negate| Operator::Like { fold, negate };
    let operator = match operator.as_str() {
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "in" => Operator::In,
        "not in" => Operator::NotIn,
        "like" => like(false, false),
        "not like" => like(false, true),
        "ilike" => like(true, false),
        "not ilike" => like(true, true),
        "child_of" => Operator::ChildOf,
        "parent_of" => Operator::ParentOf,
        "where" => Operator::Matches { negate: false },
        "not where" => Operator::Matches { negate: true },
        other => return Err(TrytonError::key(other)),
    };
    let (value, inner) = match operator {
        Operator::Matches { .. } => (
            Value::Null,
            Some(Box::new(parse(value)?.unwrap_or(Domain::All(Vec::new())))),
        ),
        _ => (value.clone(), None),
    };
    let path = field.split('.').map(str::to_owned).collect();
    Ok(Domain::Clause(Clause {
        path,
        operator,
        value,
        inner,
    }))
}

/// Reads an order: `[["purchase_date", "DESC"], ["id", null]]`.
pub(super) fn order(value: &Value) -> Result<Vec<SortKey>, TrytonError> {
    let Value::Array(keys) = value else {
        return Ok(Vec::new());
    };
    keys.iter()
        .map(|key| {
            let wrong = || TrytonError::Python(format!("Invalid order: {key}"));
            let field = key.get(0).and_then(Value::as_str).ok_or_else(wrong)?;
            let direction = key.get(1).and_then(Value::as_str).unwrap_or("ASC").to_uppercase();
            let descending = match direction.split_whitespace().next() {
                Some("ASC") | None => false,
                Some("DESC") => true,
                Some(_) => return Err(wrong()),
            };
            Ok(SortKey {
                path: field.split('.').map(str::to_owned).collect(),
                descending,
            })
        })
        .collect()
}

/// Reads a model's own order: `name, id` or `purchase_date desc, id desc`.
pub(super) fn default_order(text: &str) -> Vec<SortKey> {
    text.split(',')
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            let path = words.next()?.split('.').map(str::to_owned).collect();
            Some(SortKey {
                path,
                descending: words.next() == Some("desc"),
            })
        })
        .collect()
}
