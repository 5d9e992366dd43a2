//! What one call of a client changes: a copy of the plant and the values beside it, kept only when the whole call is
//! good, as a database does with a transaction.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Database;
use super::table::{Table, Val, derived};
use crate::world::World;

/// Rows that the plant has no place for, and the highest id given out in each model.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    made: HashMap<&'static str, BTreeSet<u32>>,
    highest: HashMap<&'static str, u32>,
}

impl Beside {
    pub(super) fn rows(&self, model: &str) -> Vec<u32> {
        self.made
            .get(model)
            .map_or_else(Vec::new, |ids| ids.iter().copied().collect())
    }
}

#[derive(Debug, Default)]
struct Change {
    fields: Map<String, Value>,
    is_new: bool,
    is_gone: bool,
}

/// A transaction; dropped without `commit` it leaves nothing behind.
pub(crate) struct Draft<'a> {
    database: &'a Database,
    /// The plant as it will be.
    pub(crate) world: World,
    /// The instant of the change.
    pub(crate) at: DateTime<Utc>,
    beside: Beside,
    changes: IndexMap<(&'static str, u32), Change>,
    _turn: MutexGuard<'a, ()>,
}

impl<'a> Draft<'a> {
    /// Waits for its turn and starts a transaction.
    pub(crate) fn begin(database: &'a Database) -> Self {
        let turn = database.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let world = database.state.world().clone();
        let at = database.state.written().now() + TimeDelta::seconds(1);
        let beside = database.beside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            database,
            world,
            at,
            beside,
            changes: IndexMap::new(),
            _turn: turn,
        }
    }

    /// Returns the table of a model as it was before the transaction.
    pub(crate) fn table(&self, model: &str) -> Option<Arc<Table>> {
        self.database.table(model)
    }

    /// Returns an id that no record of the model ever had.
    pub(crate) fn next_id(&mut self, model: &'static str, highest_in_plant: u32) -> u32 {
        let highest = self.beside.highest.entry(model).or_default();
        *highest = (*highest).max(highest_in_plant) + 1;
        *highest
    }

    /// Notes that a record was made.
    pub(crate) fn made(&mut self, model: &'static str, id: u32) {
        self.changes.entry((model, id)).or_default().is_new = true;
    }

    /// Notes that a record was made that the plant has no place for.
    pub(crate) fn made_beside(&mut self, model: &'static str, id: u32) {
        self.beside.made.entry(model).or_default().insert(id);
        self.made(model, id);
    }

    /// Notes that a record was changed.
    pub(crate) fn touched(&mut self, model: &'static str, id: u32) {
        self.changes.entry((model, id)).or_default();
    }

    /// Notes that a record is gone.
    pub(crate) fn gone(&mut self, model: &'static str, id: u32) {
        if let Some(ids) = self.beside.made.get_mut(model) {
            ids.remove(&id);
        }
        self.changes.entry((model, id)).or_default().is_gone = true;
    }

    /// Says whether a row exists only beside the plant.
    pub(crate) fn is_beside(&self, model: &str, id: u32) -> bool {
        self.beside.made.get(model).is_some_and(|ids| ids.contains(&id))
    }

    /// Keeps a value beside the plant.
    pub(crate) fn keep(&mut self, model: &'static str, id: u32, field: &str, value: impl Into<Value>) {
        let change = self.changes.entry((model, id)).or_default();
        change.fields.insert(field.to_owned(), value.into());
    }

    /// Lets a value follow from the plant again.
    pub(crate) fn follow(&mut self, model: &'static str, id: u32, field: &str) {
        if self.kept(model, id, field).is_some() {
            self.keep(model, id, field, derived());
        }
        self.touched(model, id);
    }

    /// Returns a value kept beside the plant.
    pub(crate) fn kept(&self, model: &'static str, id: u32, field: &str) -> Option<Value> {
        let change = self.changes.get(&(model, id));
        if let Some(value) = change.and_then(|change| change.fields.get(field)) {
            return (*value != derived()).then(|| value.clone());
        }
        let written = self.database.state.written();
        let value = written.row(model, &id.to_string())?.fields.get(field)?.clone();
        (value != derived()).then_some(value)
    }

    /// Says whether a record exists by now.
    pub(crate) fn exists(&self, model: &str, id: u32) -> bool {
        if let Some((_, change)) = self
            .changes
            .iter()
            .find(|((known, at), _)| *known == model && *at == id)
            && (change.is_new || change.is_gone)
        {
            return !change.is_gone;
        }
        self.table(model).is_some_and(|table| table.row(id).is_some())
    }

    /// Returns a value as it was before the transaction, with what was kept beside since.
    pub(crate) fn value(&self, model: &'static str, id: u32, field: &str) -> Val {
        let Some(table) = self.table(model) else {
            return Val::Null;
        };
        if let (Some(kept), Some(field)) = (self.kept(model, id, field), table.field(field)) {
            return (self.database.laid.read)(field, &kept).unwrap_or(Val::Null);
        }
        table.row(id).map_or(Val::Null, |row| table.value(row, field).clone())
    }

    /// Makes the changes true.
    pub(crate) fn commit(self) {
        let state = &self.database.state;
        let mut world = state.world_mut();
        let mut written = state.written_mut();
        *world = self.world;
        for ((model, id), change) in self.changes {
            let key = id.to_string();
            if change.is_gone {
                written.forget(model, &key);
            } else if change.is_new {
                written.create(model, &key, change.fields);
            } else {
                written.change(model, &key, change.fields);
            }
        }
        *self.database.beside.lock().unwrap_or_else(PoisonError::into_inner) = self.beside;
    }
}
