//! The values of rows, their order, and the conversions into them.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// Text, a GUID or the member of an enumeration.
    Text(String),
    /// True or false.
    Flag(bool),
    /// Any number.
    Number(Decimal),
    /// A date.
    Date(NaiveDate),
    /// A date and time without zone.
    DateTime(NaiveDateTime),
    /// A point in time.
    Instant(DateTime<Utc>),
    /// A time of day.
    Time(NaiveTime),
}

impl Value {
    /// Compares two values of one kind; values of different kinds have no order.
    pub(crate) fn order(&self, other: &Self, ignore_case: bool) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, Self::Null) => Some(Ordering::Equal),
            (Self::Text(left), Self::Text(right)) if ignore_case => {
                Some(left.to_lowercase().cmp(&right.to_lowercase()))
            }
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Flag(left), Self::Flag(right)) => Some(left.cmp(right)),
            (Self::Number(left), Self::Number(right)) => Some(left.cmp(right)),
            (Self::Date(left), Self::Date(right)) => Some(left.cmp(right)),
            (Self::DateTime(left), Self::DateTime(right)) => Some(left.cmp(right)),
            (Self::Instant(left), Self::Instant(right)) => Some(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// Compares two values for sorting: no value comes first.
    pub(crate) fn sort_order(&self, other: &Self, ignore_case: bool) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            _ => self.order(other, ignore_case).unwrap_or(Ordering::Equal),
        }
    }

    /// Returns the value as part of an index key.
    pub(crate) fn index_key(&self, ignore_case: bool) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) if ignore_case => text.to_lowercase(),
            Self::Text(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.normalize().to_string(),
            Self::Date(date) => date.to_string(),
            Self::DateTime(moment) => moment.to_string(),
            Self::Instant(instant) => instant.to_rfc3339(),
            Self::Time(time) => time.to_string(),
        }
    }

    /// Returns the text, or an empty one for other values.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<NaiveDate> for Value {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Instant(instant)
    }
}

impl From<NaiveTime> for Value {
    fn from(time: NaiveTime) -> Self {
        Self::Time(time)
    }
}
