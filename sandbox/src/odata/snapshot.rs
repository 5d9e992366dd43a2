//! Keeps what was derived from a version of a source until there is a newer one.

use std::sync::{Arc, Mutex, PoisonError};

/// A derived value together with the version it was derived from.
#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    kept: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T> Snapshot<T> {
    /// Returns an empty snapshot.
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::new(None) }
    }

    /// Returns the derived value; derives it anew when it came from another version.
    pub(crate) fn get(&self, version: u64, derive: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((from, derived)) if *from == version => Arc::clone(derived),
            _ => {
                let derived = Arc::new(derive());
                *kept = Some((version, Arc::clone(&derived)));
                derived
            }
        }
    }
}
