//! Codecs: how one value is read from a source and written in its filters.

mod compile;
mod constant;
mod duration;
mod html;
mod number;
mod text;
mod time;
mod words;
mod write;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use lineshaft_schema::{RemoteKey, Value};
use serde_json::Map;

pub use constant::{constant, shown};
pub(crate) use write::exact_number;

use crate::json;
use number::Truth;
use text::{Check, Form};
use time::{DateForm, MomentForm};
use words::Words;

/// A value as the source knows it, before a dialect writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// Null.
    Null,
    /// Text.
    Text(String),
    /// A number, digit for digit.
    Number(String),
    /// A truth value.
    Boolean(bool),
    /// A day.
    Date(NaiveDate),
    /// An instant.
    DateTime(DateTime<Utc>),
    /// A date and time in the zone of the source, which does not write the zone.
    LocalDateTime(NaiveDateTime),
}

/// A value that cannot be written for the source; the filter is checked here instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irreversible;

/// A codec that fits one field of the unified model.
#[derive(Clone, Debug)]
pub struct CompiledCodec {
    kind: Kind,
    /// Whether the field holds a list.
    list: bool,
    /// Between the elements of a list that the source keeps as text.
    separator: Option<Box<str>>,
    /// Whether the value is the key of another record.
    reference: bool,
    /// Whether `false` means "nothing" here, as some systems write it for every type.
    false_is_empty: bool,
    empty: Arc<[serde_json::Value]>,
    default: Value,
    /// How rows write what filters write alike.
    form: RowForm,
}

/// How rows of the source write dates, moments and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowForm {
    /// ISO 8601 and JSON numbers.
    Plain,
    /// `/Date(…)/`.
    Ticks,
    /// Objects with `__class__`.
    ClassObject,
    /// Numbers as text.
    NumberText,
}

/// What is read: one variant for each type of value.
#[derive(Clone, Debug)]
enum Kind {
    Text(Form, Check),
    /// What follows a fixed text, and stands before another.
    Prefixed(Box<str>, Box<str>),
    Join(Box<str>),
    Duration(manifest::DurationUnit),
    Integer,
    Decimal,
    Scaled(rust_decimal::Decimal),
    /// A scaled number that must come out whole.
    ScaledInteger(rust_decimal::Decimal),
    Boolean(Truth),
    Date(DateForm),
    Moment(MomentForm),
    Words(Arc<Words>),
    Json,
}

use crate::manifest;

impl CompiledCodec {
    /// Reads a value of the source. A value that means "nothing" becomes the default or null.
    ///
    /// # Errors
    /// Tells what is wrong with the value.
    pub fn decode(&self, value: &json::Value<'_>) -> Result<Value, String> {
        if let Kind::Words(words) = &self.kind
            && let Some(known) = words.find(value)
        {
            return Ok(self.in_list(known));
        }
        if self.is_nothing(value) {
            return Ok(self.default.clone());
        }
        let decoded = if self.list {
            self.decode_list(value)?
        } else {
            self.decode_one(value)?
        };
        Ok(if decoded.is_null() {
            self.default.clone()
        } else {
            decoded
        })
    }

    /// Returns the value of a row that has nothing at the path.
    #[must_use]
    pub fn missing(&self) -> Value {
        match &self.kind {
            Kind::Words(words) => words
                .null()
                .map_or_else(|| self.default.clone(), |value| self.in_list(value)),
            _ => self.default.clone(),
        }
    }

    /// Returns whether a value of the source means "nothing".
    #[must_use]
    pub fn is_nothing(&self, value: &json::Value<'_>) -> bool {
        let blank = if self.list {
            value.is_null() || value.as_str() == Some("")
        } else {
            json::is_blank(value)
        };
        blank
            || (self.false_is_empty && json::is_false(value))
            || self.empty.iter().any(|empty| json::equals(value, empty))
    }

    /// Returns whether it was said of a value that it means "nothing".
    #[must_use]
    pub fn is_said_nothing(&self, value: &json::Value<'_>) -> bool {
        self.empty.iter().any(|empty| json::equals(value, empty))
    }

