//! The rows of every object structure, built once per state of the world and looked up by id. It knows nothing of HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::rows;
use super::structures::{Catalogue, Structure};
use crate::state::SystemState;
use crate::world::World;
use crate::written::Written;

/// One record with its child rows under the children's names.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The tail of its href.
    pub(super) id: String,
    pub(super) rowstamp: String,
    pub(super) values: Map<String, Value>,
}

/// The rows of one object structure in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    by_id: HashMap<String, usize>,
}

impl Table {
    /// Returns the row of an href's tail.
    pub(super) fn find(&self, id: &str) -> Option<&Row> {
        self.rows.get(*self.by_id.get(id)?)
    }
}

/// All tables of one state of the world.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) world: World,
    pub(super) catalogue: Catalogue,
    written: Written,
    tables: HashMap<String, OnceLock<Table>>,
    nothing: Table,
}

impl Dataset {
    fn of(world: &World, written: &Written) -> Self {
        let catalogue = Catalogue::of(world);
        let tables = catalogue
            .structures
            .iter()
            .map(|structure| (structure.name.clone(), OnceLock::new()))
            .collect();
        Self {
            world: world.clone(),
            written: written.clone(),
            catalogue,
            tables,
            nothing: Table::default(),
        }
    }

    /// Returns the rows of a structure.
    pub(super) fn table(&self, structure: &Structure) -> &Table {
        match self.tables.get(&structure.name) {
            Some(table) => table.get_or_init(|| build(structure, &self.world, &self.written)),
            None => &self.nothing,
        }
    }
}

fn build(structure: &Structure, world: &World, written: &Written) -> Table {
    let rows: Vec<Row> = rows::of(&structure.name, world)
        .into_iter()
        .chain(rows::beside(&structure.name, written))
        .filter_map(|value| match value {
            Value::Object(values) => Some(row(structure, values, written)),
            _ => None,
        })
        .collect();
    let by_id = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (row.id.clone(), place))
        .collect();
    Table { rows, by_id }
}

/// Makes a row of what follows from the plant and of what clients wrote.
fn row(structure: &Structure, mut values: Map<String, Value>, written: &Written) -> Row {
    let id = id_of(&structure.id, &values);
    for child in &structure.shape.children {
        let table = child_table(structure, &child.name);
        for row in values
            .get_mut(&child.name)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            if let Some(key) = row.get(child.id_attribute()).map(Value::to_string) {
                written.lay_over(&table, &key, row);
            }
        }
    }
    written.lay_over(&structure.name, &id, &mut values);
    Row {
        rowstamp: rowstamp(&values, written.revision(&structure.name, &id)),
        id,
        values,
    }
}

/// Returns the name under which values of child rows are kept.
pub(super) fn child_table(structure: &Structure, child: &str) -> String {
    format!("{}/{child}", structure.name)
}

/// Returns the href's tail that these attributes of a row make up: base64 of the key, `-` for each padding sign.
pub(super) fn id_of(attributes: &[String], values: &Map<String, Value>) -> String {
    let parts: Vec<String> = attributes
        .iter()
        .map(|name| match values.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        })
        .collect();
    encode(&parts.join("/"))
}

fn encode(key: &str) -> String {
    let padding = "-".repeat((3 - key.len() % 3) % 3);
    format!("_{}{padding}", URL_SAFE_NO_PAD.encode(key))
}

/// Returns a number that changes whenever the row does (FNV-1a of its text).
fn rowstamp(values: &Map<String, Value>, revision: u32) -> String {
    let text = serde_json::to_string(values).unwrap_or_default();
    let hash = text
        .bytes()
        .chain(revision.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash % 1_000_000_000).to_string()
}

/// Keeps the dataset until the world changes.
#[derive(Debug, Default)]
pub(super) struct Cache {
    latest: Mutex<Option<(u64, Arc<Dataset>)>>,
}

impl Cache {
    /// Returns the dataset of the world as it is now.
    pub(super) fn current(&self, state: &SystemState) -> Arc<Dataset> {
        let world = state.world();
        let version = state.world_version();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dataset)) = latest.as_ref().filter(|(cached, _)| *cached == version) {
            return Arc::clone(dataset);
        }
        let dataset = Arc::new(Dataset::of(&world, &state.written()));
        *latest = Some((version, Arc::clone(&dataset)));
        dataset
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn ids_are_written_as_maximo_does() {
        assert_eq!(encode("BEDFORD/A6002"), "_QkVERk9SRC9BNjAwMg--");
    }
}
