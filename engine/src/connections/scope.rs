//! The connections that queries run over, kept for a moment: every query asks for them, and they rarely change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;

use super::{Connection, Connections, Error, Filter, Visible};

/// How long a change that another process made may go unseen. One of this process is seen at once.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// Most connections that are kept.
const MOST: u64 = 50_000;

/// Which connections, asked how many changes ago.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    changes: u64,
    visible: Visible,
    filter: Filter,
    limit: u64,
}

/// The connections that queries run over. Clones share what they keep.
#[derive(Clone, Debug)]
pub(super) struct Scopes {
    changes: Arc<AtomicU64>,
    kept: Cache<Arc<Key>, InScope>,
}

/// The connections that fit a filter.
#[derive(Clone, Debug)]
pub(crate) struct InScope {
    /// The connections, in the order in which they were added.
    pub(crate) connections: Arc<[Arc<Connection>]>,
    /// Whether there are more than were asked for.
    pub(crate) has_more: bool,
}

impl Scopes {
    pub(super) fn new(changes: Arc<AtomicU64>) -> Self {
        let weight = |_: &Arc<Key>, found: &InScope| u32::try_from(found.connections.len() + 1).unwrap_or(u32::MAX);
        let kept = Cache::builder()
            .max_capacity(MOST)
            .weigher(weight)
            .time_to_live(KEPT_FOR);
        Self {
            changes,
            kept: kept.build(),
        }
    }
}

impl Connections {
    /// Forgets which connections queries run over, as every change of the journal does. Whoever changes a row that they are
    /// made of without one calls this afterwards.
    pub(crate) fn changed(&self) {
        self.scopes.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the connections that fit a filter, as they were at most a second ago.
    pub(crate) async fn in_scope(&self, visible: Visible, filter: Filter, limit: u64) -> Result<InScope, Error> {
        // Read before the rows are: what is found while something changes is kept under the old number.
        let changes = self.scopes.changes.load(Ordering::Acquire);
        let key = Key {
            changes,
            visible,
            filter,
            limit,
        };
        if let Some(found) = self.scopes.kept.get(&key) {
            return Ok(found);
        }
        let page = self.list(visible, &key.filter, None, limit).await?;
        let found = InScope {
            connections: page.connections.into_iter().map(Arc::new).collect(),
            has_more: page.has_more,
        };
        self.scopes.kept.insert(Arc::new(key), found.clone());
        Ok(found)
    }
}
