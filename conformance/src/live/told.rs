//! Tells what was found without repeating what stands in records, unless that is asked for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{answer::word, meaning::Sort};

/// Shorter texts are not looked for in what a system says.
const SHORTEST: usize = 4;
/// Members of records that are told: they name a record, or are words of a system and not of a record.
const OPEN: [&str; 6] = ["id", "remoteId", "connectionId", "status", "statusInfo", "remoteKeys"];

/// Tells values, or only what they are.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    shows_values: bool,
    /// Texts of records, which a system may repeat in its messages.
    texts: BTreeSet<String>,
}

impl Teller {
    pub(super) fn new(shows_values: bool) -> Self {
        Self {
            shows_values,
            texts: BTreeSet::new(),
        }
    }

    /// Learns which texts stand in a record.
    pub(super) fn learn(&mut self, record: &Value) {
        match record {
            Value::String(text) if text.chars().count() >= SHORTEST => {
                self.texts.insert(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| self.learn(value)),
            Value::Object(members) => members
                .iter()
                .filter(|(name, _)| !OPEN.contains(&name.as_str()))
                .for_each(|(_, value)| self.learn(value)),
            _ => {}
        }
    }

    /// Tells a value of a field.
    pub(super) fn value(&self, sort: Option<Sort>, value: &Value) -> String {
        if self.shows_values || matches!(sort, Some(Sort::Enum(_) | Sort::Boolean)) {
            return value.to_string();
        }
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(_) => "a number".to_owned(),
            Value::String(text) if text.is_empty() => "an empty text".to_owned(),
            Value::String(text) => format!("a text of {} letters", text.chars().count()),
            Value::Array(values) => format!("a list of {}", values.len()),
            Value::Object(_) => "an object".to_owned(),
        }
    }

    /// Tells what somebody else says, without the texts of records.
    pub(super) fn words(&self, says: &str) -> String {
        if self.shows_values {
            return says.to_owned();
        }
        // The longest first: one may stand within another.
        let mut texts: Vec<&String> = self.texts.iter().filter(|text| says.contains(text.as_str())).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts
            .into_iter()
            .fold(says.to_owned(), |says, text| says.replace(text.as_str(), "…"))
    }

    /// Tells what is wrong with a field, without the value that was found; words of an enum are no secret.
    pub(super) fn problem(&self, says: &str, is_enum: bool) -> String {
        if self.shows_values || is_enum {
            return says.to_owned();
        }
        // Most problems begin with an excerpt of the value.
        match says.rsplit_once(" is not ") {
            Some((_, rest)) => format!("the value is not {}", without_quoted(rest)),
            None => self.words(&without_quoted(says)),
        }
    }

    /// Tells an error of an answer: its code, and what the system itself says.
    pub(super) fn failure(&self, error: &Value) -> String {
        let extensions = &error["extensions"];
        let mut told = format!("{} {}", word(&extensions["code"]), word(&error["message"]));
        for (name, before) in [("remoteCode", "code"), ("remoteMessage", "the system says:")] {
            if let Some(says) = extensions[name].as_str() {
                told.push_str(&format!("; {before} {says}"));
            }
        }
        self.words(&told)
    }
}

/// Leaves out what stands between quotation marks.
fn without_quoted(text: &str) -> String {
    let parts = text.split('"').enumerate();
    let parts = parts.map(|(at, part)| if at % 2 == 0 { part } else { "…" });
    parts.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_in_records_is_not_told_unless_it_is_asked_for() {
        let record =
            json!({ "remoteId": "4711", "name": "Northern Bearings", "status": "ACTIVE", "tags": ["deep groove"] });
        let mut teller = Teller::new(false);
        teller.learn(&record);
        assert_eq!(teller.value(Some(Sort::Text), &record["name"]), "a text of 17 letters");
        assert_eq!(
            teller.words("no vendor \"Northern Bearings\" (4711), deep groove"),
            "no vendor \"…\" (4711), …"
        );
        assert_eq!(
            teller.problem("\"12,x\" is not a number", false),
            "the value is not a number"
        );
        assert_eq!(
            teller.problem("\"HELD\" is not in the table", true),
            "\"HELD\" is not in the table"
        );
        let open = Teller::new(true);
        assert_eq!(open.value(Some(Sort::Text), &record["name"]), "\"Northern Bearings\"");
    }
}
