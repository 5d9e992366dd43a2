//! Applies parsed conditions and orders to rows.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::dataset::{Dataset, Row, id_of};
use super::query::{Condition, Literal, Operator, Order, Place, Test, parse_moment};
use super::structures::{Attribute, Kind, Shape};

/// What is stored of a change date beyond the second that is answered. A filter for later than an answered date finds
/// the same row again, as on a live server.
const UNSEEN_MILLISECONDS: i64 = 437;

/// Says whether a row satisfies all conditions.
pub(super) fn satisfies(row: &Row, conditions: &[Condition], shape: &Shape, dataset: &Dataset) -> bool {
    conditions
        .iter()
        .enumerate()
        .all(|(place, condition)| match &condition.place {
            Place::Main => holds(&row.values, condition),
            Place::Related(relation) => {
                related(row, relation, shape, dataset).is_some_and(|target| holds(&target.values, condition))
            }
            Place::Child(child) => {
                let is_first = conditions.iter().position(|other| other.place == condition.place) == Some(place);
                !is_first || any_child(row, child, conditions, &condition.place)
            }
        })
}

/// Returns the row a relation leads to.
pub(super) fn related<'a>(row: &Row, relation: &str, shape: &Shape, dataset: &'a Dataset) -> Option<&'a Row> {
    let relation = shape.relation(relation)?;
    let structure = dataset.catalogue.find(&relation.structure)?;
    dataset.table(structure).find(&id_of(&relation.by, &row.values))
}

fn any_child(row: &Row, child: &str, conditions: &[Condition], place: &Place) -> bool {
    let Some(Value::Array(children)) = row.values.get(child) else {
        return false;
    };
    children.iter().filter_map(Value::as_object).any(|values| {
        conditions
            .iter()
            .filter(|condition| condition.place == *place)
            .all(|one| holds(values, one))
    })
}

fn holds(values: &Map<String, Value>, condition: &Condition) -> bool {
    let attribute = &condition.attribute;
    let value = values.get(&attribute.name).and_then(|value| stored(value, attribute));
    match (&condition.test, value) {
        (Test::Present, value) => value.is_some(),
        (Test::Absent, value) => value.is_none(),
        (_, None) => false,
        (Test::Compare(operator, literal), Some(value)) => compares(*operator, compare(&value, literal)),
        (Test::Like { pattern, negated }, Some(value)) => is_like(&text_of(&value), pattern) != *negated,
        (Test::In { values, negated }, Some(value)) => {
            values.iter().any(|literal| is_one_of(&value, literal)) != *negated
        }
    }
}

fn is_one_of(value: &Literal, literal: &Literal) -> bool {
    match literal {
        Literal::Text(text) if text.contains('%') => is_like(&text_of(value), text),
        other => compare(value, other) == Ordering::Equal,
    }
}

fn compares(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
    }
}

fn compare(left: &Literal, right: &Literal) -> Ordering {
    match (left, right) {
        (Literal::Number(left), Literal::Number(right)) => left.cmp(right),
        (Literal::Flag(left), Literal::Flag(right)) => left.cmp(right),
        (Literal::Moment(left), Literal::Moment(right)) => left.cmp(right),
        (left, right) => text_of(left).cmp(&text_of(right)),
    }
}

fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number.normalize().to_string(),
        Literal::Flag(flag) => flag.to_string(),
        Literal::Moment(moment) => moment.to_rfc3339(),
    }
}

/// Returns a value as the database holds it.
fn stored(value: &Value, attribute: &Attribute) -> Option<Literal> {
    match (attribute.kind, value) {
        (_, Value::Null) => None,
        (Kind::Moment | Kind::Day, Value::String(text)) => {
            Some(Literal::Moment(parse_moment(text)? + unseen(attribute)))
        }
        (_, Value::String(text)) => Some(Literal::Text(text.clone())),
        (_, Value::Number(number)) => number.to_string().parse::<Decimal>().ok().map(Literal::Number),
        (_, Value::Bool(flag)) => Some(Literal::Flag(*flag)),
        _ => None,
    }
}

fn unseen(attribute: &Attribute) -> Duration {
    match attribute.name.as_str() {
        "changedate" => Duration::milliseconds(UNSEEN_MILLISECONDS),
        _ => Duration::zero(),
    }
}

/// Matches `%` for any run of characters, without regard to case.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let text = text.to_lowercase();
    let pattern = pattern.to_lowercase();
    let pieces: Vec<&str> = pattern.split('%').collect();
    let (Some((first, rest)), true) = (pieces.split_first(), pieces.len() > 1) else {
        return text == pattern;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return left.is_empty();
    };
    for piece in middle {
        match left.find(piece) {
            Some(position) => left = left.get(position + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(last)
}

/// Sorts rows; empty values come last when ascending, as on Oracle.
pub(super) fn sort(rows: &mut [&Row], orders: &[Order]) {
    if orders.is_empty() {
        return;
    }
    rows.sort_by_cached_key(|row| orders.iter().map(|order| SortKey::of(row, order)).collect::<Vec<_>>());
}

#[derive(Debug, PartialEq, Eq)]
struct SortKey {
    value: Option<Comparable>,
    descending: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Comparable {
    Flag(bool),
    Number(Decimal),
    Moment(DateTime<Utc>),
    Text(String),
}

impl SortKey {
    fn of(row: &Row, order: &Order) -> Self {
        let value = row
            .values
            .get(&order.attribute.name)
            .and_then(|value| stored(value, &order.attribute));
        let value = value.map(|value| match value {
            Literal::Text(text) => Comparable::Text(text),
            Literal::Number(number) => Comparable::Number(number),
            Literal::Flag(flag) => Comparable::Flag(flag),
            Literal::Moment(moment) => Comparable::Moment(moment),
        });
        Self {
            value,
            descending: order.descending,
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let ordering = match (&self.value, &other.value) {
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if self.descending { ordering.reverse() } else { ordering }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn percent_stands_for_any_run() {
        assert!(is_like("Feed pump P-101", "%PUMP%"));
        assert!(is_like("Feed pump", "feed%"));
        assert!(is_like("Feed pump", "%pump"));
        assert!(is_like("Feed pump", "F%p%p"));
        assert!(!is_like("Feed pump", "pump%"));
        assert!(!is_like("pump", "%pump%pump%"));
    }
}
