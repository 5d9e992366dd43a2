//! The one form that the conditions of all query languages are read into, and how rows are tested with it. Truth has
//! three values: what cannot be told of a missing value is neither true nor false.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::columns::Columns;
use super::problem::Problem;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// All hold; true when empty.
    All(Vec<Self>),
    /// At least one holds; false when empty.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// Two terms compared.
    Compare(Term, Comparison, Term),
    /// The term is one of these.
    In(Term, Vec<Term>),
    /// The text of the first term has the second.
    Text(Term, Match, Term),
    /// The term has no value: null or absent.
    Missing(Term),
    /// The term has no value or is an empty text or list.
    Empty(Term),
    /// At least one element of a nested list fulfils a condition, whose fields are those of the element.
    Some(Path, Box<Self>),
    /// Every element of a nested list does.
    Every(Path, Box<Self>),
}

/// Where a value stands in a row: names of members, outer ones first. A path through a list leads to all its elements;
/// a condition then holds if it holds for one of them.
pub(crate) type Path = Vec<String>;

/// A value to compare.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// A field of the row.
    Field(Path),
    /// A fixed value.
    Value(Value),
    /// A function of other terms.
    Call(Function, Vec<Self>),
}

/// How two terms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// How a text has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) part: Part,
    /// The rule of case for this match; none takes that of the system.
    pub(crate) case: Option<Case>,
}

/// What part of a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Anywhere,
    Start,
    End,
    /// The whole text is like a pattern of SQL: `%` stands for any text, `_` for any character, `\` takes their meaning
    /// away.
    Like,
    /// The whole text is like a pattern in which `*` stands for any text.
    Glob,
}

/// A function of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Lower,
    Upper,
    Trim,
    Length,
    Concat,
    /// The day of an instant.
    Date,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// The first term that has a value.
    Coalesce,
    /// How many elements a list has.
    Count,
    /// The text from a place on, that begins with 0, for so many characters.
    Substring,
}

/// Whether big and small letters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Case {
    #[default]
    Sensitive,
    Insensitive,
}

/// What a missing value is in comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Nulls {
    /// As in SQL: no comparison with it holds, not even that it differs.
    #[default]
    Unknown,
    /// A value like others: it equals itself and differs from all else.
    Value,
}

/// The rules of a system for comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rules {
    pub(crate) case: Case,
    pub(crate) nulls: Nulls,
}

impl Term {
    /// Returns the field with a name; dots and slashes lead into members.
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(path(name))
    }

    pub(crate) fn value(value: impl Into<Value>) -> Self {
        Self::Value(value.into())
    }

    fn for_each(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        if let Self::Call(_, terms) = self {
            terms.iter_mut().for_each(|term| term.for_each(visit));
            return;
        }
        visit(self);
    }
}

/// Returns the path that a name with dots or slashes stands for.
pub(crate) fn path(name: &str) -> Path {
    name.split(['.', '/']).map(str::to_owned).collect()
}

impl Condition {
    /// Returns the condition that always holds.
    pub(crate) fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Compares a field with a value.
    pub(crate) fn compare(field: &str, comparison: Comparison, value: impl Into<Value>) -> Self {
        Self::Compare(Term::field(field), comparison, Term::value(value))
    }

    /// Looks for a text in a field.
    pub(crate) fn text(field: &str, part: Part, text: &str) -> Self {
        Self::Text(Term::field(field), Match { part, case: None }, Term::value(text))
    }

    pub(crate) fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Gives its fields other names, outside of nested lists.
    pub(crate) fn rename(&mut self, name_of: &dyn Fn(&str) -> String) {
        self.for_each_term(&mut |term| {
            if let Term::Field(own) = term {
                *own = path(&name_of(&own.join(".")));
            }
        });
    }

    /// Checks that all its fields are there, outside of nested lists.
    pub(crate) fn check(&mut self, columns: &Columns) -> Result<(), Problem> {
        let mut result = Ok(());
        self.for_each_term(&mut |term| {
            if let (Term::Field(own), Ok(())) = (term, &result) {
                result = columns.require(&own.join(".")).map(|_| ());
            }
        });
        result
    }

