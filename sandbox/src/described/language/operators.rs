//! Operators that stand around what they compare, `[{"$eq": {"name": "x"}}]`, with an expression over their numbers:
//! `(1 and 2) or 3`.

use serde_json::{Value, json};

use super::{Condition, DEEPEST, Operator, Problem, all, any, not, scanner::Scanner, syntax, test};

/// Reads a list of comparisons, or a list together with an expression.
pub(super) fn read(source: &Value) -> Result<Condition, Problem> {
    let (filters, expression) = match source {
        Value::Array(filters) => (filters, None),
        Value::Object(members) => match members.get("filters") {
            Some(Value::Array(filters)) => (filters, members.get("expression").and_then(Value::as_str)),
            Some(Value::Null) => return Ok(Condition::always()),
            _ => return one(source, 0),
        },
        other => return Err(syntax(other.to_string())),
    };
    let parts = filters
        .iter()
        .map(|filter| one(filter, 0))
        .collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() {
        return Ok(Condition::always());
    }
    match expression.map(str::trim).unwrap_or("and") {
        "and" | "" => Ok(all(parts)),
        "or" => Ok(any(parts)),
        text => Numbers::read(text, &parts),
    }
}

fn one(source: &Value, depth: usize) -> Result<Condition, Problem> {
    let members = source
        .as_object()
        .filter(|members| members.len() == 1 && depth < DEEPEST);
    let Some((operator, inner)) = members.and_then(|members| members.iter().next()) else {
        return Err(syntax(source.to_string()));
    };
    if let ("$and" | "$or", Value::Array(list)) = (operator.as_str(), inner) {
        let parts = list
            .iter()
            .map(|part| one(part, depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(if operator == "$or" { any(parts) } else { all(parts) });
    }
    let fields = inner.as_object().filter(|fields| fields.len() == 1);
    let Some((field, value)) = fields.and_then(|fields| fields.iter().next()) else {
        return Err(syntax(inner.to_string()));
    };
    compare(operator, field, value)
}

fn compare(operator: &str, field: &str, value: &Value) -> Result<Condition, Problem> {
    let plain = |operator| match value {
        Value::Array(_) | Value::Object(_) => Err(Problem::wrong_type(field, format!("{field} needs one value"))),
        value => Ok(test(field, operator, value.clone())),
    };
    let values = || match value {
        Value::Array(_) => Ok(value.clone()),
        _ => Err(Problem::wrong_type(field, format!("{operator} needs a list"))),
    };
    match operator {
        "$eq" if value.is_null() => Ok(test(field, Operator::Missing, Value::Null)),
        "$ne" if value.is_null() => Ok(not(test(field, Operator::Missing, Value::Null))),
        "$eq" => plain(Operator::Equal),
        "$ne" => plain(Operator::NotEqual),
        "$gt" => plain(Operator::Greater),
        "$gte" => plain(Operator::GreaterOrEqual),
        "$lt" => plain(Operator::Less),
        "$lte" => plain(Operator::LessOrEqual),
        "$contains" => plain(Operator::Contains),
        "$notContains" => plain(Operator::Contains).map(not),
        "$startsWith" => plain(Operator::StartsWith),
        "$notStartsWith" => plain(Operator::StartsWith).map(not),
        "$endsWith" => plain(Operator::EndsWith),
        "$notEndsWith" => plain(Operator::EndsWith).map(not),
        "$in" => Ok(test(field, Operator::In, values()?)),
        "$notIn" => Ok(not(test(field, Operator::In, values()?))),
        "$between" | "$notBetween" => {
            let Some([from, to]) = value.as_array().map(Vec::as_slice) else {
                return Err(Problem::wrong_type(field, format!("{operator} needs two values")));
            };
            let between = all(vec![
                test(field, Operator::GreaterOrEqual, json!(from)),
                test(field, Operator::LessOrEqual, json!(to)),
            ]);
            Ok(if operator == "$between" { between } else { not(between) })
        }
        other => Err(Problem::unknown_operator(other)),
    }
}

/// The expression over the numbers of comparisons, which begin with one.
struct Numbers<'a> {
    scanner: Scanner<'a>,
    parts: &'a [Condition],
    depth: usize,
}

impl<'a> Numbers<'a> {
    fn read(text: &'a str, parts: &'a [Condition]) -> Result<Condition, Problem> {
        let scanner = Scanner::new(text);
        let mut numbers = Self {
            scanner,
            parts,
            depth: 0,
        };
        let condition = numbers.or()?;
        match numbers.scanner.is_at_end() {
            true => Ok(condition),
            false => Err(numbers.scanner.unexpected()),
        }
    }

    fn or(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.and()?];
        while self.scanner.take_word("or") {
            parts.push(self.and()?);
        }
        Ok(any(parts))
    }

    fn and(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.term()?];
        while self.scanner.take_word("and") {
            parts.push(self.term()?);
        }
        Ok(all(parts))
    }

    fn term(&mut self) -> Result<Condition, Problem> {
        if self.scanner.take("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(syntax("("));
            }
            let inner = self.or()?;
            self.depth -= 1;
            self.scanner.expect(")")?;
            return Ok(inner);
        }
        let number = self.scanner.number().and_then(|number| number.as_u64());
        let number = number.ok_or_else(|| self.scanner.unexpected())?;
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let part = place.and_then(|place| self.parts.get(place)).cloned();
        part.ok_or_else(|| Problem::wrong_type(&number.to_string(), format!("there is no filter {number}")))
    }
}
