//! Filters that are elements of XML, already read into values: `{"and": {"equalto": {"field": "A", "value": "1"}}}`.

use serde_json::{Value, json};

use super::{Condition, DEEPEST, Operator, Problem, all, any, not, syntax, test};

/// Reads the element that holds the filter; several operators side by side all hold.
pub(super) fn read(source: &Value) -> Result<Condition, Problem> {
    parts(source, 0).map(all)
}

fn parts(source: &Value, depth: usize) -> Result<Vec<Condition>, Problem> {
    let Some(members) = source.as_object().filter(|_| depth < DEEPEST) else {
        return Err(syntax(source.to_string()));
    };
    let mut conditions = Vec::new();
    for (operator, inner) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
        for one in listed(inner) {
            conditions.push(match operator.as_str() {
                "and" => all(parts(one, depth + 1)?),
                "or" => any(parts(one, depth + 1)?),
                "not" => not(all(parts(one, depth + 1)?)),
                operator => compare(operator, one)?,
            });
        }
    }
    Ok(conditions)
}

fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

fn compare(operator: &str, source: &Value) -> Result<Condition, Problem> {
    let Some(field) = source.get("field").and_then(Value::as_str) else {
        return Err(match is_known(operator) {
            true => syntax(source.to_string()),
            false => Problem::unknown_operator(operator),
        });
    };
    let values = source.get("value").map(listed).unwrap_or_default();
    let plain = |operator| match values {
        [value] if !value.is_object() => Ok(test(field, operator, value.clone())),
        _ => Err(Problem::wrong_type(field, format!("{field} needs one value"))),
    };
    let missing = || test(field, Operator::Missing, Value::Null);
    match operator {
        "equalto" => plain(Operator::Equal),
        "notequalto" => plain(Operator::NotEqual),
        "lessthan" => plain(Operator::Less),
        "lessthanorequalto" => plain(Operator::LessOrEqual),
        "greaterthan" => plain(Operator::Greater),
        "greaterthanorequalto" => plain(Operator::GreaterOrEqual),
        "like" => plain(Operator::Like),
        "notlike" => plain(Operator::Like).map(not),
        "in" => Ok(test(field, Operator::In, json!(values))),
        "notin" => Ok(not(test(field, Operator::In, json!(values)))),
        "isnull" => Ok(missing()),
        "isnotnull" => Ok(not(missing())),
        "between" => match values {
            [from, to] => Ok(all(vec![
                test(field, Operator::GreaterOrEqual, from.clone()),
                test(field, Operator::LessOrEqual, to.clone()),
            ])),
            _ => Err(Problem::wrong_type(field, "between needs two values")),
        },
        other => Err(Problem::unknown_operator(other)),
    }
}

fn is_known(operator: &str) -> bool {
    let known = [
        "equalto",
        "notequalto",
        "lessthan",
        "lessthanorequalto",
        "greaterthan",
        "greaterthanorequalto",
        "like",
        "notlike",
        "in",
        "notin",
        "isnull",
        "isnotnull",
        "between",
    ];
    known.contains(&operator)
}
