//! In what order a list is: as a request asks, or as the system does by itself.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{From, Look, Stop};
use crate::described::condition::{Case, Term, path, values};
use crate::described::language::encoded;
use crate::described::load::Loader;
use crate::described::problem::{Kind, Problem};
use crate::described::rows::{Row, compare_for_order};
use crate::described::table::Unknown;
use crate::described::yaml::{Data, Node};

/// How a list is sorted.
#[derive(Debug, Default)]
pub(crate) struct Order {
    by: Option<From>,
    direction: Option<From>,
    /// What is read is an encoded query, whose other terms say nothing of the order.
    is_encoded: bool,
    separator: Option<String>,
    default: Vec<String>,
    fields: Vec<String>,
    unknown: Unknown,
}

/// One field to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) field: String,
    pub(crate) is_descending: bool,
}

impl Order {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        if !matches!(node.data, Data::Table(_)) {
            return Self {
                default: loader.texts(node, "order"),
                ..Self::default()
            };
        }
        let mut fields = loader.fields(node, "order");
        let order = Self {
            by: fields.take("by").and_then(|node| From::read(loader, node)),
            direction: fields.take("direction").and_then(|node| From::read(loader, node)),
            is_encoded: fields
                .word(loader, "language", &[("encoded_query", true)])
                .unwrap_or(false),
            separator: fields.text(loader, "separator"),
            default: fields.texts(loader, "default"),
            fields: fields.texts(loader, "fields"),
            unknown: fields
                .word(
                    loader,
                    "unknown",
                    &[("refuse", Unknown::Refuse), ("ignore", Unknown::Ignore)],
                )
                .unwrap_or_default(),
        };
        fields.finish(loader);
        order
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let both = [&self.by, &self.direction];
        both.into_iter()
            .filter_map(|from| from.as_ref().and_then(From::parameter))
    }

    /// Returns the fields to sort by for a request.
    pub(crate) fn keys(&self, look: &Look<'_>) -> Result<Vec<Key>, Stop> {
        let mut asked = Vec::new();
        if let Some(by) = &self.by {
            let separator = self.separator.as_deref().unwrap_or(",");
            for value in by.values(look.request, look.scope)? {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if self.is_encoded {
                    let keys = encoded::order(&text).into_iter();
                    asked.extend(keys.map(|(field, is_descending)| Key { field, is_descending }));
                    continue;
                }
                let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
                asked.extend(parts.map(Key::of));
            }
        }
        let direction = match &self.direction {
            Some(from) => from.text(look.request, look.scope)?,
            None => None,
        };
        let mut keys = Vec::new();
        for mut key in asked {
            let is_allowed = self.fields.is_empty() || self.fields.contains(&key.field);
            if !is_allowed && self.unknown == Unknown::Refuse {
                let message = format!("cannot sort by {}", key.field);
                return Err(Problem::new(Kind::NotAllowed, message).of(key.field).into());
            }
            if !is_allowed || !look.has(&key.field, self.unknown)? {
                continue;
            }
            if let Some(direction) = &direction {
                key.is_descending = is_down(direction);
            }
            key.field = look.field(&key.field).to_owned();
            keys.push(key);
        }
        match keys.is_empty() {
            true => Ok(self.default.iter().map(|text| Key::of(text)).collect()),
            false => Ok(keys),
        }
    }
}

fn is_down(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    word.starts_with("desc") || word == "-1" || word == "-"
}

impl Key {
    /// Reads `-name`, `name desc`, `name:asc`.
    fn of(text: &str) -> Self {
        let (text, mut is_descending) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let mut field = text.trim();
        if let Some((name, word)) = field.rsplit_once([' ', ':', '.', ',']) {
            let word = word.to_ascii_lowercase();
            if ["asc", "ascending", "desc", "descending"].contains(&word.as_str()) {
                is_descending = is_down(&word);
                field = name.trim();
            }
        }
        Self {
            field: field.to_owned(),
            is_descending,
        }
    }
}

/// Returns the value of a field for sorting.
pub(crate) fn sort_value(row: &Map<String, Json>, field: &str) -> Json {
    match row.get(field) {
        Some(value) => value.clone(),
        None => values(row, &Term::Field(path(field)))
            .into_iter()
            .next()
            .unwrap_or_default(),
    }
}

/// Sorts rows by keys, and by the table's own key where they are equal.
pub(crate) fn sort(rows: &mut [Arc<Row>], keys: &[Key], own: &[String], case: Case) {
    if keys.is_empty() {
        return;
    }
    rows.sort_by_cached_key(|row| Place::of(&row.map, keys, own, case));
}

/// Where a row stands in an order.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    parts: Vec<(Json, bool)>,
    case: Case,
}

impl Place {
    pub(crate) fn of(row: &Map<String, Json>, keys: &[Key], own: &[String], case: Case) -> Self {
        let sorted = keys.iter().map(|key| (sort_value(row, &key.field), key.is_descending));
        let own = own
            .iter()
            .map(|name| (row.get(name).cloned().unwrap_or_default(), false));
        Self {
            parts: sorted.chain(own).collect(),
            case,
        }
    }

    /// Returns the values that stand for it.
    pub(crate) fn values(&self) -> Vec<Json> {
        self.parts.iter().map(|(value, _)| value.clone()).collect()
    }

    /// Returns the place of these values in the same order.
    pub(crate) fn like(&self, values: Vec<Json>) -> Self {
        let parts = values.into_iter().zip(self.parts.iter().map(|(_, down)| *down));
        Self {
            parts: parts.collect(),
            case: self.case,
        }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        for ((left, is_descending), (right, _)) in self.parts.iter().zip(&other.parts) {
            let order = compare_for_order(left, right, self.case);
            let order = if *is_descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}
