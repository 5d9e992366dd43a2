//! Conditions on unified fields turned into conditions in terms of the source system.

use std::collections::BTreeMap;

use lineshaft_schema::{Condition, Filter, Operand, Operator, RemoteKey, Value};

use super::key_groups::group_rows;
use crate::{
    capability::Precision,
    codec::{CompiledCodec, Literal},
    dialect::{Comparison, Constant, Expression, Language, LiteralKind, moment_of},
    json,
    mapping::{CompiledField, CompiledMapping},
};

/// What the system can do with the conditions on one field.
#[derive(Clone, Debug)]
pub(crate) struct FilterRule {
    /// What the names mean.
    pub(super) names: Names,
    /// Operators as the manifest lists them.
    pub(super) operators: BTreeMap<Operator, Precision>,
    /// The query parameters of operators, in the dialect of parameters.
    pub(super) parameters: BTreeMap<Operator, Parameter>,
    /// Constants besides null that mean "nothing".
    pub(super) empty: Vec<Constant>,
    /// The same as texts, as far as the manifest lists them.
    pub(super) empty_texts: Vec<String>,
    /// The sign that stands for any text.
    pub(super) wildcard: Option<String>,
    /// Whether every row has a value.
    pub(super) never_null: bool,
}

/// Names of a field in filters.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    /// One value that may stand under any of several names.
    Any(Vec<KeyPart>),
    /// The parts of a composite key.
    Parts(Vec<KeyPart>),
}

/// A name in filters with the type of its literals.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyPart {
    /// The name.
    pub(crate) name: String,
    /// The type, when the codec does not tell.
    pub(crate) kind: Option<LiteralKind>,
}

/// A query parameter that filters.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(super) name: String,
    pub(super) separator: Option<String>,
    pub(super) before: String,
    pub(super) add: Option<i64>,
    pub(super) after: String,
}

/// What is needed to turn conditions of one resource.
#[derive(Clone, Copy)]
pub(crate) struct Lowering<'a> {
    pub(crate) mapping: &'a CompiledMapping,
    pub(crate) rules: &'a BTreeMap<lineshaft_schema::FieldIndex, FilterRule>,
    pub(crate) language: &'a Language,
    /// Most values in one list, for languages that stand in addresses.
    pub(crate) most_values: usize,
}

