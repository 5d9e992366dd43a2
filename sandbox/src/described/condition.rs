//! The one form that the conditions of all query languages are read into, and how rows are tested with it. Truth has
//! three values: what cannot be told of a missing value is neither true nor false.

mod pattern;
mod values;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::columns::Columns;
use super::problem::Problem;

use self::values::{at, compare_values};
pub(crate) use self::values::{decimal_of, instant_of, order_of, text_of, values};

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
    /// The first term that has a value.
    Coalesce,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn compare(field: &str, comparison: Comparison, value: impl Into<Value>) -> Condition {
        Condition::Compare(Term::field(field), comparison, Term::value(value))
    }

    fn holds(condition: &Condition, row: Value) -> bool {
        condition.holds(row.as_object().unwrap(), Rules::default())
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        let row = json!({"n": 10, "d": "9.50", "at": "2026-11-20T12:00:00Z", "name": "Pump", "none": null, "lines": [{"q": 1}, {"q": 5}]});
        let is = |field: &str, comparison, value: Value| holds(&compare(field, comparison, value), row.clone());
        assert!(is("n", Comparison::Gt, json!("9")));
        assert!(is("d", Comparison::Lt, json!(10)));
        assert!(is("at", Comparison::Ge, json!("2026-11-20")));
        assert!(is("at", Comparison::Eq, json!("2026-11-20T13:00:00+01:00")));
        assert!(!is("name", Comparison::Eq, json!("pump")));
        assert!(!is("none", Comparison::Ne, json!("x")));
        assert!(is("lines.q", Comparison::Eq, json!(5)));
        assert!(holds(&Condition::Missing(Term::field("none")), row.clone()));
        assert!(!holds(&compare("none", Comparison::Eq, "x").negated(), row.clone()));
        let rules = Rules {
            case: Case::Insensitive,
            nulls: Nulls::Value,
        };
        assert!(compare("name", Comparison::Eq, "pUMP").holds(row.as_object().unwrap(), rules));
        assert!(compare("none", Comparison::Ne, "x").holds(row.as_object().unwrap(), rules));
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
