//! What accompanies one query through every call that it makes: its deadline, its id and the count of calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// The context of one query. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct CallContext {
    deadline: Instant,
    request_id: Arc<str>,
    calls: Arc<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    own: AtomicU32,
    parent: Option<Arc<Calls>>,
}

impl CallContext {
    /// Makes the context of a query that must end by the deadline.
    pub fn new(deadline: Instant, request_id: impl Into<Arc<str>>) -> Self {
        Self {
            deadline,
            request_id: request_id.into(),
            calls: Arc::default(),
        }
    }

    /// Makes the context of a query that may take so long from now.
    pub fn within(time: Duration, request_id: impl Into<Arc<str>>) -> Self {
        Self::new(Instant::now() + time, request_id)
    }

    /// Makes a context with a count of its own, whose calls count for this one as well.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            deadline: self.deadline,
            request_id: Arc::clone(&self.request_id),
            calls: Arc::new(Calls {
                own: AtomicU32::new(0),
                parent: Some(Arc::clone(&self.calls)),
            }),
        }
    }

    /// Makes a child that may end earlier or later than this one.
    #[must_use]
    pub fn child_until(&self, deadline: Instant) -> Self {
        Self {
            deadline,
            ..self.child()
        }
    }

    /// Returns when the query must end.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns how much time is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns the id of the request that the query came with.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Returns how many requests have been sent to systems on behalf of this context and its children.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.own.load(Ordering::Relaxed)
    }

    /// Counts one request that is sent to a system.
    pub(crate) fn count_call(&self) {
        let mut calls = Some(&self.calls);
        while let Some(counter) = calls {
            counter.own.fetch_add(1, Ordering::Relaxed);
            calls = counter.parent.as_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_children_count_for_the_parent() {
        let parent = CallContext::within(Duration::from_secs(1), "r");
        let (first, second) = (parent.child(), parent.child());
        first.count_call();
        first.clone().count_call();
        second.count_call();
        assert_eq!((first.calls(), second.calls(), parent.calls()), (2, 1, 3));
    }
}