impl Lowering<'_> {
    /// Turns a whole filter; nothing when a part of it cannot be turned.
    pub(crate) fn filter(&self, filter: &Filter) -> Option<Expression> {
        match filter {
            Filter::All(parts) => Some(Expression::all(
                parts.iter().map(|part| self.filter(part)).collect::<Option<Vec<_>>>()?,
            )),
            Filter::Any(parts) if self.language.has_or() => {
                let any = Expression::any(parts.iter().map(|part| self.filter(part)).collect::<Option<Vec<_>>>()?)?;
                self.language.widened(&any).map(|_| any)
            }
            Filter::Any(_) | Filter::Not(_) => None,
            Filter::Field(condition) => self.condition(condition).map(|(expression, _)| expression),
        }
    }

    /// Turns one condition and tells how well the system applies it.
    pub(crate) fn condition(&self, condition: &Condition) -> Option<(Expression, Precision)> {
        let rule = self.rules.get(&condition.field)?;
        let field = self.mapping.field(condition.field);
        let codec = field.and_then(CompiledField::codec);
        if field.is_some_and(CompiledField::is_decided) && !can_write(rule, codec, condition) {
            return None;
        }
        if self.language.is_parameters() {
            return self.parameter(rule, codec, condition);
        }
        let listed = |operator| rule.operators.get(&operator).copied();
        let precision = match condition.operator {
            Operator::Eq => listed(Operator::Eq).or_else(|| listed(Operator::In)),
            Operator::In => listed(Operator::In).or_else(|| listed(Operator::Eq).filter(|_| self.language.has_in())),
            other => listed(other),
        }?;
        let mut widened = self.widens(rule, condition)?;
        let expression = match (condition.operator, &condition.operand) {
            (Operator::Eq, Operand::One(value)) => self.one_of(rule, codec, std::slice::from_ref(value))?,
            (Operator::In, Operand::Many(values))
                if !self.language.bounds_lists() || values.len() <= self.most_values =>
            {
                self.one_of(rule, codec, values)?
            }
            (Operator::Ne, Operand::One(value)) => Self::not_equal(rule, codec, value)?,
            (Operator::IsNull, Operand::Flag(missing)) => self.missing(rule, *missing)?,
            (Operator::Contains, Operand::One(Value::Text(text))) => {
                self.text(rule, codec, Comparison::Contains, text)?
            }
            (Operator::StartsWith, Operand::One(Value::Text(text))) => {
                self.text(rule, codec, Comparison::StartsWith, text)?
            }
            (operator, Operand::One(value)) => self.compared(rule, codec, comparison_of(operator)?, value)?,
            _ => return None,
        };
        widened |= self.language.widened(&expression)?;
        let asks = matches!(condition.operator, Operator::Eq | Operator::In);
        let lets_more = widened || rule.lets_empty_through(condition) || (asks && rule.means_empty(&expression));
        Some((expression, if lets_more { Precision::Coarse } else { precision }))
    }

    /// Tells whether signs in the operand make the condition let through more; nothing when it would let through less.
    fn widens(&self, rule: &FilterRule, condition: &Condition) -> Option<bool> {
        let searches = matches!(condition.operator, Operator::Contains | Operator::StartsWith);
        let wide = |value: &Value| match value {
            Value::Text(text) => self.language.widens(text, rule.wildcard.as_deref(), searches),
            Value::Reference(key) => key
                .parts()
                .iter()
                .any(|part| self.language.widens(part, rule.wildcard.as_deref(), searches)),
            Value::Enum(..) => self.language.collates(),
            _ => false,
        };
        let wide = match &condition.operand {
            Operand::One(value) => wide(value),
            Operand::Many(values) => values.iter().any(wide),
            _ => false,
        };
        if self.language.searches_ascii()
            && searches
            && !matches!(&condition.operand, Operand::One(Value::Text(text)) if text.is_ascii())
        {
            return None;
        }
        match condition.operator {
            Operator::Eq | Operator::In | Operator::Contains | Operator::StartsWith => Some(wide),
            _ if wide && condition.operator == Operator::Ne => None,
            _ => Some(false),
        }
    }

    fn one_of(&self, rule: &FilterRule, codec: Option<&CompiledCodec>, values: &[Value]) -> Option<Expression> {
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        match &rule.names {
            Names::Parts(parts) => {
                let mut rows = Vec::new();
                for value in values {
                    let Value::Reference(key) = value else {
                        return None;
                    };
                    rows.extend(key_rows(parts, codec, key)?);
                }
                let groups = group_rows(parts.len(), rows);
                if groups.len() > 1 && !self.language.has_or() {
                    return None;
                }
                Expression::any(
                    groups
                        .iter()
                        .map(|group| group.expression(parts))
                        .collect::<Option<Vec<_>>>()?,
                )
            }
            Names::Any(names) => {
                let mut any = Vec::new();
                for part in names {
                    let mut plain = Vec::new();
                    for value in &values {
                        if let Some(kind) = &part.kind
                            && let Value::Date(date) = value
                            && keeps_moments(kind)
                        {
                            any.push(day_range(&part.name, kind, *date)?);
                            continue;
                        }
                        plain.extend(constants(codec, part, value)?);
                    }
                    any.extend(Expression::one_of(&part.name, plain));
                }
                if any.len() > 1 && !self.language.has_or() {
                    return None;
                }
                let expression = Expression::any(any)?;
                let has_or = matches!(expression, Expression::Any(_));
                (!has_or || self.language.has_or()).then_some(expression)
            }
        }
    }

    fn not_equal(rule: &FilterRule, codec: Option<&CompiledCodec>, value: &Value) -> Option<Expression> {
        let part = rule.only_name()?;
        if value.is_null() || (matches!(value, Value::Date(_)) && part.kind.as_ref().is_some_and(keeps_moments)) {
            return None;
        }
        let constants = constants(codec, part, value)?;
        if constants.contains(&Constant::Null) {
            return None;
        }
        Some(Expression::all(constants.into_iter().map(|constant| {
            Expression::compare(&part.name, Comparison::Ne, constant)
        })))
    }

    fn missing(&self, rule: &FilterRule, missing: bool) -> Option<Expression> {
        let names = match &rule.names {
            Names::Any(names) => names.as_slice(),
            Names::Parts(parts) => parts.get(..1)?,
        };
        let one = |part: &KeyPart| {
            let null = Expression::Missing {
                name: part.name.clone(),
                missing,
            };
            let comparison = if missing { Comparison::Eq } else { Comparison::Ne };
            let empty = rule
                .empty
                .iter()
                .map(|constant| Expression::compare(&part.name, comparison, constant.clone()));
            let tests = std::iter::once(null).chain(empty);
            if missing {
                Expression::any(tests)
            } else {
                Some(Expression::all(tests))
            }
        };
        let all: Vec<Expression> = names.iter().map(one).collect::<Option<_>>()?;
        let expression = if missing {
            Expression::all(all)
        } else {
            Expression::any(all)?
        };
        (self.language.has_or() || !has_any(&expression)).then_some(expression)
    }

    fn text(
        &self,
        rule: &FilterRule,
        codec: Option<&CompiledCodec>,
        comparison: Comparison,
        text: &str,
    ) -> Option<Expression> {
        if text.is_empty() || !codec?.keeps_text() {
            return None;
        }
        let Names::Any(names) = &rule.names else {
            return None;
        };
        let one = |part: &KeyPart| match &rule.wildcard {
            Some(sign) if comparison == Comparison::Contains => Expression::Pattern {
                name: part.name.clone(),
                pattern: format!("{sign}{text}{sign}"),
            },
            Some(sign) => Expression::Pattern {
                name: part.name.clone(),
                pattern: format!("{text}{sign}"),
            },
            None => Expression::compare(&part.name, comparison, Constant::Text(text.to_owned())),
        };
        self.alternatives(names.iter().map(one))
    }

    fn compared(
        &self,
        rule: &FilterRule,
        codec: Option<&CompiledCodec>,
        comparison: Comparison,
        value: &Value,
    ) -> Option<Expression> {
        let Names::Any(names) = &rule.names else {
            return None;
        };
        if value.is_null() || matches!(value, Value::Enum(..) | Value::Reference(_)) {
            return None;
        }
        let mut any = Vec::new();
        for part in names {
            if let (Value::Date(date), Some(kind)) = (value, part.kind.as_ref().filter(|kind| keeps_moments(kind))) {
                let (from, next) = Constant::day(*date, kind)?;
                any.push(match comparison {
                    Comparison::Gt => Expression::compare(&part.name, Comparison::Gte, next),
                    Comparison::Gte => Expression::compare(&part.name, Comparison::Gte, from),
                    Comparison::Lte => Expression::compare(&part.name, Comparison::Lt, next),
                    _ => Expression::compare(&part.name, Comparison::Lt, from),
                });
                continue;
            }
            let mut constants = constants(codec, part, value)?;
            let only = constants
                .pop()
                .filter(|constant| constants.is_empty() && *constant != Constant::Null)?;
            any.push(Expression::compare(&part.name, comparison, only));
        }
        self.alternatives(any)
    }

    fn alternatives(&self, any: impl IntoIterator<Item = Expression>) -> Option<Expression> {
        Expression::any(any).filter(|expression| self.language.has_or() || !has_any(expression))
    }

    fn parameter(
        &self,
        rule: &FilterRule,
        codec: Option<&CompiledCodec>,
        condition: &Condition,
    ) -> Option<(Expression, Precision)> {
        let operators: &[Operator] = match condition.operator {
            Operator::Eq => &[Operator::Eq, Operator::In],
            Operator::In => &[Operator::In, Operator::Eq],
            _ => std::slice::from_ref(&condition.operator),
        };
        let single = |operand: &Operand| !matches!(operand, Operand::Many(values) if values.len() != 1);
        let usable = |operator: &&Operator| **operator != Operator::Eq || single(&condition.operand);
        let (parameter, precision) = operators
            .iter()
            .filter(usable)
            .find_map(|operator| Some((rule.parameters.get(operator)?, *rule.operators.get(operator)?)))?;
        let part = rule.only_name()?;
        let texts: Vec<String> = match &condition.operand {
            Operand::Flag(flag) => vec![flag.to_string()],
            Operand::One(Value::Text(text))
                if matches!(condition.operator, Operator::Contains | Operator::StartsWith) =>
            {
                if !codec?.keeps_text() {
                    return None;
                }
                vec![text.to_string()]
            }
            Operand::One(value) => parameter_texts(codec, part, value)?,
            Operand::Many(values) if values.len() <= self.most_values => {
                let texts = values
                    .iter()
                    .filter(|value| !value.is_null())
                    .map(|value| parameter_texts(codec, part, value));
                texts.collect::<Option<Vec<_>>>()?.concat()
            }
            _ => return None,
        };
        let (expression, widened) = parameter.expression(&texts)?;
        Some((expression, if widened { Precision::Coarse } else { precision }))
    }
}

