//! Tables with typed fields, domains and orders: what Odoo and Tryton have in common. It knows
//! neither protocol nor value format; a dialect tells it how literals are written.

mod domain;
mod draft;
pub(crate) mod plant;
mod select;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::state::SystemState;
use crate::world::World;

pub(crate) use domain::{Clause, Dialect, Domain, Operator};
pub(crate) use draft::Draft;
pub(crate) use select::{Failure, Query, SortKey, select};
pub(crate) use table::{Builder, Field, Kind, Laid, Table, Val};

/// Builds one table from the world; none for a model that does not exist.
pub(crate) type Build = fn(&World, &str) -> Option<Table>;

/// The tables of one running system, built when first asked for and again after the world changed.
pub(crate) struct Database {
    pub(crate) state: Arc<SystemState>,
    build: Build,
    laid: Laid,
    tables: Mutex<HashMap<String, (u64, Arc<Table>)>>,
    beside: Mutex<draft::Beside>,
    /// Held by the one client that writes.
    turn: Mutex<()>,
}

impl Database {
    pub(crate) fn new(state: Arc<SystemState>, build: Build, laid: Laid) -> Self {
        Self {
            state,
            build,
            laid,
            tables: Mutex::default(),
            beside: Mutex::default(),
            turn: Mutex::default(),
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
        let table = {
            let world = self.state.world();
            let mut table = (self.build)(&world, model)?;
            let written = self.state.written();
            let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
            table.lay_over(&written, beside.rows(model), self.laid);
            Arc::new(table)
        };
        self.tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(model.to_owned(), (version, Arc::clone(&table)));
        Some(table)
    }
}
