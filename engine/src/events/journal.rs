//! Changes that are told: a transaction that writes rows, their events and the audit log as one, and wakes whoever
//! waits for events once it is committed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Event, NewEvent, append};
use crate::{
    audit::{self, Act},
    database,
    origin::Origin,
};

/// Begins changes and wakes whoever waits for events. Clones wake the same.
#[derive(Clone, Debug)]
pub struct Journal {
    database: DatabaseConnection,
    bell: watch::Sender<u64>,
    changes: Arc<AtomicU64>,
}

/// One change under way. Dropped without a commit, nothing of it stays.
#[derive(Debug)]
pub(crate) struct Change {
    transaction: DatabaseTransaction,
    bell: watch::Sender<u64>,
    changes: Arc<AtomicU64>,
    told: bool,
}

impl Journal {
    /// Makes a journal over a database.
    #[must_use]
    pub fn new(database: DatabaseConnection) -> Self {
        Self {
            database,
            bell: watch::Sender::new(0),
            changes: Arc::default(),
        }
    }

    /// Begins a change. No system may be called before it is committed.
    pub(crate) async fn begin(&self) -> Result<Change, DbErr> {
        Ok(Change {
            transaction: database::begin_writing(&self.database).await?,
            bell: self.bell.clone(),
            changes: self.changes.clone(),
            told: false,
        })
    }

    /// Returns what changes whenever this process has written events. Other processes write without it.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Returns the count of the changes that this process made.
    pub(crate) fn changes(&self) -> Arc<AtomicU64> {
        self.changes.clone()
    }

    /// Returns the database.
    #[must_use]
    pub const fn database(&self) -> &DatabaseConnection {
        &self.database
    }
}

impl Change {
    /// Returns the transaction.
    pub(crate) const fn transaction(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Writes an event, with its deliveries to webhooks.
    pub(crate) async fn tell(&mut self, event: NewEvent) -> Result<Event, DbErr> {
        self.told = true;
        append(&self.transaction, event).await
    }

    /// Has whoever waits for events be woken although none is written: there is something to deliver.
    pub(crate) const fn wake(&mut self) {
        self.told = true;
    }

    /// Writes an act into the audit log.
    pub(crate) async fn note(&self, organization_id: Uuid, origin: &Origin, act: Act) -> Result<(), DbErr> {
        audit::record(&self.transaction, organization_id, origin, act).await
    }

    /// Makes the change stand, and wakes whoever waits for events.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.transaction.commit().await?;
        self.changes.fetch_add(1, Ordering::AcqRel);
        if self.told {
            self.bell.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }
}
