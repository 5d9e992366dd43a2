//! Reads Odoo's domains (prefix notation), orders and literals.

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::Value;

use super::error::OdooError;
use crate::systems::orm::{Clause, Dialect, Domain, Failure, Field, Kind, Operator, SortKey, Val};

/// How Odoo writes literals and names.
pub(super) struct Odoo;

impl Dialect for Odoo {
    const NAME_FIELD: &'static str = "display_name";
    const NULLS_LAST: bool = true;

    fn parent_field(model: &str) -> &'static str {
        match model {
            "stock.location" => "location_id",
            _ => "parent_id",
        }
    }

    fn literal(field: &Field, value: &Value) -> Result<Val, Failure> {
        Ok(match (field.kind, value) {
            (_, Value::Null | Value::Bool(false)) => Val::Null,
            (Kind::Date, Value::String(text)) => Val::Date(day(text)?),
            (Kind::Moment, Value::String(text)) => moment(text)?,
            (_, Value::Bool(flag)) => Val::Bool(*flag),
            (kind, Value::Number(number)) if kind.is_link() => number
                .as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .map_or(Val::Int(-1), Val::One),
            (_, Value::Number(number)) => Val::Number(number.as_f64().and_then(Decimal::from_f64).unwrap_or_default()),
            (_, Value::String(text)) if field.is_numeric() => Val::Number(
                text.parse()
                    .map_err(|_| Failure::BadValue(format!("could not convert string to float: '{text}'")))?,
            ),
            (_, Value::String(text)) => Val::Text(text.clone()),
            (_, other) => return Err(Failure::BadValue(format!("unhashable type in domain: {other}"))),
        })
    }
}

pub(super) fn day(text: &str) -> Result<NaiveDate, Failure> {
    let part = text.get(..10).unwrap_or(text);
    part.parse()
        .map_err(|_| Failure::BadValue(format!("time data '{text}' does not match format '%Y-%m-%d'")))
}

pub(super) fn moment(text: &str) -> Result<Val, Failure> {
    let wrong = || Failure::BadValue(format!("time data '{text}' does not match format '%Y-%m-%d %H:%M:%S'"));
    let parsed = if text.len() == 10 {
        text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0))
    } else {
        // Without a zone; a fraction or a trailing Z is refused, as Odoo does.
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()
    };
    Ok(Val::Moment(parsed.ok_or_else(wrong)?.and_utc()))
}

/// Reads a domain; the parts of a list without operator are joined by and.
pub(super) fn parse(value: &Value) -> Result<Option<Domain>, OdooError> {
    let Value::Array(terms) = value else {
        return match value {
            Value::Null | Value::Bool(false) => Ok(None),
            other => Err(OdooError::value(format!("Domain must be a list: {other}"))),
        };
    };
    let mut terms = terms.iter();
    let mut parts = Vec::new();
    while let Some(term) = terms.next() {
        parts.push(term_of(term, &mut terms)?);
    }
    Ok((!parts.is_empty()).then_some(Domain::All(parts)))
}

fn term_of<'a>(term: &Value, rest: &mut impl Iterator<Item = &'a Value>) -> Result<Domain, OdooError> {
    match term {
        Value::String(operator) => match operator.as_str() {
            "&" => Ok(Domain::All(vec![next(rest)?, next(rest)?])),
            "|" => Ok(Domain::Any(vec![next(rest)?, next(rest)?])),
            "!" => Ok(Domain::Not(Box::new(next(rest)?))),
            other => Err(OdooError::value(format!("Domain() invalid item in domain: '{other}'"))),
        },
        Value::Array(parts) => clause(parts),
        other => Err(OdooError::value(format!("Domain() invalid item in domain: {other}"))),
    }
}

fn next<'a>(rest: &mut impl Iterator<Item = &'a Value>) -> Result<Domain, OdooError> {
    let term = rest
        .next()
        .ok_or_else(|| OdooError::value("Domain() malformed domain: missing operand"))?;
    // The recursion needs a named iterator type, hence the trait object.
    let rest: &mut dyn Iterator<Item = &'a Value> = rest;
    term_of(term, &mut { rest })
}

