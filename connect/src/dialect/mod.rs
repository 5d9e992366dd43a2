//! Filter languages: a neutral expression and how each language writes it.
//!
//! Expressions hold names of the source system and typed constants. Every writer escapes on its own, so no value
//! that a client sends can change the form of a condition.

mod constant;
mod domain;
mod odata;
mod oslc;
mod own;
mod parameters;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use lineshaft_schema::{Direction, Operator};
use serde_json::Value;

pub(crate) use constant::moment_of;
pub use constant::{Constant, LiteralKind};
pub(crate) use own::Own;

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
    /// What is sorted by.
    pub by: SortedBy,
}

/// What a sort is by, as far as systems sort it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// A field.
    Field,
    /// A field that is a text, which systems may sort by rules of their own.
    Text,
    /// A part of the key, which every row has.
    Key,
}

/// A condition as it is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The value of the variable `where`: text or JSON.
    pub condition: Value,
    /// Query parameters, in the dialect of parameters.
    pub parameters: Vec<(String, String)>,
    /// The values that stand beside the text: the variable `where_values`.
    pub values: Vec<Value>,
    /// What joins comparisons by their numbers: the variable `where_expression`.
    pub expression: String,
}

/// How much of the language of filters a system offers.
#[derive(Clone, Debug)]
pub struct Language(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// A dialect, and whether a list of constants is written as one condition (`in`) instead of a chain of `or`.
    Dialect { dialect: Dialect, in_lists: bool },
    /// One that the manifest describes.
    Own(Arc<Own>),
}

impl Language {
    /// Returns the language of a dialect; `in_lists` says that a list of constants is written as one condition.
    #[must_use]
    pub const fn of(dialect: Dialect, in_lists: bool) -> Self {
        Self(Kind::Dialect { dialect, in_lists })
    }

    /// Returns a language that a manifest describes.
    pub(crate) const fn described(own: Arc<Own>) -> Self {
        Self(Kind::Own(own))
    }

    fn is(&self, wanted: &[Dialect]) -> bool {
        matches!(&self.0, Kind::Dialect { dialect, .. } if wanted.contains(dialect))
    }

    /// Returns the language that a manifest describes, if it does.
    pub(crate) fn own(&self) -> Option<&Own> {
        match &self.0 {
            Kind::Own(own) => Some(own),
            Kind::Dialect { .. } => None,
        }
    }

    /// Returns whether conditions are query parameters.
    #[must_use]
    pub fn is_parameters(&self) -> bool {
        self.is(&[Dialect::Parameters])
    }

    /// Returns what joins the names of a path.
    #[must_use]
    pub fn path(&self) -> &str {
        match &self.0 {
            Kind::Own(own) => own.path(),
            Kind::Dialect {
                dialect: Dialect::OdataV2 | Dialect::OdataV4,
                ..
            } => "/",
            Kind::Dialect { .. } => ".",
        }
    }

