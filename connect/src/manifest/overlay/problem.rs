//! What is wrong with an overlay, or is lost by it, with the place where it stands.

use std::fmt;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The overlay cannot be used as it is.
    Error,
    /// It can, but does less than it may seem.
    Warning,
}

/// What kind of problem it is; the names are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemCode {
    /// There is no such entity, or the connector does not map it.
    UnknownEntity,
    /// The entity has no such field.
    UnknownField,
    /// The system does not know the field that a path names.
    UnknownRemoteField,
    /// The value does not fit the type of the field.
    WrongType,
    /// Values are lost on the way.
    LossyCodec,
    /// The field cannot be written though the overlay says so.
    NotInvertible,
    /// The expression cannot be read.
    InvalidExpression,
    /// The model has the name already.
    NameTaken,
    /// The same field is defined with another type elsewhere.
    TypeConflict,
    /// The mapping is not well-formed.
    InvalidMapping,
    /// The field could be written before.
    LosesWrite,
    /// The system filtered or sorted by the field before.
    LosesFilter,
    /// What the overlay changes is not there any more.
    NoLongerThere,
}

impl ProblemCode {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownEntity => "UNKNOWN_ENTITY",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::UnknownRemoteField => "UNKNOWN_REMOTE_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::LossyCodec => "LOSSY_CODEC",
            Self::NotInvertible => "NOT_INVERTIBLE",
            Self::InvalidExpression => "INVALID_EXPRESSION",
            Self::NameTaken => "NAME_TAKEN",
            Self::TypeConflict => "TYPE_CONFLICT",
            Self::InvalidMapping => "INVALID_MAPPING",
            Self::LosesWrite => "LOSES_WRITE",
            Self::LosesFilter => "LOSES_FILTER",
            Self::NoLongerThere => "NO_LONGER_THERE",
        }
    }
}

/// One thing that is wrong with an overlay, or is lost by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayProblem {
    /// How much it weighs.
    pub severity: Severity,
    /// What kind it is.
    pub code: ProblemCode,
    /// JSON pointer into the overlay, such as `/entities/PurchaseOrder/custom/costCenter/source/path`.
    pub pointer: String,
    /// The line of the YAML text, from 1, when there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// How to put it right, when that is known.
    pub help: Option<String>,
}

impl OverlayProblem {
    /// Makes a problem because of which the overlay cannot be used.
    pub fn error(code: ProblemCode, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            pointer: pointer.into(),
            line: None,
            message: message.into(),
            help: None,
        }
    }

    /// Makes a problem in spite of which the overlay can be used.
    pub fn warning(code: ProblemCode, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, pointer, message)
        }
    }

    /// Adds how to put it right.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns whether the overlay cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Returns the entity that it is about.
    #[must_use]
    pub fn entity(&self) -> Option<String> {
        self.segments().nth(1)
    }

    /// Returns the field that it is about.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        let section = self.segments().nth(2)?;
        matches!(section.as_str(), "fields" | "custom")
            .then(|| self.segments().nth(3))
            .flatten()
    }

    /// Returns the names on the way to its place.
    pub(crate) fn segments(&self) -> impl Iterator<Item = String> {
        let names = self.pointer.split('/').skip(1);
        names.map(|name| name.replace("~1", "/").replace("~0", "~"))
    }
}

impl fmt::Display for OverlayProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.code.as_str(), self.pointer, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