    fn for_each_term(&mut self, visit: &mut dyn FnMut(&mut Term)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.for_each_term(visit)),
            Self::Not(inner) => inner.for_each_term(visit),
            Self::Compare(left, _, right) | Self::Text(left, _, right) => {
                left.for_each(visit);
                right.for_each(visit);
            }
            Self::In(term, terms) => {
                term.for_each(visit);
                terms.iter_mut().for_each(|term| term.for_each(visit));
            }
            Self::Missing(term) | Self::Empty(term) => term.for_each(visit),
            Self::Some(..) | Self::Every(..) => {}
        }
    }

    /// Says whether a row fulfils it.
    pub(crate) fn holds(&self, row: &Map<String, Value>, rules: Rules) -> bool {
        self.truth(row, rules) == Some(true)
    }

    /// Returns whether it holds; none when that cannot be told.
    fn truth(&self, row: &Map<String, Value>, rules: Rules) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let mut result = Some(true);
                for part in parts {
                    match part.truth(row, rules) {
                        Some(false) => return Some(false),
                        None => result = None,
                        Some(true) => {}
                    }
                }
                result
            }
            Self::Any(parts) => {
                let mut result = Some(false);
                for part in parts {
                    match part.truth(row, rules) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }
            Self::Not(inner) => inner.truth(row, rules).map(|truth| !truth),
            Self::Compare(left, comparison, right) => some_pair(row, left, right, |left, right| {
                compare_values(left, *comparison, right, rules)
            }),
            Self::In(term, values) => some_value(row, term, |value| {
                let mut result = Some(false);
                for candidate in values {
                    match some_value(row, candidate, |other| {
                        compare_values(value, Comparison::Eq, other, rules)
                    }) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }),
            Self::Text(term, how, pattern) => some_pair(row, term, pattern, |text, pattern| {
                let case = how.case.unwrap_or(rules.case);
                Some(how.part.is_in(&text_of(text)?, &text_of(pattern)?, case))
            }),
            Self::Missing(term) => Some(values(row, term).iter().all(Value::is_null)),
            Self::Empty(term) => Some(values(row, term).iter().all(is_empty)),
            Self::Some(path, inner) => {
                let elements = at(row, path);
                Some(objects(&elements).any(|element| inner.holds(element, rules)))
            }
            Self::Every(path, inner) => {
                let elements = at(row, path);
                Some(objects(&elements).all(|element| inner.holds(element, rules)))
            }
        }
    }
}

