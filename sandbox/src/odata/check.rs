//! Checks a filter against an entity: names exist, functions are offered, and every literal has the
//! type of the property it is compared with.

use super::{
    Flavour, Service,
    filter::{Comparison, Expression, Operand},
    lexer::Literal,
    model::{Entity, Kind},
    problem::Problem,
    value::Value,
};

/// Returns the filter with its literals brought to the kinds of their properties.
pub(crate) fn check(service: &Service, entity: &Entity, filter: Expression) -> Result<Expression, Problem> {
    Checker { service, entity }.expression(filter)
}

/// Brings the literal of a key to the kind of its property.
pub(crate) fn key_value(service: &Service, entity: &Entity, name: &str, literal: Literal) -> Result<Value, Problem> {
    let checker = Checker { service, entity };
    checker.convert(name, checker.kind(name)?, literal)
}

struct Checker<'a> {
    service: &'a Service,
    entity: &'a Entity,
}

impl Checker<'_> {
    fn expression(&self, filter: Expression) -> Result<Expression, Problem> {
        Ok(match filter {
            Expression::Or(terms) => Expression::Or(self.all(terms)?),
            Expression::And(terms) => Expression::And(self.all(terms)?),
            Expression::Not(inner) => Expression::Not(Box::new(self.expression(*inner)?)),
            Expression::Compare(left, comparison, right) => self.comparison(left, comparison, right)?,
            Expression::Test(Operand::Property(name)) if *self.kind(&name)? == Kind::Flag => {
                Expression::Test(Operand::Property(name))
            }
            Expression::Test(Operand::Call(name, arguments)) if is_condition(&name) => {
                Expression::Test(self.call(name, arguments)?)
            }
            Expression::Test(_) => {
                return Err(Problem::bad(
                    "The $filter expression must evaluate to a single boolean value.",
                ));
            }
            Expression::Each {
                navigation,
                all,
                condition,
            } => self.each(navigation, all, condition)?,
            other => other,
        })
    }

    fn all(&self, terms: Vec<Expression>) -> Result<Vec<Expression>, Problem> {
        terms.into_iter().map(|term| self.expression(term)).collect()
    }

    fn each(&self, navigation: String, all: bool, condition: Option<Box<Expression>>) -> Result<Expression, Problem> {
        let link = self.entity.navigations.get(&navigation);
        let Some(target) = link.and_then(|link| self.service.data.model.sets.get(&link.target)) else {
            return Err(self.no_property(&navigation));
        };
        let condition = match condition {
            Some(condition) => Some(Box::new(check(self.service, target, *condition)?)),
            None => None,
        };
        Ok(Expression::Each {
            navigation,
            all,
            condition,
        })
    }

    fn comparison(&self, left: Operand, comparison: Comparison, right: Operand) -> Result<Expression, Problem> {
        let (left, right) = match (left, right) {
            (Operand::Property(name), Operand::Literal(literal)) => {
                let kind = self.kind(&name)?;
                let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                if matches!(kind, Kind::Enumeration(_)) && !is_equality {
                    return Err(Problem::bad("Only eq and ne are supported on enumerations."));
                }
                if let (Flavour::Dynamics, Literal::Text(pattern)) = (self.service.flavour, &literal)
                    && pattern.contains('*')
                    && is_equality
                {
                    return self.pattern(name, kind, comparison, pattern);
                }
                let value = self.convert(&name, kind, literal)?;
                (Operand::Property(name), Operand::Value(value))
            }
            (Operand::Literal(literal), Operand::Property(name)) => {
                return self.comparison(Operand::Property(name), comparison.turned(), Operand::Literal(literal));
            }
            (Operand::Property(left), Operand::Property(right)) => {
                if self.kind(&left)?.edm() != self.kind(&right)?.edm() {
                    return Err(incompatible(self.kind(&left)?.edm(), self.kind(&right)?.edm()));
                }
                (Operand::Property(left), Operand::Property(right))
            }
            (Operand::Call(name, arguments), Operand::Literal(literal)) => {
                (self.call(name, arguments)?, Operand::Value(plain(literal)))
            }
            (Operand::Literal(left), Operand::Literal(right)) => {
                (Operand::Value(plain(left)), Operand::Value(plain(right)))
            }
            _ => return Err(Problem::bad("The operands of the comparison are not supported.")),
        };
        Ok(Expression::Compare(left, comparison, right))
    }

    fn pattern(
        &self,
        property: String,
        kind: &Kind,
        comparison: Comparison,
        pattern: &str,
    ) -> Result<Expression, Problem> {
        if !matches!(kind, Kind::Text { .. }) {
            return Err(incompatible(kind.edm(), "Edm.String"));
        }
        let matches = Expression::Matches {
            property,
            pattern: pattern.to_lowercase(),
        };
        Ok(match comparison {
            Comparison::NotEqual => Expression::Not(Box::new(matches)),
            _ => matches,
        })
    }

    fn call(&self, name: String, arguments: Vec<Operand>) -> Result<Operand, Problem> {
        let offered: &[&str] = match self.service.flavour {
            Flavour::SapV2 => &["substringof", "startswith", "endswith", "tolower", "toupper"],
            Flavour::SapV4 => &["contains", "startswith", "endswith", "tolower", "toupper"],
            Flavour::Dynamics => &[],
            Flavour::Standard(standard) if standard.is_v2 => {
                &["substringof", "startswith", "endswith", "tolower", "toupper"]
            }
            Flavour::Standard(_) => &["contains", "startswith", "endswith", "tolower", "toupper"],
        };
        let count = if is_condition(&name) { 2 } else { 1 };
        if !offered.contains(&name.as_str()) || arguments.len() != count {
            return Err(Problem::bad(format!("The function '{name}' is not supported.")));
        }
        let arguments = arguments.into_iter().map(|argument| self.argument(argument));
        Ok(Operand::Call(name, arguments.collect::<Result<_, _>>()?))
    }

    fn argument(&self, argument: Operand) -> Result<Operand, Problem> {
        match argument {
            Operand::Property(name) => match self.kind(&name)? {
                Kind::Text { .. } => Ok(Operand::Property(name)),
                other => Err(incompatible(other.edm(), "Edm.String")),
            },
            Operand::Literal(Literal::Text(text)) => Ok(Operand::Value(Value::Text(text))),
            Operand::Call(name, arguments) => self.call(name, arguments),
            _ => Err(Problem::bad("Invalid parameter type used in a function.")),
        }
    }

    fn kind(&self, name: &str) -> Result<&Kind, Problem> {
        let property = self.entity.properties.get(name).map(|property| &property.kind);
        property.ok_or_else(|| self.no_property(name))
    }

    fn no_property(&self, name: &str) -> Problem {
        Problem::property(name, &format!("{}.{}", self.service.namespace, self.entity.type_name))
    }

    fn convert(&self, name: &str, kind: &Kind, literal: Literal) -> Result<Value, Problem> {
        let value = match (kind, literal) {
            (_, Literal::Null) => Value::Null,
            (Kind::Text { .. }, Literal::Text(text)) => stored_text(kind, text),
            (Kind::Guid, Literal::Guid(guid)) => Value::Text(guid),
            (Kind::Flag, Literal::Flag(flag)) => Value::Flag(flag),
            (Kind::Integer | Kind::Long | Kind::Decimal | Kind::Double, Literal::Number(number)) => {
                Value::Number(number)
            }
            (Kind::DateTime, Literal::DateTime(moment)) => Value::DateTime(moment),
            (Kind::Instant | Kind::Noon | Kind::Moment, Literal::Instant(instant)) => Value::Instant(instant),
            (Kind::Date, Literal::Date(date)) => Value::Date(date),
            (Kind::Time | Kind::TimeOfDay, Literal::Time(time)) => Value::Time(time),
            (Kind::Enumeration(expected), Literal::Member(found, member)) => self.member(expected, &found, member)?,
            (kind, literal) => {
                let problem = incompatible(kind.edm(), type_of(&literal));
                tracing::debug!(property = name, "literal of another type");
                return Err(problem);
            }
        };
        Ok(value)
    }

    fn member(&self, expected: &str, found: &str, member: String) -> Result<Value, Problem> {
        let (namespace, name) = found.rsplit_once('.').unwrap_or(("", found));
        if *namespace != *self.service.namespace || name != expected {
            return Err(incompatible(&format!("{}.{expected}", self.service.namespace), found));
        }
        let members = self.service.data.model.enumerations.get(expected);
        if members.is_some_and(|members| !members.contains(&member)) {
            return Err(Problem::bad(format!(
                "The string '{member}' is not a valid enumeration type constant."
            )));
        }
        Ok(Value::Text(member))
    }
}

