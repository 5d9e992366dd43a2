//! Numbers and truth values, exact.

use std::sync::Arc;

use lineshaft_schema::Value;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{Irreversible, Literal, not};
use crate::json;

pub(super) fn decimal(value: &json::Value<'_>) -> Result<Decimal, String> {
    json::decimal(value).ok_or_else(|| not("a number", value))
}

pub(super) fn integer(value: &json::Value<'_>) -> Result<Value, String> {
    whole(decimal(value)?, value)
}

pub(super) fn whole(number: Decimal, value: &json::Value<'_>) -> Result<Value, String> {
    if number.is_integer()
        && let Some(number) = number.to_i64()
    {
        return Ok(Value::Integer(number));
    }
    Err(not("a whole number", value))
}

pub(super) fn scaled(factor: Decimal, value: &json::Value<'_>) -> Result<Decimal, String> {
    decimal(value)?
        .checked_mul(factor)
        .ok_or_else(|| not("a number in range", value))
}

/// Divides by the factor when the result is exact.
pub(super) fn unscaled(factor: Decimal, number: Decimal) -> Result<Literal, Irreversible> {
    let raw = number.checked_div(factor).ok_or(Irreversible)?;
    let exact = raw.checked_mul(factor) == Some(number) && raw.scale() < Decimal::MAX_SCALE;
    if exact { Ok(literal(raw)) } else { Err(Irreversible) }
}

pub(super) fn literal(number: Decimal) -> Literal {
    Literal::Number(number.normalize().to_string())
}

/// What means true and what means false.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    truthy: Arc<[serde_json::Value]>,
    falsy: Arc<[serde_json::Value]>,
}

impl Truth {
    pub(super) fn new(truthy: &[serde_json::Value], falsy: &[serde_json::Value]) -> Result<Self, String> {
        if let Some(both) = truthy.iter().find(|value| falsy.contains(value)) {
            return Err(format!("{both} cannot mean both true and false"));
        }
        let truth = Self {
            truthy: truthy.into(),
            falsy: falsy.into(),
        };
        let scalar = |value: &serde_json::Value| !value.is_array() && !value.is_object();
        match truth
            .truthy
            .iter()
            .chain(truth.falsy.iter())
            .find(|value| !scalar(value))
        {
            Some(value) => Err(format!("{value} is neither text, a number nor a truth value")),
            None => Ok(truth),
        }
    }

    pub(super) fn decode(&self, value: &json::Value<'_>) -> Result<Value, String> {
        let means = |list: &[serde_json::Value]| list.iter().any(|written| json::equals(value, written));
        if means(&self.truthy) {
            return Ok(Value::Boolean(true));
        }
        if means(&self.falsy) {
            return Ok(Value::Boolean(false));
        }
        // With one table only, everything else means the opposite.
        match (self.truthy.is_empty(), self.falsy.is_empty()) {
            (false, true) => Ok(Value::Boolean(false)),
            (true, false) => Ok(Value::Boolean(true)),
            (false, false) => Err(not("in the tables of truth values", value)),
            (true, true) => plain(value)
                .map(Value::Boolean)
                .ok_or_else(|| not("a truth value", value)),
        }
    }

    pub(super) fn encode(&self, value: bool) -> Result<Vec<Literal>, Irreversible> {
        if self.truthy.is_empty() && self.falsy.is_empty() {
            return Ok(vec![Literal::Boolean(value)]);
        }
        let table = if value { &self.truthy } else { &self.falsy };
        if table.is_empty() {
            return Err(Irreversible);
        }
        Ok(table.iter().map(literal_of).collect())
    }
}

impl Truth {
    /// Returns the JSON that means a truth value; of several the first.
    pub(super) fn written(&self, value: bool) -> Option<serde_json::Value> {
        if self.truthy.is_empty() && self.falsy.is_empty() {
            return Some(value.into());
        }
        let table = if value { &self.truthy } else { &self.falsy };
        table.first().cloned()
    }
}

fn plain(value: &json::Value<'_>) -> Option<bool> {
    if let Some(value) = value.as_bool() {
        return Some(value);
    }
    let text = json::scalar_text(value)?;
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Returns a JSON value of a manifest as a literal.
fn literal_of(value: &serde_json::Value) -> Literal {
    match value {
        serde_json::Value::Bool(value) => Literal::Boolean(*value),
        serde_json::Value::Number(number) => Literal::Number(number.to_string()),
        serde_json::Value::String(text) => Literal::Text(text.clone()),
        _ => Literal::Null,
    }
}
