//! What is read once and kept for a while: each thing by one caller while the others wait, and ended before its time
//! when it may have changed.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// From so many things on, the shelves of those whose time is over are given up.
const MANY: usize = 64;

/// Things of one connection that are read once and kept.
#[derive(Debug)]
pub(super) struct Kept<K, V>(Mutex<HashMap<K, Arc<Shelf<V>>>>);

#[derive(Debug)]
struct Shelf<V> {
    /// Whoever reads.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State<V>>,
}

#[derive(Debug)]
struct State<V> {
    kept: Option<Thing<V>>,
    /// When a read last failed, and how.
    failed: Option<(Instant, Error)>,
    /// How often it was ended: what began to be read before is not kept.
    ends: u64,
}

#[derive(Debug)]
struct Thing<V> {
    value: Arc<V>,
    until: Instant,
    /// The version of the credentials that it was read with.
    credentials: i64,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> Default for Shelf<V> {
    fn default() -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                kept: None,
                failed: None,
                ends: 0,
            }),
        }
    }
}

impl<V> State<V> {
    fn fresh(&self, credentials: i64) -> Option<&Arc<V>> {
        let thing = self.kept.as_ref()?;
        (thing.credentials == credentials && Instant::now() < thing.until).then_some(&thing.value)
    }
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// Returns what is kept, or reads it. Those who come while it is read wait and share the outcome.
    ///
    /// # Errors
    /// Returns why it could not be read.
    pub(super) async fn get(
        &self,
        key: &K,
        time: Duration,
        credentials: i64,
        read: impl AsyncFnOnce() -> Result<V, Error>,
    ) -> Result<Arc<V>, Error> {
        let shelf = self.shelf(key);
        if let Some(value) = lock(&shelf.state).fresh(credentials) {
            return Ok(Arc::clone(value));
        }
        let asked = Instant::now();
        let _turn = shelf.turn.lock().await;
        let ends = {
            let state = lock(&shelf.state);
            if let Some(value) = state.fresh(credentials) {
                return Ok(Arc::clone(value));
            }
            match &state.failed {
                // The time that a caller had is its own.
                Some((at, error)) if *at > asked && error.kind() != ErrorKind::DeadlineExceeded => {
                    return Err(error.clone());
                }
                _ => state.ends,
            }
        };
        let began = Instant::now();
        let result = read().await.map(Arc::new);
        let mut state = lock(&shelf.state);
        match &result {
            Ok(value) if state.ends == ends => {
                state.kept = Some(Thing {
                    value: Arc::clone(value),
                    until: began + time,
                    credentials,
                });
            }
            Ok(_) => {}
            Err(error) => state.failed = Some((Instant::now(), error.clone())),
        }
        drop(state);
        result
    }

    /// Ends what is kept under these keys.
    pub(super) fn end(&self, is_ended: impl Fn(&K) -> bool) {
        let shelves = lock(&self.0);
        for (_, shelf) in shelves.iter().filter(|(key, _)| is_ended(key)) {
            let mut state = lock(&shelf.state);
            state.kept = None;
            state.ends += 1;
        }
    }

    fn shelf(&self, key: &K) -> Arc<Shelf<V>> {
        let mut shelves = lock(&self.0);
        let now = Instant::now();
        // Things may be large: none outstays its time for longer than the connection is idle.
        for shelf in shelves.values() {
            let mut state = lock(&shelf.state);
            if state.kept.as_ref().is_some_and(|thing| thing.until <= now) {
                state.kept = None;
            }
        }
        if shelves.len() >= MANY && !shelves.contains_key(key) {
            shelves.retain(|_, shelf| Arc::strong_count(shelf) > 1 || lock(&shelf.state).kept.is_some());
        }
        Arc::clone(shelves.entry(key.clone()).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