/// Pads a literal like the stored value but never cuts it: a text too long equals nothing.
fn stored_text(kind: &Kind, text: String) -> Value {
    match kind {
        Kind::Text {
            length: Some(length),
            padded: true,
            ..
        } if text.chars().count() <= *length => kind.store(Value::Text(text)),
        _ => Value::Text(text),
    }
}

fn plain(literal: Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Text(text) | Literal::Guid(text) | Literal::Member(_, text) => Value::Text(text),
        Literal::Flag(flag) => Value::Flag(flag),
        Literal::Number(number) => Value::Number(number),
        Literal::DateTime(moment) => Value::DateTime(moment),
        Literal::Instant(instant) => Value::Instant(instant),
        Literal::Date(date) => Value::Date(date),
        Literal::Time(time) => Value::Time(time),
    }
}

fn type_of(literal: &Literal) -> &str {
    match literal {
        Literal::Null => "null",
        Literal::Text(_) => "Edm.String",
        Literal::Flag(_) => "Edm.Boolean",
        Literal::Number(_) => "Edm.Decimal",
        Literal::DateTime(_) => "Edm.DateTime",
        Literal::Instant(_) => "Edm.DateTimeOffset",
        Literal::Date(_) => "Edm.Date",
        Literal::Time(_) => "Edm.TimeOfDay",
        Literal::Guid(_) => "Edm.Guid",
        Literal::Member(name, _) => name,
    }
}

fn is_condition(function: &str) -> bool {
    matches!(function, "substringof" | "contains" | "startswith" | "endswith")
}

fn incompatible(left: &str, right: &str) -> Problem {
    Problem::bad(format!(
        "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}'."
    ))
}

impl Comparison {
    /// Returns the comparison with its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            same => same,
        }
    }
}
