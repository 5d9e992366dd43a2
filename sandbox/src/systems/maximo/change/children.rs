//! Rows of child objects in a write. With `patchtype: MERGE` rows that are not named stay; without it the rows that were
//! sent take the place of all rows there were.

use serde_json::{Map, Value};

use super::super::structures::Child;
use super::payload::GivenRow;

/// What happens to one child row; ids are the rows' own numbers.
#[derive(Debug)]
pub(super) enum RowChange<'a> {
    Add(&'a GivenRow),
    Change(u32, &'a GivenRow),
    Delete(u32),
}

/// Compares the rows that were sent with those there are.
pub(super) fn compare<'a>(
    existing: &[Value],
    id_attribute: &str,
    keys: &[&str],
    given: &'a [GivenRow],
    merge: bool,
) -> Vec<RowChange<'a>> {
    let number = |row: &Value| {
        row.get(id_attribute)
            .and_then(Value::as_u64)
            .and_then(|id| u32::try_from(id).ok())
    };
    let mut changes = Vec::new();
    let mut named = Vec::new();
    for row in given {
        let found = row.position(existing, keys).filter(|_| !row.adds);
        named.extend(found);
        let id = found.and_then(|place| existing.get(place)).and_then(number);
        match (id, row.deletes) {
            (Some(id), true) => changes.push(RowChange::Delete(id)),
            (Some(id), false) => changes.push(RowChange::Change(id, row)),
            (None, true) => {}
            (None, false) => changes.push(RowChange::Add(row)),
        }
    }
    if !merge {
        let left = existing.iter().enumerate().filter(|(place, _)| !named.contains(place));
        changes.extend(left.filter_map(|(_, row)| number(row)).map(RowChange::Delete));
    }
    changes
}

/// Returns the rows of a child object that the plant has no place for.
pub(super) fn replaced(existing: &[Value], child: &Child, given: &[GivenRow], merge: bool, first_id: u32) -> Value {
    let id = child.id_attribute();
    let keys: Vec<&str> = child
        .shape
        .attributes
        .iter()
        .map(|attribute| attribute.name.as_str())
        .filter(|name| *name == id || ["assetattrid", "linenum", "vendor", "contact", "metername"].contains(name))
        .collect();
    let mut rows: Vec<Option<Value>> = existing.iter().cloned().map(Some).collect();
    let mut named = Vec::new();
    let mut added = Vec::new();
    for row in given {
        let found = row.position(existing, &keys);
        named.extend(found);
        match found.and_then(|place| rows.get_mut(place)) {
            Some(slot) if row.deletes => *slot = None,
            Some(Some(Value::Object(values))) => values.extend(row.values.clone()),
            _ if row.deletes => {}
            _ => {
                let mut values: Map<String, Value> = row.values.clone();
                let number = first_id + u32::try_from(added.len()).unwrap_or_default();
                values.entry(id.to_owned()).or_insert_with(|| number.into());
                added.push(Value::Object(values));
            }
        }
    }
    rows.into_iter()
        .enumerate()
        .filter(|(place, _)| merge || named.contains(place))
        .filter_map(|(_, row)| row)
        .chain(added)
        .collect()
}

/// Returns the child rows of a record as they are shown.
pub(super) fn rows_of<'a>(values: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    values.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
