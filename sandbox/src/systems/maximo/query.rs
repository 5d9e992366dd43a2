//! Parses the OSLC query language of Maximo: `oslc.where`, `oslc.select` and `oslc.orderBy`. It checks every name against
//! the object structure and never touches a row.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;

use crate::oslc::{Scanner, Token, Unexpected};

pub(super) use crate::oslc::Comparison as Operator;

use super::clock;
use super::structures::{Attribute, Catalogue, Kind, Relation, Shape, Structure};

/// Why a clause was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The clause does not parse (reason code BMXAA8744E).
    Syntax(String),
    /// A name is not part of the object structure (reason code BMXAA8781E).
    Unknown(String),
    /// A value does not fit its attribute (reason code BMXAA2661E).
    Value(String),
}

impl From<Unexpected> for Refusal {
    fn from(unexpected: Unexpected) -> Self {
        Self::Syntax(unexpected.0)
    }
}

/// A literal of a where clause.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(Decimal),
    Flag(bool),
    Moment(DateTime<Utc>),
}

/// What an attribute has to satisfy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Compare(Operator, Literal),
    Like { pattern: String, negated: bool },
    In { values: Vec<Literal>, negated: bool },
    Present,
    Absent,
}

/// Where an attribute lives, seen from the main object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Main,
    Child(String),
    Related(String),
}

/// One condition; a where clause is all of its conditions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) place: Place,
    pub(super) attribute: Attribute,
    pub(super) test: Test,
}

/// One key of an orderBy clause.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) attribute: Attribute,
    pub(super) descending: bool,
}

/// What a select clause asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    pub(super) everything: bool,
    pub(super) attributes: Vec<Named>,
    pub(super) children: Vec<(String, Selection)>,
    pub(super) references: Vec<String>,
    pub(super) related: Vec<Related>,
}

/// A selected attribute and the name it is answered under.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) attribute: Attribute,
    pub(super) answered: String,
}

/// Selected attributes of a related object, such as `asset.description`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Related {
    pub(super) relation: String,
    pub(super) selection: Selection,
}

impl Selection {
    /// Returns the selection that `oslc.select=*` stands for.
    pub(super) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }
}

/// Parses a where clause against an object structure.
pub(super) fn parse_where(clause: &str, shape: &Shape, catalogue: &Catalogue) -> Result<Vec<Condition>, Refusal> {
    let mut scanner = Scanner::new(clause);
    let mut conditions = Vec::new();
    loop {
        scanner.skip_spaces();
        parse_condition(&mut scanner, shape, catalogue, &mut conditions)?;
        scanner.skip_spaces();
        if scanner.is_at_end() {
            return Ok(conditions);
        }
        scanner.expect_and()?;
    }
}

fn parse_condition(
    scanner: &mut Scanner<'_>,
    shape: &Shape,
    catalogue: &Catalogue,
    conditions: &mut Vec<Condition>,
) -> Result<(), Refusal> {
    let path = scanner.path()?;
    if scanner.take('{') {
        let [name] = path.as_slice() else {
            return Err(Refusal::Syntax("nested child path".into()));
        };
        let child = shape.child(name).ok_or_else(|| Refusal::Unknown(name.clone()))?;
        loop {
            scanner.skip_spaces();
            let inner = scanner.path()?;
            let attribute = child_attribute(&child.shape, &inner)?;
            let test = parse_test(scanner, &attribute)?;
            conditions.push(Condition {
                place: Place::Child(child.name.clone()),
                attribute,
                test,
            });
            scanner.skip_spaces();
            if scanner.take('}') {
                return Ok(());
            }
            scanner.expect_and()?;
        }
    }
    let (place, attribute) = resolve(&path, shape, catalogue)?;
    let test = parse_test(scanner, &attribute)?;
    conditions.push(Condition { place, attribute, test });
    Ok(())
}

fn child_attribute(shape: &Shape, path: &[String]) -> Result<Attribute, Refusal> {
    let [name] = path else {
        return Err(Refusal::Unknown(path.join(".")));
    };
    shape.attribute(name).ok_or_else(|| Refusal::Unknown(name.clone()))
}

