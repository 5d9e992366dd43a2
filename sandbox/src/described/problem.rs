//! What a described system finds wrong with a request, before it is told in the system's own form.

use std::fmt;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A table that is not there.
    UnknownTable,
    /// A field that is not there.
    UnknownField,
    /// An operator or function that is not there.
    UnknownOperator,
    /// A text that does not parse.
    Malformed,
    /// A value that does not fit its field.
    WrongType,
    /// A value that is needed and missing.
    Missing,
    /// A value that is not allowed.
    NotAllowed,
    /// A field that cannot be written.
    ReadOnly,
    /// A parameter that is not there.
    UnknownParameter,
    /// A precondition of the system does not hold.
    Condition,
}

/// A problem with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) kind: Kind,
    /// The field, operator or parameter it is about.
    pub(crate) field: Option<String>,
    /// What is told in plain words.
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            field: None,
            message: message.into(),
        }
    }

    /// Names the field, operator or parameter.
    pub(crate) fn of(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn unknown_field(field: &str) -> Self {
        Self::new(Kind::UnknownField, format!("unknown field {field}")).of(field)
    }

    pub(crate) fn unknown_operator(operator: &str) -> Self {
        Self::new(Kind::UnknownOperator, format!("unknown operator {operator}")).of(operator)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, message)
    }

    pub(crate) fn wrong_type(field: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::WrongType, message).of(field)
    }
}

impl Kind {
    /// Returns the word for it in expressions.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::UnknownTable => "unknown_table",
            Self::UnknownField => "unknown_field",
            Self::UnknownOperator => "unknown_operator",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::Missing => "missing",
            Self::NotAllowed => "not_allowed",
            Self::ReadOnly => "read_only",
            Self::UnknownParameter => "unknown_parameter",
            Self::Condition => "condition",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
