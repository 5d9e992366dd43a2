//! ServiceNow's encoded query: terms between `^`, alternatives after `^OR`, whole queries after `^NQ`. What it does not
//! understand it leaves out, as the real one does.

use serde_json::{Value, json};

use super::{Condition, Operator, all, any, not, test};

/// Reads an encoded query; terms about fields that are not known are left out too.
pub(super) fn read(text: &str, is_known: &dyn Fn(&str) -> bool) -> Condition {
    let mut queries: Vec<Vec<Vec<Condition>>> = vec![Vec::new()];
    for part in text.split('^').map(str::trim_start) {
        if part.is_empty() || part == "EQ" || part.starts_with("ORDERBY") {
            continue;
        }
        if let Some(rest) = part.strip_prefix("NQ") {
            queries.push(term(rest, is_known).map(|term| vec![term]).into_iter().collect());
            continue;
        }
        let query = queries.last_mut();
        match (part.strip_prefix("OR"), query) {
            (Some(rest), Some(query)) => match (term(rest, is_known), query.last_mut()) {
                (Some(term), Some(alternatives)) => alternatives.push(term),
                (Some(term), None) => query.push(vec![term]),
                (None, _) => {}
            },
            (None, Some(query)) => query.extend(term(part, is_known).map(|term| vec![term])),
            (_, None) => {}
        }
    }
    let queries = queries.into_iter().filter(|query| !query.is_empty());
    let queries: Vec<Condition> = queries.map(|query| all(query.into_iter().map(any).collect())).collect();
    match queries.is_empty() {
        true => Condition::always(),
        false => any(queries),
    }
}

/// Reads what rows are sorted by, and whether downwards.
pub(crate) fn order(text: &str) -> Vec<(String, bool)> {
    let keys = text
        .split('^')
        .filter_map(|part| part.trim_start().strip_prefix("ORDERBY"));
    let keys = keys.map(|key| key.strip_prefix("DESC").map_or((key, false), |field| (field, true)));
    let keys = keys.map(|(field, descending)| (field.trim().to_owned(), descending));
    keys.filter(|(field, _)| !field.is_empty()).collect()
}

/// The operators; of two with the same beginning the longer stands first.
const OPERATORS: [(&str, Kind); 18] = [
    ("ISNOTEMPTY", Kind::Present),
    ("ISEMPTY", Kind::Missing),
    ("NOT IN", Kind::NotIn),
    ("NOT LIKE", Kind::NotContains),
    ("NOTLIKE", Kind::NotContains),
    ("STARTSWITH", Kind::Plain(Operator::StartsWith)),
    ("ENDSWITH", Kind::Plain(Operator::EndsWith)),
    ("CONTAINS", Kind::Plain(Operator::Contains)),
    ("BETWEEN", Kind::Between),
    ("LIKE", Kind::Plain(Operator::Contains)),
    ("IN", Kind::In),
    ("!=", Kind::NotEqual),
    (">=", Kind::Plain(Operator::GreaterOrEqual)),
    ("<=", Kind::Plain(Operator::LessOrEqual)),
    ("=", Kind::Equal),
    (">", Kind::Plain(Operator::Greater)),
    ("<", Kind::Plain(Operator::Less)),
    ("*", Kind::Plain(Operator::Contains)),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain(Operator),
    Equal,
    NotEqual,
    In,
    NotIn,
    NotContains,
    Between,
    Missing,
    Present,
}

/// Reads one term; what is none is left out.
fn term(text: &str, is_known: &dyn Fn(&str) -> bool) -> Option<Condition> {
    let is_part = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '_' | '.');
    let end = text.find(|sign| !is_part(sign))?;
    let (field, rest) = text.split_at(end);
    if !is_known(field) {
        return None;
    }
    let mut operators = OPERATORS.iter();
    let (value, kind) = operators.find_map(|(word, kind)| Some((rest.strip_prefix(word)?, *kind)))?;
    let missing = || test(field, Operator::Empty, Value::Null);
    Some(match kind {
        Kind::Equal if value.is_empty() => missing(),
        Kind::NotEqual if value.is_empty() => not(missing()),
        Kind::Missing => missing(),
        Kind::Present => not(missing()),
        Kind::Equal => test(field, Operator::Equal, json!(value)),
        // A row without a value is not the same as any value.
        Kind::NotEqual => any(vec![test(field, Operator::NotEqual, json!(value)), missing()]),
        Kind::NotContains => any(vec![not(test(field, Operator::Contains, json!(value))), missing()]),
        Kind::In => test(field, Operator::In, list(value)),
        Kind::NotIn => not(test(field, Operator::In, list(value))),
        Kind::Between => {
            let (from, to) = value.split_once('@')?;
            all(vec![
                test(field, Operator::GreaterOrEqual, json!(from)),
                test(field, Operator::LessOrEqual, json!(to)),
            ])
        }
        Kind::Plain(operator) => test(field, operator, json!(value)),
    })
}

fn list(text: &str) -> Value {
    text.split(',').map(Value::from).collect()
}
