//! Lets identical reads of one connection that are under way at the same time share one answer.
//!
//! The map holds weak handles: when every caller of a shared read has left, the read ends.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};

use super::Response;
use crate::{
    error::Error,
    request::{RequestBody, RequestPlan},
};

type Answer = Result<Arc<Response>, Error>;
type Reading = Shared<BoxFuture<'static, Answer>>;

/// The reads of one connection that are under way.
#[derive(Debug, Default)]
pub(crate) struct Shares(Arc<Mutex<HashMap<Key, Flight>>>);

#[derive(Debug)]
struct Flight {
    reading: WeakShared<BoxFuture<'static, Answer>>,
    number: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(Arc<RequestPlan>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.url.hash(state);
        match &self.0.body {
            RequestBody::Empty => {}
            RequestBody::Json(text) | RequestBody::Text(text) | RequestBody::Xml(text) => text.hash(state),
            RequestBody::Form(fields) => fields.hash(state),
        }
    }
}

impl Shares {
    /// Joins the same read if it is under way, or starts it.
    pub(crate) fn join<F>(&self, plan: &Arc<RequestPlan>, start: impl FnOnce() -> F) -> Reading
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let key = Key(Arc::clone(plan));
        let mut flights = lock(&self.0);
        if let Some(flight) = flights.get(&key)
            && let Some(reading) = flight.reading.upgrade()
            && reading.peek().is_none()
        {
            return reading;
        }
        let number = fastrand::u64(..);
        let landing = Landing {
            flights: Arc::clone(&self.0),
            key: key.clone(),
            number,
        };
        let read = start();
        let reading = async move {
            let _landing = landing;
            read.await
        }
        .boxed()
        .shared();
        if let Some(weak) = reading.downgrade() {
            flights.insert(key, Flight { reading: weak, number });
        }
        reading
    }

    /// Forgets the reads under way, so that a read after a write does not see what was before it.
    pub(crate) fn forget(&self) {
        lock(&self.0).clear();
    }
}

fn lock(flights: &Mutex<HashMap<Key, Flight>>) -> MutexGuard<'_, HashMap<Key, Flight>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a read off the map when it ends or is left.
struct Landing {
    flights: Arc<Mutex<HashMap<Key, Flight>>>,
    key: Key,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Entry::Occupied(entry) = lock(&self.flights).entry(self.key.clone())
            && entry.get().number == self.number
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use futures_util::future::join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn plan(url: &str) -> Arc<RequestPlan> {
        Arc::new(RequestPlan {
            method: http::Method::GET,
            url: url.to_owned(),
            headers: Vec::new(),
            body: RequestBody::Empty,
            repeatable: true,
        })
    }

    fn read(sent: &Arc<AtomicU32>) -> impl Future<Output = Answer> + Send + 'static {
        let sent = Arc::clone(sent);
        async move {
            sent.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_secs(1)).await;
            Ok(Arc::new(Response::default()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_read_is_sent_once_and_another_on_its_own() {
        let (shares, sent) = (Shares::default(), Arc::new(AtomicU32::new(0)));
        let readings = (0..100).map(|at| shares.join(&plan(if at % 2 == 0 { "/a" } else { "/b" }), || read(&sent)));
        assert!(join_all(readings).await.iter().all(Result::is_ok));
        assert_eq!(sent.load(Ordering::Relaxed), 2);
        assert!(lock(&shares.0).is_empty());
        shares.join(&plan("/a"), || read(&sent)).await.unwrap();
        assert_eq!(sent.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_read_goes_on_while_anybody_waits_and_ends_when_all_have_left() {
        let (shares, sent) = (Shares::default(), Arc::new(AtomicU32::new(0)));
        let first = shares.join(&plan("/a"), || read(&sent));
        let second = shares.join(&plan("/a"), || read(&sent));
        assert!(timeout(Duration::from_millis(500), first).await.is_err());
        assert!(second.await.is_ok());
        assert_eq!(sent.load(Ordering::Relaxed), 1);
        let left = timeout(Duration::from_millis(1), shares.join(&plan("/a"), || read(&sent))).await;
        assert!(left.is_err());
        assert!(lock(&shares.0).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_after_a_write_is_sent_anew() {
        let (shares, sent) = (Shares::default(), Arc::new(AtomicU32::new(0)));
        let before = shares.join(&plan("/a"), || read(&sent));
        shares.forget();
        let after = shares.join(&plan("/a"), || read(&sent));
        assert!(before.await.is_ok() && after.await.is_ok());
        assert_eq!(sent.load(Ordering::Relaxed), 2);
    }
}
