//! Values while an expression is evaluated: what the row has is borrowed.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::Node;
use crate::json::{self, Value};

/// The longest text that is read as a number.
const MOST_DIGITS: usize = 200;

fn decimal(digits: &str) -> Option<Decimal> {
    (digits.len() <= MOST_DIGITS)
        .then(|| json::decimal_of(digits))
        .flatten()
}

/// A value.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Null,
    Boolean(bool),
    Number(Decimal),
    Text(Cow<'a, str>),
    List(Vec<Item<'a>>),
    /// A table of the expression itself; its values are evaluated when they are asked for.
    Table(&'a [(Box<str>, Node)]),
    /// A list or an object of the row, or a number with more digits than can be computed with.
    Row(&'a Value<'a>),
}

impl<'a> Item<'a> {
    /// Returns a value of the row.
    pub(super) fn of(value: &'a Value<'a>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Number(digits) => decimal(digits).map_or(Self::Row(value), Self::Number),
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::List(_) | Value::Object(_) => Self::Row(value),
        }
    }

    /// Returns what kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Row(value) => match value {
                Value::List(_) => "a list",
                Value::Object(_) => "an object",
                _ => "a number with too many digits",
            },
        }
    }

    /// Returns whether it counts as true: everything but null, false, zero and what is empty.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(number) => !number.is_zero(),
            _ => !self.is_empty(),
        }
    }

    /// Returns whether it is null, an empty text, or an empty list or table.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(_) | Self::Number(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Table(entries) => entries.is_empty(),
            Self::Row(value) => match value {
                Value::List(list) => list.is_empty(),
                Value::Object(members) => members.is_empty(),
                _ => false,
            },
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns it as a number: also of a text that is one, as many systems keep them; nothing for null.
    pub(super) fn number(&self) -> Result<Option<Decimal>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            Self::Text(text) if text.is_empty() => Ok(None),
            Self::Text(text) => match decimal(text) {
                Some(number) => Ok(Some(number)),
                None => {
                    let shown: String = text.chars().take(40).collect();
                    Err(format!("`{shown}` is not a number"))
                }
            },
            other => Err(format!("a number is expected, not {}", other.kind())),
        }
    }

    /// Returns the elements of a list; none of anything else.
    pub(super) fn into_elements(self) -> Vec<Item<'a>> {
        match self {
            Self::List(list) => list,
            Self::Row(value) => value.elements().unwrap_or_default().iter().map(Item::of).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns how many elements it has, when it is a list.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::List(list) => Some(list.len()),
            Self::Row(value) => value.elements().map(<[_]>::len),
            _ => None,
        }
    }
}
