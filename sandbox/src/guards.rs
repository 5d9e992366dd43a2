//! What a test sets so that a system refuses writes as it does in real life: records that another user has open, posting
//! periods that are closed, and write tokens that ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

/// The guards of one system.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    locked: Mutex<BTreeMap<String, String>>,
    open_from: Mutex<Option<NaiveDate>>,
    token_epoch: AtomicU64,
}

impl Guards {
    /// Notes that a user has a record open, by the number the system shows.
    pub(crate) fn lock(&self, record: &str, user: &str) {
        self.locked().insert(record.to_owned(), user.to_owned());
    }

    /// Notes that nobody has a record open any more.
    pub(crate) fn unlock(&self, record: &str) {
        self.locked().remove(record);
    }

    /// Returns who has a record open.
    pub(crate) fn user_of(&self, record: &str) -> Option<String> {
        self.locked().get(record).cloned()
    }

    /// Sets the first day that may be posted to.
    pub(crate) fn open_from(&self, day: NaiveDate) {
        *self.open_from.lock().unwrap_or_else(PoisonError::into_inner) = Some(day);
    }

    /// Returns the first day that may be posted to, if one was set.
    pub(crate) fn first_open_day(&self) -> Option<NaiveDate> {
        *self.open_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all write tokens given so far.
    pub(crate) fn end_tokens(&self) {
        self.token_epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns a number that grows when the write tokens end.
    pub(crate) fn token_epoch(&self) -> u64 {
        self.token_epoch.load(Ordering::SeqCst)
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