    /// Returns whether a name, safe in every dialect, may stand in conditions and sorts.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        self.own().is_none_or(|own| own.is_name(name))
    }

    /// Returns whether names are quoted wherever they stand.
    pub(crate) fn quotes_names(&self) -> bool {
        self.own().is_some_and(Own::quotes_names)
    }

    /// Returns whether the system takes texts for equal that are not the same.
    pub(crate) fn collates(&self) -> bool {
        self.own().is_some_and(Own::collates)
    }

    /// Returns whether conditions can be joined by "or".
    #[must_use]
    pub fn has_or(&self) -> bool {
        match self.own() {
            Some(own) => own.has_or(),
            None => !self.is(&[Dialect::Oslc, Dialect::Parameters]),
        }
    }

    /// Returns whether conditions that are joined by "and" can be joined by "or".
    #[must_use]
    pub fn has_or_of_all(&self) -> bool {
        self.own().map_or_else(|| self.has_or(), Own::has_or_of_all)
    }

    /// Returns whether conditions are text of which an address has to hold all.
    #[must_use]
    pub fn is_text(&self) -> bool {
        match self.own() {
            Some(own) => own.is_text(),
            None => !self.is(&[Dialect::DomainPrefix, Dialect::DomainNested]),
        }
    }

    /// Returns whether lists of constants have to be short.
    #[must_use]
    pub fn bounds_lists(&self) -> bool {
        self.own().is_some() || self.is_text()
    }

    /// Returns whether a field can be one of several constants in one condition.
    #[must_use]
    pub fn has_in(&self) -> bool {
        match self.own() {
            Some(own) => own.has_in(),
            None => self.has_or() || self.is(&[Dialect::Oslc]),
        }
    }

    /// Returns whether there is a form for an operator; `by_pattern` says that searches are comparisons with a pattern.
    pub(crate) fn has(&self, operator: Operator, by_pattern: bool) -> bool {
        self.own().is_none_or(|own| own.has(operator, by_pattern))
    }

    /// Returns whether only texts of ASCII are searched for: these systems leave it to their database to ignore case, and
    /// not every database does so beyond ASCII.
    #[must_use]
    pub fn searches_ascii(&self) -> bool {
        match self.own() {
            Some(own) => own.searches_ascii(),
            None => self.is(&[Dialect::DomainPrefix, Dialect::DomainNested]),
        }
    }

    /// Returns whether an empty text is something else than no value.
    #[must_use]
    pub fn tells_empty(&self) -> bool {
        match self.own() {
            Some(own) => own.tells_empty(),
            None => self.is(&[Dialect::OdataV2, Dialect::OdataV4, Dialect::DomainNested]),
        }
    }

    /// Returns whether `false` is how no value is written.
    #[must_use]
    pub fn writes_null_as_false(&self) -> bool {
        self.is(&[Dialect::DomainPrefix])
    }

    /// Returns whether a text can stand in a condition at all.
    pub(crate) fn takes(&self, text: &str) -> bool {
        self.own().is_none_or(|own| own.takes(text))
    }

    /// Tells whether a condition lets through more than it says when it is written; nothing when it cannot be written.
    pub(crate) fn widened(&self, expression: &Expression) -> Option<bool> {
        match self.own() {
            Some(own) => own.prepare(expression).map(|prepared| prepared.widened),
            None => Some(false),
        }
    }

    /// Returns how many whole conditions a condition becomes where parts cannot be kept together.
    pub(crate) fn alternatives(&self, expression: &Expression) -> usize {
        let Some(own) = self.own() else { return 1 };
        own.prepare(expression)
            .map_or(1, |prepared| own.alternatives(&prepared))
    }

    /// Writes a condition; nothing when the language cannot hold it.
    #[must_use]
    pub fn write(&self, expression: &Expression) -> Option<Written> {
        let (dialect, in_lists) = match &self.0 {
            Kind::Own(own) => return own.write(expression),
            Kind::Dialect { dialect, in_lists } => (*dialect, *in_lists),
        };
        let (condition, parameters) = match dialect {
            Dialect::OdataV2 => (
                Value::String(odata::write(expression, odata::Version::V2, in_lists)),
                Vec::new(),
            ),
            Dialect::OdataV4 => (
                Value::String(odata::write(expression, odata::Version::V4, in_lists)),
                Vec::new(),
            ),
            Dialect::Oslc => (Value::String(oslc::write(expression)), Vec::new()),
            Dialect::DomainPrefix => (domain::write_prefix(expression), Vec::new()),
            Dialect::DomainNested => (domain::write_nested(expression), Vec::new()),
            Dialect::Parameters => (Value::String(String::new()), parameters::collect(expression)),
        };
        Some(Written {
            condition,
            parameters,
            ..Written::default()
        })
    }

    /// Returns the word for a direction of sorts.
    pub(crate) fn direction(&self, direction: Direction) -> &str {
        match (self.own(), direction) {
            (Some(own), direction) => own.direction(direction),
            (None, Direction::Ascending) => "asc",
            (None, Direction::Descending) => "desc",
        }
    }

    /// Writes a sort.
    #[must_use]
    pub fn write_order(&self, terms: &[SortTerm], separator: &str) -> Value {
        let dialect = match &self.0 {
            Kind::Own(own) => return own.write_order(terms, separator),
            Kind::Dialect { dialect, .. } => *dialect,
        };
        match dialect {
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
    pub fn escape_quoted(&self, text: &str) -> String {
        if self.is(&[Dialect::OdataV2, Dialect::OdataV4]) {
            return text.replace('\'', "''");
        }
        self.own().map_or_else(|| text.to_owned(), |own| own.escape(text))
    }

    /// Writes a text for use inside a quoted text of a query, as in `siteid="{{key}}"`.
    #[must_use]
    pub fn escape_in_query(&self, text: &str) -> String {
        if self.is(&[Dialect::Oslc]) {
            return oslc::escaped(text);
        }
        if self.own().is_some_and(|own| !own.is_text()) || self.is(&[Dialect::DomainPrefix, Dialect::DomainNested]) {
            // Conditions that are written down in an address are JSON.
            return escape_json(text);
        }
        self.escape_quoted(text)
    }

    /// Returns whether a comparison with this text lets through more than the text itself, because a sign of it
    /// stands for any text and cannot be escaped; `searches` says that the text is searched for.
    #[must_use]
    pub fn widens(&self, text: &str, wildcard: Option<&str>, searches: bool) -> bool {
        if self.is(&[Dialect::Oslc]) {
            return text.contains(['%', '_']) || text == "*";
        }
        wildcard.is_some_and(|sign| text.contains(sign))
            || self.collates()
            || (searches && self.own().is_some_and(|own| own.search_widens(text)))
    }
}

fn join(terms: &[SortTerm], separator: &str, write: impl Fn(&SortTerm) -> String) -> Value {
    Value::String(terms.iter().map(write).collect::<Vec<_>>().join(separator))
}

/// Writes a text for use inside a text of JSON.
fn escape_json(text: &str) -> String {
    let written = Value::from(text).to_string();
    let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// Puts an escape before some signs.
fn escape_signs(text: &str, signs: &str, escape: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if signs.contains(sign) {
            escaped.push_str(escape);
        }
        escaped.push(sign);
    }
    escaped
}
