//! The conditions of a list: by query parameters, by the languages of systems, by expressions.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{From, Look, Stop};
use crate::described::columns::{Type, read_as};
use crate::described::condition::{Case, Comparison, Condition, Match, Part, Rules, Term};
use crate::described::description::CASES;
use crate::described::form::Code;
use crate::described::language;
use crate::described::load::Loader;
use crate::described::problem::{Kind, Problem};
use crate::described::rows::Row;
use crate::described::table::Unknown;
use crate::described::yaml::{Data, Node};

/// How a parameter is compared with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Compare(Comparison),
    In,
    NotIn,
    Text(Part),
    Range,
    Missing,
}

impl Operator {
    const WORDS: &[(&str, Self)] = &[
        ("eq", Self::Compare(Comparison::Eq)),
        ("ne", Self::Compare(Comparison::Ne)),
        ("lt", Self::Compare(Comparison::Lt)),
        ("le", Self::Compare(Comparison::Le)),
        ("gt", Self::Compare(Comparison::Gt)),
        ("ge", Self::Compare(Comparison::Ge)),
        ("in", Self::In),
        ("not_in", Self::NotIn),
        ("contains", Self::Text(Part::Anywhere)),
        ("starts_with", Self::Text(Part::Start)),
        ("ends_with", Self::Text(Part::End)),
        ("like", Self::Text(Part::Like)),
        ("glob", Self::Text(Part::Glob)),
        ("range", Self::Range),
        ("missing", Self::Missing),
    ];
}

/// A condition of a list.
#[derive(Debug)]
pub(crate) enum Where {
    Parameter {
        from: From,
        fields: Vec<String>,
        how: How,
        required: bool,
    },
    Pattern {
        before: String,
        between: Option<(String, String)>,
        after: String,
        fields: Vec<String>,
        operators: HashMap<String, Operator>,
        how: How,
    },
    Language {
        parse: language::Parse,
        from: From,
    },
    That(Code),
}

/// How a value is compared.
#[derive(Debug, Clone)]
pub(crate) struct How {
    operator: Operator,
    separator: Option<String>,
    case: Option<Case>,
}

impl Where {
    pub(crate) fn read_all(loader: &mut Loader, node: &Node) -> Vec<Self> {
        let elements = loader.list(node, "where").iter();
        elements.filter_map(|element| Self::read(loader, element)).collect()
    }

    fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "a condition");
        let that = fields.take("that");
        let pattern = fields.take("pattern");
        let language = fields.take("language");
        let read = if let Some(that) = that {
            Code::read(loader, that).map(Self::That)
        } else if let Some(language) = language {
            let name = loader.text(language, "language");
            let parse = language::find(&name);
            if parse.is_none() {
                let known: Vec<&str> = language::LANGUAGES.iter().map(|(name, _)| *name).collect();
                loader.wrong(
                    language.place,
                    format!("there is no language `{name}`; there are {}", known.join(", ")),
                );
            }
            let from = fields.require(loader, "text").and_then(|node| From::read(loader, node));
            parse.zip(from).map(|(parse, from)| Self::Language { parse, from })
        } else {
            let how = How {
                operator: fields
                    .word(loader, "op", Operator::WORDS)
                    .unwrap_or(Operator::Compare(Comparison::Eq)),
                separator: fields.text(loader, "separator"),
                case: fields.word(loader, "case", CASES),
            };
            match pattern {
                Some(pattern) => {
                    let operators = read_operators(loader, fields.take("ops"));
                    let names = fields.texts(loader, "fields");
                    read_pattern(loader, pattern, names, operators, how)
                }
                None => {
                    let from = fields
                        .require(loader, "parameter")
                        .and_then(|node| From::read(loader, node));
                    let mut names = fields.texts(loader, "fields");
                    names.extend(fields.text(loader, "field"));
                    if names.is_empty() {
                        loader.wrong(node.place, "the condition needs `field`");
                    }
                    let required = fields.flag(loader, "required");
                    from.map(|from| Self::Parameter {
                        from,
                        fields: names,
                        how,
                        required,
                    })
                }
            }
        };
        fields.finish(loader);
        read
    }

    /// Says whether it looks at a query parameter.
    pub(crate) fn knows(&self, name: &str) -> bool {
        match self {
            Self::Parameter { from, .. } | Self::Language { from, .. } => from.parameter() == Some(name),
            Self::Pattern { .. } => self.parts(name).is_some(),
            Self::That(_) => false,
        }
    }

    /// Returns the field and the operator that the name of a parameter has in it.
    fn parts<'a>(&self, name: &'a str) -> Option<(&'a str, Operator)> {
        let Self::Pattern {
            before,
            between,
            after,
            fields,
            operators,
            how,
        } = self
        else {
            return None;
        };
        let inner = name.strip_prefix(before.as_str())?;
        let (field, operator) = match between {
            None => (inner.strip_suffix(after.as_str())?, how.operator),
            Some((between, end)) => {
                let inner = inner.strip_suffix(end.as_str())?;
                let (field, word) = inner.rsplit_once(between.as_str())?;
                (field, *operators.get(word)?)
            }
        };
        let is_listed = fields.is_empty() || fields.iter().any(|known| known == field);
        (is_listed && !field.is_empty()).then_some((field, operator))
    }
}

