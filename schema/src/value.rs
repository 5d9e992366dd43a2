//! The values that a record holds, one variant for each type of the unified model.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    catalogue::{EnumIndex, TypeIndex},
    key::RemoteKey,
    record::Fields,
};

/// A text within a value or key. Most are short and stand in place; copies of long ones share them.
pub type Text = smol_str::SmolStr;

/// One value of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value: the source has none, or the field is not mapped.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// Text, also for URLs, codes and durations.
    Text(Text),
    /// A calendar date.
    Date(NaiveDate),
    /// An instant.
    DateTime(DateTime<Utc>),
    /// A value of an enum: which enum, which value.
    Enum(EnumIndex, u16),
    /// The key of another record of the same connection.
    Reference(RemoteKey),
    /// An embedded value.
    Object(Box<Object>),
    /// A list.
    List(Vec<Value>),
    /// JSON as it came from the source.
    Json(Box<str>),
}

/// An embedded value: the slots of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its type.
    pub kind: TypeIndex,
    /// One slot for each field of the type. Most types of values have two, such as an amount and its currency.
    pub slots: SmallVec<[Value; 2]>,
}

impl Object {
    /// Returns its fields.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            layout: None,
            values: &self.slots,
        }
    }
}

impl Value {
    /// Makes a text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Returns whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Compares two values of one type for sorting; missing values come last.
    ///
    /// Text is compared by Unicode code points after lower-casing, then exactly, so that the order
    /// does not depend on the machine.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            (Self::Integer(a), Self::Decimal(b)) => Decimal::from(*a).cmp(b),
            (Self::Decimal(a), Self::Integer(b)) => a.cmp(&Decimal::from(*b)),
            (Self::Text(a), Self::Text(b)) => compare_text(a, b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::DateTime(a), Self::DateTime(b)) => a.cmp(b),
            (Self::Enum(_, a), Self::Enum(_, b)) => a.cmp(b),
            (Self::Reference(a), Self::Reference(b)) => a.compare(b),
            _ => Ordering::Equal,
        }
    }
}

/// Compares text without regard to case first, then exactly.
#[must_use]
pub fn compare_text(a: &str, b: &str) -> Ordering {
    let folded = a
        .chars()
        .flat_map(char::to_lowercase)
        .cmp(b.chars().flat_map(char::to_lowercase));
    folded.then_with(|| a.cmp(b))
}

/// A scalar in the form that cursors and plans write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// Text.
    Text(String),
    /// A calendar date.
    Date(NaiveDate),
    /// An instant.
    DateTime(DateTime<Utc>),
    /// A value of an enum.
    Enum(u16, u16),
}

impl Scalar {
    /// Takes the scalar out of a value; references, objects and lists have none.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) => Self::Integer(*value),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::Text(value) => Self::Text(value.to_string()),
            Value::Date(value) => Self::Date(*value),
            Value::DateTime(value) => Self::DateTime(*value),
            Value::Enum(kind, value) => Self::Enum(kind.0, *value),
            _ => Self::Null,
        }
    }

    /// Returns the value again.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Text(value) => Value::Text(value.into()),
            Self::Date(value) => Value::Date(value),
            Self::DateTime(value) => Value::DateTime(value),
            Self::Enum(kind, value) => Value::Enum(EnumIndex(kind), value),
        }
    }
}
