//! Infor's filters of a grid: rows of alias, operator and value, each with what joins it to the next and with parentheses.

use serde_json::{Value, json};

use super::{Condition, DEEPEST, Operator, Problem, all, any, not, syntax, test};

/// Reads the list of rows, or the object around it.
pub(super) fn read(source: &Value) -> Result<Condition, Problem> {
    let source = source.get("MADDON_FILTER").unwrap_or(source);
    let mut rows: Vec<&Value> = match source {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(_) => vec![source],
        Value::Null => return Ok(Condition::always()),
        other => return Err(syntax(other.to_string())),
    };
    rows.sort_by_key(|row| number(row));
    if rows.is_empty() {
        return Ok(Condition::always());
    }
    let mut reader = Reader { rows: &rows, depth: 0 };
    let mut open = 0;
    let condition = reader.or(&mut open)?;
    match (reader.rows, open) {
        ([], 0) => Ok(condition),
        _ => Err(syntax("RPAREN")),
    }
}

fn number(row: &Value) -> i64 {
    let number = row.get("SEQNUM");
    let number = number.and_then(|number| number.as_i64().or_else(|| number.as_str()?.parse().ok()));
    number.unwrap_or_default()
}

/// Returns how often a parenthesis stands at a row: told by a flag, a number or the signs themselves.
fn parentheses(row: &Value, name: &str) -> usize {
    match row.get(name) {
        Some(Value::Bool(flag)) => usize::from(*flag),
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(0),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => 1,
        Some(Value::String(text)) => text.chars().filter(|sign| matches!(sign, '(' | ')')).count(),
        _ => 0,
    }
}

struct Reader<'a> {
    rows: &'a [&'a Value],
    depth: usize,
}

/// What joins a row to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joiner {
    And,
    Or,
}

impl Reader<'_> {
    /// Reads alternatives. `closing` tells how many parentheses the last row read has still to close.
    fn or(&mut self, closing: &mut usize) -> Result<Condition, Problem> {
        let mut alternatives = Vec::new();
        let mut together = Vec::new();
        loop {
            let (part, joiner) = self.term(closing)?;
            together.push(part);
            let ends = *closing > 0 || self.rows.is_empty();
            if ends || joiner == Joiner::Or {
                alternatives.push(all(std::mem::take(&mut together)));
            }
            if ends {
                return Ok(any(alternatives));
            }
        }
    }

    fn term(&mut self, closing: &mut usize) -> Result<(Condition, Joiner), Problem> {
        let Some((row, rest)) = self.rows.split_first() else {
            return Err(syntax(""));
        };
        let opening = parentheses(row, "LPAREN");
        self.depth += 1;
        if opening > 0 && self.depth > DEEPEST {
            return Err(syntax("LPAREN"));
        }
        self.rows = rest;
        let joiner = joiner(row)?;
        let mut closed = parentheses(row, "RPAREN");
        let first = compare(row)?;
        let result = self.opened(first, joiner, opening, &mut closed)?;
        self.depth -= 1;
        *closing = closed;
        Ok(result)
    }

    /// Goes on behind a row that opened parentheses until they are closed.
    fn opened(
        &mut self,
        first: Condition,
        joiner: Joiner,
        opening: usize,
        closed: &mut usize,
    ) -> Result<(Condition, Joiner), Problem> {
        let (mut condition, mut joiner) = (first, joiner);
        for _ in 0..opening.min(DEEPEST) {
            let mut alternatives = Vec::new();
            let mut together = vec![condition];
            while *closed == 0 {
                if joiner == Joiner::Or {
                    alternatives.push(all(std::mem::take(&mut together)));
                }
                let (next, following) = self.term(closed)?;
                together.push(next);
                joiner = following;
            }
            *closed -= 1;
            alternatives.push(all(together));
            condition = any(alternatives);
        }
        Ok((condition, joiner))
    }
}

fn joiner(row: &Value) -> Result<Joiner, Problem> {
    match row.get("JOINER").and_then(Value::as_str).unwrap_or_default() {
        "AND" | "" => Ok(Joiner::And),
        "OR" => Ok(Joiner::Or),
        other => Err(Problem::unknown_operator(other)),
    }
}

fn compare(row: &Value) -> Result<Condition, Problem> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let (Some(field), Some(operator)) = (text("ALIAS_NAME"), text("OPERATOR")) else {
        return Err(syntax(row.to_string()));
    };
    let value = row.get("VALUE").cloned().unwrap_or_default();
    let list = || match &value {
        Value::String(text) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        Value::Array(_) => value.clone(),
        other => json!([other]),
    };
    let missing = || test(field, Operator::Missing, Value::Null);
    let plain = |operator| Ok(test(field, operator, value.clone()));
    match operator {
        "=" => plain(Operator::Equal),
        "!=" => plain(Operator::NotEqual),
        ">" => plain(Operator::Greater),
        ">=" => plain(Operator::GreaterOrEqual),
        "<" => plain(Operator::Less),
        "<=" => plain(Operator::LessOrEqual),
        "BEGINS" => plain(Operator::StartsWith),
        "ENDS" => plain(Operator::EndsWith),
        "CONTAINS" => plain(Operator::Contains),
        "NOTCONTAINS" => Ok(not(test(field, Operator::Contains, value.clone()))),
        "LIKE" => plain(Operator::Like),
        "IN" | "ALT_IN" => Ok(test(field, Operator::In, list())),
        "NOT_IN" => Ok(not(test(field, Operator::In, list()))),
        "IS EMPTY" => Ok(missing()),
        "NOT EMPTY" => Ok(not(missing())),
        other => Err(Problem::unknown_operator(other)),
    }
}
