//! Rows by entity set, with indexes over keys and navigations.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use super::{
    Flavour,
    model::{Entity, Model, Navigation},
    value::Value,
};

/// One row: only what differs from the defaults of its entity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    values: HashMap<Cow<'static, str>, Value>,
    /// How often clients wrote the row.
    pub(crate) revision: u32,
}

impl Row {
    /// Returns an empty row.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.insert(Cow::Borrowed(name), value.into());
        self
    }

    /// Sets a value if there is one.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Sets the value of a property that only this installation has.
    pub(crate) fn set(&mut self, name: String, value: Value) {
        self.values.insert(Cow::Owned(name), value);
    }

    /// Returns a stored value.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(AsRef::as_ref)
    }
}

/// The rows of all entity sets of a service.
#[derive(Debug)]
pub(crate) struct Data {
    /// The entity sets and their properties.
    pub(crate) model: Model,
    rows: HashMap<String, Vec<Row>>,
    indexes: HashMap<String, HashMap<String, Vec<usize>>>,
    ignore_case: bool,
}

impl Data {
    /// Stores rows in the order of their keys and indexes them.
    pub(crate) fn new(model: Model, flavour: Flavour, rows: Vec<(&str, Vec<Row>)>) -> Self {
        let ignore_case = flavour.ignores_case();
        let mut data = Self {
            model,
            rows: HashMap::new(),
            indexes: HashMap::new(),
            ignore_case,
        };
        for (set, mut rows) in rows {
            if let Some(entity) = data.model.sets.get(set) {
                for row in &mut rows {
                    store(entity, row);
                }
                rows.sort_by(|left, right| by_key(entity, left, right));
            }
            data.rows.insert(set.to_owned(), rows);
        }
        data.index();
        data
    }

    /// Returns the rows of a set, ordered by key.
    pub(crate) fn rows(&self, set: &str) -> &[Row] {
        self.rows.get(set).map_or(&[], Vec::as_slice)
    }

    /// Returns the rows whose properties have the given values.
    pub(crate) fn find(&self, set: &str, names: &[String], values: &[&Value]) -> Vec<&Row> {
        let key = join(values.iter().map(|value| value.index_key(self.ignore_case)));
        let rows = self.rows(set);
        let places = self
            .indexes
            .get(&index_name(set, names))
            .and_then(|index| index.get(&key));
        places
            .into_iter()
            .flatten()
            .filter_map(|place| rows.get(*place))
            .collect()
    }

    /// Returns the rows that a navigation leads to.
    pub(crate) fn related(&self, entity: &Entity, row: &Row, link: &Navigation) -> Vec<&Row> {
        let values: Vec<&Value> = link.on.iter().map(|(own, _)| value(entity, row, own)).collect();
        // Part of a key may be empty, such as the number of a sub-operation.
        if values.iter().all(|value| value.index_key(false).is_empty()) {
            return Vec::new();
        }
        self.find(&link.target, &names(link), &values)
    }

    fn index(&mut self) {
        let mut wanted: Vec<(String, Vec<String>)> = Vec::new();
        for entity in self.model.sets.values() {
            wanted.push((entity.set.clone(), entity.key.clone()));
            let links = entity.navigations.values();
            wanted.extend(links.map(|link| (link.target.clone(), names(link))));
        }
        for (set, names) in wanted {
            let Some(entity) = self.model.sets.get(&set) else {
                continue;
            };
            let mut index: HashMap<String, Vec<usize>> = HashMap::new();
            for (place, row) in self.rows(&set).iter().enumerate() {
                let values = names.iter().map(|name| value(entity, row, name));
                let key = join(values.map(|value| value.index_key(self.ignore_case)));
                index.entry(key).or_default().push(place);
            }
            self.indexes.insert(index_name(&set, &names), index);
        }
    }
}

/// Returns the value that a row shows for a property: its own or the default.
pub(crate) fn value<'a>(entity: &'a Entity, row: &'a Row, name: &str) -> &'a Value {
    row.get(name)
        .or_else(|| entity.properties.get(name).map(|property| &property.default))
        .unwrap_or(&Value::Null)
}

/// Brings the values of a row to the forms of their properties.
pub(crate) fn store(entity: &Entity, row: &mut Row) {
    for (name, value) in &mut row.values {
        if let Some(property) = entity.properties.get(name.as_ref()) {
            *value = property.kind.store(std::mem::replace(value, Value::Null));
        }
    }
}

fn by_key(entity: &Entity, left: &Row, right: &Row) -> Ordering {
    entity
        .key
        .iter()
        .map(|name| value(entity, left, name).sort_order(value(entity, right, name), true))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn names(link: &Navigation) -> Vec<String> {
    link.on.iter().map(|(_, other)| other.clone()).collect()
}

fn index_name(set: &str, names: &[String]) -> String {
    format!("{set}:{}", names.join(","))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\u{1f}")
}
