//! The part of a filter that the system applies, and the part that is checked here.
//!
//! What the system applies never lets through less than the filter means, and the two parts together mean exactly
//! the filter.

use std::collections::HashSet;

use lineshaft_schema::{Condition, Filter, Operand, Operator, Value};

use crate::{blueprint::Lowering, capability::Precision, dialect::Expression};

/// More whole conditions than this are not made of one filter.
const MOST_ALTERNATIVES: usize = 32;

/// A filter in two halves.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What the system applies; it may let through more than the whole filter.
    pub pushed: Filter,
    /// What must still be checked for each record.
    pub residual: Filter,
}

/// Splits a filter. `taken` are query parameters that requests set in any case.
pub(crate) fn split(lowering: Lowering<'_>, taken: impl Fn(&str) -> bool, filter: &Filter) -> Split {
    let mut halves = Split {
        pushed: Filter::always(),
        residual: Filter::always(),
    };
    let mut used = HashSet::new();
    let mut alternatives = 1;
    for part in conjuncts(normalized(filter, false)) {
        match relaxed(lowering, &part) {
            Some((pushed, exact)) if free(lowering, &pushed, &taken, &mut used, &mut alternatives) => {
                halves.pushed = halves.pushed.and(pushed);
                if !exact {
                    halves.residual = halves.residual.and(part);
                }
            }
            _ => halves.residual = halves.residual.and(part),
        }
    }
    halves
}

/// Takes the query parameters of a condition; refuses when one is taken already, since each can be given once.
///
/// Where parts cannot be kept together, conditions are multiplied out; it refuses one that would make too many of them.
fn free(
    lowering: Lowering<'_>,
    filter: &Filter,
    taken: &impl Fn(&str) -> bool,
    used: &mut HashSet<String>,
    alternatives: &mut usize,
) -> bool {
    let mut names = HashSet::new();
    let Some(expression) = lowering.filter(filter) else {
        return false;
    };
    let together = alternatives.saturating_mul(lowering.language.alternatives(&expression));
    if together > MOST_ALTERNATIVES {
        return false;
    }
    parameter_names(&expression, &mut names);
    if names.iter().any(|name| taken(name) || used.contains(name)) {
        return false;
    }
    used.extend(names);
    *alternatives = together;
    true
}

fn parameter_names(expression: &Expression, names: &mut HashSet<String>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| parameter_names(part, names)),
        Expression::Parameter { name, .. } => {
            names.insert(name.clone());
        }
        _ => {}
    }
}

