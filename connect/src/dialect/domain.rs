//! Writes conditions as JSON lists: in Polish notation, or nested with the word `OR` in front.

use chrono::{DateTime, Datelike, Timelike, Utc};
use lineshaft_schema::Direction;
use serde_json::{Number, Value, json};

use super::{Comparison, Constant, Expression, SortTerm};

/// Writes a condition in Polish notation; terms at the top are joined by "and".
pub(super) fn write_prefix(expression: &Expression) -> Value {
    let mut terms = Vec::new();
    match expression {
        Expression::All(parts) => parts.iter().for_each(|part| prefix_term(part, true, &mut terms)),
        other => prefix_term(other, true, &mut terms),
    }
    Value::Array(terms)
}

fn prefix_term(expression: &Expression, top: bool, terms: &mut Vec<Value>) {
    match expression {
        Expression::All(parts) => prefix_list("&", parts, terms),
        Expression::Any(parts) => prefix_list("|", parts, terms),
        // A list that a manifest wrote is a whole domain: as an operand it is folded into one term first.
        Expression::Native(Value::Array(native)) if top => terms.extend(native.iter().cloned()),
        Expression::Native(Value::Array(native)) => terms.extend(fold(native)),
        Expression::In { name, constants } => {
            let list: Vec<Value> = constants.iter().map(prefix_constant).collect();
            terms.push(json!([name, "in", list]));
        }
        Expression::Missing { name, missing } => {
            terms.push(json!([name, if *missing { "=" } else { "!=" }, false]));
        }
        Expression::Pattern { name, pattern } => terms.push(json!([name, "=ilike", pattern])),
        Expression::Compare {
            name,
            comparison,
            constant,
        } => prefix_compare(name, *comparison, constant, terms),
        Expression::Native(_) | Expression::Parameter { .. } => {}
    }
}

fn prefix_list(sign: &str, parts: &[Expression], terms: &mut Vec<Value>) {
    for _ in 1..parts.len() {
        terms.push(Value::from(sign));
    }
    for part in parts {
        prefix_term(part, false, terms);
    }
}

fn fold(native: &[Value]) -> Vec<Value> {
    // Each operand adds one, each `&` or `|` takes one away; what is left over stands side by side at the top.
    let count = native.iter().fold(0_i64, |count, term| match term.as_str() {
        Some("&" | "|") => count - 1,
        Some(_) => count,
        None => count + 1,
    });
    let signs = usize::try_from(count - 1).unwrap_or(0);
    std::iter::repeat_n(Value::from("&"), signs)
        .chain(native.iter().cloned())
        .collect()
}

/// The language keeps moments to the second, so bounds are moved to whole seconds where that changes nothing.
fn prefix_compare(name: &str, comparison: Comparison, constant: &Constant, terms: &mut Vec<Value>) {
    if let Constant::Moment(moment) | Constant::LocalMoment(moment) = constant
        && let Some((floor, next)) = whole_seconds(moment)
    {
        let exact = floor == *moment;
        let from = if exact { floor } else { next };
        match comparison {
            Comparison::Gte => return terms.push(json!([name, ">=", second_text(&from)])),
            Comparison::Gt => return terms.push(json!([name, ">=", second_text(&next)])),
            Comparison::Lt => return terms.push(json!([name, "<", second_text(&from)])),
            Comparison::Lte => return terms.push(json!([name, "<", second_text(&next)])),
            Comparison::Eq => {
                terms.push(Value::from("&"));
                terms.push(json!([name, ">=", second_text(&floor)]));
                return terms.push(json!([name, "<", second_text(&next)]));
            }
            _ => {}
        }
    }
    let term = match (comparison, constant) {
        (Comparison::Contains, Constant::Text(text)) => json!([name, "ilike", escape_like(text)]),
        (Comparison::StartsWith, Constant::Text(text)) => json!([name, "=ilike", format!("{}%", escape_like(text))]),
        (comparison, constant) => json!([name, sign(comparison), prefix_constant(constant)]),
    };
    terms.push(term);
}