fn read_operators(loader: &mut Loader, node: Option<&Node>) -> HashMap<String, Operator> {
    let mut operators = HashMap::new();
    if let Some(node) = node {
        match &node.data {
            Data::Table(entries) => {
                for entry in entries {
                    if let Some(operator) = loader.word(&entry.value, "an operator", Operator::WORDS) {
                        operators.insert(entry.name.clone(), operator);
                    }
                }
            }
            _ => loader.wrong(node.place, "ops is a table of the system's words and operators"),
        }
    }
    operators
}

fn read_pattern(
    loader: &mut Loader,
    node: &Node,
    fields: Vec<String>,
    operators: HashMap<String, Operator>,
    how: How,
) -> Option<Where> {
    let text = loader.text(node, "pattern");
    let Some((before, rest)) = text.split_once("{field}") else {
        loader.wrong(node.place, "a pattern has {field} in it, and may have {op} behind it");
        return None;
    };
    let between = rest
        .split_once("{op}")
        .map(|(between, end)| (between.to_owned(), end.to_owned()));
    if between.is_some() == operators.is_empty() {
        loader.wrong(node.place, "a pattern with {op} needs `ops`, one without has none");
    }
    Some(Where::Pattern {
        before: before.to_owned(),
        after: if between.is_some() {
            String::new()
        } else {
            rest.to_owned()
        },
        between,
        fields,
        operators,
        how,
    })
}

/// Returns the rows that fulfil all conditions of a request.
pub(crate) fn apply(filters: &[Where], look: &Look<'_>, mut rows: Vec<Arc<Row>>) -> Result<Vec<Arc<Row>>, Stop> {
    for filter in filters {
        match filter {
            Where::That(code) => {
                let mut kept = Vec::with_capacity(rows.len());
                for row in rows {
                    if code.is_true(&look.scope.with("r", row.value()))? {
                        kept.push(row);
                    }
                }
                rows = kept;
            }
            filter => {
                let (condition, rules) = read_condition(filter, look)?;
                if let Some(condition) = condition {
                    rows.retain(|row| condition.holds(&row.map, rules));
                }
            }
        }
    }
    Ok(rows)
}

