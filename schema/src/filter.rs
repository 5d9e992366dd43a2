//! Filters over unified fields, and what they mean for a record.

use std::cmp::Ordering;

use crate::{catalogue::FieldIndex, key::GlobalId, record::Record, value::Value};

/// A condition over the fields of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every part holds; empty holds always.
    All(Vec<Filter>),
    /// At least one part holds; empty never holds.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// One field meets one condition.
    Field(Condition),
}

/// One field, one operator, one operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field; for `Money` and `Quantity` its number is meant.
    pub field: FieldIndex,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// Is exactly.
    Eq,
    /// Is not, or is missing.
    Ne,
    /// Is one of.
    In,
    /// Is greater than.
    Gt,
    /// Is greater than or equal to.
    Gte,
    /// Is less than.
    Lt,
    /// Is less than or equal to.
    Lte,
    /// Contains the text, without regard to case.
    Contains,
    /// Starts with the text, without regard to case.
    StartsWith,
    /// Is missing (`true`) or present (`false`).
    IsNull,
}

impl Operator {
    /// Every operator.
    pub const ALL: &[Self] = &[
        Self::Eq,
        Self::Ne,
        Self::In,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::Contains,
        Self::StartsWith,
        Self::IsNull,
    ];

    /// Returns its name in GraphQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::In => "in",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::IsNull => "isNull",
        }
    }

    /// Finds an operator by its name in GraphQL.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operator| operator.name() == name)
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// One value.
    One(Value),
    /// Several values, for `In`.
    Many(Vec<Value>),
    /// Ids of referenced records, before they are resolved for one connection.
    Ids(Vec<GlobalId>),
    /// The flag of `IsNull`.
    Flag(bool),
}

impl Filter {
    /// Returns a filter that always holds.
    #[must_use]
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Returns whether it always holds by its form.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.iter().all(Self::is_always))
    }

    /// Returns whether it never holds by its form.
    #[must_use]
    pub fn is_never(&self) -> bool {
        match self {
            Self::Any(parts) => parts.iter().all(Self::is_never),
            Self::All(parts) => parts.iter().any(Self::is_never),
            Self::Field(condition) => matches!(&condition.operand, Operand::Many(values) if values.is_empty()),
            Self::Not(_) => false,
        }
    }

    /// Joins two filters: both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if b.is_always() => a,
            (a, b) if a.is_always() => b,
            (Self::All(mut a), Self::All(b)) => {
                a.extend(b);
                Self::All(a)
            }
            (Self::All(mut a), b) => {
                a.push(b);
                Self::All(a)
            }
            (a, Self::All(mut b)) => {
                b.insert(0, a);
                Self::All(b)
            }
            (a, b) => Self::All(vec![a, b]),
        }
    }

    /// Returns whether a record meets it. This is the meaning that every pushed-down filter must keep.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::Field(condition) => condition.holds_for(record.get(condition.field)),
        }
    }

    /// Calls a function for every field that it reads.
    pub fn for_each_field(&self, visit: &mut impl FnMut(FieldIndex)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.for_each_field(visit)),
            Self::Not(part) => part.for_each_field(visit),
            Self::Field(condition) => visit(condition.field),
        }
    }
}

impl Condition {
    /// Returns whether a value meets the condition.
    #[must_use]
    pub fn holds_for(&self, value: &Value) -> bool {
        let value = number_of(value);
        match (&self.operator, &self.operand) {
            (Operator::IsNull, Operand::Flag(wanted)) => value.is_null() == *wanted,
            (Operator::Eq, Operand::One(operand)) => !value.is_null() && equal(value, operand),
            (Operator::Ne, Operand::One(operand)) => !equal(value, operand),
            (Operator::In, Operand::Many(operands)) => {
                !value.is_null() && operands.iter().any(|operand| equal(value, operand))
            }
            (Operator::Gt, Operand::One(operand)) => ordered(value, operand, |order| order == Ordering::Greater),
            (Operator::Gte, Operand::One(operand)) => ordered(value, operand, |order| order != Ordering::Less),
            (Operator::Lt, Operand::One(operand)) => ordered(value, operand, |order| order == Ordering::Less),
            (Operator::Lte, Operand::One(operand)) => ordered(value, operand, |order| order != Ordering::Greater),
            (Operator::Contains, Operand::One(operand)) => folded(value, operand, |text, part| text.contains(part)),
            (Operator::StartsWith, Operand::One(operand)) => {
                folded(value, operand, |text, part| text.starts_with(part))
            }
            _ => false,
        }
    }
}

/// For `Money` and `Quantity` the first slot is the number that filters and sorts mean.
#[must_use]
pub fn number_of(value: &Value) -> &Value {
    match value {
        Value::Object(object) => object.slots.first().unwrap_or(value),
        other => other,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a == b,
        _ => {
            a.is_null() == b.is_null()
                && std::mem::discriminant(a) == std::mem::discriminant(b)
                && a.compare(b) == Ordering::Equal
        }
    }
}

fn ordered(a: &Value, b: &Value, test: impl Fn(Ordering) -> bool) -> bool {
    !a.is_null() && !b.is_null() && test(a.compare(b))
}

fn folded(text: &Value, part: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
    match (text, part) {
        (Value::Text(text), Value::Text(part)) => test(&text.to_lowercase(), &part.to_lowercase()),
        _ => false,
    }
}
