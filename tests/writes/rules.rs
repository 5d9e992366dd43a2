//! What systems do by rules of their own to what they are given. A field of which their trials say nothing must come back
//! as it was given.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use crate::support::{Trials, Word};

/// Tells whether the change of a field is refused because of the state of the record.
pub fn is_frozen(system: System, kind: &str, field: &str) -> bool {
    Trials::of(system).has(kind, field, Word::Frozen)
}

/// Tells whether a field is not given together with the others.
pub fn goes_alone(system: System, kind: &str, field: &str) -> bool {
    Trials::of(system).has(kind, field, Word::Alone)
}

/// Tells whether the record that a field names takes one new part for now.
pub fn takes_one(system: System, kind: &str, field: &str) -> bool {
    Trials::of(system).has(kind, field, Word::Once)
}

/// Makes a value one that the system takes in this field.
pub fn fitting(system: System, kind: &str, field: &str, value: Value) -> Value {
    let rules = Trials::of(system);
    match value.as_str() {
        Some(number) if rules.has(kind, field, Word::Whole) => json!(number.split('.').next()),
        Some(text) if rules.has(kind, field, Word::Digits) => {
            json!(text.chars().filter(char::is_ascii_digit).collect::<String>())
        }
        Some(moment) if rules.has(kind, field, Word::Day) => json!(format!("{}T00:00:00Z", &moment[..10])),
        _ => value,
    }
}

/// Returns what a system makes of a value; none where it is not to be compared.
pub fn expected(system: System, kind: &str, field: &str, given: &Value) -> Option<Value> {
    let rules = Trials::of(system);
    if rules.has(kind, field, Word::Other) {
        return None;
    }
    if rules.has(kind, field, Word::Upper) {
        return Some(json!(given.as_str().unwrap_or_default().to_uppercase()));
    }
    let mut given = given.clone();
    for rule in rules.about(kind) {
        let part = rule.field.strip_prefix(field).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(part), Word::Other, Some(members)) = (part, rule.rule, given.as_object_mut()) {
            members.remove(part);
        }
    }
    Some(given)
}