    /// Returns whether it gives a list.
    #[must_use]
    pub fn gives_list(&self) -> bool {
        self.list
    }

    /// Returns what stands between the texts that it joins, if it joins texts.
    #[must_use]
    pub fn joins(&self) -> Option<&str> {
        match &self.kind {
            Kind::Join(separator) => Some(separator),
            _ => None,
        }
    }

    fn in_list(&self, value: Value) -> Value {
        if self.list { Value::List(vec![value]) } else { value }
    }

    fn decode_list(&self, value: &json::Value<'_>) -> Result<Value, String> {
        let mut elements = Vec::new();
        let mut push = |element: &json::Value<'_>| {
            let is_nothing = json::is_blank(element) || (self.false_is_empty && json::is_false(element));
            if !is_nothing {
                let decoded = self.decode_one(element)?;
                if !decoded.is_null() {
                    elements.push(decoded);
                }
            }
            Ok::<(), String>(())
        };
        match (value.elements(), &self.separator) {
            (Some(list), _) => list.iter().try_for_each(&mut push)?,
            (None, Some(separator)) => {
                let text = json::scalar_text(value).ok_or_else(|| not("text", value))?;
                text.split(separator.as_ref())
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .try_for_each(|part| push(&json::Value::Text(part.into())))?;
            }
            (None, None) => push(value)?,
        }
        Ok(Value::List(elements))
    }

    fn decode_one(&self, value: &json::Value<'_>) -> Result<Value, String> {
        if value.is_list() && !matches!(self.kind, Kind::Join(_) | Kind::Json) {
            return Err(format!("one value is expected, not the list {}", json::excerpt(value)));
        }
        let decoded = match &self.kind {
            Kind::Text(form, check) => text::decode(*form, *check, value)?,
            Kind::Prefixed(prefix, suffix) => text::between(prefix, suffix, value)?,
            Kind::Join(separator) => text::join(separator, value)?,
            Kind::Duration(unit) => duration::decode(*unit, value)?,
            Kind::Integer => number::integer(value)?,
            Kind::Decimal => Value::Decimal(number::decimal(value)?),
            Kind::Scaled(factor) => Value::Decimal(number::scaled(*factor, value)?),
            Kind::ScaledInteger(factor) => number::whole(number::scaled(*factor, value)?, value)?,
            Kind::Boolean(truth) => truth.decode(value)?,
            Kind::Date(form) => form.decode(value)?,
            Kind::Moment(form) => form.decode(value)?,
            Kind::Words(words) => words.decode(value)?,
            Kind::Json => Value::Json(value.to_string().into()),
        };
        match decoded {
            Value::Text(text) if self.reference => Ok(Value::Reference(RemoteKey::single(text))),
            other => Ok(other),
        }
    }

    /// Writes a value for filters. Any of the literals means it; no literal at all says that no row can hold it.
    ///
    /// # Errors
    /// Returns `Irreversible` when no literals mean exactly this value.
    pub fn encode(&self, value: &Value) -> Result<Vec<Literal>, Irreversible> {
        if self.list || (!self.default.is_null() && *value == self.default) {
            return Err(Irreversible);
        }
        let literals = match (&self.kind, value) {
            (_, Value::Null) => return Err(Irreversible),
            (_, Value::Reference(key)) => match key.parts() {
                [part] => return self.encode_part(part),
                _ => return Err(Irreversible),
            },
            (Kind::Prefixed(prefix, suffix), Value::Text(text)) => {
                vec![Literal::Text(format!("{prefix}{text}{suffix}"))]
            }
            (Kind::Text(form, check), Value::Text(text)) => vec![text::encode(*form, *check, text)?],
            (Kind::Duration(unit), Value::Text(text)) => vec![duration::encode(*unit, text)?],
            (Kind::Integer, Value::Integer(number)) => vec![Literal::Number(number.to_string())],
            (Kind::Integer | Kind::Decimal, Value::Decimal(number)) => vec![number::literal(*number)],
            (Kind::Scaled(factor), Value::Decimal(number)) => vec![number::unscaled(*factor, *number)?],
            (Kind::ScaledInteger(factor), Value::Integer(number)) => {
                vec![number::unscaled(*factor, rust_decimal::Decimal::from(*number))?]
            }
            (Kind::Boolean(truth), Value::Boolean(value)) => truth.encode(*value)?,
            (Kind::Date(form), Value::Date(date)) => vec![form.encode(*date)?],
            (Kind::Moment(form), value) => vec![form.encode(value)?],
            (Kind::Words(words), value) => words.encode(value)?,
            _ => return Err(Irreversible),
        };
        self.unless_empty(literals)
    }

    /// Writes one part of the key of a referenced record for filters.
    ///
    /// # Errors
    /// Returns `Irreversible` when no literals mean exactly this part.
    pub fn encode_part(&self, part: &str) -> Result<Vec<Literal>, Irreversible> {
        if let Kind::Prefixed(prefix, suffix) = &self.kind {
            return self.unless_empty(vec![Literal::Text(format!("{prefix}{part}{suffix}"))]);
        }
        let Kind::Text(form, check) = &self.kind else {
            return Err(Irreversible);
        };
        self.unless_empty(vec![text::encode(*form, *check, part)?])
    }

    /// Refuses literals that the source uses for "nothing": rows that hold them have no such value here.
    fn unless_empty(&self, literals: Vec<Literal>) -> Result<Vec<Literal>, Irreversible> {
        let means_nothing = |literal: &Literal| match literal {
            Literal::Text(text) => {
                text.is_empty() && !matches!(self.kind, Kind::Words(_))
                    || self.empty.iter().any(|empty| empty.as_str() == Some(text))
            }
            Literal::Number(number) => self
                .empty
                .iter()
                .any(|empty| empty.is_number() && json::decimal_of(&empty.to_string()) == json::decimal_of(number)),
            Literal::Boolean(value) => self.empty.iter().any(|empty| empty.as_bool() == Some(*value)),
            Literal::Null => false,
            // Days and instants are compared as they are read: one that is declared empty reads as null.
            Literal::Date(_) | Literal::DateTime(_) | Literal::LocalDateTime(_) => self.empty.iter().any(|empty| {
                self.decode_one(&json::Value::from(empty))
                    .is_ok_and(|read| self.reads_as(literal, &read))
            }),
        };
        if literals.iter().any(means_nothing) {
            Err(Irreversible)
        } else {
            Ok(literals)
        }
    }

    fn reads_as(&self, literal: &Literal, read: &Value) -> bool {
        let written = match (&self.kind, read) {
            (Kind::Date(form), Value::Date(date)) => form.encode(*date),
            (Kind::Moment(form), value) => form.encode(value),
            _ => return false,
        };
        written.is_ok_and(|written| written == *literal)
    }

    /// Returns whether text is the same in the source, so that the source can search for parts of it and means exactly
    /// the rows that we mean.
    #[must_use]
    pub fn keeps_text(&self) -> bool {
        let is_plain = !self.list && matches!(self.kind, Kind::Text(Form::Plain, Check::None | Check::Url));
        is_plain && !self.has_default() && !self.empty.iter().any(serde_json::Value::is_string)
    }

    /// Returns whether rows without a value hold a default here. The source does not know it: only equality with
    /// another value can be asked there, no order and no `ne`.
    #[must_use]
    pub fn has_default(&self) -> bool {
        !self.default.is_null()
    }

    /// Fills in the settings that it names, such as the zone of date-times without one.
    ///
    /// # Errors
    /// Tells which setting does not fit.
    pub fn with_settings(&self, settings: &Map<String, serde_json::Value>) -> Result<Self, String> {
        let Kind::Moment(form) = &self.kind else {
            return Ok(self.clone());
        };
        Ok(Self {
            kind: Kind::Moment(form.with_settings(settings)?),
            ..self.clone()
        })
    }

    /// Returns the templates of settings that it names.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Moment(form) => form.variables(),
            _ => Vec::new(),
        }
    }
}

fn not(what: &str, value: &json::Value<'_>) -> String {
    format!("{} is not {what}", json::excerpt(value))
}

#[cfg(test)]
mod tests;