fn whole_seconds(moment: &DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let floor = DateTime::from_timestamp(moment.timestamp(), 0)?;
    Some((floor, DateTime::from_timestamp(moment.timestamp().checked_add(1)?, 0)?))
}

fn second_text(moment: &DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn prefix_constant(constant: &Constant) -> Value {
    match constant {
        Constant::Null => Value::Bool(false),
        Constant::Moment(moment) | Constant::LocalMoment(moment) => Value::from(second_text(moment)),
        other => plain_constant(other),
    }
}

/// Writes a condition as nested lists; a list is joined by "and" unless it starts with `OR`.
pub(super) fn write_nested(expression: &Expression) -> Value {
    match expression {
        Expression::All(parts) => Value::Array(parts.iter().map(nested_clause).collect()),
        other => Value::Array(vec![nested_clause(other)]),
    }
}

fn nested_clause(expression: &Expression) -> Value {
    match expression {
        Expression::All(_) => write_nested(expression),
        Expression::Any(parts) => {
            let mut clauses = vec![Value::from("OR")];
            clauses.extend(parts.iter().map(nested_clause));
            Value::Array(clauses)
        }
        Expression::Native(native) => native.clone(),
        Expression::In { name, constants } => {
            let list: Vec<Value> = constants.iter().map(nested_constant).collect();
            json!([name, "in", list])
        }
        Expression::Missing { name, missing } => json!([name, if *missing { "=" } else { "!=" }, null]),
        Expression::Pattern { name, pattern } => json!([name, "ilike", pattern]),
        Expression::Compare {
            name,
            comparison,
            constant,
        } => match (comparison, constant) {
            (Comparison::Contains, Constant::Text(text)) => json!([name, "ilike", format!("%{}%", escape_like(text))]),
            (Comparison::StartsWith, Constant::Text(text)) => json!([name, "ilike", format!("{}%", escape_like(text))]),
            (comparison, constant) => json!([name, sign(*comparison), nested_constant(constant)]),
        },
        Expression::Parameter { .. } => Value::Array(Vec::new()),
    }
}

fn nested_constant(constant: &Constant) -> Value {
    match constant {
        Constant::Null => Value::Null,
        Constant::Number(text) if text.contains('.') => json!({"__class__": "Decimal", "decimal": text}),
        Constant::Date(date) => {
            json!({"__class__": "date", "year": date.year(), "month": date.month(), "day": date.day()})
        }
        Constant::Moment(moment) | Constant::LocalMoment(moment) => json!({
            "__class__": "datetime",
            "year": moment.year(), "month": moment.month(), "day": moment.day(),
            "hour": moment.hour(), "minute": moment.minute(), "second": moment.second(),
            "microsecond": moment.timestamp_subsec_micros(),
        }),
        other => plain_constant(other),
    }
}

fn plain_constant(constant: &Constant) -> Value {
    match constant {
        Constant::Null => Value::Null,
        Constant::Text(text) | Constant::Guid(text) | Constant::Enum { value: text, .. } => Value::from(text.as_str()),
        Constant::Number(text) => number(text),
        Constant::Boolean(flag) => Value::Bool(*flag),
        Constant::Date(date) => Value::from(date.to_string()),
        Constant::Moment(moment) | Constant::LocalMoment(moment) => Value::from(moment.to_rfc3339()),
    }
}

fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or_else(|| Value::from(text), Value::Number)
}

const fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "=",
        Comparison::Ne => "!=",
        Comparison::Gt => ">",
        Comparison::Gte => ">=",
        Comparison::Lt => "<",
        Comparison::Lte => "<=",
        Comparison::Contains | Comparison::StartsWith => "ilike",
    }
}

fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// Writes a sort as a list of name and direction.
pub(super) fn order_nested(terms: &[SortTerm]) -> Value {
    let list = terms.iter().map(|term| {
        let direction = match term.direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        json!([term.name, direction])
    });
    Value::Array(list.collect())
}
