//! What systems do by rules of their own to what they are given, as the `trials.yaml` of each connector tells it with the
//! reason. A field that does not stand there must come back as it was given.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use lineshaft_connect::manifest::yaml;
use lineshaft_sandbox::System;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::connector_folder;

/// What a system does to the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Letters become large.
    Upper,
    /// The value is turned into something that is not compared.
    Other,
    /// It is not taken together with the others, and tried alone, by an update.
    Alone,
    /// It changes only in a state that a new record has left.
    Frozen,
    /// It is taken only without a fraction.
    Whole,
    /// Of a moment the day is kept; others than midnight are refused.
    Day,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// Its parts joined by dots.
    field: String,
    rule: Word,
    /// The reason, for people.
    because: String,
}

/// The rules of one system by type.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    writes: HashMap<String, Vec<Rule>>,
}

impl Rules {
    fn read(id: &str) -> Self {
        let file = connector_folder().join(id).join("trials.yaml");
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Self::default();
        };
        let documents = yaml::parse(&text).unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()));
        let rules: Self = serde_json::from_value(documents[0].to_json())
            .unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
        let mut all = rules.writes.values().flatten();
        assert!(all.all(|rule| !rule.because.is_empty()), "{}: reasons", file.display());
        rules
    }

    fn of(system: System) -> Arc<Self> {
        static READ: LazyLock<Mutex<HashMap<String, Arc<Rules>>>> = LazyLock::new(Mutex::default);
        let mut read = READ.lock().unwrap();
        let rules = read
            .entry(system.id().to_owned())
            .or_insert_with(|| Arc::new(Self::read(system.id())));
        rules.clone()
    }

    fn about(&self, kind: &str) -> &[Rule] {
        self.writes.get(kind).map_or(&[], Vec::as_slice)
    }

    fn has(&self, kind: &str, field: &str, word: Word) -> bool {
        let mut rules = self.about(kind).iter();
        rules.any(|rule| rule.field == field && rule.rule == word)
    }
}

/// Tells whether the change of a field is refused because of the state of the record.
pub fn is_frozen(system: System, kind: &str, field: &str) -> bool {
    Rules::of(system).has(kind, field, Word::Frozen)
}

/// Tells whether a field is not given together with the others.
pub fn goes_alone(system: System, kind: &str, field: &str) -> bool {
    Rules::of(system).has(kind, field, Word::Alone)
}

/// Makes a value one that the system takes in this field.
pub fn fitting(system: System, kind: &str, field: &str, value: Value) -> Value {
    let rules = Rules::of(system);
    match value.as_str() {
        Some(number) if rules.has(kind, field, Word::Whole) => json!(number.split('.').next()),
        Some(moment) if rules.has(kind, field, Word::Day) => json!(format!("{}T00:00:00Z", &moment[..10])),
        _ => value,
    }
}

/// Returns what a system makes of a value; none where it is not to be compared.
pub fn expected(system: System, kind: &str, field: &str, given: &Value) -> Option<Value> {
    let rules = Rules::of(system);
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