fn objects<'a>(values: &'a [&'a Value]) -> impl Iterator<Item = &'a Map<String, Value>> {
    values.iter().flat_map(|value| match value {
        Value::Array(elements) => elements.iter().filter_map(Value::as_object).collect::<Vec<_>>(),
        Value::Object(object) => vec![object],
        _ => Vec::new(),
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

fn some_value(row: &Map<String, Value>, term: &Term, test: impl Fn(&Value) -> Option<bool>) -> Option<bool> {
    let mut result = Some(false);
    for value in values(row, term) {
        match test(&value) {
            Some(true) => return Some(true),
            None => result = None,
            Some(false) => {}
        }
    }
    result
}

fn some_pair(
    row: &Map<String, Value>,
    left: &Term,
    right: &Term,
    test: impl Fn(&Value, &Value) -> Option<bool>,
) -> Option<bool> {
    let rights = values(row, right);
    some_value(row, left, |left| {
        let mut result = Some(false);
        for right in &rights {
            match test(left, right) {
                Some(true) => return Some(true),
                None => result = None,
                Some(false) => {}
            }
        }
        result
    })
}

/// Returns the values a path leads to; through lists there may be many. Nothing there is null.
fn at<'a>(row: &'a Map<String, Value>, path: &[String]) -> Vec<&'a Value> {
    let Some((first, rest)) = path.split_first() else {
        return Vec::new();
    };
    let mut found: Vec<&Value> = row.get(first).into_iter().collect();
    // A name may itself have a dot.
    if found.is_empty() && !rest.is_empty() {
        found.extend(row.get(&path.join(".")).or_else(|| row.get(&path.join("/"))));
        if !found.is_empty() {
            return found;
        }
    }
    for name in rest {
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(elements) => elements.iter().filter_map(|element| element.get(name)).collect(),
                value => value.get(name).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    found
}

/// Returns the values of a term. There is at least one, if only null, unless a list on the way is empty.
pub(crate) fn values(row: &Map<String, Value>, term: &Term) -> Vec<Value> {
    match term {
        Term::Value(value) => vec![value.clone()],
        Term::Field(path) => {
            let found = at(row, path);
            match found.as_slice() {
                [] => vec![Value::Null],
                [Value::Array(elements)] if elements.iter().any(|element| !element.is_object()) => elements.clone(),
                found => found.iter().map(|value| (*value).clone()).collect(),
            }
        }
        Term::Call(function, terms) => {
            let mut inputs: Vec<Vec<Value>> = terms.iter().map(|term| values(row, term)).collect();
            if *function == Function::Count {
                let lists = inputs.iter().flatten();
                let count: usize = lists.map(|value| value.as_array().map_or(1, Vec::len)).sum();
                return vec![Value::from(count)];
            }
            let rest: Vec<Value> = inputs.iter().skip(1).map(|many| first(many)).collect();
            let Some(heads) = inputs.first_mut().map(std::mem::take) else {
                return vec![Value::Null];
            };
            heads.into_iter().map(|head| call(*function, &head, &rest)).collect()
        }
    }
}

fn first(values: &[Value]) -> Value {
    values.first().cloned().unwrap_or_default()
}

fn call(function: Function, head: &Value, rest: &[Value]) -> Value {
    if function == Function::Coalesce {
        let mut all = std::iter::once(head).chain(rest);
        return all.find(|value| !value.is_null()).cloned().unwrap_or_default();
    }
    if head.is_null() {
        return Value::Null;
    }
    let text = || text_of(head).unwrap_or_default();
    let result = match function {
        Function::Lower => Some(Value::from(text().to_lowercase())),
        Function::Upper => Some(Value::from(text().to_uppercase())),
        Function::Trim => Some(Value::from(text().trim())),
        Function::Length => Some(Value::from(text().chars().count())),
        Function::Concat => {
            let rest = rest.iter().filter_map(text_of).collect::<String>();
            Some(Value::from(text() + &rest))
        }
        Function::Date => text().get(..10).map(Value::from),
        Function::Year => part_of_time(&text(), "%Y"),
        Function::Month => part_of_time(&text(), "%m"),
        Function::Day => part_of_time(&text(), "%d"),
        Function::Hour => part_of_time(&text(), "%H"),
        Function::Minute => part_of_time(&text(), "%M"),
        Function::Second => part_of_time(&text(), "%S"),
        Function::Substring => {
            let place = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
            let from = place(rest.first()).unwrap_or(0);
            let length = place(rest.get(1)).unwrap_or(usize::MAX);
            Some(Value::from(text().chars().skip(from).take(length).collect::<String>()))
        }
        Function::Add | Function::Subtract | Function::Multiply | Function::Divide | Function::Modulo => {
            rest.first().and_then(|other| arithmetic(function, head, other))
        }
        Function::Coalesce | Function::Count => None,
    };
    result.unwrap_or_default()
}

fn part_of_time(text: &str, format: &str) -> Option<Value> {
    let part = instant_of(text)?.format(format).to_string();
    part.parse::<i64>().ok().map(Value::from)
}

fn arithmetic(function: Function, left: &Value, right: &Value) -> Option<Value> {
    let (left, right) = (decimal_of(left)?, decimal_of(right)?);
    let result = match function {
        Function::Add => left.checked_add(right),
        Function::Subtract => left.checked_sub(right),
        Function::Multiply => left.checked_mul(right),
        Function::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.map(super::columns::number_value)
}

/// Compares two values; none when it cannot be told.
fn compare_values(left: &Value, comparison: Comparison, right: &Value, rules: Rules) -> Option<bool> {
    if left.is_null() || right.is_null() {
        let same = left.is_null() && right.is_null();
        return match (rules.nulls, comparison) {
            (Nulls::Value, Comparison::Eq) => Some(same),
            (Nulls::Value, Comparison::Ne) => Some(!same),
            (Nulls::Value, _) => Some(false),
            (Nulls::Unknown, _) => None,
        };
    }
    let order = order_of(left, right, rules.case);
    Some(match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Returns the order of two values that are not null: of numbers if one is a number, of instants if both are, of truth
/// values if one is, else of their texts.
pub(crate) fn order_of(left: &Value, right: &Value, case: Case) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(_), _) | (_, Value::Number(_)) => Some(decimal_of(left)?.cmp(&decimal_of(right)?)),
        (Value::Bool(_), _) | (_, Value::Bool(_)) => Some(truth_of(left)?.cmp(&truth_of(right)?)),
        (Value::String(left), Value::String(right)) => Some(order_of_texts(left, right, case)),
        (left, right) if left == right => Some(Ordering::Equal),
        _ => None,
    }
}

fn order_of_texts(left: &str, right: &str, case: Case) -> Ordering {
    if looks_like_day(left)
        && looks_like_day(right)
        && let (Some(left), Some(right)) = (instant_of(left), instant_of(right))
    {
        return left.cmp(&right);
    }
    match case {
        Case::Sensitive => left.cmp(right),
        Case::Insensitive => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

fn looks_like_day(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, ..])
}

/// Reads an instant: with or without a time, an offset, parts of a second. Without an offset it is UTC.
pub(crate) fn instant_of(text: &str) -> Option<DateTime<Utc>> {
    let utc = |at: DateTime<FixedOffset>| at.with_timezone(&Utc);
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(utc)
        .ok()
        .or_else(|| {
            [
                "%Y-%m-%dT%H:%M:%S%.f",
                "%Y-%m-%d %H:%M:%S%.f",
                "%Y-%m-%dT%H:%M",
                "%Y-%m-%dT%H:%M:%S%.fZ",
            ]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| {
                let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
                Some(day.and_time(NaiveTime::MIN))
            })
            .map(|at| at.and_utc())
        })
}

/// Reads a number: a JSON number, or a text that is one.
pub(crate) fn decimal_of(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(truth) => Some(Decimal::from(u8::from(*truth))),
        _ => None,
    }
}

fn truth_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "y" | "yes" => Some(true),
            "false" | "0" | "f" | "n" | "no" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        _ => None,
    }
}

