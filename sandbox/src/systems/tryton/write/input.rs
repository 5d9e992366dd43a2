//! Reads values that clients write; most of what does not fit is a plain Python error.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::systems::orm::{Dialect, Field, Kind, Val};
use crate::systems::tryton::domain::Dotted;
use crate::systems::tryton::error::TrytonError;

/// What cannot be read at all.
pub(super) fn wrong(value: &Value) -> TrytonError {
    TrytonError::Python(format!("Invalid value: {value}"))
}

pub(super) fn read(field: &Field, value: &Value) -> Result<Val, TrytonError> {
    let is_empty = value.is_null();
    Ok(match (field.kind, value) {
        (Kind::Children | Kind::Many, Value::Array(parts)) => Val::Many(links(parts)?),
        (Kind::Boolean, value) => Val::Bool(!is_empty && *value != Value::Bool(false) && value.as_i64() != Some(0)),
        (Kind::Float, Value::String(text)) => {
            let wrong = || TrytonError::Python(format!("could not convert string to float: '{text}'"));
            Val::Number(text.parse().map_err(|_| wrong())?)
        }
        (Kind::Reference, Value::String(text)) => {
            let wrong = || TrytonError::Python(format!("Invalid reference: {text}"));
            let (model, id) = text.split_once(',').ok_or_else(wrong)?;
            match model {
                "account.asset" => Val::Reference("account.asset", id.parse().map_err(|_| wrong())?),
                "stock.shipment.internal" => {
                    Val::Reference("stock.shipment.internal", id.parse().map_err(|_| wrong())?)
                }
                "purchase.line" => Val::Reference("purchase.line", id.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        (Kind::Span, Value::Number(seconds)) => Val::Span(seconds.as_i64().unwrap_or_default()),
        (Kind::Char | Kind::Text, Value::Number(number)) => Val::Text(number.to_string()),
        (Kind::One, Value::String(text)) => {
            return Err(TrytonError::Python(format!(
                "invalid literal for int() with base 10: '{text}'"
            )));
        }
        _ => match Dotted::literal(field, value).map_err(TrytonError::from_failure)? {
            Val::Text(text) if text.is_empty() => Val::Null,
            Val::Number(number) if field.kind == Kind::Integer => {
                Val::Int(i64::try_from(number).map_err(|_| wrong(value))?)
            }
            value => value,
        },
    })
}

/// Reads the links of a many2many field.
fn links(parts: &[Value]) -> Result<Vec<u32>, TrytonError> {
    let mut ids = Vec::new();
    for part in parts {
        let named: Vec<&Value> = match part {
            Value::Number(_) => vec![part],
            Value::Array(command) => match (command.first().and_then(Value::as_str), command.get(1)) {
                (Some("add"), Some(Value::Array(ids))) => ids.iter().collect(),
                (Some("remove"), _) => Vec::new(),
                _ => return Err(wrong(part)),
            },
            _ => return Err(wrong(part)),
        };
        for id in named {
            ids.push(
                id.as_u64()
                    .and_then(|id| u32::try_from(id).ok())
                    .ok_or_else(|| wrong(id))?,
            );
        }
    }
    Ok(ids)
}

/// Returns how a price is written that has more than four digits after the point. A JSON number counts with all the
/// digits of its binary form, so that most of them are too fine.
pub(super) fn too_fine(field: &Field, given: &Value, read: &Val) -> Option<String> {
    if field.kind != Kind::Money {
        return None;
    }
    let shown = match given {
        Value::Number(number) if number.is_f64() => {
            let digits = format!("{:.60}", number.as_f64()?);
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => read.number().map(|number: Decimal| number.normalize().to_string())?,
    };
    let digits = shown.split_once('.').map_or(0, |(_, digits)| digits.len());
    (digits > 4).then_some(shown)
}