fn clause(parts: &[Value]) -> Result<Domain, OdooError> {
    let [field, operator, value] = parts else {
        return Err(OdooError::value(format!(
            "Domain() invalid item in domain: {}",
            Value::from(parts)
        )));
    };
    // Odoo's constants: (1, '=', 1) is true, (0, '=', 1) is false.
    if let (Some(left), Some(right)) = (field.as_i64(), value.as_i64()) {
        return Ok(if left == right {
            Domain::All(Vec::new())
        } else {
            Domain::Any(Vec::new())
        });
    }
    let (Some(field), Some(operator)) = (field.as_str(), operator.as_str()) else {
        return Err(OdooError::value(format!(
            "Domain() invalid item in domain: {}",
            Value::from(parts)
        )));
    };
    let operator = operator.to_lowercase();
    if operator == "=?" {
        if matches!(value, Value::Null | Value::Bool(false)) {
            return Ok(Domain::All(Vec::new()));
        }
        return clause(&[field.into(), "=".into(), value.clone()]);
    }
    let (wanted, known) = operator_of(&operator, value);
    let Some(known) = known else {
        return Err(OdooError::value(format!(
            "Invalid operator '{operator}' in ('{field}', '{operator}', {value})"
        )));
    };
    let inner = match known {
        Operator::Matches { .. } => Some(Box::new(parse(value)?.unwrap_or(Domain::All(Vec::new())))),
        _ => None,
    };
    let path = field.split('.').map(str::to_owned).collect();
    Ok(Domain::Clause(Clause {
        path,
        operator: known,
        value: wanted,
        inner,
    }))
}

fn operator_of(operator: &str, value: &Value) -> (Value, Option<Operator>) {
    let wrapped = || Value::from(format!("%{}%", plain(value)));
    let like = |fold, negate| Some(Operator::Like { fold, negate });
    let list = || {
        if value.is_array() {
            value.clone()
        } else {
            Value::from(vec![value.clone()])
        }
    };
    match operator {
        "=" | "==" => (
            value.clone(),
            Some(if value.is_array() {
                Operator::In
            } else {
                Operator::Equal
            }),
        ),
        "!=" | "<>" => (
            value.clone(),
            Some(if value.is_array() {
                Operator::NotIn
            } else {
                Operator::NotEqual
            }),
        ),
        "<" => (value.clone(), Some(Operator::Less)),
        "<=" => (value.clone(), Some(Operator::LessOrEqual)),
        ">" => (value.clone(), Some(Operator::Greater)),
        ">=" => (value.clone(), Some(Operator::GreaterOrEqual)),
        "in" => (list(), Some(Operator::In)),
        "not in" => (list(), Some(Operator::NotIn)),
        "like" => (wrapped(), like(false, false)),
        "not like" => (wrapped(), like(false, true)),
        "ilike" => (wrapped(), like(true, false)),
        "not ilike" => (wrapped(), like(true, true)),
        "=like" => (value.clone(), like(false, false)),
        "not =like" => (value.clone(), like(false, true)),
        "=ilike" => (value.clone(), like(true, false)),
        "not =ilike" => (value.clone(), like(true, true)),
        "child_of" => (list(), Some(Operator::ChildOf)),
        "parent_of" => (list(), Some(Operator::ParentOf)),
        "any" => (Value::Null, Some(Operator::Matches { negate: false })),
        "not any" => (Value::Null, Some(Operator::Matches { negate: true })),
        _ => (Value::Null, None),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads an order like `date_order desc, id`.
pub(super) fn order(text: &str) -> Result<Vec<SortKey>, OdooError> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(sort_key)
        .collect()
}

fn sort_key(part: &str) -> Result<SortKey, OdooError> {
    let wrong = || {
        OdooError::user(format!(
            "Invalid \"order\" specified ({part}). A valid \"order\" specification is a comma-separated list of valid field names (optionally followed by asc/desc for the direction)"
        ))
    };
    let mut words = part.split_whitespace();
    let field = words.next().ok_or_else(wrong)?;
    if !field
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
    {
        return Err(wrong());
    }
    let descending = match words.next().map(str::to_lowercase).as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(wrong()),
    };
    Ok(SortKey {
        path: vec![field.to_owned()],
        descending,
    })
}