impl FilterRule {
    /// Returns the only name, unless there are several.
    pub(super) fn only_name(&self) -> Option<&KeyPart> {
        match &self.names {
            Names::Any(names) | Names::Parts(names) => names.first().filter(|_| names.len() == 1),
        }
    }

    /// Returns whether every row has a value.
    pub(crate) fn never_null(&self) -> bool {
        self.never_null
    }

    /// Returns whether a comparison holds in the source for a constant that means "nothing" here.
    fn lets_empty_through(&self, condition: &Condition) -> bool {
        let (Some(comparison), Operand::One(operand)) = (comparison_of(condition.operator), &condition.operand) else {
            return false;
        };
        self.empty_texts.iter().any(|text| {
            let order = match operand {
                Value::Date(date) => moment_of(text).map(|moment| moment.date_naive().cmp(date)),
                Value::DateTime(moment) => moment_of(text).map(|empty| empty.cmp(moment)),
                Value::Integer(number) => json::decimal_of(text).map(|empty| empty.cmp(&(*number).into())),
                Value::Decimal(number) => json::decimal_of(text).map(|empty| empty.cmp(number)),
                _ => None,
            };
            order.is_none_or(|order| match comparison {
                Comparison::Gt | Comparison::Gte => order.is_ge(),
                _ => order.is_le(),
            })
        })
    }