/// Returns the text of a plain value.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

impl Part {
    /// Says whether a text has a pattern.
    pub(crate) fn is_in(self, text: &str, pattern: &str, case: Case) -> bool {
        let fold = |text: &str| match case {
            Case::Sensitive => text.to_owned(),
            Case::Insensitive => text.to_lowercase(),
        };
        let (text, pattern) = (fold(text), fold(pattern));
        match self {
            Self::Anywhere => text.contains(&pattern),
            Self::Start => text.starts_with(&pattern),
            Self::End => text.ends_with(&pattern),
            Self::Like => is_like(&text, &like_pieces(&pattern)),
            Self::Glob => is_like(&text, &glob_pieces(&pattern)),
        }
    }
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    AnyText,
    AnyOne,
    Is(char),
}

fn like_pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '%' => Piece::AnyText,
            '_' => Piece::AnyOne,
            '\\' => letters.next().map_or(Piece::Is('\\'), Piece::Is),
            letter => Piece::Is(letter),
        });
    }
    pieces
}

fn glob_pieces(pattern: &str) -> Vec<Piece> {
    let piece = |letter| match letter {
        '*' => Piece::AnyText,
        letter => Piece::Is(letter),
    };
    pattern.chars().map(piece).collect()
}

/// Matches from left to right; `reached` are the numbers of pieces that the text so far may stand for.
fn is_like(text: &str, pieces: &[Piece]) -> bool {
    let close = |mut reached: Vec<bool>| {
        for (at, piece) in pieces.iter().enumerate() {
            if *piece == Piece::AnyText
                && reached.get(at) == Some(&true)
                && let Some(next) = reached.get_mut(at + 1)
            {
                *next = true;
            }
        }
        reached
    };
    let mut start = vec![false; pieces.len() + 1];
    if let Some(first) = start.first_mut() {
        *first = true;
    }
    let mut reached = close(start);
    for letter in text.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (at, piece) in pieces.iter().enumerate() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            let to = match piece {
                Piece::AnyText => at,
                Piece::AnyOne => at + 1,
                Piece::Is(wanted) if *wanted == letter => at + 1,
                Piece::Is(_) => continue,
            };
            if let Some(place) = next.get_mut(to) {
                *place = true;
            }
        }
        reached = close(next);
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn holds(condition: &Condition, row: Value) -> bool {
        condition.holds(row.as_object().unwrap(), Rules::default())
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        let row = json!({"n": 10, "d": "9.50", "at": "2026-11-20T12:00:00Z", "name": "Pump", "none": null, "lines": [{"q": 1}, {"q": 5}]});
        let is =
            |field: &str, comparison, value: Value| holds(&Condition::compare(field, comparison, value), row.clone());
        assert!(is("n", Comparison::Gt, json!("9")));
        assert!(is("d", Comparison::Lt, json!(10)));
        assert!(is("at", Comparison::Ge, json!("2026-11-20")));
        assert!(is("at", Comparison::Eq, json!("2026-11-20T13:00:00+01:00")));
        assert!(!is("name", Comparison::Eq, json!("pump")));
        assert!(!is("none", Comparison::Ne, json!("x")));
        assert!(is("lines.q", Comparison::Eq, json!(5)));
        assert!(holds(&Condition::Missing(Term::field("none")), row.clone()));
        assert!(!holds(
            &Condition::compare("none", Comparison::Eq, "x").negated(),
            row.clone()
        ));
        let rules = Rules {
            case: Case::Insensitive,
            nulls: Nulls::Value,
        };
        assert!(Condition::compare("name", Comparison::Eq, "pUMP").holds(row.as_object().unwrap(), rules));
        assert!(Condition::compare("none", Comparison::Ne, "x").holds(row.as_object().unwrap(), rules));
    }

    #[test]
    fn patterns_match_whole_texts() {
        let like = |text, pattern| Part::Like.is_in(text, pattern, Case::Sensitive);
        assert!(like("Pump 1", "P%1"));
        assert!(like("Pump", "P_mp"));
        assert!(!like("Pump", "ump"));
        assert!(like("50%", "50\\%") && !like("50x", "50\\%"));
        assert!(Part::Glob.is_in("Pump", "*um*", Case::Sensitive));
    }
}
