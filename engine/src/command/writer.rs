//! What one process has under way: its tasks, its name as an owner of rows, and how much it does at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use sea_orm::DatabaseConnection;
use tokio::{sync::Notify, task::JoinSet};
use uuid::Uuid;

use super::{Settings, lanes::Lanes};
use crate::{events::Journal, secrets::KeyRing};

/// How long the name of a token is believed.
const NAME_KEPT: Duration = Duration::from_secs(60);

/// Carries writes out for one process. Clones share what is under way.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Parts>);

/// What a writer is made of.
pub(crate) struct Parts {
    pub(super) journal: Journal,
    pub(super) keys: Arc<KeyRing>,
    pub(super) settings: Settings,
    /// The name of this process in the rows that it works on.
    pub(super) owner: Uuid,
    /// The names of tokens, by organization and token.
    pub(super) names: Cache<(Uuid, Uuid), Option<String>>,
    tasks: Mutex<JoinSet<()>>,
    bell: Notify,
    queued: Mutex<HashMap<Uuid, Queued>>,
    /// Writes whose callers wait, by connection.
    waited_for: Mutex<HashMap<Uuid, usize>>,
    /// Who waits for a record that is being written.
    pub(super) lanes: Lanes,
    #[cfg(test)]
    pub(super) script: std::sync::OnceLock<Arc<dyn super::target::Target>>,
}

/// Queued writes to one connection that are carried out.
struct Queued {
    organization_id: Uuid,
    count: usize,
}

/// A place among the writes to a connection whose callers wait; given back when it is dropped.
pub(super) struct Seat {
    writer: Writer,
    connection_id: Uuid,
}

/// A place among the queued writes that are carried out at once; given back when it is dropped.
pub(super) struct Permit {
    writer: Writer,
    connection_id: Uuid,
}

impl std::ops::Deref for Writer {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Writer {
    pub(crate) fn new(journal: Journal, keys: Arc<KeyRing>, settings: Settings) -> Self {
        Self(Arc::new(Parts {
            journal,
            keys,
            settings,
            owner: Uuid::now_v7(),
            names: Cache::builder().max_capacity(10_000).time_to_live(NAME_KEPT).build(),
            tasks: Mutex::default(),
            bell: Notify::new(),
            queued: Mutex::default(),
            waited_for: Mutex::default(),
            lanes: Lanes::default(),
            #[cfg(test)]
            script: std::sync::OnceLock::new(),
        }))
    }

    pub(super) fn database(&self) -> &DatabaseConnection {
        self.journal.database()
    }

    /// Begins work that goes on although whoever asked for it leaves.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks();
        while let Some(done) = tasks.try_join_next() {
            if let Err(error) = done
                && error.is_panic()
            {
                tracing::error!(%error, "a write broke off");
            }
        }
        tasks.spawn(work);
    }

    /// Waits for everything that is under way.
    pub(crate) async fn finish(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks());
            if tasks.is_empty() {
                return;
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Drops everything that is under way, as the end of the process would.
    #[cfg(test)]
    pub(crate) async fn die(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }

    /// Returns until when this process may be believed to work on a write that it begins now.
    pub(super) fn owned_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + delta(self.settings.timeout + self.settings.slack)
    }

    /// Wakes the worker: something is queued, or may be begun.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Returns once the worker was woken.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Returns the connections to which no more queued writes may be begun now; none when nothing may be begun at all.
    pub(super) fn full(&self) -> Option<Vec<Uuid>> {
        let queued = self.queued();
        if queued.values().map(|queued| queued.count).sum::<usize>() >= self.settings.workers {
            return None;
        }
        let full = queued
            .iter()
            .filter(|(_, queued)| queued.count >= self.settings.batch_width)
            .map(|(id, _)| *id);
        Some(full.collect())
    }

    /// Takes a place among the queued writes that are carried out at once.
    pub(super) fn admit(&self, organization_id: Uuid, connection_id: Uuid) -> Option<Permit> {
        let mut queued = self.queued();
        let total: usize = queued.values().map(|queued| queued.count).sum();
        let count = queued.get(&connection_id).map_or(0, |queued| queued.count);
        if total >= self.settings.workers || count >= self.settings.batch_width {
            return None;
        }
        let count = count + 1;
        queued.insert(connection_id, Queued { organization_id, count });
        Some(Permit {
            writer: self.clone(),
            connection_id,
        })
    }

    /// Returns how many queued writes of an organization are being carried out.
    pub(super) fn busy(&self, organization_id: Uuid) -> usize {
        let queued = self.queued();
        let own = queued
            .values()
            .filter(|queued| queued.organization_id == organization_id);
        own.map(|queued| queued.count).sum()
    }

    /// Takes a place among the writes to a connection whose callers wait.
    pub(super) fn seat(&self, connection_id: Uuid) -> Option<Seat> {
        let mut waited_for = self.waited_for();
        let count = waited_for.entry(connection_id).or_default();
        if *count >= self.settings.sync_per_connection {
            return None;
        }
        *count += 1;
        Some(Seat {
            writer: self.clone(),
            connection_id,
        })
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queued(&self) -> MutexGuard<'_, HashMap<Uuid, Queued>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waited_for(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut queued = self.writer.queued();
        if let Some(held) = queued.get_mut(&self.connection_id) {
            held.count = held.count.saturating_sub(1);
            if held.count == 0 {
                queued.remove(&self.connection_id);
            }
        }
        drop(queued);
        self.writer.ring();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waited_for = self.writer.waited_for();
        if let Some(count) = waited_for.get_mut(&self.connection_id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waited_for.remove(&self.connection_id);
            }
        }
    }
}

/// Returns a time as the database adds it.
pub(super) fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}