    /// Returns whether an equality asks for a constant that means "nothing" here.
    fn means_empty(&self, expression: &Expression) -> bool {
        match expression {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().any(|part| self.means_empty(part)),
            Expression::Compare {
                comparison: Comparison::Eq,
                constant,
                ..
            } => self.empty.contains(constant),
            Expression::In { constants, .. } => constants.iter().any(|constant| self.empty.contains(constant)),
            _ => false,
        }
    }

    /// Returns the parts of the key that a reference holds.
    pub(crate) fn key_parts(&self) -> &[KeyPart] {
        match &self.names {
            Names::Any(names) | Names::Parts(names) => names,
        }
    }
}

impl Parameter {
    /// Writes values into the parameter; tells whether it lets through more because of signs in them.
    pub(crate) fn expression(&self, texts: &[String]) -> Option<(Expression, bool)> {
        let moved;
        let texts = match self.add {
            Some(add) => {
                let add = |text: &String| Some(text.parse::<i64>().ok()?.checked_add(add)?.to_string());
                moved = texts.iter().map(add).collect::<Option<Vec<_>>>()?;
                moved.as_slice()
            }
            None => texts,
        };
        let value = match (texts, &self.separator) {
            ([only], _) => only.clone(),
            ([], _) | (_, None) => return None,
            (several, Some(separator)) => several.join(separator),
        };
        let separator = self.separator.as_deref().unwrap_or("\0");
        if texts.iter().any(|text| text.is_empty() || text.contains(separator)) {
            return None;
        }
        let signs: Vec<char> = ['%', '*']
            .into_iter()
            .filter(|sign| self.before.contains(*sign) || self.after.contains(*sign))
            .collect();
        // Systems cut blanks off the values of parameters, and then find what has none.
        let blank = texts.iter().any(|text| text.trim() != text);
        let widened = blank || value.contains(signs.as_slice());
        Some((
            Expression::Parameter {
                name: self.name.clone(),
                value: format!("{}{value}{}", self.before, self.after),
            },
            widened,
        ))
    }
}

