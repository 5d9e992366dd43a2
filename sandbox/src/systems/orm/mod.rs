//! Tables with typed fields, domains and orders: what Odoo and Tryton have in common. It knows
//! neither protocol nor value format; a dialect tells it how literals are written.

mod domain;
mod select;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::state::SystemState;
use crate::world::World;

pub(crate) use domain::{Clause, Dialect, Domain, Operator};
pub(crate) use select::{Failure, Query, SortKey, select};
pub(crate) use table::{Builder, Field, Kind, Table, Val};

/// Builds one table from the world; none for a model that does not exist.
pub(crate) type Build = fn(&World, &str) -> Option<Table>;

/// The tables of one running system, built when first asked for and again after the world changed.
pub(crate) struct Database {
    pub(crate) state: Arc<SystemState>,
    build: Build,
    tables: Mutex<HashMap<String, (u64, Arc<Table>)>>,
}

impl Database {
    pub(crate) fn new(state: Arc<SystemState>, build: Build) -> Self {
        Self {
            state,
            build,
            tables: Mutex::default(),
        }
    }

    /// Returns the table of a model.
    pub(crate) fn table(&self, model: &str) -> Option<Arc<Table>> {
        let version = self.state.world_version();
        let kept = self
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(model)
            .cloned();
        if let Some((made_at, table)) = kept
            && made_at == version
        {
            return Some(table);
        }
        let table = Arc::new((self.build)(&self.state.world(), model)?);
        self.tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(model.to_owned(), (version, Arc::clone(&table)));
        Some(table)
    }
}
