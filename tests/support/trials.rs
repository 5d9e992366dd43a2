//! What the suites expect of one system beyond what holds for all, as the `trials.yaml` of its connector tells it with the
//! reasons.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use lineshaft_connect::manifest::yaml;
use lineshaft_sandbox::System;
use serde::Deserialize;

use super::connector_folder;

/// What a system does to the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Letters become large.
    Upper,
    /// The value is turned into something that is not compared.
    Other,
    /// It is not taken together with the others, and tried alone, by an update.
    Alone,
    /// It changes only in a state that a new record has left.
    Frozen,
    /// It names a record that takes one new part for now; the next goes to another.
    Once,
    /// It is taken only without a fraction.
    Whole,
    /// Of a text the digits are kept; others are refused.
    Digits,
    /// Of a moment the day is kept; others than midnight are refused.
    Day,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its parts joined by dots.
    pub field: String,
    pub rule: Word,
    /// The reason, for people.
    because: String,
}

/// Calls of one page of a list, where they are not one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    list: String,
    calls: usize,
    /// The reason, for people.
    because: String,
}

/// A difference that is known and not settled yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsettled {
    /// Part of what the suite tells of it.
    pub finding: String,
    /// The reason, for people.
    pub because: String,
}

/// What is expected of one system.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trials {
    /// What it does by rules of its own to what it is given, by type.
    writes: HashMap<String, Vec<Rule>>,
    /// What a page of ten records costs.
    pages: Vec<Calls>,
    /// What the suite of writes finds and is not settled yet; each of them must still be found.
    pub unsettled: Vec<Unsettled>,
}

impl Trials {
    fn read(id: &str) -> Self {
        let file = connector_folder().join(id).join("trials.yaml");
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Self::default();
        };
        let documents = yaml::parse(&text).unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()));
        let trials: Self = serde_json::from_value(documents[0].to_json())
            .unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
        let writes = trials.writes.values().flatten().map(|rule| &rule.because);
        let others = trials.pages.iter().map(|page| &page.because);
        let unsettled = trials.unsettled.iter().map(|unsettled| &unsettled.because);
        let mut reasons = writes.chain(others).chain(unsettled);
        assert!(reasons.all(|reason| !reason.is_empty()), "{}: reasons", file.display());
        trials
    }

    /// Returns what is expected of a system; nothing of its own where its connector has no such file.
    pub fn of(system: System) -> Arc<Self> {
        static READ: LazyLock<Mutex<HashMap<String, Arc<Trials>>>> = LazyLock::new(Mutex::default);
        let mut read = READ.lock().unwrap();
        let trials = read
            .entry(system.id().to_owned())
            .or_insert_with(|| Arc::new(Self::read(system.id())));
        trials.clone()
    }

    /// Returns the rules about a type.
    pub fn about(&self, kind: &str) -> &[Rule] {
        self.writes.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Returns how many requests a page of ten records of a list costs.
    pub fn calls(&self, list: &str) -> usize {
        let own = self.pages.iter().find(|page| page.list == list);
        own.map_or(1, |page| page.calls)
    }

    /// Tells whether a rule holds for a field.
    pub fn has(&self, kind: &str, field: &str, word: Word) -> bool {
        let mut rules = self.about(kind).iter();
        rules.any(|rule| rule.field == field && rule.rule == word)
    }
}
