//! What clients wrote: values that the plant has no place for, laid over the rows that a system shows, and a clock that
//! moves with every write, so that change stamps and versions grow while everything else stays repeatable.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::world::now;

/// The written values of one system.
#[derive(Debug, Default, Clone)]
pub(crate) struct Written {
    rows: HashMap<(String, String), WrittenRow>,
    writes: u32,
}

/// What was written to one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WrittenRow {
    /// Members by the system's own names; they win over those that follow from the plant.
    pub(crate) fields: Map<String, Value>,
    /// How often the row was written; a row that was never written counts as 0.
    pub(crate) revision: u32,
    /// When it was written last.
    pub(crate) changed_at: DateTime<Utc>,
    /// When it was made, if a client made it.
    pub(crate) created_at: Option<DateTime<Utc>>,
}

impl Written {
    /// Returns the instant of the last write: one second later with each.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        now() + TimeDelta::seconds(i64::from(self.writes))
    }

    /// Returns what was written to a row.
    pub(crate) fn row(&self, table: &str, key: &str) -> Option<&WrittenRow> {
        self.rows.get(&(table.to_owned(), key.to_owned()))
    }

    /// Returns all written rows of a table, in no order.
    pub(crate) fn rows_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = (&'a str, &'a WrittenRow)> {
        let own = self.rows.iter().filter(move |((name, _), _)| name == table);
        own.map(|((_, key), row)| (key.as_str(), row))
    }

    /// Returns how often a row was written.
    pub(crate) fn revision(&self, table: &str, key: &str) -> u32 {
        self.row(table, key).map_or(0, |row| row.revision)
    }

    /// Notes that a client made a row, and the values that the plant has no place for.
    pub(crate) fn create(&mut self, table: &str, key: &str, fields: Map<String, Value>) -> &WrittenRow {
        self.rows.remove(&(table.to_owned(), key.to_owned()));
        self.note(table, key, fields, true)
    }

    /// Notes that a client changed a row, and the values that the plant has no place for.
    pub(crate) fn change(&mut self, table: &str, key: &str, fields: Map<String, Value>) -> &WrittenRow {
        self.note(table, key, fields, false)
    }

    fn note(&mut self, table: &str, key: &str, fields: Map<String, Value>, is_new: bool) -> &WrittenRow {
        self.writes += 1;
        let at = self.now();
        let row = self
            .rows
            .entry((table.to_owned(), key.to_owned()))
            .or_insert_with(|| WrittenRow {
                fields: Map::new(),
                revision: 0,
                changed_at: at,
                created_at: is_new.then_some(at),
            });
        row.fields.extend(fields);
        row.revision += 1;
        row.changed_at = at;
        row
    }

    /// Forgets a row that a client deleted.
    pub(crate) fn forget(&mut self, table: &str, key: &str) {
        self.writes += 1;
        self.rows.remove(&(table.to_owned(), key.to_owned()));
    }

    /// Lays the written values over a row.
    pub(crate) fn lay_over(&self, table: &str, key: &str, row: &mut Map<String, Value>) {
        if let Some(written) = self.row(table, key) {
            row.extend(written.fields.clone());
        }
    }
}
