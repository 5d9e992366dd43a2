//! Hands events to whoever waits for them, from a cursor on, without loss or repetition. One task of the process looks
//! for new events and shows them to all; who falls behind reads from the database.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::{StreamExt as _, stream, stream::BoxStream};
use lineshaft_entities::{connection_event, organization};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Event, Journal, Settings};

/// Events of one organization that are kept in memory while somebody waits for its events.
const RECENT: usize = 256;
/// Events that are read in one go.
const PAGE: u64 = 200;
/// Organizations that are asked for in one statement.
const ASKED_AT_ONCE: usize = 1000;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Why a subscription could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedEnd {
    /// Events after the cursor were cleared away since. Whoever goes on from `oldest` has missed some.
    #[error("events after the cursor {cursor} are no longer kept; the oldest cursor to go on from is {oldest}")]
    CursorTooOld {
        /// The cursor that was given.
        cursor: i64,
        /// The oldest cursor that misses nothing of what is kept.
        oldest: i64,
    },
    /// The organization has no such event yet.
    #[error("the cursor {cursor} lies ahead of the newest event, {newest}")]
    CursorAhead {
        /// The cursor that was given.
        cursor: i64,
        /// The position of the newest event.
        newest: i64,
    },
    /// The organization does not exist.
    #[error("there is no organization `{0}`")]
    UnknownOrganization(Uuid),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

/// Events as they come. Clones share one task.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
}

/// Events of a subscription, in the order of their positions.
pub type Subscription = BoxStream<'static, Result<Arc<Event>, FeedEnd>>;

#[derive(Debug)]
struct Shared {
    journal: Journal,
    poll: Duration,
    topics: Mutex<Topics>,
}

/// The organizations that somebody waits for.
#[derive(Debug, Default)]
struct Topics {
    by_organization: HashMap<Uuid, watch::Sender<Recent>>,
    is_tailed: bool,
}

/// The newest events of an organization, without a gap.
#[derive(Debug, Default)]
struct Recent {
    newest: i64,
    events: VecDeque<Arc<Event>>,
}

