//! What resolvers of subscriptions and the transport tell each other about events: where a stream
//! resumes, and under which id it may be resumed later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The id of the last event that the client has seen, from the header `Last-Event-ID`. A subscription
/// that finds it in its context goes on behind that event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEventId(pub String);

/// Where the stream of a subscription marks an event just before it yields the item.
///
/// The transport puts a slot of its own into the data of every operation. The mark tells it that an
/// event is being resolved, so that its time is bounded, and which id the client is told.
#[derive(Clone, Debug, Default)]
pub struct EventIdSlot(Arc<Mutex<Mark>>);

#[derive(Debug, Default)]
enum Mark {
    #[default]
    None,
    Begun(Option<String>),
}

impl EventIdSlot {
    /// Marks an event that can be resumed behind this id. Ids are opaque, without control characters.
    pub fn set(&self, id: impl Into<String>) {
        *self.lock() = Mark::Begun(Some(id.into()));
    }

    /// Marks an event that has no id.
    pub fn begin(&self) {
        *self.lock() = Mark::Begun(None);
    }

    /// Says whether an event is being resolved.
    pub(super) fn is_marked(&self) -> bool {
        matches!(*self.lock(), Mark::Begun(_))
    }

    /// Takes the mark of the event that has been resolved; its id within.
    pub(super) fn take(&self) -> Option<Option<String>> {
        match std::mem::take(&mut *self.lock()) {
            Mark::None => None,
            Mark::Begun(id) => Some(id),
        }
    }

    /// A mark is whole at any time, so a poisoned lock is as good as another.
    fn lock(&self) -> MutexGuard<'_, Mark> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
