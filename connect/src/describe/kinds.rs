//! The types of values in general words, and what the words of the systems mean.

use serde::Serialize;

/// The type of a value of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A truth value.
    Boolean,
    /// A date.
    Date,
    /// A moment.
    Datetime,
    /// One of some values.
    Choice,
    /// The key of another record.
    Reference,
    /// A value of several parts.
    Object,
    /// Several values.
    List,
}

impl ValueKind {
    /// Returns what a word of a system means: those of `OData`, of Odoo and Tryton, of JSON Schema, of databases. None
    /// when it is not known.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let word = word.trim();
        if word.starts_with("Collection(") {
            return Some(Self::List);
        }
        let word = word.strip_prefix("Edm.").unwrap_or(word).to_ascii_lowercase();
        Some(match word.as_str() {
            "string"
            | "char"
            | "text"
            | "html"
            | "guid"
            | "uuid"
            | "fullname"
            | "alphanumeric"
            | "alnum"
            | "longalnum"
            | "upper"
            | "lower"
            | "alphabet"
            | "ln"
            | "gl"
            | "time"
            | "timeofday"
            | "duration"
            | "timedelta"
            | "varchar"
            | "nvarchar"
            | "nchar"
            | "ntext"
            | "tinytext"
            | "mediumtext"
            | "longtext"
            | "character"
            | "character varying"
            | "citext"
            | "uniqueidentifier"
            | "interval"
            | "xml"
            | "time without time zone" => Self::Text,
            "integer" | "int" | "int16" | "int32" | "int64" | "byte" | "sbyte" | "biginteger" | "bigint"
            | "smallint" | "serial" | "tinyint" | "mediumint" | "year" => Self::Integer,
            "number" | "decimal" | "double" | "single" | "float" | "monetary" | "numeric" | "real" | "amount"
            | "double precision" | "money" | "smallmoney" => Self::Decimal,
            "boolean" | "bool" | "bit" | "yorn" => Self::Boolean,
            "date" => Self::Date,
            "datetime"
            | "datetimeoffset"
            | "timestamp"
            | "utcdatetime"
            | "date-time"
            | "datetime2"
            | "smalldatetime"
            | "timestamp without time zone"
            | "timestamp with time zone" => Self::Datetime,
            "selection" | "multiselection" | "enum" => Self::Choice,
            "many2one" | "reference" | "one2one" | "many2one_reference" => Self::Reference,
            "object" | "dict" | "json" | "jsonb" | "properties" => Self::Object,
            "array" | "one2many" | "many2many" => Self::List,
            _ => return None,
        })
    }

    /// Returns the kind of values of which some are of this kind and some of the other.
    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer | Self::Decimal, Self::Integer | Self::Decimal) if self as u8 != other as u8 => {
                Self::Decimal
            }
            (Self::Date | Self::Datetime, Self::Date | Self::Datetime) if self as u8 != other as u8 => Self::Datetime,
            (Self::Integer | Self::Reference, Self::Integer | Self::Reference) if self as u8 != other as u8 => {
                Self::Reference
            }
            _ if self as u8 == other as u8 => self,
            (Self::Object, _) | (_, Self::Object) => Self::Object,
            (Self::List, _) | (_, Self::List) => Self::List,
            _ => Self::Text,
        }
    }
}