impl Feed {
    /// Makes a feed of what is written through a journal, and by other processes into the same database.
    #[must_use]
    pub fn new(journal: Journal, settings: &Settings) -> Self {
        let shared = Shared {
            journal,
            poll: settings.poll,
            topics: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Subscribes to the events of an organization, or of one of its connections: those after a cursor, then those to
    /// come. Without a cursor only what is told after this call has returned.
    ///
    /// # Errors
    /// When what follows the cursor is no longer kept, or the cursor is none.
    pub async fn subscribe(
        &self,
        organization_id: Uuid,
        connection: Option<Uuid>,
        after: Option<i64>,
    ) -> Result<Subscription, FeedEnd> {
        let database = self.shared.journal.database();
        let newest = newest(database, organization_id).await?;
        let seen = match after {
            None => newest,
            Some(cursor) if cursor > newest => return Err(FeedEnd::CursorAhead { cursor, newest }),
            Some(cursor) => {
                require_kept(database, organization_id, cursor, newest).await?;
                cursor
            }
        };
        let subscriber = Subscriber {
            database: database.clone(),
            organization_id,
            connection,
            recent: self.shared.join(organization_id, newest),
            seen,
            page: VecDeque::new(),
            page_ends: seen,
        };
        Ok(subscriber.into_stream())
    }
}

#[cfg(test)]
impl Feed {
    /// Returns whether nobody waits and no task runs.
    pub(super) fn rests(&self) -> bool {
        !self.shared.topics().is_tailed
    }
}

/// Returns the position of the newest event of an organization.
///
/// # Errors
/// When the organization does not exist.
pub async fn newest(database: &impl ConnectionTrait, organization_id: Uuid) -> Result<i64, FeedEnd> {
    let row = organization::Entity::for_organization(organization_id)
        .one(database)
        .await?;
    row.map(|row| row.event_position)
        .ok_or(FeedEnd::UnknownOrganization(organization_id))
}

/// Refuses a cursor after which events were cleared away.
async fn require_kept(
    database: &impl ConnectionTrait,
    organization_id: Uuid,
    cursor: i64,
    newest: i64,
) -> Result<(), FeedEnd> {
    if cursor >= newest {
        return Ok(());
    }
    let first = connection_event::Entity::for_organization(organization_id)
        .order_by_asc(connection_event::Column::Position)
        .one(database)
        .await?;
    let oldest = first.map_or(newest, |event| event.position - 1);
    if cursor < oldest {
        return Err(FeedEnd::CursorTooOld { cursor, oldest });
    }
    Ok(())
}

impl Shared {
    /// Waits for the events of an organization, of which those up to a position are known to be there.
    fn join(self: &Arc<Self>, organization_id: Uuid, newest: i64) -> watch::Receiver<Recent> {
        let mut topics = self.topics();
        let receiver = match topics.by_organization.entry(organization_id) {
            Entry::Occupied(topic) => topic.get().subscribe(),
            Entry::Vacant(place) => {
                let events = VecDeque::new();
                place.insert(watch::Sender::new(Recent { newest, events })).subscribe()
            }
        };
        if !topics.is_tailed {
            topics.is_tailed = true;
            tokio::spawn(tail(Arc::downgrade(self), self.journal.listen()));
        }
        receiver
    }

    /// Returns the organizations that somebody waits for, or `None` when nobody waits: then the task is to end.
    fn awaited(&self) -> Option<Vec<Uuid>> {
        let mut topics = self.topics();
        topics.by_organization.retain(|_, topic| topic.receiver_count() > 0);
        topics.is_tailed = !topics.by_organization.is_empty();
        topics
            .is_tailed
            .then(|| topics.by_organization.keys().copied().collect())
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn topic(&self, organization_id: Uuid) -> Option<watch::Sender<Recent>> {
        self.topics().by_organization.get(&organization_id).cloned()
    }

    /// Reads what is new of these organizations and shows it.
    async fn advance(&self, organizations: &[Uuid]) -> Result<(), DbErr> {
        let database = self.journal.database();
        for asked in organizations.chunks(ASKED_AT_ONCE) {
            let positions: Vec<(Uuid, i64)> = organization::Entity::among(asked.iter().copied())
                .select_only()
                .column(organization::Column::Id)
                .column(organization::Column::EventPosition)
                .into_tuple()
                .all(database)
                .await?;
            for (id, position) in positions {
                let Some(topic) = self.topic(id) else { continue };
                while topic.borrow().newest < position {
                    let after = topic.borrow().newest;
                    let events = read(database, id, None, after, position).await?;
                    // Only events that were cleared away are missing; subscribers find that out by their cursors.
                    let newest = events.last().map_or(position, |event| event.position);
                    topic.send_modify(|recent| recent.take(events, newest));
                }
            }
        }
        Ok(())
    }
}

impl Recent {
    fn take(&mut self, events: Vec<Arc<Event>>, newest: i64) {
        if events.first().is_none_or(|event| event.position != self.newest + 1) {
            self.events.clear();
        }
        self.events.extend(events);
        let surplus = self.events.len().saturating_sub(RECENT);
        self.events.drain(..surplus);
        self.newest = newest;
    }
}

/// Looks for new events when this process has written some, and now and then for those of others.
async fn tail(shared: Weak<Shared>, mut bell: watch::Receiver<u64>) {
    loop {
        let pause = {
            let Some(shared) = shared.upgrade() else { return };
            let Some(organizations) = shared.awaited() else {
                return;
            };
            match shared.advance(&organizations).await {
                Ok(()) => shared.poll,
                Err(error) => {
                    tracing::warn!(%error, "new events could not be read, trying again");
                    PAUSE_AFTER_FAILURE
                }
            }
        };
        // An error of the bell says that the feed is gone, which the next turn finds out.
        drop(tokio::time::timeout(pause, bell.changed()).await);
    }
}

/// Reads events after one position, up to another.
async fn read(
    database: &DatabaseConnection,
    organization_id: Uuid,
    connection: Option<Uuid>,
    after: i64,
    until: i64,
) -> Result<Vec<Arc<Event>>, DbErr> {
    let mut query = connection_event::Entity::for_organization(organization_id)
        .filter(connection_event::Column::Position.gt(after))
        .filter(connection_event::Column::Position.lte(until))
        .order_by_asc(connection_event::Column::Position)
        .limit(PAGE);
    if let Some(id) = connection {
        query = query.filter(connection_event::Column::ConnectionId.eq(id));
    }
    let rows = query.all(database).await?;
    Ok(rows.into_iter().map(|row| Arc::new(row.into())).collect())
}

/// One that waits. It holds a cursor and no events while there are none for it.
struct Subscriber {
    database: DatabaseConnection,
    organization_id: Uuid,
    connection: Option<Uuid>,
    recent: watch::Receiver<Recent>,
    /// The position up to which everything was handed on.
    seen: i64,
    /// What was read from the database and is still to be handed on.
    page: VecDeque<Arc<Event>>,
    /// The position up to which the page tells everything.
    page_ends: i64,
}

enum Look {
    Found(Arc<Event>),
    Nothing,
    Behind(i64),
}

impl Subscriber {
    fn into_stream(self) -> Subscription {
        let steps = stream::unfold(Some(self), async |subscriber| {
            let mut subscriber = subscriber?;
            match subscriber.next().await? {
                Ok(event) => Some((Ok(event), Some(subscriber))),
                Err(end) => Some((Err(end), None)),
            }
        });
        steps.boxed()
    }

    async fn next(&mut self) -> Option<Result<Arc<Event>, FeedEnd>> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.seen = event.position;
                return Some(Ok(event));
            }
            self.seen = self.seen.max(self.page_ends);
            match self.look() {
                Look::Found(event) => return Some(Ok(event)),
                Look::Nothing => self.recent.changed().await.ok()?,
                // Boxed, so that it takes no room in those who wait.
                Look::Behind(newest) => match Box::pin(self.catch_up(newest)).await {
                    Ok(()) => {}
                    Err(end) => return Some(Err(end)),
                },
            }
        }
    }

    /// Looks for the next event among the recent ones.
    fn look(&mut self) -> Look {
        let recent = self.recent.borrow_and_update();
        if recent.newest <= self.seen {
            return Look::Nothing;
        }
        let first = recent.events.front().map_or(i64::MAX, |event| event.position);
        let next = self.seen + 1;
        if next < first {
            return Look::Behind(recent.newest);
        }
        let skipped = usize::try_from(next - first).unwrap_or(usize::MAX);
        let mine = |event: &&Arc<Event>| self.connection.is_none() || event.connection_id == self.connection;
        if let Some(event) = recent.events.iter().skip(skipped).find(mine) {
            self.seen = event.position;
            return Look::Found(Arc::clone(event));
        }
        self.seen = recent.newest;
        Look::Nothing
    }

    async fn catch_up(&mut self, newest: i64) -> Result<(), FeedEnd> {
        let events = read(&self.database, self.organization_id, self.connection, self.seen, newest).await?;
        // Asked afterwards: what was cleared away while reading must not go unnoticed.
        require_kept(&self.database, self.organization_id, self.seen, newest).await?;
        let is_whole = u64::try_from(events.len()).is_ok_and(|count| count < PAGE);
        self.page_ends = match events.last() {
            Some(last) if !is_whole => last.position,
            _ => newest,
        };
        self.page = events.into();
        Ok(())
    }
}
