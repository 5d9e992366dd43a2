//! Constants of conditions, typed as the source system wants them written.

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use regex::Regex;

use crate::codec::Literal;

/// The type that a constant has in the source system, when the codec alone does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiteralKind {
    /// Text.
    String,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A calendar date.
    Date,
    /// A moment without zone.
    DateTime,
    /// A moment with zone.
    DateTimeOffset,
    /// A GUID.
    Guid,
    /// A value of the named enum type.
    Enum(String),
}

impl LiteralKind {
    /// Reads the word that manifests use.
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word {
            "string" => Self::String,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "datetimeoffset" => Self::DateTimeOffset,
            "guid" => Self::Guid,
            other => Self::Enum(other.to_owned()),
        }
    }
}

/// A constant of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A number, in plain decimal notation.
    Number(String),
    /// A truth value.
    Boolean(bool),
    /// A calendar date.
    Date(NaiveDate),
    /// A moment.
    Moment(DateTime<Utc>),
    /// A moment in a field that keeps no zone.
    LocalMoment(DateTime<Utc>),
    /// A GUID.
    Guid(String),
    /// A value of an enum type.
    Enum {
        /// The type.
        kind: String,
        /// The value.
        value: String,
    },
}

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^-?[0-9]{1,38}(\.[0-9]{1,38})?$").ok());
static GUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$").ok());

fn fits(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

impl Constant {
    /// Types a literal; none when it cannot have that type, so that no value of the field can equal it.
    #[must_use]
    pub fn of(literal: Literal, kind: Option<&LiteralKind>) -> Option<Self> {
        let Some(kind) = kind else {
            return Self::untyped(literal);
        };
        Some(match (kind, literal) {
            (_, Literal::Null) => Self::Null,
            (LiteralKind::String, literal) => Self::Text(text_of(literal)),
            (LiteralKind::Number, Literal::Number(text) | Literal::Text(text)) if fits(&NUMBER, &text) => {
                Self::Number(text)
            }
            (LiteralKind::Number, Literal::Boolean(flag)) => Self::Number(u8::from(flag).to_string()),
            (LiteralKind::Boolean, Literal::Boolean(flag)) => Self::Boolean(flag),
            (LiteralKind::Boolean, Literal::Text(text) | Literal::Number(text)) => match text.as_str() {
                "true" | "1" => Self::Boolean(true),
                "false" | "0" => Self::Boolean(false),
                _ => return None,
            },
            (LiteralKind::Guid, Literal::Text(text)) if fits(&GUID, &text) => Self::Guid(text),
            (LiteralKind::Enum(kind), Literal::Text(value)) => Self::Enum {
                kind: kind.clone(),
                value,
            },
            (LiteralKind::Date, Literal::Date(date)) => Self::Date(date),
            (LiteralKind::Date, Literal::DateTime(moment)) if moment.time() == NaiveTime::MIN => {
                Self::Date(moment.date_naive())
            }
            (LiteralKind::Date, Literal::Text(text)) => Self::Date(moment_of(&text)?.date_naive()),
            (LiteralKind::Date, Literal::LocalDateTime(moment)) if moment.time() == NaiveTime::MIN => {
                Self::Date(moment.date())
            }
            (LiteralKind::DateTime, Literal::LocalDateTime(moment)) => Self::LocalMoment(moment.and_utc()),
            (LiteralKind::DateTime, literal) => Self::LocalMoment(moment_in(literal)?),
            (LiteralKind::DateTimeOffset, literal) => Self::Moment(moment_in(literal)?),
            _ => return None,
        })
    }

    fn untyped(literal: Literal) -> Option<Self> {
        Some(match literal {
            Literal::Null => Self::Null,
            Literal::Text(text) => Self::Text(text),
            Literal::Number(text) if fits(&NUMBER, &text) => Self::Number(text),
            Literal::Number(_) => return None,
            Literal::Boolean(flag) => Self::Boolean(flag),
            Literal::Date(date) => Self::Date(date),
            Literal::DateTime(moment) => Self::Moment(moment),
            Literal::LocalDateTime(moment) => Self::LocalMoment(moment.and_utc()),
        })
    }

    /// Returns the constants of the first moment of a day and of the day after it, for fields that keep moments.
    #[must_use]
    pub fn day(date: NaiveDate, kind: &LiteralKind) -> Option<(Self, Self)> {
        let next = date.checked_add_days(Days::new(1))?;
        Some((
            Self::of(Literal::Date(date), Some(kind))?,
            Self::of(Literal::Date(next), Some(kind))?,
        ))
    }

    /// Returns its text, for query parameters.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) | Self::Number(text) | Self::Guid(text) | Self::Enum { value: text, .. } => text.clone(),
            Self::Boolean(flag) => flag.to_string(),
            Self::Date(date) => date.to_string(),
            Self::Moment(moment) => format!("{}Z", clock_text(moment)),
            Self::LocalMoment(moment) => clock_text(moment),
        }
    }

    /// Returns its JSON, for variables.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Self::Boolean(flag) => (*flag).into(),
            other => other.text().into(),
        }
    }
}

fn text_of(literal: Literal) -> String {
    match literal {
        Literal::Null => String::new(),
        Literal::Text(text) | Literal::Number(text) => text,
        Literal::Boolean(flag) => flag.to_string(),
        Literal::Date(date) => date.to_string(),
        Literal::DateTime(moment) => format!("{}Z", clock_text(&moment)),
        Literal::LocalDateTime(moment) => clock_text(&moment.and_utc()),
    }
}

fn moment_in(literal: Literal) -> Option<DateTime<Utc>> {
    match literal {
        Literal::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        Literal::DateTime(moment) => Some(moment),
        Literal::Text(text) => moment_of(&text),
        _ => None,
    }
}

/// Reads the forms in which systems write moments in keys: ISO 8601 with or without zone, and `/Date(ms)/`.
pub(crate) fn moment_of(text: &str) -> Option<DateTime<Utc>> {
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let end = inner
            .char_indices()
            .skip(1)
            .find(|(_, sign)| matches!(sign, '+' | '-'))
            .map_or(inner.len(), |(at, _)| at);
        return DateTime::from_timestamp_millis(inner.get(..end)?.parse().ok()?);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.with_timezone(&Utc));
    }
    let naive = text.parse::<chrono::NaiveDateTime>().ok();
    naive
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
        .map(|naive| naive.and_utc())
}

/// Writes a moment to the second, with as many digits of the fraction as it has.
#[must_use]
pub(super) fn clock_text(moment: &DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}
