//! Lets the writes of one record wait for each other: in this process in line, woken when the one before them ends.
//! That no two of them are under way at once, in all processes, is kept by an index of the table.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as Turn, Notify};
use uuid::Uuid;

type Name = (Uuid, String);

/// The lines of this process.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<Name, Arc<Line>>>);

/// Who waits for one record.
#[derive(Default)]
pub(super) struct Line {
    /// Whose turn it is to look whether the record is free.
    pub(super) turn: Turn<()>,
    /// Rung when a write of the record has ended.
    pub(super) freed: Notify,
}

/// A place in a line, given up when it is dropped.
pub(super) struct Place<'a> {
    lanes: &'a Lanes,
    name: Name,
    line: Arc<Line>,
}

impl Lanes {
    /// Joins the line for a record of a connection.
    pub(super) fn join(&self, connection_id: Uuid, lane: &str) -> Place<'_> {
        let name = (connection_id, lane.to_owned());
        let line = self.lines().entry(name.clone()).or_default().clone();
        Place {
            lanes: self,
            name,
            line,
        }
    }

    /// Tells the first in the line that the record may be free.
    pub(super) fn free(&self, connection_id: Uuid, lane: &str) {
        if let Some(line) = self.lines().get(&(connection_id, lane.to_owned())) {
            line.freed.notify_one();
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Name, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Place<'_> {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.lanes.lines();
        // The map and this place: nobody else waits.
        if Arc::strong_count(&self.line) <= 2 {
            lines.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_lasts_as_long_as_somebody_waits() {
        let lanes = Lanes::default();
        let first = lanes.join(Uuid::nil(), "Vendor:1");
        let second = lanes.join(Uuid::nil(), "Vendor:1");
        drop(first);
        assert_eq!(lanes.lines().len(), 1);
        drop(second);
        assert!(lanes.lines().is_empty());
    }
}
