//! Lays what clients wrote over the rows that follow from the plant: values that the plant has no place for, rows that it
//! does not know, and rows that are gone.

use serde_json::{Map, Value as Json};

use super::{
    body::restore,
    data::{Row, store},
    model::Entity,
};
use crate::written::Written;

/// Marks a kept row that the plant knows nothing of.
pub(crate) const OWN: &str = "@own";
/// Marks a row that is not shown any more.
pub(crate) const GONE: &str = "@gone";

/// Lays the written values of a table over its rows.
pub(crate) fn lay_over(entity: &Entity, table: &str, rows: Vec<Row>, written: &Written) -> Vec<Row> {
    let mut shown = Vec::with_capacity(rows.len());
    for mut row in rows {
        store(entity, &mut row);
        let Some(found) = written.row(table, &entity.row_key(&row)) else {
            shown.push(row);
            continue;
        };
        if found.fields.contains_key(GONE) {
            continue;
        }
        row.revision = found.revision;
        put(entity, &mut row, &found.fields);
        shown.push(row);
    }
    for (_, found) in written.rows_of(table) {
        if !found.fields.contains_key(OWN) || found.fields.contains_key(GONE) {
            continue;
        }
        let mut row = Row::new();
        row.revision = found.revision;
        put(entity, &mut row, &found.fields);
        shown.push(row);
    }
    shown
}

fn put(entity: &Entity, row: &mut Row, fields: &Map<String, Json>) {
    for (name, json) in fields {
        if let Some(property) = entity.properties.get(name) {
            row.set(name.clone(), restore(&property.kind, json));
        }
    }
}
