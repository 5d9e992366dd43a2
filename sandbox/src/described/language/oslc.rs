//! OSLC's where: comparisons of which all hold, with the text rules of the systems that speak it. Names are not looked up.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Condition, Operator, Problem, all, not, scanner::number, test};
use crate::oslc::{Comparison, Scanner, Token, Unexpected};

impl From<Unexpected> for Problem {
    fn from(unexpected: Unexpected) -> Self {
        Self::malformed(unexpected.0)
    }
}

/// Reads a where clause.
pub(super) fn read(text: &str) -> Result<Condition, Problem> {
    let mut scanner = Scanner::new(text);
    let mut parts = Vec::new();
    loop {
        scanner.skip_spaces();
        condition(&mut scanner, &mut parts)?;
        scanner.skip_spaces();
        if scanner.is_at_end() {
            return Ok(all(parts));
        }
        scanner.expect_and()?;
    }
}

fn condition(scanner: &mut Scanner<'_>, parts: &mut Vec<Condition>) -> Result<(), Problem> {
    let path = scanner.path()?.join(".");
    if !scanner.take('{') {
        parts.push(compare(scanner, &path)?);
        return Ok(());
    }
    loop {
        scanner.skip_spaces();
        let inner = scanner.path()?.join(".");
        parts.push(compare(scanner, &format!("{path}.{inner}"))?);
        scanner.skip_spaces();
        if scanner.take('}') {
            return Ok(());
        }
        scanner.expect_and()?;
    }
}

fn compare(scanner: &mut Scanner<'_>, field: &str) -> Result<Condition, Problem> {
    scanner.skip_spaces();
    if scanner.take_word("in") {
        scanner.skip_spaces();
        return list(scanner, field);
    }
    let comparison = scanner.operator()?;
    scanner.skip_spaces();
    let literal = scanner.literal()?;
    let operator = match comparison {
        Comparison::Equal => Operator::Equal,
        Comparison::NotEqual => Operator::NotEqual,
        Comparison::Greater => Operator::Greater,
        Comparison::GreaterOrEqual => Operator::GreaterOrEqual,
        Comparison::Less => Operator::Less,
        Comparison::LessOrEqual => Operator::LessOrEqual,
    };
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let Token::Quoted(text) = &literal else {
        return Ok(test(field, operator, value(literal)));
    };
    let negated = |condition| match operator {
        Operator::NotEqual => not(condition),
        _ => condition,
    };
    if is_equality && text == "*" {
        let missing = test(field, Operator::Missing, Value::Null);
        return Ok(if operator == Operator::Equal {
            not(missing)
        } else {
            missing
        });
    }
    if is_equality && text.contains('%') {
        // Only the percent sign stands for other text.
        let pattern = text.replace('\\', "\\\\").replace('_', "\\_");
        return Ok(negated(test(field, Operator::Like, json!(pattern))));
    }
    let listed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let (Operator::NotEqual, Some(listed)) = (operator, listed) {
        let values: Value = listed.split(',').map(|part| Value::from(part.trim())).collect();
        return Ok(not(test(field, Operator::In, values)));
    }
    Ok(test(field, operator, json!(text)))
}

fn list(scanner: &mut Scanner<'_>, field: &str) -> Result<Condition, Problem> {
    if !scanner.take('[') {
        return Err(scanner.unexpected().into());
    }
    let mut values = Vec::new();
    loop {
        values.push(value(scanner.literal()?));
        if scanner.take(']') {
            return Ok(test(field, Operator::In, Value::Array(values)));
        }
        if !scanner.take(',') {
            return Err(scanner.unexpected().into());
        }
    }
}

fn value(token: Token) -> Value {
    match token {
        Token::Quoted(text) => Value::String(text),
        Token::Bare(text) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => number(text)
                .or_else(|| text.parse::<Decimal>().ok().map(|decimal| json!(decimal.to_string())))
                .unwrap_or_else(|| json!(text)),
        },
    }
}
