//! Decides whether a row fulfils a checked filter.

use std::cmp::Ordering;

use super::{
    Service,
    data::{self, Row},
    filter::{Comparison, Expression, Operand},
    model::Entity,
    value::Value,
};

/// Returns whether the row fulfils the filter.
pub(crate) fn holds(service: &Service, entity: &Entity, row: &Row, filter: &Expression) -> bool {
    match filter {
        Expression::Or(terms) => terms.iter().any(|term| holds(service, entity, row, term)),
        Expression::And(terms) => terms.iter().all(|term| holds(service, entity, row, term)),
        Expression::Not(inner) => !holds(service, entity, row, inner),
        Expression::Compare(left, comparison, right) => compare(
            service,
            &operand(service, entity, row, left),
            *comparison,
            &operand(service, entity, row, right),
        ),
        Expression::Matches { property, pattern } => {
            wildcard(&data::value(entity, row, property).text().to_lowercase(), pattern)
        }
        Expression::Test(tested) => operand(service, entity, row, tested) == Value::Flag(true),
        Expression::Each {
            navigation,
            all,
            condition,
        } => each(service, entity, row, navigation, *all, condition.as_deref()),
    }
}

fn each(
    service: &Service,
    entity: &Entity,
    row: &Row,
    navigation: &str,
    all: bool,
    condition: Option<&Expression>,
) -> bool {
    let Some(link) = entity.navigations.get(navigation) else {
        return false;
    };
    let Some(target) = service.data.model.sets.get(&link.target) else {
        return false;
    };
    let related = service.data.related(entity, row, link);
    let Some(condition) = condition else {
        return !related.is_empty();
    };
    let mut results = related.into_iter().map(|row| holds(service, target, row, condition));
    if all {
        results.all(|holds| holds)
    } else {
        results.any(|holds| holds)
    }
}

fn compare(service: &Service, left: &Value, comparison: Comparison, right: &Value) -> bool {
    let order = left.order(right, service.flavour.ignores_case());
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
    }
}

fn operand(service: &Service, entity: &Entity, row: &Row, operand: &Operand) -> Value {
    match operand {
        Operand::Property(name) => data::value(entity, row, name).clone(),
        Operand::Value(value) => value.clone(),
        Operand::Call(name, arguments) => call(service, entity, row, name, arguments),
        Operand::Literal(_) => Value::Null,
    }
}

fn call(service: &Service, entity: &Entity, row: &Row, name: &str, arguments: &[Operand]) -> Value {
    let values: Vec<Value> = arguments
        .iter()
        .map(|argument| operand(service, entity, row, argument))
        .collect();
    let first = values.first().map_or("", Value::text);
    let second = values.get(1).map_or("", Value::text);
    let ignores_case = service.flavour.ignores_case();
    let compared = |text: &str| match ignores_case {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    match name {
        "substringof" => Value::Flag(compared(second).contains(&compared(first))),
        "contains" => Value::Flag(compared(first).contains(&compared(second))),
        "startswith" => Value::Flag(compared(first).starts_with(&compared(second))),
        "endswith" => Value::Flag(compared(first).ends_with(&compared(second))),
        "tolower" => Value::Text(first.to_lowercase()),
        "toupper" => Value::Text(first.to_uppercase()),
        _ => Value::Null,
    }
}

/// Matches text against a pattern in which an asterisk stands for any text.
fn wildcard(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = rest.find(part) else { return false };
        rest = rest.get(place + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}
