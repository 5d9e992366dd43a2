//! Tables from the words of a source to the words of the unified model.

use std::collections::HashMap;

use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, Value, catalogue::EnumIndex};

use super::{Irreversible, Literal, not};
use crate::{json, manifest::suggest};

/// The word of every enum for what a table does not know.
const UNKNOWN: &str = "UNKNOWN";

/// A table, readable both ways.
#[derive(Clone, Debug)]
pub(super) struct Words {
    table: HashMap<Box<str>, Value>,
    /// The words in the order of the table.
    order: Vec<Box<str>>,
    /// What a word outside the table means; without it such a word is a problem.
    unknown: Option<Value>,
}

impl Words {
    /// Makes the table of a source that uses the names of the enum itself.
    pub(super) fn names(index: EnumIndex, catalogue: &Catalogue) -> Self {
        let names = catalogue
            .enum_at(index)
            .map(|def| def.values.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        let pairs = names
            .into_iter()
            .zip(0_u16..)
            .filter(|(name, _)| name != UNKNOWN)
            .map(|(name, at)| (name.into_boxed_str(), Value::Enum(index, at)));
        Self::new(pairs, unknown_of(index, catalogue))
    }

    /// Makes a table to the values of an enum.
    pub(super) fn table(
        index: EnumIndex,
        table: &IndexMap<String, String>,
        catalogue: &Catalogue,
    ) -> Result<Self, String> {
        let def = catalogue.enum_at(index).ok_or("there is no such enum")?;
        let what = format!("value of {}", def.name);
        let mut pairs = Vec::with_capacity(table.len());
        let mut wrong = Vec::new();
        for (raw, name) in table {
            match def.value_index(name) {
                Some(at) => pairs.push((raw.as_str().into(), Value::Enum(index, at))),
                None => wrong.push(suggest::unknown(&what, name, def.values.keys().map(String::as_str))),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.join(" "));
        }
        Ok(Self::new(pairs, unknown_of(index, catalogue)))
    }

    /// Makes a table to texts.
    pub(super) fn texts(table: &IndexMap<String, String>) -> Self {
        Self::new(
            table.iter().map(|(raw, text)| (raw.as_str().into(), Value::text(text))),
            None,
        )
    }

    fn new(pairs: impl IntoIterator<Item = (Box<str>, Value)>, unknown: Option<Value>) -> Self {
        let mut words = Self {
            table: HashMap::new(),
            order: Vec::new(),
            unknown,
        };
        for (raw, value) in pairs {
            words.order.push(raw.clone());
            words.table.insert(raw, value);
        }
        words
    }

    /// Finds a value of the source in the table: texts and numbers, also the empty text and null.
    pub(super) fn find(&self, value: &json::Value<'_>) -> Option<Value> {
        if value.is_null() {
            return self.null();
        }
        let text = json::scalar_text(value)?;
        if let Some(found) = self.table.get(text) {
            return Some(found.clone());
        }
        if !value.is_number() {
            return None;
        }
        let number = json::decimal_of(text)?.normalize().to_string();
        self.table.get(number.as_str()).cloned()
    }

    /// Returns what null means, when the table says it.
    pub(super) fn null(&self) -> Option<Value> {
        self.table.get("null").cloned()
    }

    pub(super) fn decode(&self, value: &json::Value<'_>) -> Result<Value, String> {
        self.find(value)
            .or_else(|| self.unknown.clone())
            .ok_or_else(|| not("in the table", value))
    }

    /// Writes every word that means the value; none when no word does.
    pub(super) fn encode(&self, value: &Value) -> Result<Vec<Literal>, Irreversible> {
        if Some(value) == self.unknown.as_ref() {
            return Err(Irreversible);
        }
        let words = self.order.iter().filter(|raw| self.table.get(*raw) == Some(value));
        Ok(words
            .map(|raw| {
                if raw.as_ref() == "null" {
                    Literal::Null
                } else {
                    Literal::Text(raw.to_string())
                }
            })
            .collect())
    }

    /// Returns the values that some word means.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.order.iter().filter_map(|raw| self.table.get(raw))
    }

    /// Sets what a word outside the table means.
    pub(super) fn or_else(mut self, default: &Value) -> Self {
        if !default.is_null() {
            self.unknown = Some(default.clone());
        }
        self
    }
}

fn unknown_of(index: EnumIndex, catalogue: &Catalogue) -> Option<Value> {
    let at = catalogue.enum_at(index)?.value_index(UNKNOWN)?;
    Some(Value::Enum(index, at))
}
