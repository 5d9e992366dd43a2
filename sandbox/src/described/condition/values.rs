//! The values of terms in a row, and in what order values are.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{Case, Comparison, Function, Nulls, Rules, Term};

/// Returns the values a path leads to; through lists there may be many. Nothing there is null.
pub(super) fn at<'a>(row: &'a Map<String, Value>, path: &[String]) -> Vec<&'a Value> {
    let Some((first, rest)) = path.split_first() else {
        return Vec::new();
    };
    let mut found: Vec<&Value> = row.get(first).into_iter().collect();
    // A name may itself have a dot.
    if found.is_empty() && !rest.is_empty() {
        found.extend(row.get(&path.join(".")).or_else(|| row.get(&path.join("/"))));
        if !found.is_empty() {
            return found;
        }
    }
    for name in rest {
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(elements) => elements.iter().filter_map(|element| element.get(name)).collect(),
                value => value.get(name).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    found
}

/// Returns the values of a term. There is at least one, if only null, unless a list on the way is empty.
pub(crate) fn values(row: &Map<String, Value>, term: &Term) -> Vec<Value> {
    match term {
        Term::Value(value) => vec![value.clone()],
        Term::Field(path) => {
            let found = at(row, path);
            match found.as_slice() {
                [] => vec![Value::Null],
                [Value::Array(elements)] if elements.iter().any(|element| !element.is_object()) => elements.clone(),
                found => found.iter().map(|value| (*value).clone()).collect(),
            }
        }
        Term::Call(function, terms) => {
            let mut inputs: Vec<Vec<Value>> = terms.iter().map(|term| values(row, term)).collect();
            let rest: Vec<Value> = inputs.iter().skip(1).map(|many| first(many)).collect();
            let Some(heads) = inputs.first_mut().map(std::mem::take) else {
                return vec![Value::Null];
            };
            heads.into_iter().map(|head| call(*function, &head, &rest)).collect()
        }
    }
}

fn first(values: &[Value]) -> Value {
    values.first().cloned().unwrap_or_default()
}

fn call(function: Function, head: &Value, rest: &[Value]) -> Value {
    if function == Function::Coalesce {
        let mut all = std::iter::once(head).chain(rest);
        return all.find(|value| !value.is_null()).cloned().unwrap_or_default();
    }
    if head.is_null() {
        return Value::Null;
    }
    let text = || text_of(head).unwrap_or_default();
    let result = match function {
        Function::Lower => Some(Value::from(text().to_lowercase())),
        Function::Upper => Some(Value::from(text().to_uppercase())),
        Function::Trim => Some(Value::from(text().trim())),
        Function::Length => Some(Value::from(text().chars().count())),
        Function::Concat => {
            let rest = rest.iter().filter_map(text_of).collect::<String>();
            Some(Value::from(text() + &rest))
        }
        Function::Date => text().get(..10).map(Value::from),
        Function::Year => part_of_time(&text(), "%Y"),
        Function::Month => part_of_time(&text(), "%m"),
        Function::Day => part_of_time(&text(), "%d"),
        Function::Hour => part_of_time(&text(), "%H"),
        Function::Minute => part_of_time(&text(), "%M"),
        Function::Second => part_of_time(&text(), "%S"),
        Function::Substring => {
            let place = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
            let from = place(rest.first()).unwrap_or(0);
            let length = place(rest.get(1)).unwrap_or(usize::MAX);
            Some(Value::from(text().chars().skip(from).take(length).collect::<String>()))
        }
        Function::Coalesce => None,
    };
    result.unwrap_or_default()
}

fn part_of_time(text: &str, format: &str) -> Option<Value> {
    let part = instant_of(text)?.format(format).to_string();
    part.parse::<i64>().ok().map(Value::from)
}

/// Compares two values; none when it cannot be told.
pub(super) fn compare_values(left: &Value, comparison: Comparison, right: &Value, rules: Rules) -> Option<bool> {
    if left.is_null() || right.is_null() {
        let same = left.is_null() && right.is_null();
        return match (rules.nulls, comparison) {
            (Nulls::Value, Comparison::Eq) => Some(same),
            (Nulls::Value, Comparison::Ne) => Some(!same),
            (Nulls::Value, _) => Some(false),
            (Nulls::Unknown, _) => None,
        };
    }
    let order = order_of(left, right, rules.case);
    Some(match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Returns the order of two values that are not null: of numbers if one is a number, of instants if both are, of truth
/// values if one is, else of their texts.
pub(crate) fn order_of(left: &Value, right: &Value, case: Case) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(_), _) | (_, Value::Number(_)) => Some(decimal_of(left)?.cmp(&decimal_of(right)?)),
        (Value::Bool(_), _) | (_, Value::Bool(_)) => Some(truth_of(left)?.cmp(&truth_of(right)?)),
        (Value::String(left), Value::String(right)) => Some(order_of_texts(left, right, case)),
        (left, right) if left == right => Some(Ordering::Equal),
        _ => None,
    }
}

fn order_of_texts(left: &str, right: &str, case: Case) -> Ordering {
    if looks_like_day(left)
        && looks_like_day(right)
        && let (Some(left), Some(right)) = (instant_of(left), instant_of(right))
    {
        return left.cmp(&right);
    }
    match case {
        Case::Sensitive => left.cmp(right),
        Case::Insensitive => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

fn looks_like_day(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, ..])
}

/// Reads an instant: with or without a time, an offset, parts of a second. Without an offset it is UTC.
pub(crate) fn instant_of(text: &str) -> Option<DateTime<Utc>> {
    let utc = |at: DateTime<FixedOffset>| at.with_timezone(&Utc);
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(utc)
        .ok()
        .or_else(|| {
            [
                "%Y-%m-%dT%H:%M:%S%.f",
                "%Y-%m-%d %H:%M:%S%.f",
                "%Y-%m-%dT%H:%M",
                "%Y-%m-%dT%H:%M:%S%.fZ",
            ]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| {
                let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
                Some(day.and_time(NaiveTime::MIN))
            })
            .map(|at| at.and_utc())
        })
}

/// Reads a number: a JSON number, or a text that is one.
pub(crate) fn decimal_of(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(truth) => Some(Decimal::from(u8::from(*truth))),
        _ => None,
    }
}

fn truth_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "y" | "yes" => Some(true),
            "false" | "0" | "f" | "n" | "no" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        _ => None,
    }
}

/// Returns the text of a plain value.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
