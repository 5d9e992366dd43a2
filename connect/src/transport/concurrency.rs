//! Limits the requests of one connection that are under way at the same time.

use tokio::{
    sync::{Semaphore, SemaphorePermit, TryAcquireError},
    time::{Instant, timeout_at},
};

use crate::error::{Error, ErrorKind};

/// The places for requests under way.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Semaphore,
    all: usize,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        let all = most.max(1);
        Self {
            free: Semaphore::new(all),
            all,
        }
    }

    /// Returns how many requests may be under way.
    pub(crate) const fn most(&self) -> usize {
        self.all
    }

    /// Takes a place, waiting for one until the deadline.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Error> {
        match self.free.try_acquire() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(Error::new(ErrorKind::Internal, "the connection is closed")),
            Err(TryAcquireError::NoPermits) => {}
        }
        match timeout_at(deadline, self.free.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::new(ErrorKind::Internal, "the connection is closed")),
            Err(_) => Err(Error::new(
                ErrorKind::DeadlineExceeded,
                format!("{} other requests to the system took all the time", self.all),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_waits_until_the_deadline() {
        let slots = Slots::new(1);
        let held = slots.take(Instant::now()).await.unwrap();
        let refused = slots.take(Instant::now() + Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::DeadlineExceeded);
        drop(held);
        assert!(slots.take(Instant::now()).await.is_ok());
    }
}
