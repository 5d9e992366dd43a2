//! Frappe's filters: lists of field, operator and value, perhaps with the document type before them, or members with values.

use serde_json::{Value, json};

use super::{Condition, Operator, Problem, all, any, not, syntax, test};

/// How filters belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// All of them hold.
    All,
    /// One of them holds.
    Any,
}

/// Reads filters, which may be the text of their JSON.
pub(super) fn read(source: &Value, joined: Joined) -> Result<Condition, Problem> {
    let parsed;
    let source = match source {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).map_err(|_| syntax(text))?;
            &parsed
        }
        other => other,
    };
    let parts = match source {
        // One filter may stand alone.
        Value::Array(list) if list.first().is_some_and(Value::is_string) => vec![filter(list)?],
        Value::Array(list) => list
            .iter()
            .map(|one| match one {
                Value::Array(parts) => filter(parts),
                Value::Object(_) => read(one, Joined::All),
                other => Err(syntax(other.to_string())),
            })
            .collect::<Result<_, _>>()?,
        Value::Object(members) => members
            .iter()
            .map(|(field, value)| match value {
                Value::Array(parts) => match parts.as_slice() {
                    [Value::String(operator), value] => compare(field, operator, value),
                    _ => Err(Problem::wrong_type(field, "a filter has an operator and a value")),
                },
                value => compare(field, "=", value),
            })
            .collect::<Result<_, _>>()?,
        other => return Err(syntax(other.to_string())),
    };
    if parts.is_empty() {
        return Ok(Condition::always());
    }
    Ok(match joined {
        Joined::All => all(parts),
        Joined::Any => any(parts),
    })
}

fn filter(parts: &[Value]) -> Result<Condition, Problem> {
    match parts {
        [Value::String(field), Value::String(operator), value]
        | [_, Value::String(field), Value::String(operator), value] => compare(field, operator, value),
        [Value::String(field), value] => compare(field, "=", value),
        _ => Err(syntax(Value::from(parts).to_string())),
    }
}

fn compare(field: &str, operator: &str, value: &Value) -> Result<Condition, Problem> {
    let missing = || test(field, Operator::Empty, Value::Null);
    let plain = |operator| Ok(test(field, operator, value.clone()));
    match operator.trim().to_lowercase().as_str() {
        "=" => plain(Operator::Equal),
        // Frappe puts an empty value in the place of none before it compares.
        "!=" => Ok(any(vec![test(field, Operator::NotEqual, value.clone()), missing()])),
        ">" => plain(Operator::Greater),
        ">=" => plain(Operator::GreaterOrEqual),
        "<" => plain(Operator::Less),
        "<=" => plain(Operator::LessOrEqual),
        "like" => Ok(test(field, Operator::Like, json!(text(field, value)?))),
        "not like" => Ok(any(vec![
            not(test(field, Operator::Like, json!(text(field, value)?))),
            missing(),
        ])),
        "in" => Ok(test(field, Operator::In, list(value))),
        "not in" => Ok(any(vec![not(test(field, Operator::In, list(value))), missing()])),
        "is" => match value.as_str() {
            Some("set") => Ok(not(missing())),
            Some("not set") => Ok(missing()),
            _ => Err(Problem::wrong_type(field, "is needs set or not set")),
        },
        "between" => match value.as_array().map(Vec::as_slice) {
            Some([from, to]) => Ok(all(vec![
                test(field, Operator::GreaterOrEqual, from.clone()),
                test(field, Operator::LessOrEqual, to.clone()),
            ])),
            _ => Err(Problem::wrong_type(field, "between needs two values")),
        },
        _ => Err(Problem::unknown_operator(operator)),
    }
}

fn text<'a>(field: &str, value: &'a Value) -> Result<&'a str, Problem> {
    value
        .as_str()
        .ok_or_else(|| Problem::wrong_type(field, "like needs a text"))
}

/// A text may stand for a list.
fn list(value: &Value) -> Value {
    match value {
        Value::String(text) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        Value::Array(_) => value.clone(),
        other => json!([other]),
    }
}
