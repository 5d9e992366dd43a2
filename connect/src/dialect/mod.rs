//! Filter languages: a neutral expression and how each language writes it.
//!
//! Expressions hold names of the source system and typed constants. Every writer escapes on its own, so no value
//! that a client sends can change the form of a condition.

mod constant;
mod domain;
mod odata;
mod oslc;
mod parameters;

#[cfg(test)]
mod tests;

use lineshaft_schema::Direction;
use serde_json::Value;

pub(crate) use constant::moment_of;
pub use constant::{Constant, LiteralKind};

use crate::manifest::Dialect;

/// A condition in terms of the source system.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Every part holds; empty holds always.
    All(Vec<Expression>),
    /// At least one part holds; never empty.
    Any(Vec<Expression>),
    /// A field is compared with a constant that is not null.
    Compare {
        /// Name of the field in filters.
        name: String,
        /// How it is compared.
        comparison: Comparison,
        /// With what.
        constant: Constant,
    },
    /// A field is one of some constants, none of them null.
    In {
        /// Name of the field in filters.
        name: String,
        /// The constants.
        constants: Vec<Constant>,
    },
    /// A field has no value (`true`) or has one (`false`).
    Missing {
        /// Name of the field in filters.
        name: String,
        /// Which of the two.
        missing: bool,
    },
    /// A text field compared with a pattern in which a sign stands for any text.
    Pattern {
        /// Name of the field in filters.
        name: String,
        /// The whole pattern.
        pattern: String,
    },
    /// A query parameter, in the dialect of parameters.
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A condition that the manifest wrote in the language itself.
    Native(Value),
}

/// How a field is compared with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Contains the text.
    Contains,
    /// Starts with the text.
    StartsWith,
}

impl Expression {
    /// Joins conditions: every one must hold.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            Some(last) => {
                flat.push(last);
                Self::All(flat)
            }
            None => Self::All(flat),
        }
    }

    /// Joins conditions of which at least one must hold; none when there are none.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::All(inner) if inner.is_empty() => return Some(Self::All(inner)),
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        let last = flat.pop()?;
        if flat.is_empty() {
            return Some(last);
        }
        flat.push(last);
        Some(Self::Any(flat))
    }

    /// Compares a field with a constant; with null it asks whether there is a value.
    #[must_use]
    pub fn compare(name: &str, comparison: Comparison, constant: Constant) -> Self {
        match constant {
            Constant::Null => Self::Missing {
                name: name.to_owned(),
                missing: comparison != Comparison::Ne,
            },
            constant => Self::Compare {
                name: name.to_owned(),
                comparison,
                constant,
            },
        }
    }

    /// Asks whether a field is one of some constants, nulls among them; none when there are none.
    #[must_use]
    pub fn one_of(name: &str, constants: Vec<Constant>) -> Option<Self> {
        let (nulls, mut constants): (Vec<_>, Vec<_>) =
            constants.into_iter().partition(|constant| *constant == Constant::Null);
        let missing = (!nulls.is_empty()).then(|| Self::Missing {
            name: name.to_owned(),
            missing: true,
        });
        let listed = match constants.len() {
            0 => None,
            1 => constants
                .pop()
                .map(|constant| Self::compare(name, Comparison::Eq, constant)),
            _ => Some(Self::In {
                name: name.to_owned(),
                constants,
            }),
        };
        Self::any(listed.into_iter().chain(missing))
    }
}

/// One term of a sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortTerm {
    /// Name of the field in sorts.
    pub name: String,
    /// Which way.
    pub direction: Direction,
}

/// A condition as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The value of the variable `where`: text or JSON.
    pub condition: Value,
    /// Query parameters, in the dialect of parameters.
    pub parameters: Vec<(String, String)>,
}

/// How much of the language of filters a system offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// The dialect.
    pub dialect: Dialect,
    /// Whether a list of constants is written as one condition (`in`) instead of a chain of `or`.
    pub in_lists: bool,
}

impl Language {
    /// Returns whether conditions can be joined by "or".
    #[must_use]
    pub const fn has_or(self) -> bool {
        !matches!(self.dialect, Dialect::Oslc | Dialect::Parameters)
    }

    /// Returns whether conditions are text of which an address has to hold all.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self.dialect, Dialect::DomainPrefix | Dialect::DomainNested)
    }

    /// Returns whether a field can be one of several constants in one condition.
    #[must_use]
    pub const fn has_in(self) -> bool {
        self.has_or() || matches!(self.dialect, Dialect::Oslc)
    }

    /// Writes a condition.
    #[must_use]
    pub fn write(self, expression: &Expression) -> Written {
        let (condition, parameters) = match self.dialect {
            Dialect::OdataV2 => (
                Value::String(odata::write(expression, odata::Version::V2, self.in_lists)),
                Vec::new(),
            ),
            Dialect::OdataV4 => (
                Value::String(odata::write(expression, odata::Version::V4, self.in_lists)),
                Vec::new(),
            ),
            Dialect::Oslc => (Value::String(oslc::write(expression)), Vec::new()),
            Dialect::DomainPrefix => (domain::write_prefix(expression), Vec::new()),
            Dialect::DomainNested => (domain::write_nested(expression), Vec::new()),
            Dialect::Parameters => (Value::String(String::new()), parameters::collect(expression)),
        };
        Written { condition, parameters }
    }

    /// Writes a sort.
    #[must_use]
    pub fn write_order(self, terms: &[SortTerm], separator: &str) -> Value {
        match self.dialect {
            Dialect::DomainNested => domain::order_nested(terms),
            Dialect::OdataV2 | Dialect::OdataV4 | Dialect::DomainPrefix => {
                join(terms, separator, |term| match term.direction {
                    Direction::Ascending => format!("{} asc", term.name),
                    Direction::Descending => format!("{} desc", term.name),
                })
            }
            Dialect::Oslc => join(terms, separator, |term| match term.direction {
                Direction::Ascending => format!("+{}", term.name),
                Direction::Descending => format!("-{}", term.name),
            }),
            Dialect::Parameters => join(terms, separator, |term| match term.direction {
                Direction::Ascending => term.name.clone(),
                Direction::Descending => format!("-{}", term.name),
            }),
        }
    }

    /// Writes a text for use inside a quoted text of an address, as in `Vendors('{{key}}')`.
    #[must_use]
    pub fn escape_quoted(self, text: &str) -> String {
        match self.dialect {
            Dialect::OdataV2 | Dialect::OdataV4 => text.replace('\'', "''"),
            _ => text.to_owned(),
        }
    }

    /// Writes a text for use inside a quoted text of a query, as in `siteid="{{key}}"`.
    #[must_use]
    pub fn escape_in_query(self, text: &str) -> String {
        match self.dialect {
            Dialect::Oslc => oslc::escaped(text),
            _ => self.escape_quoted(text),
        }
    }

    /// Returns whether a comparison with this text lets through more than the text itself, because a sign of it
    /// stands for any text and cannot be escaped.
    #[must_use]
    pub fn widens(self, text: &str, wildcard: Option<&str>) -> bool {
        match self.dialect {
            Dialect::Oslc => text.contains(['%', '_']) || text == "*",
            _ => wildcard.is_some_and(|sign| text.contains(sign)),
        }
    }
}

fn join(terms: &[SortTerm], separator: &str, write: impl Fn(&SortTerm) -> String) -> Value {
    Value::String(terms.iter().map(write).collect::<Vec<_>>().join(separator))
}
