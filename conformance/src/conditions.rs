//! Conditions for the trials of filters, made of values that a system's own records have, and of values made to break
//! the writing of filters.

use lineshaft_schema::{ConnectionId, GlobalId, RemoteKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    meaning::{Filter, Row, Sort, compare},
    shape::{Column, Shape},
};

/// Texts with signs that languages of filters give a meaning to.
const SIGNS: [&str; 12] = [
    "%",
    "_",
    "*",
    "?",
    "'",
    "\"",
    "\\",
    "(",
    ",",
    "&",
    "' or 1 eq 1 or '",
    "%')) or (1=1",
];

/// One condition, and whether its operand is an ordinary one.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) filter: Filter,
    pub(crate) ordinary: bool,
}

/// Returns conditions on one column for one operator.
pub(crate) fn conditions(column: &Column, operator: &'static str, rows: &[Row]) -> Vec<Condition> {
    let values = Values::of(column, rows);
    let (ordinary, odd): (Vec<Value>, Vec<Value>) = match operator {
        "isNull" => (vec![json!(true), json!(false)], Vec::new()),
        "in" => (
            vec![
                json!([values.middle]),
                json!([values.low]),
                json!([values.high]),
                json!([values.low, values.high]),
                json!([values.middle, values.ghost]),
            ],
            if column.sort == Sort::Text {
                vec![json!(SIGNS), json!([])]
            } else {
                vec![json!([])]
            },
        ),
        "contains" | "startsWith" => values.parts(operator == "startsWith"),
        _ => {
            let mut odd = vec![values.ghost.clone()];
            odd.extend(values.odd.iter().cloned());
            odd.extend(values.twins(column.sort));
            (
                vec![values.middle.clone(), values.low.clone(), values.high.clone()],
                odd,
            )
        }
    };
    let one = |operand: Value, ordinary| Condition {
        filter: Filter::Is(column.name.clone(), column.sort, operator, operand),
        ordinary,
    };
    let mut all: Vec<_> = ordinary.into_iter().map(|operand| one(operand, true)).collect();
    all.extend(odd.into_iter().map(|operand| one(operand, false)));
    let mut seen: Vec<Filter> = Vec::new();
    all.retain(|condition| {
        let new = !seen.contains(&condition.filter);
        seen.push(condition.filter.clone());
        new
    });
    all
}

/// Returns a strategy for filters of up to three levels over all columns.
pub(crate) fn filters(shape: &Shape, rows: &[Row]) -> impl Strategy<Value = Filter> + use<> {
    let mut leaves = Vec::new();
    for column in &shape.columns {
        for operator in column.operators() {
            let of_one = conditions(column, operator, rows)
                .into_iter()
                .map(|condition| condition.filter);
            // One operator of one field counts once, however many operands there are.
            leaves.push(of_one.collect::<Vec<_>>());
        }
    }
    let leaf = prop::sample::select(leaves).prop_flat_map(prop::sample::select);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::Or),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

/// Values of one column.
struct Values {
    low: Value,
    middle: Value,
    high: Value,
    /// Values with signs in them.
    odd: Vec<Value>,
    /// A value that no record has.
    ghost: Value,
}

impl Values {
    fn of(column: &Column, rows: &[Row]) -> Self {
        let mut values: Vec<Value> = rows
            .iter()
            .map(|row| row[&column.name].clone())
            .filter(|value| !value.is_null())
            .collect();
        values.sort_by(|a, b| compare(column.sort, a, b));
        values.dedup();
        let ghost = ghost(column.sort, &values);
        let at = |place: usize| values.get(place).cloned().unwrap_or_else(|| ghost.clone());
        let is_odd = |value: &&Value| {
            value
                .as_str()
                .is_some_and(|text| text.contains(|letter: char| !letter.is_alphanumeric() && !" -.".contains(letter)))
        };
        let odd = if column.sort == Sort::Text {
            values.iter().filter(is_odd).take(2).cloned().collect()
        } else {
            Vec::new()
        };
        Self {
            low: at(0),
            middle: at(values.len() / 2),
            high: at(values.len().saturating_sub(1)),
            odd,
            ghost,
        }
    }

    /// Returns values that are easily taken for one of the records'.
    fn twins(&self, sort: Sort) -> Vec<Value> {
        let Some(text) = self.middle.as_str() else {
            return Vec::new();
        };
        match sort {
            Sort::Text => vec![
                json!(swapped(text)),
                json!(format!("{text} ")),
                json!(""),
                json!(SIGNS[10]),
            ],
            Sort::Decimal if text.contains('.') => vec![json!(format!("{text}00"))],
            Sort::Decimal => vec![json!(format!("{text}.00"))],
            Sort::DateTime => vec![json!(format!("{}+00:00", text.trim_end_matches('Z')))],
            _ => Vec::new(),
        }
    }

    /// Returns parts of texts: ordinary ones and odd ones.
    fn parts(&self, from_start: bool) -> (Vec<Value>, Vec<Value>) {
        let part = |value: &Value| {
            let letters: Vec<char> = value.as_str().unwrap_or_default().chars().collect();
            let from = if from_start { 0 } else { letters.len() / 3 };
            let text: String = letters.iter().skip(from).take(4.min(letters.len() / 2 + 1)).collect();
            text
        };
        let plain = part(&self.middle);
        let mut odd: Vec<Value> = self.odd.iter().map(|value| json!(part(value))).collect();
        odd.extend(SIGNS.map(|sign| json!(sign)));
        odd.push(json!(""));
        odd.push(self.ghost.clone());
        (vec![json!(plain), json!(swapped(&plain)), json!(part(&self.high))], odd)
    }
}

fn swapped(text: &str) -> String {
    let swap = |letter: char| {
        let folded: Vec<char> = if letter.is_uppercase() {
            letter.to_lowercase().collect()
        } else {
            letter.to_uppercase().collect()
        };
        // Letters that become several are left alone: what they mean in another case is not told.
        if folded.len() == 1 { folded[0] } else { letter }
    };
    text.chars().map(swap).collect()
}

fn ghost(sort: Sort, values: &[Value]) -> Value {
    match sort {
        Sort::Text => json!("no record has this"),
        Sort::Integer => json!(-98_765),
        Sort::Decimal => json!("-98765.4321"),
        Sort::Date => json!("1901-02-03"),
        Sort::DateTime => json!("1901-02-03T04:05:06Z"),
        Sort::Boolean => json!(!values.iter().any(|value| value == true)),
        Sort::Enum(names) => {
            let unused = names
                .iter()
                .find(|name| !values.iter().any(|value| value == name.as_str()));
            json!(unused.unwrap_or(&names[0]))
        }
        Sort::Reference => reference_to_nothing(values),
    }
}

/// Returns the id of a record that does not exist, beside one that does.
fn reference_to_nothing(values: &[Value]) -> Value {
    let known = values
        .first()
        .and_then(|value| value.as_str()?.parse::<GlobalId>().ok());
    let nowhere = GlobalId {
        connection: ConnectionId(uuid::Uuid::nil()),
        kind: "Vendor".into(),
        key: "1".into(),
    };
    json!(known.map_or(nowhere, |id| missing(&id)).to_string())
}

/// Returns the id of a record that does not exist, beside one that does.
pub(crate) fn missing(id: &GlobalId) -> GlobalId {
    let parts = id.key.parts().iter().map(|part| {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        if number {
            "9".repeat(part.len().clamp(6, 9))
        } else {
            "NO-SUCH-KEY".to_owned()
        }
    });
    GlobalId {
        key: RemoteKey::composite(parts),
        ..id.clone()
    }
}