fn resolve(path: &[String], shape: &Shape, catalogue: &Catalogue) -> Result<(Place, Attribute), Refusal> {
    let unknown = || Refusal::Unknown(path.join("."));
    match path {
        [name] => Ok((Place::Main, shape.attribute(name).ok_or_else(unknown)?)),
        [owner, name] => {
            if let Some(child) = shape.child(owner) {
                let attribute = child.shape.attribute(name).ok_or_else(unknown)?;
                return Ok((Place::Child(child.name.clone()), attribute));
            }
            let relation = shape.relation(owner).ok_or_else(unknown)?;
            let target = catalogue.find(&relation.structure).ok_or_else(unknown)?;
            let attribute = target.shape.attribute(name).ok_or_else(unknown)?;
            Ok((Place::Related(relation.name.clone()), attribute))
        }
        _ => Err(unknown()),
    }
}

fn parse_test(scanner: &mut Scanner<'_>, attribute: &Attribute) -> Result<Test, Refusal> {
    scanner.skip_spaces();
    if scanner.take_word("in") {
        scanner.skip_spaces();
        return parse_list(scanner, attribute);
    }
    let operator = scanner.operator()?;
    scanner.skip_spaces();
    let literal = scanner.literal()?;
    let Token::Quoted(text) = &literal else {
        return Ok(Test::Compare(operator, typed(literal, attribute)?));
    };
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if equality && text == "*" {
        return Ok(if operator == Operator::Equal {
            Test::Present
        } else {
            Test::Absent
        });
    }
    if operator == Operator::NotEqual
        && let Some(list) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
    {
        let values = list
            .split(',')
            .map(|value| Literal::Text(value.trim().to_owned()))
            .collect();
        return Ok(Test::In { values, negated: true });
    }
    if equality && attribute.kind.is_text() && text.contains('%') {
        return Ok(Test::Like {
            pattern: text.clone(),
            negated: operator == Operator::NotEqual,
        });
    }
    Ok(Test::Compare(operator, typed(literal, attribute)?))
}

fn parse_list(scanner: &mut Scanner<'_>, attribute: &Attribute) -> Result<Test, Refusal> {
    if !scanner.take('[') {
        return Err(scanner.unexpected().into());
    }
    let mut values = Vec::new();
    loop {
        // A blank after the comma is refused: seen on a live instance as BMXAA8744E.
        let literal = scanner.literal()?;
        values.push(typed(literal, attribute)?);
        if scanner.take(']') {
            return Ok(Test::In { values, negated: false });
        }
        if !scanner.take(',') {
            return Err(scanner.unexpected().into());
        }
    }
}

fn typed(token: Token, attribute: &Attribute) -> Result<Literal, Refusal> {
    let wrong = |text: &str| Refusal::Value(format!("{text} for {}", attribute.name));
    match (attribute.kind, token) {
        (Kind::Text | Kind::Upper | Kind::Long, Token::Quoted(text) | Token::Bare(text)) => Ok(Literal::Text(text)),
        (Kind::Flag, Token::Quoted(text) | Token::Bare(text)) => match text.as_str() {
            "1" | "true" => Ok(Literal::Flag(true)),
            "0" | "false" => Ok(Literal::Flag(false)),
            _ => Err(wrong(&text)),
        },
        (Kind::Integer | Kind::Decimal, Token::Quoted(text) | Token::Bare(text)) => {
            text.parse().map(Literal::Number).map_err(|_| wrong(&text))
        }
        (Kind::Moment | Kind::Day, Token::Quoted(text)) => {
            parse_moment(&text).map(Literal::Moment).ok_or_else(|| wrong(&text))
        }
        (Kind::Moment | Kind::Day, Token::Bare(text)) => Err(Refusal::Syntax(format!("Encountered '{text}'"))),
    }
}

/// Parses a date literal: with an offset, or without one as the server's own time, or a day alone.
pub(super) fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(clock::from_local(local));
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(clock::from_local(day.and_hms_opt(0, 0, 0)?))
}

/// Parses an orderBy clause: every key needs its sign, and only attributes of the main object may be named.
pub(super) fn parse_order(clause: &str, shape: &Shape) -> Result<Vec<Order>, Refusal> {
    clause
        .split(',')
        .map(|key| {
            let (descending, name) = match key.split_at_checked(1) {
                Some(("-", name)) => (true, name),
                Some(("+", name)) => (false, name),
                _ => return Err(Refusal::Syntax(format!("Encountered '{key}'"))),
            };
            let name = name.strip_prefix("spi:").unwrap_or(name);
            let attribute = shape
                .attribute(name)
                .filter(|attribute| attribute.persistent)
                .ok_or_else(|| Refusal::Unknown(name.to_owned()))?;
            Ok(Order { attribute, descending })
        })
        .collect()
}

