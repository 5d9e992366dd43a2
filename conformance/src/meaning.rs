//! What filters and orders mean, as `docs/querying.md` tells it, on records in the form of the API's own answers.
//! Written apart from the product's code, so that both can be compared.

use std::cmp::Ordering;

use serde_json::Value;

use crate::answer::{items, word};

/// What the values of a field are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Text, without regard to case.
    Text,
    /// Whole numbers.
    Integer,
    /// Decimals, which are written as text.
    Decimal,
    /// Truth values.
    Boolean,
    /// Days.
    Date,
    /// Moments.
    DateTime,
    /// The place of a value is its place in the list.
    Enum(&'static [String]),
    /// Ids.
    Reference,
}

/// One record as far as filters see it: the comparable value of each field.
pub type Row = serde_json::Map<String, Value>;

/// A filter over fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold.
    And(Vec<Filter>),
    /// One holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The field, its sort, the operator and the operand.
    Is(String, Sort, &'static str, Value),
}

impl Filter {
    /// Writes it as the argument of a list.
    #[must_use]
    pub fn argument(&self) -> Value {
        match self {
            Self::And(parts) => serde_json::json!({ "and": parts.iter().map(Self::argument).collect::<Vec<_>>() }),
            Self::Or(parts) => serde_json::json!({ "or": parts.iter().map(Self::argument).collect::<Vec<_>>() }),
            Self::Not(part) => serde_json::json!({ "not": part.argument() }),
            Self::Is(field, _, operator, operand) => serde_json::json!({ field: { *operator: operand } }),
        }
    }

    /// Tells whether a record meets it.
    #[must_use]
    pub fn matches(&self, row: &Row) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(part) => !part.matches(row),
            Self::Is(field, sort, operator, operand) => {
                holds(*sort, row.get(field).unwrap_or(&Value::Null), operator, operand)
            }
        }
    }
}

/// Tells whether one value meets one condition.
#[must_use]
pub fn holds(sort: Sort, value: &Value, operator: &str, operand: &Value) -> bool {
    let missing = value.is_null();
    let same = |operand: &Value| !missing && compare(sort, value, operand) == Ordering::Equal;
    let text = |test: fn(&str, &str) -> bool| match (value.as_str(), operand.as_str()) {
        (Some(value), Some(part)) => test(&value.to_lowercase(), &part.to_lowercase()),
        _ => false,
    };
    match operator {
        "eq" => same(operand),
        "ne" => !same(operand),
        "in" => items(operand).iter().any(same),
        "gt" => !missing && compare(sort, value, operand).is_gt(),
        "gte" => !missing && compare(sort, value, operand).is_ge(),
        "lt" => !missing && compare(sort, value, operand).is_lt(),
        "lte" => !missing && compare(sort, value, operand).is_le(),
        "contains" => text(|value, part| value.contains(part)),
        "startsWith" => text(|value, part| value.starts_with(part)),
        "isNull" => operand.as_bool() == Some(missing),
        // No operator: nothing is meant, and whatever comes is told as too much.
        _ => false,
    }
}

/// Compares two values that are there. Text is compared without regard to case, then exactly. A value of another sort comes
/// before all others.
#[must_use]
pub fn compare(sort: Sort, a: &Value, b: &Value) -> Ordering {
    let text = |value: &Value| word(value).to_owned();
    match sort {
        Sort::Text => {
            let (a, b) = (text(a), text(b));
            fold(&a).cmp(&fold(&b)).then_with(|| a.cmp(&b))
        }
        Sort::Reference => text(a).cmp(&text(b)),
        // Both forms are written so that they sort as text, once the zone, always UTC, is cut off.
        Sort::Date | Sort::DateTime => without_zone(&text(a)).cmp(without_zone(&text(b))),
        Sort::Integer => a.as_i64().cmp(&b.as_i64()),
        Sort::Boolean => a.as_bool().cmp(&b.as_bool()),
        Sort::Decimal => compare_decimals(&text(a), &text(b)),
        Sort::Enum(values) => {
            let place = |value: &Value| values.iter().position(|known| Some(known.as_str()) == value.as_str());
            place(a).cmp(&place(b))
        }
    }
}

/// Compares two values in an order of a list: missing ones come last, whichever way.
#[must_use]
pub fn compare_in_order(sort: Sort, descending: bool, a: &Value, b: &Value) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => compare(sort, b, a),
        (false, false) => compare(sort, a, b),
    }
}

fn without_zone(text: &str) -> &str {
    text.strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))
        .unwrap_or(text)
}

fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Compares decimals digit by digit, so that no number type decides how exact they are.
fn compare_decimals(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = format!("{:0>40}", whole.trim_start_matches('0'));
        let fraction = format!("{:0<40}", fraction);
        let digits = whole + &fraction;
        let zero = digits.bytes().all(|digit| digit == b'0');
        (negative && !zero, digits)
    };
    match (parts(a), parts(b)) {
        ((false, a), (false, b)) => a.cmp(&b),
        ((true, a), (true, b)) => b.cmp(&a),
        ((true, _), (false, _)) => Ordering::Less,
        ((false, _), (true, _)) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn decimals_are_compared_as_numbers() {
        for (a, b, expected) in [
            ("9", "10", Ordering::Less),
            ("1.50", "1.5", Ordering::Equal),
            ("-2", "1", Ordering::Less),
            ("-2", "-10", Ordering::Greater),
            ("0.00", "-0", Ordering::Equal),
            ("1249.50", "1249.499", Ordering::Greater),
        ] {
            assert_eq!(compare_decimals(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn missing_values_are_different_and_come_last() {
        let missing = Value::Null;
        assert!(holds(Sort::Text, &missing, "ne", &"a".into()));
        assert!(!holds(Sort::Text, &missing, "eq", &"a".into()));
        assert!(holds(Sort::Text, &missing, "isNull", &true.into()));
        for descending in [false, true] {
            assert_eq!(
                compare_in_order(Sort::Text, descending, &missing, &"a".into()),
                Ordering::Greater
            );
        }
    }
}
