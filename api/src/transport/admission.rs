//! Counts the operations that run, in all and per caller, and turns away those that are too many.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Code, Refusal, Settings};

/// The operations that run now.
#[derive(Clone, Debug)]
pub struct Admission {
    running: Arc<Mutex<Running>>,
    most: usize,
    most_per_caller: usize,
    wait: Duration,
}

#[derive(Debug, Default)]
struct Running {
    all: usize,
    by_caller: HashMap<Arc<str>, usize>,
}

impl Admission {
    /// Returns a count with the configured bounds.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            running: Arc::default(),
            most: settings.operations,
            most_per_caller: settings.operations_per_caller,
            wait: Duration::from_secs(settings.retry_after_seconds),
        }
    }

    /// Returns a count of open streams with the configured bounds.
    #[must_use]
    pub(super) fn of_streams(settings: &Settings) -> Self {
        Self {
            most: settings.streams.sockets,
            most_per_caller: settings.streams.subscriptions,
            ..Self::new(settings)
        }
    }

    /// Refuses when nothing more fits: asked before any work is put into a request.
    ///
    /// # Errors
    /// `OVERLOADED`.
    pub fn check_load(&self) -> Result<(), Refusal> {
        if lock(&self.running).all >= self.most {
            Err(self.overloaded())
        } else {
            Ok(())
        }
    }

    /// Counts operations of a caller until the pass is dropped.
    ///
    /// # Errors
    /// `OVERLOADED` or `TOO_MANY_REQUESTS`.
    pub fn enter(&self, caller: Option<&Arc<str>>, operations: usize) -> Result<Pass, Refusal> {
        let mut running = lock(&self.running);
        if running.all.saturating_add(operations) > self.most {
            return Err(self.overloaded());
        }
        if let Some(caller) = caller {
            let own = running.by_caller.get(caller).copied().unwrap_or(0);
            if own.saturating_add(operations) > self.most_per_caller {
                let message = format!("at most {} operations of one caller run at once", self.most_per_caller);
                return Err(Refusal::new(Code::TooManyRequests, message).retry_after(self.wait));
            }
            running.by_caller.insert(Arc::clone(caller), own + operations);
        }
        running.all += operations;
        Ok(Pass {
            running: Arc::clone(&self.running),
            caller: caller.cloned(),
            operations,
        })
    }

    /// Returns how many operations run now.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.running).all
    }

    pub(super) fn overloaded(&self) -> Refusal {
        Refusal::new(Code::Overloaded, "the server is busy; try again later").retry_after(self.wait)
    }
}

/// A counted set of operations; dropping it ends them, also when the client has left.
#[derive(Debug)]
pub struct Pass {
    running: Arc<Mutex<Running>>,
    caller: Option<Arc<str>>,
    operations: usize,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        running.all = running.all.saturating_sub(self.operations);
        let Some(caller) = &self.caller else { return };
        let left = running
            .by_caller
            .get(caller)
            .copied()
            .unwrap_or(0)
            .saturating_sub(self.operations);
        if left == 0 {
            running.by_caller.remove(caller);
        } else {
            running.by_caller.insert(Arc::clone(caller), left);
        }
    }
}

/// A panic elsewhere leaves plain numbers behind, so a poisoned lock is as good as another.
fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
