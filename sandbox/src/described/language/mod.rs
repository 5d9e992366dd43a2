//! The query languages of systems, each a module that reads a text or JSON into the one form of conditions. They check
//! the form of what was asked and that its fields are there, and never look at a row.

pub(crate) mod encoded;
pub(crate) mod fields;
pub(crate) mod moments;
pub(crate) mod sql;

mod elements;
mod frappe;
mod grid;
mod odata_text;
mod operators;
mod oslc;
mod scanner;
mod tree;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::columns::Columns;
use super::condition::{Comparison, Condition, Match, Part, Term};
use super::problem::Problem;

/// Reads a condition: from a text, or from JSON when the language is written in it.
pub(crate) type Parse = fn(&Value, &Columns) -> Result<Condition, Problem>;

/// Returns the parser of a language.
pub(crate) fn find(name: &str) -> Option<Parse> {
    LANGUAGES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, parse)| *parse)
}

/// The languages by name.
pub(crate) const LANGUAGES: &[(&str, Parse)] = &[
    ("sql", |input, columns| {
        let condition = sql::conditions(input)?;
        fields::spelled(condition, columns)
    }),
    ("encoded_query", |input, columns| {
        let is_known = |field: &str| columns.find(field).is_some();
        Ok(text(input)?.map_or_else(Condition::always, |text| encoded::read(text, &is_known)))
    }),
    ("odata_v2", |input, columns| reader(input, columns, odata_text::read_v2)),
    ("odata_v4", |input, columns| reader(input, columns, odata_text::read_v4)),
    ("row_match", |input, columns| reader(input, columns, sql::row_match)),
    ("frappe", |input, columns| {
        known(input, columns, |input| frappe::read(input, frappe::Joined::All))
    }),
    ("frappe_any", |input, columns| {
        known(input, columns, |input| frappe::read(input, frappe::Joined::Any))
    }),
    ("json_tree", |input, columns| known(input, columns, tree::read)),
    ("operator_tree", |input, columns| known(input, columns, operators::read)),
    ("xml_tree", |input, columns| known(input, columns, elements::read)),
    ("grid_filters", |input, columns| known(input, columns, grid::read)),
    ("oslc", |input, columns| reader(input, columns, oslc::read)),
];

/// Reads a filter that is a text, all of whose fields must be there.
fn reader(
    input: &Value,
    columns: &Columns,
    read: fn(&str) -> Result<Condition, Problem>,
) -> Result<Condition, Problem> {
    match text(input)? {
        Some(text) => fields::known(read(text)?, columns),
        None => Ok(Condition::always()),
    }
}

/// Reads a filter that is JSON, all of whose fields must be there.
fn known(
    input: &Value,
    columns: &Columns,
    read: impl Fn(&Value) -> Result<Condition, Problem>,
) -> Result<Condition, Problem> {
    match is_nothing(input) {
        true => Ok(Condition::always()),
        false => fields::known(read(input)?, columns),
    }
}

/// Nothing, an empty text and an empty list ask for every row.
fn is_nothing(input: &Value) -> bool {
    match input {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn text(input: &Value) -> Result<Option<&str>, Problem> {
    match input {
        input if is_nothing(input) => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(syntax(other.to_string())),
    }
}

/// How deeply conditions may nest.
const DEEPEST: usize = 64;

/// How a field compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// One of a list.
    In,
    /// Fits a pattern of `%`, `_` and `\` before either.
    Like,
    Contains,
    StartsWith,
    EndsWith,
    /// Has no value.
    Missing,
    /// Has no value, or an empty text.
    Empty,
}

impl Operator {
    fn comparison(self) -> Option<Comparison> {
        match self {
            Self::Equal => Some(Comparison::Eq),
            Self::NotEqual => Some(Comparison::Ne),
            Self::Greater => Some(Comparison::Gt),
            Self::GreaterOrEqual => Some(Comparison::Ge),
            Self::Less => Some(Comparison::Lt),
            Self::LessOrEqual => Some(Comparison::Le),
            _ => None,
        }
    }
}

/// Compares a field with a value.
fn test(field: &str, operator: Operator, value: Value) -> Condition {
    let term = Term::field(field);
    if let Some(comparison) = operator.comparison() {
        return Condition::Compare(term, comparison, Term::Value(value));
    }
    let part = match operator {
        Operator::In => {
            let values = match value {
                Value::Array(values) => values,
                one => vec![one],
            };
            return Condition::In(term, values.into_iter().map(Term::Value).collect());
        }
        Operator::Missing => return Condition::Missing(term),
        Operator::Empty => return Condition::Empty(term),
        Operator::Like => Part::Like,
        Operator::StartsWith => Part::Start,
        Operator::EndsWith => Part::End,
        _ => Part::Anywhere,
    };
    Condition::Text(term, Match { part, case: None }, Term::Value(value))
}

fn all(mut parts: Vec<Condition>) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => Condition::All(parts),
    }
}

fn any(mut parts: Vec<Condition>) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => Condition::Any(parts),
    }
}

fn not(condition: Condition) -> Condition {
    condition.negated()
}

/// Tells that something stands where it cannot; nothing is the end.
fn syntax(near: impl Into<String>) -> Problem {
    let near: String = near.into();
    match near.as_str() {
        "" => Problem::malformed("unexpected end of the filter"),
        near => Problem::malformed(format!("unexpected {near:?} in the filter")),
    }
}