/// Returns whether the codec writes every value. No constants for one mean that no row can hold it, which is not so where
/// tests decide.
fn can_write(rule: &FilterRule, codec: Option<&CompiledCodec>, condition: &Condition) -> bool {
    let values = match &condition.operand {
        Operand::One(value) => std::slice::from_ref(value),
        Operand::Many(values) => values,
        Operand::Flag(_) | Operand::Ids(_) => &[],
    };
    let searches = matches!(condition.operator, Operator::Contains | Operator::StartsWith);
    let Some(part) = rule.only_name() else { return true };
    let written = |value: &Value| constants(codec, part, value).is_none_or(|constants| !constants.is_empty());
    searches || values.iter().filter(|value| !value.is_null()).all(written)
}

fn parameter_texts(codec: Option<&CompiledCodec>, part: &KeyPart, value: &Value) -> Option<Vec<String>> {
    let constants = constants(codec, part, value)?;
    if constants.is_empty() || constants.contains(&Constant::Null) {
        return None;
    }
    Some(constants.iter().map(Constant::text).collect())
}

fn comparison_of(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Gt => Comparison::Gt,
        Operator::Gte => Comparison::Gte,
        Operator::Lt => Comparison::Lt,
        Operator::Lte => Comparison::Lte,
        _ => return None,
    })
}

const fn keeps_moments(kind: &LiteralKind) -> bool {
    matches!(kind, LiteralKind::DateTime | LiteralKind::DateTimeOffset)
}

fn day_range(name: &str, kind: &LiteralKind, date: chrono::NaiveDate) -> Option<Expression> {
    let (from, next) = Constant::day(date, kind)?;
    Some(Expression::all([
        Expression::compare(name, Comparison::Gte, from),
        Expression::compare(name, Comparison::Lt, next),
    ]))
}

fn has_any(expression: &Expression) -> bool {
    match expression {
        Expression::Any(_) => true,
        Expression::All(parts) => parts.iter().any(has_any),
        _ => false,
    }
}

/// Writes a value as constants, any of which means it; nothing when that cannot be done exactly.
fn constants(codec: Option<&CompiledCodec>, part: &KeyPart, value: &Value) -> Option<Vec<Constant>> {
    let literals = match value {
        Value::Reference(key) => {
            let only = key.part(0).filter(|_| key.parts().len() == 1)?;
            part_literals(codec, only)?
        }
        value => codec?.encode(value).ok()?,
    };
    // No constants at all say that no row can hold the value.
    literals
        .into_iter()
        .map(|literal| Constant::of(literal, part.kind.as_ref()))
        .collect()
}

fn part_literals(codec: Option<&CompiledCodec>, part: &str) -> Option<Vec<Literal>> {
    match codec {
        Some(codec) => codec.encode_part(part).ok(),
        None => Some(vec![Literal::Text(part.to_owned())]),
    }
}

/// Writes a key as rows of constants, one for each part. Nothing when no record can have that key.
pub(crate) fn key_rows(
    parts: &[KeyPart],
    codec: Option<&CompiledCodec>,
    key: &RemoteKey,
) -> Option<Vec<Vec<Constant>>> {
    if key.parts().len() != parts.len() {
        return None;
    }
    let mut rows = vec![Vec::new()];
    for (part, text) in parts.iter().zip(key.parts()) {
        let literals = part_literals(codec, text)?;
        let choices: Vec<Constant> = literals
            .into_iter()
            .filter_map(|literal| Constant::of(literal, part.kind.as_ref()))
            .collect();
        if let [only] = choices.as_slice() {
            rows.iter_mut().for_each(|row| row.push(only.clone()));
            continue;
        }
        let mut longer = Vec::new();
        for row in &rows {
            for choice in &choices {
                let mut row = row.clone();
                row.push(choice.clone());
                longer.push(row);
            }
        }
        rows = longer;
    }
    (!rows.is_empty()).then_some(rows)
}