fn conjuncts(filter: Filter) -> Vec<Filter> {
    match filter {
        Filter::All(parts) => parts.into_iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// Finds the part of a filter that the system can apply, and whether it means the whole filter.
fn relaxed(lowering: Lowering<'_>, filter: &Filter) -> Option<(Filter, bool)> {
    match filter {
        Filter::Field(condition) => {
            let (_, precision) = lowering.condition(condition)?;
            Some((filter.clone(), precision == Precision::Exact))
        }
        Filter::All(parts) => {
            let mut exact = true;
            let mut pushed = Vec::new();
            for part in parts {
                match relaxed(lowering, part) {
                    Some((part, part_exact)) => {
                        exact &= part_exact;
                        pushed.push(part);
                    }
                    None => exact = false,
                }
            }
            (!pushed.is_empty()).then_some((Filter::All(pushed), exact))
        }
        Filter::Any(parts) if lowering.language.has_or() && !parts.is_empty() => {
            let parts: Vec<(Filter, bool)> = parts
                .iter()
                .map(|part| relaxed(lowering, part))
                .collect::<Option<_>>()?;
            let exact = parts.iter().all(|(_, exact)| *exact);
            Some((Filter::Any(parts.into_iter().map(|(part, _)| part).collect()), exact))
        }
        Filter::Any(_) | Filter::Not(_) => None,
    }
}

/// Moves negations inwards as far as that keeps the meaning, and joins alternatives of one field into a list.
///
/// `Filter::matches` knows two truth values and counts a missing value as different, so the negation of a comparison
/// holds for missing values too. Languages of source systems often drop those: a negation is never sent.
fn normalized(filter: &Filter, negated: bool) -> Filter {
    match filter {
        Filter::Not(part) => normalized(part, !negated),
        Filter::All(parts) | Filter::Any(parts) => {
            let all = matches!(filter, Filter::All(_)) != negated;
            let parts = parts.iter().map(|part| normalized(part, negated)).collect();
            if all { flat_all(parts) } else { flat_any(parts) }
        }
        Filter::Field(condition) if negated => negation(condition),
        Filter::Field(_) => filter.clone(),
    }
}

fn flat_all(parts: Vec<Filter>) -> Filter {
    Filter::All(parts.into_iter().flat_map(conjuncts).collect())
}

fn flat_any(parts: Vec<Filter>) -> Filter {
    let mut flat: Vec<Filter> = Vec::new();
    for part in parts {
        match part {
            Filter::Any(inner) => inner.into_iter().for_each(|part| push_alternative(&mut flat, part)),
            other => push_alternative(&mut flat, other),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            Filter::Any(flat)
        }
        None => Filter::Any(flat),
    }
}

/// Adds an alternative; equalities of one field become one list.
fn push_alternative(parts: &mut Vec<Filter>, part: Filter) {
    if let Some((field, values)) = listed(&part) {
        for known in parts.iter_mut() {
            if let Some((known_field, mut all)) = listed(known)
                && known_field == field
            {
                all.extend(values);
                *known = Filter::Field(Condition {
                    field,
                    operator: Operator::In,
                    operand: Operand::Many(all),
                });
                return;
            }
        }
    }
    parts.push(part);
}

fn listed(filter: &Filter) -> Option<(lineshaft_schema::FieldIndex, Vec<Value>)> {
    let Filter::Field(condition) = filter else {
        return None;
    };
    match (condition.operator, &condition.operand) {
        (Operator::Eq, Operand::One(value)) => Some((condition.field, vec![value.clone()])),
        (Operator::In, Operand::Many(values)) => Some((condition.field, values.clone())),
        _ => None,
    }
}

fn negation(condition: &Condition) -> Filter {
    let with = |operator, operand| {
        Filter::Field(Condition {
            field: condition.field,
            operator,
            operand,
        })
    };
    let or_missing = |operator, value: &Value| {
        Filter::Any(vec![
            with(operator, Operand::One(value.clone())),
            with(Operator::IsNull, Operand::Flag(true)),
        ])
    };
    match (condition.operator, &condition.operand) {
        (Operator::Eq, Operand::One(value)) if !value.is_null() => with(Operator::Ne, Operand::One(value.clone())),
        (Operator::Ne, Operand::One(value)) if !value.is_null() => with(Operator::Eq, Operand::One(value.clone())),
        (Operator::IsNull, Operand::Flag(missing)) => with(Operator::IsNull, Operand::Flag(!missing)),
        (Operator::In, Operand::Many(values)) if values.iter().all(|value| !value.is_null()) => Filter::All(
            values
                .iter()
                .map(|value| with(Operator::Ne, Operand::One(value.clone())))
                .collect(),
        ),
        (Operator::Gt, Operand::One(value)) if is_ordered(value) => or_missing(Operator::Lte, value),
        (Operator::Gte, Operand::One(value)) if is_ordered(value) => or_missing(Operator::Lt, value),
        (Operator::Lt, Operand::One(value)) if is_ordered(value) => or_missing(Operator::Gte, value),
        (Operator::Lte, Operand::One(value)) if is_ordered(value) => or_missing(Operator::Gt, value),
        _ => Filter::Not(Box::new(Filter::Field(condition.clone()))),
    }
}

/// Values of one field that are ordered against each other whatever they are.
const fn is_ordered(value: &Value) -> bool {
    matches!(
        value,
        Value::Integer(_) | Value::Decimal(_) | Value::Date(_) | Value::DateTime(_)
    )
}

#[cfg(test)]
mod tests;
