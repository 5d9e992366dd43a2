//! Fields with an operation each: `{"field": …, "operation": "eq", "value": …, "alternatives": […]}`.

use serde_json::{Value, json};

use super::{Condition, DEEPEST, Operator, Problem, all, any, not, syntax, test};

/// Reads a list of fields, of which all hold.
pub(super) fn read(source: &Value) -> Result<Condition, Problem> {
    let Value::Array(list) = source else {
        return Err(syntax(source.to_string()));
    };
    let parts = list.iter().map(|one| field(one, 0));
    Ok(all(parts.collect::<Result<_, _>>()?))
}

fn field(source: &Value, depth: usize) -> Result<Condition, Problem> {
    let (Some(name), Some(operation)) = (
        source.get("field").and_then(Value::as_str),
        source.get("operation").and_then(Value::as_str),
    ) else {
        return Err(syntax(source.to_string()));
    };
    let condition = compare(source, name, operation)?;
    let alternatives = match source.get("alternatives") {
        None | Some(Value::Null) => return Ok(condition),
        Some(Value::Array(alternatives)) if depth < DEEPEST => alternatives,
        Some(other) => return Err(syntax(other.to_string())),
    };
    let mut parts = vec![condition];
    for alternative in alternatives {
        parts.push(field(alternative, depth + 1)?);
    }
    Ok(any(parts))
}

fn compare(source: &Value, name: &str, operation: &str) -> Result<Condition, Problem> {
    let value = || match source.get("value") {
        None | Some(Value::Null) => Err(Problem::wrong_type(name, format!("{operation} needs a value"))),
        Some(value) => Ok(value.clone()),
    };
    let values = || match source.get("values") {
        Some(Value::Array(values)) => Ok(json!(values)),
        _ => Err(Problem::wrong_type(name, format!("{operation} needs values"))),
    };
    let missing = || test(name, Operator::Missing, Value::Null);
    let plain = |operator| Ok(test(name, operator, value()?));
    match operation {
        "eq" => plain(Operator::Equal),
        "ne" => plain(Operator::NotEqual),
        "cn" => plain(Operator::Contains),
        "nc" => Ok(not(test(name, Operator::Contains, value()?))),
        "bw" => plain(Operator::StartsWith),
        "bn" => Ok(not(test(name, Operator::StartsWith, value()?))),
        "ew" => plain(Operator::EndsWith),
        "en" => Ok(not(test(name, Operator::EndsWith, value()?))),
        "gt" => plain(Operator::Greater),
        "ge" => plain(Operator::GreaterOrEqual),
        "lt" => plain(Operator::Less),
        "le" => plain(Operator::LessOrEqual),
        "nu" => Ok(missing()),
        "nn" => Ok(not(missing())),
        "in" | "inm" => Ok(test(name, Operator::In, values()?)),
        other => Err(Problem::unknown_operator(other)),
    }
}
