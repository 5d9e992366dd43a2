//! What a table has for fields and of what type they are: declared, or seen in its rows.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::problem::Problem;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Boolean,
    /// A day.
    Date,
    /// A day and a time.
    Instant,
    Guid,
    List,
    Object,
    /// Nothing is known about it: no row has a value.
    Any,
}

impl Type {
    /// The words for the types.
    pub(crate) const WORDS: [(&'static str, Self); 10] = [
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("date", Self::Date),
        ("instant", Self::Instant),
        ("guid", Self::Guid),
        ("list", Self::List),
        ("object", Self::Object),
        ("any", Self::Any),
    ];

    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("any", |(word, _)| word)
    }

    /// Returns the type that a value shows.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(text) if is_day(text) => Self::Date,
            Value::String(text) if is_instant(text) => Self::Instant,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    /// Returns the type that what was seen may stand for: a whole number for any number.
    pub(crate) fn widened(self) -> Self {
        match self {
            Self::Integer => Self::Number,
            other => other,
        }
    }

    /// Returns the type that has both: `Number` for integers and numbers, `Text` for what does not fit.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::Any, known) | (known, Self::Any) => known,
            (Self::Integer | Self::Number, Self::Integer | Self::Number) => Self::Number,
            _ => Self::Text,
        }
    }

    /// Says whether a value is of the type; null is of each.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _) | (_, Value::Null) => true,
            (Self::Text | Self::Guid, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::List, Value::Array(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Integer, Value::Number(number)) => {
                !number.is_f64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            (Self::Date, Value::String(text)) => is_day(text) || is_instant(text),
            (Self::Instant, Value::String(text)) => is_instant(text) || is_day(text),
            _ => false,
        }
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_instant(text: &str) -> bool {
    text.len() > 15
        && text.as_bytes().get(4) == Some(&b'-')
        && (DateTime::parse_from_rfc3339(text).is_ok()
            || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
            || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
            || DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").is_ok())
}

/// The fields of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    names: Vec<String>,
    types: HashMap<String, Type>,
}

impl Columns {
    /// Returns the columns of rows; what is declared wins over what the rows show. Members of objects are columns too,
    /// with a dot: `vendor.name`; those of the elements of lists likewise: `lines.quantity`.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Map<String, Value>>, declared: &HashMap<String, Type>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.see("", row, 0);
        }
        for (name, kind) in declared {
            columns.declare(name, *kind);
        }
        columns
    }

    /// Adds a column, or changes its type.
    pub(crate) fn declare(&mut self, name: &str, kind: Type) {
        if self.types.insert(name.to_owned(), kind).is_none() {
            self.names.push(name.to_owned());
        }
    }

    fn see(&mut self, prefix: &str, row: &Map<String, Value>, depth: usize) {
        for (name, value) in row {
            let name = match prefix {
                "" => name.clone(),
                prefix => format!("{prefix}.{name}"),
            };
            let seen = Type::of(value);
            match self.types.get_mut(&name) {
                Some(kind) => *kind = kind.joined(seen),
                None => self.declare(&name, seen),
            }
            if depth > 3 {
                continue;
            }
            match value {
                Value::Object(members) => self.see(&name, members, depth + 1),
                Value::Array(elements) => {
                    for element in elements.iter().filter_map(Value::as_object) {
                        self.see(&name, element, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the type of a column; a slash stands for a dot in its name.
    pub(crate) fn find(&self, name: &str) -> Option<Type> {
        match name.contains('/') {
            true => self.types.get(&name.replace('/', ".")).copied(),
            false => self.types.get(name).copied(),
        }
    }

    /// Returns the type of a column, or the problem that it is not there.
    pub(crate) fn require(&self, name: &str) -> Result<Type, Problem> {
        self.find(name).ok_or_else(|| Problem::unknown_field(name))
    }

    /// Returns the name of a column as the table spells it, whatever the case of its letters.
    pub(crate) fn spelled(&self, name: &str) -> Option<&str> {
        let is_same = |known: &&String| known.as_str() == name || known.eq_ignore_ascii_case(name);
        self.names.iter().find(is_same).map(String::as_str)
    }

    /// Returns all names in the order of the rows' members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// Reads the text of a value as a type.
pub(crate) fn read_as(kind: Type, name: &str, text: &str) -> Result<Value, Problem> {
    let wrong = || Problem::wrong_type(name, format!("{name}: {text:?} is not of type {}", kind.word()));
    match kind {
        Type::Integer | Type::Number => {
            let number: Decimal = text.trim().parse().map_err(|_| wrong())?;
            Ok(number_value(number))
        }
        Type::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(wrong()),
        },
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Returns a decimal as a JSON number: whole ones without a point.
pub(crate) fn number_value(number: Decimal) -> Value {
    use rust_decimal::prelude::ToPrimitive as _;
    let whole = number.fract().is_zero().then(|| number.to_i64()).flatten();
    match whole {
        Some(whole) => Value::from(whole),
        None => number.to_string().parse::<f64>().map_or(Value::Null, Value::from),
    }
}
