//! Watches the live connectors of this process: takes note of every operation, and rings when a change of state is due.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use lineshaft_connect::{
    connector::{Connector, Health},
    layers::breaker,
    store::{Observation, Observer, Operation},
};
use lineshaft_entities::connection::Model;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Reason, entities,
    machine::Signal,
    notes::{Circuit, Facts, Known, Notes},
};
use crate::{connections::Connection, database};

/// The watches of this process. What is due is kept in them and never only in a queue, so nothing gets lost.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    watches: Mutex<HashMap<Uuid, Arc<Watch>>>,
    due: Arc<Due>,
    degraded_share: f64,
}

/// The connections whose state may have to change.
#[derive(Debug, Default)]
struct Due {
    connections: Mutex<HashSet<Uuid>>,
    bell: Notify,
}

/// Watches one connection.
pub(crate) struct Watch {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    /// Writers take turns, so that many who saw the same write once.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// The version of the credentials that were last loaded.
    pub(crate) credentials_version: Arc<AtomicI64>,
    connector: Mutex<Weak<Connector>>,
    notes: Mutex<Notes>,
    due: Arc<Due>,
    degraded_share: f64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What was taken to be written. It is put back for the next round unless it is settled: the writing may fail, or whoever
/// waits for it may leave.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    watch: &'a Watch,
    pub(super) facts: Facts,
    pub(super) signals: Vec<Signal>,
    settled: bool,
}

impl Taken<'_> {
    /// Says that it is written.
    pub(super) const fn settled(&mut self) {
        self.settled = true;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (facts, signals) = (std::mem::take(&mut self.facts), std::mem::take(&mut self.signals));
        let is_due = !signals.is_empty();
        lock(&self.watch.notes).put_back(facts, signals);
        if is_due {
            lock(&self.watch.due.connections).insert(self.watch.id);
        }
    }
}

impl Desk {
    pub(super) fn new(degraded_share: f64) -> Self {
        Self {
            degraded_share,
            ..Self::default()
        }
    }

    /// Returns the watch of a connection, made if there is none.
    pub(crate) fn watch(&self, connection: &Connection) -> Arc<Watch> {
        let mut watches = lock(&self.watches);
        let made = watches.entry(connection.id).or_insert_with(|| {
            let stored = entities::parse(connection.entity_health.as_ref());
            Arc::new(Watch {
                id: connection.id,
                organization_id: connection.organization_id,
                turn: tokio::sync::Mutex::default(),
                credentials_version: Arc::default(),
                connector: Mutex::default(),
                notes: Mutex::new(Notes::new(known(connection), stored, database::now())),
                due: self.due.clone(),
                degraded_share: self.degraded_share,
            })
        });
        made.clone()
    }

    /// Returns the watch of a connection that this process has used.
    pub(crate) fn find(&self, id: Uuid) -> Option<Arc<Watch>> {
        lock(&self.watches).get(&id).cloned()
    }

    /// Forgets a connection that is gone.
    pub(crate) fn forget(&self, id: Uuid) {
        lock(&self.watches).remove(&id);
        lock(&self.due.connections).remove(&id);
    }

    /// Waits until something is due.
    pub(super) async fn rung(&self) {
        self.due.bell.notified().await;
    }

    /// Takes the watches whose connections may have to change their state.
    pub(super) fn take_due(&self) -> Vec<Arc<Watch>> {
        let ids = std::mem::take(&mut *lock(&self.due.connections));
        let watches = lock(&self.watches);
        ids.iter().filter_map(|id| watches.get(id).cloned()).collect()
    }

    /// Returns the watches that have facts to write: all of them, or those that have waited long enough. Forgets those
    /// that nobody uses any more.
    pub(super) fn ripe(&self, now: DateTime<Utc>, all: bool) -> Vec<Arc<Watch>> {
        let mut watches = lock(&self.watches);
        watches.retain(|_, watch| {
            Arc::strong_count(watch) > 1 || !lock(&watch.notes).is_clean() || lock(&watch.connector).strong_count() > 0
        });
        let ripe = |watch: &&Arc<Watch>| {
            let notes = lock(&watch.notes);
            notes.is_ripe(now) || (all && !notes.is_clean())
        };
        watches.values().filter(ripe).cloned().collect()
    }