/// Parses a select clause.
pub(super) fn parse_select(clause: &str, shape: &Shape, catalogue: &Catalogue) -> Result<Selection, Refusal> {
    let mut scanner = Scanner::new(clause);
    let selection = parse_selection(&mut scanner, shape, Some(catalogue))?;
    if scanner.is_at_end() {
        return Ok(selection);
    }
    Err(scanner.unexpected().into())
}

fn parse_selection(
    scanner: &mut Scanner<'_>,
    shape: &Shape,
    catalogue: Option<&Catalogue>,
) -> Result<Selection, Refusal> {
    let mut selection = Selection::default();
    loop {
        scanner.skip_spaces();
        if scanner.take('*') {
            selection.everything = true;
        } else {
            parse_selected(scanner, shape, catalogue, &mut selection)?;
        }
        scanner.skip_spaces();
        if !scanner.take(',') {
            return Ok(selection);
        }
    }
}

fn parse_selected(
    scanner: &mut Scanner<'_>,
    shape: &Shape,
    catalogue: Option<&Catalogue>,
    selection: &mut Selection,
) -> Result<(), Refusal> {
    let mut path = scanner.path()?;
    if path.first().is_some_and(|first| first == "rel") && path.len() > 1 {
        path.remove(0);
    }
    let unknown = || Refusal::Unknown(path.join("."));
    if scanner.take('{') {
        let [name] = path.as_slice() else {
            return Err(unknown());
        };
        if let Some(child) = shape.child(name) {
            let inner = parse_selection(scanner, &child.shape, None)?;
            selection.children.push((child.name.clone(), inner));
        } else {
            let (relation, target) = related(shape, catalogue, name).ok_or_else(unknown)?;
            let inner = parse_selection(scanner, &target.shape, None)?;
            merge_related(selection, &relation.name, inner);
        }
        if scanner.take('}') {
            return Ok(());
        }
        return Err(scanner.unexpected().into());
    }
    match path.as_slice() {
        [name] => {
            if let Some(attribute) = shape.attribute(name) {
                let answered = scanner.alias().unwrap_or_else(|| attribute.name.clone());
                selection.attributes.push(Named { attribute, answered });
                return Ok(());
            }
            let child = shape.child(name).ok_or_else(unknown)?;
            selection.references.push(child.name.clone());
            Ok(())
        }
        // What a child row shows of the object that it belongs to.
        [_, _] if shape.attribute(&path.join(".")).is_some() => {
            let attribute = shape.attribute(&path.join(".")).ok_or_else(unknown)?;
            let answered = attribute.name.clone();
            selection.attributes.push(Named { attribute, answered });
            Ok(())
        }
        [owner, name] => {
            let (relation, target) = related(shape, catalogue, owner).ok_or_else(unknown)?;
            let attribute = target.shape.attribute(name).ok_or_else(unknown)?;
            let answered = scanner.alias().unwrap_or_else(|| attribute.name.clone());
            let inner = Selection {
                attributes: vec![Named { attribute, answered }],
                ..Selection::default()
            };
            merge_related(selection, &relation.name, inner);
            Ok(())
        }
        _ => Err(unknown()),
    }
}

/// Finds a related object; only the main object has any.
fn related<'a>(
    shape: &'a Shape,
    catalogue: Option<&'a Catalogue>,
    name: &str,
) -> Option<(&'a Relation, &'a Structure)> {
    let relation = shape.relation(name)?;
    Some((relation, catalogue?.find(&relation.structure)?))
}

fn merge_related(selection: &mut Selection, relation: &str, inner: Selection) {
    match selection
        .related
        .iter_mut()
        .find(|related| related.relation == relation)
    {
        Some(related) => {
            related.selection.everything |= inner.everything;
            related.selection.attributes.extend(inner.attributes);
        }
        None => selection.related.push(Related {
            relation: relation.to_owned(),
            selection: inner,
        }),
    }
}