fn read_condition(filter: &Where, look: &Look<'_>) -> Result<(Option<Condition>, Rules), Stop> {
    let mut rules = look.rules;
    let condition = match filter {
        Where::Parameter {
            from,
            fields,
            how,
            required,
        } => {
            rules.case = how.case.unwrap_or(rules.case);
            let values = from.values(look.request, look.scope)?;
            if values.is_empty() {
                if *required {
                    let name = from.parameter().unwrap_or("a value");
                    return Err(Problem::new(Kind::Missing, format!("{name} is required"))
                        .of(name)
                        .into());
                }
                return Ok((None, rules));
            }
            let mut any = Vec::new();
            for field in fields {
                if look.has(field, look.unknown_fields)? {
                    any.push(compare(look, look.field(field), how.operator, how, &values)?);
                }
            }
            (!any.is_empty()).then_some(Condition::Any(any))
        }
        Where::Pattern { how, .. } => {
            rules.case = how.case.unwrap_or(rules.case);
            let mut all = Vec::new();
            let mut done: Vec<&str> = Vec::new();
            for (name, _) in &look.request.query {
                let Some((field, operator)) = filter.parts(name) else {
                    continue;
                };
                if done.contains(&name.as_str()) || !look.has(field, look.unknown_fields)? {
                    continue;
                }
                done.push(name);
                let values: Vec<Json> = look.request.all(name).map(Json::from).collect();
                all.push(compare(look, look.field(field), operator, how, &values)?);
            }
            Some(Condition::All(all))
        }
        Where::Language { parse, from } => match from.value(look.request, look.scope)? {
            None => None,
            Some(Json::String(text)) if text.trim().is_empty() => None,
            Some(input) => {
                let mut condition = parse(&input, &look.named_columns())?;
                let ignored = look.unknown_fields == Unknown::Ignore;
                condition.rename(&|name| look.field(name).to_owned());
                if !ignored {
                    condition.check(look.columns)?;
                }
                Some(condition)
            }
        },
        Where::That(_) => None,
    };
    Ok((condition, rules))
}

/// Returns the condition that a field compares with values as told.
fn compare(look: &Look<'_>, field: &str, operator: Operator, how: &How, values: &[Json]) -> Result<Condition, Problem> {
    let kind = look.columns.find(field).unwrap_or(Type::Any);
    let read = |value: &Json| match value {
        Json::String(text) => read_as(kind, field, text),
        value => Ok(value.clone()),
    };
    let many = || {
        let mut all = Vec::new();
        for value in values {
            match (value, &how.separator) {
                (Json::String(text), Some(separator)) => {
                    for part in text.split(separator.as_str()) {
                        all.push(Term::Value(read_as(kind, field, part.trim())?));
                    }
                }
                (value, _) => all.push(Term::Value(read(value)?)),
            }
        }
        Ok::<_, Problem>(Condition::In(Term::field(field), all))
    };
    let each = |make: &dyn Fn(&Json) -> Result<Condition, Problem>| {
        let all = values.iter().map(make).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Problem>(Condition::All(all))
    };
    match operator {
        Operator::In => many(),
        Operator::NotIn => Ok(many()?.negated()),
        Operator::Compare(comparison) => each(&|value| {
            let value = Term::Value(read(value)?);
            Ok(Condition::Compare(Term::field(field), comparison, value))
        }),
        Operator::Text(part) => each(&|value| {
            let how = Match { part, case: None };
            Ok(Condition::Text(Term::field(field), how, Term::Value(value.clone())))
        }),
        Operator::Missing => each(&|value| {
            let is_missing = !matches!(value, Json::Bool(false)) && !matches!(value.as_str(), Some("false" | "0"));
            let missing = Condition::Missing(Term::field(field));
            Ok(if is_missing { missing } else { missing.negated() })
        }),
        Operator::Range => each(&|value| {
            let separator = how.separator.as_deref().unwrap_or("..");
            let text = value.as_str().unwrap_or_default();
            let (from, to) = text
                .split_once(separator)
                .ok_or_else(|| Problem::malformed(format!("{text} is not a range")).of(field))?;
            let mut ends = Vec::new();
            for (end, comparison) in [(from, Comparison::Ge), (to, Comparison::Le)] {
                if !end.trim().is_empty() {
                    let value = Term::Value(read_as(kind, field, end.trim())?);
                    ends.push(Condition::Compare(Term::field(field), comparison, value));
                }
            }
            Ok(Condition::All(ends))
        }),
    }
}