    /// Returns the watches whose breaker is open and lets a try through by now, if somebody used them since a moment.
    pub(super) fn half_open(&self, now: DateTime<Utc>, used_since: DateTime<Utc>) -> Vec<Arc<Watch>> {
        let is_due = |watch: &&Arc<Watch>| {
            let notes = lock(&watch.notes);
            notes.circuit().is_some_and(|until| until <= now)
                && notes.last_used_at().is_some_and(|used| used >= used_since)
        };
        lock(&self.watches).values().filter(is_due).cloned().collect()
    }
}

impl Watch {
    /// Watches this connector from now on.
    pub(crate) fn attach(&self, connector: &Arc<Connector>) {
        *lock(&self.connector) = Arc::downgrade(connector);
    }

    /// Takes up what a row says. Returns whether somebody else than this process changed it since.
    pub(crate) fn see(&self, connection: &Connection) -> bool {
        let mut notes = lock(&self.notes);
        if notes.known.revision >= connection.revision {
            return false;
        }
        let stored = entities::parse(connection.entity_health.as_ref());
        notes.know(known(connection), Some(stored));
        true
    }

    /// Takes up the row that this process has written.
    pub(super) fn wrote(&self, row: &Model) {
        let stored = entities::parse(row.entity_health.as_ref());
        lock(&self.notes).know(Known::of(row), Some(stored));
    }

    /// Takes what is to be written, and what is due.
    pub(super) fn take(&self) -> Taken<'_> {
        let (mut facts, signals) = lock(&self.notes).take(database::now(), self.degraded_share);
        let version = self.credentials_version.load(Ordering::Acquire);
        facts.credentials_version = Some(version).filter(|version| *version > 0);
        Taken {
            watch: self,
            facts,
            signals,
            settled: false,
        }
    }

    /// Returns whether a change of state may be due.
    pub(super) fn is_due(&self) -> bool {
        lock(&self.notes).is_due()
    }

    /// Returns what this process has seen that may be newer than the row.
    pub(super) fn facts(&self) -> (Facts, entities::Entities) {
        let notes = lock(&self.notes);
        (notes.facts().clone(), notes.entities.clone())
    }

    /// Returns the health of the live connector, if there is one.
    pub(super) fn health(&self) -> Option<Health> {
        let connector = lock(&self.connector).upgrade();
        connector.map(|connector| connector.health())
    }

    fn circuit(&self, now: DateTime<Utc>) -> Circuit {
        match self.health() {
            Some(health) if health.breaker != breaker::State::Closed => Circuit::Open(health.open_until.unwrap_or(now)),
            _ => Circuit::Closed,
        }
    }
}

impl Observer for Watch {
    fn observe(&self, observation: &Observation<'_>) {
        let now = database::now();
        let is_due = match observation.error {
            None => {
                let has_opened = lock(&self.notes).circuit().is_some();
                let circuit = if has_opened { self.circuit(now) } else { Circuit::Closed };
                let mut notes = lock(&self.notes);
                note_use(&mut notes, observation.operation, now);
                notes.succeed(observation.kind, now, circuit);
                notes.is_due()
            }
            Some(error) => {
                let circuit = self.circuit(now);
                let mut notes = lock(&self.notes);
                note_use(&mut notes, observation.operation, now);
                notes.fail(observation.kind, error, now, circuit, self.degraded_share);
                notes.is_due()
            }
        };
        if is_due {
            lock(&self.due.connections).insert(self.id);
            self.due.bell.notify_one();
        }
    }
}

/// What the server does of its own is no use by a caller.
fn note_use(notes: &mut Notes, operation: Operation, now: DateTime<Utc>) {
    let by_caller = matches!(
        operation,
        Operation::List | Operation::GetMany | Operation::Children | Operation::Count | Operation::Write
    );
    if by_caller {
        notes.use_at(now);
    }
}

fn known(connection: &Connection) -> Known {
    let reason = connection.status_reason.as_deref().and_then(Reason::parse);
    let circuit_open = connection.circuit_open_until.is_some();
    Known::new(connection.revision, connection.status, reason, circuit_open)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
