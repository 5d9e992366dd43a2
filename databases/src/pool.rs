//! Keeps connections that nobody uses for a while, a few for each database and account.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use crate::{
    request::{Encryption, Statement, Target},
    session::Session,
};

/// Most connections to one database by one account.
const MOST: usize = 8;

/// Who connects to what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    target: Target,
    encryption: Encryption,
    account: [u8; 32],
    /// Connections are made for answers of a size.
    most_bytes: usize,
}

/// The connections of all databases and accounts.
pub(crate) struct Pools {
    all: Mutex<HashMap<Key, Arc<Pool>>>,
    idle: Duration,
    sweeps: AtomicBool,
}

/// The connections of one account to one database.
pub(crate) struct Pool {
    kept: Mutex<Vec<(Session, Instant)>>,
    room: Semaphore,
}

impl Pool {
    /// Waits until there is room for one more connection.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.room.acquire().await.ok()
    }

    /// Returns the connection that was used last, if it is still open.
    pub(crate) fn take(&self) -> Option<Session> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((session, _)) = kept.pop() {
            if session.is_open() {
                return Some(session);
            }
        }
        None
    }

    fn forget_older_than(&self, idle: Duration) -> usize {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(session, since)| since.elapsed() < idle && session.is_open());
        kept.len()
    }
}

impl Pools {
    pub(crate) fn new(idle: Duration) -> Self {
        Self {
            all: Mutex::default(),
            idle,
            sweeps: AtomicBool::new(false),
        }
    }

    /// Returns the connections that a statement may use.
    pub(crate) fn of(self: &Arc<Self>, statement: &Statement) -> Arc<Pool> {
        let key = Key {
            target: statement.target.clone(),
            encryption: statement.encryption,
            account: statement.account.digest,
            most_bytes: statement.most_bytes,
        };
        let new = || {
            Arc::new(Pool {
                kept: Mutex::default(),
                room: Semaphore::new(MOST),
            })
        };
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = Arc::clone(all.entry(key).or_insert_with(new));
        drop(all);
        self.sweep_from_now_on();
        pool
    }

    /// Keeps a connection for the next statement.
    pub(crate) fn put(pool: &Pool, session: Session) {
        let mut kept = pool.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((session, Instant::now()));
    }

    /// Also what never came to a connection is forgotten after a while.
    fn sweep_from_now_on(self: &Arc<Self>) {
        if !self.sweeps.swap(true, Ordering::AcqRel) {
            let pools = Arc::downgrade(self);
            let pause = (self.idle / 4).max(Duration::from_secs(1));
            tokio::spawn(async move {
                loop {
                    sleep(pause).await;
                    match pools.upgrade() {
                        Some(pools) if pools.sweep() => {}
                        _ => break,
                    }
                }
            });
        }
    }

    /// Closes what nobody used for a while; returns whether anything is left.
    fn sweep(&self) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, pool| pool.forget_older_than(self.idle) > 0 || Arc::strong_count(pool) > 1);
        let is_left = !all.is_empty();
        if !is_left {
            self.sweeps.store(false, Ordering::Release);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(user: &str) -> Statement {
        Statement::trial("postgres://127.0.0.1/x", user)
    }

    #[tokio::test]
    async fn what_never_connected_is_forgotten() {
        let pools = Arc::new(Pools::new(Duration::ZERO));
        let used = pools.of(&statement("used"));
        drop(pools.of(&statement("wrong")));
        assert!(pools.sweeps.load(Ordering::Acquire));
        let count = || pools.all.lock().unwrap_or_else(PoisonError::into_inner).len();
        assert_eq!(count(), 2);
        assert!(pools.sweep());
        assert_eq!(count(), 1);
        drop(used);
        assert!(!pools.sweep());
        assert_eq!(count(), 0);
        assert!(!pools.sweeps.load(Ordering::Acquire));
    }
}
