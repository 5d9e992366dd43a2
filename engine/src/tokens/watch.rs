//! Tells streams that the token they were opened with is no longer valid, whichever process revoked it. One look at the
//! database serves all streams of this process.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lineshaft_entities::api_token;
use sea_orm::{ColumnTrait as _, Condition, DatabaseConnection, DbErr, QueryFilter as _, QuerySelect as _};
use tokio::sync::watch::{Receiver, Sender};
use uuid::Uuid;

use super::Tokens;
use crate::database;

/// Two looks fit into the second within which streams end.
const EVERY: Duration = Duration::from_millis(400);
/// Tokens that one statement asks for.
const AT_ONCE: usize = 500;

/// How a token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked or removed.
    Revoked,
    /// Its time is over.
    Expired,
}

/// The tokens of open streams.
#[derive(Debug)]
pub(super) struct Watched {
    database: DatabaseConnection,
    tokens: Mutex<Watching>,
}

#[derive(Debug, Default)]
struct Watching {
    /// Whether somebody looks.
    running: bool,
    entries: HashMap<Uuid, Entry>,
}

#[derive(Debug)]
struct Entry {
    waiting: usize,
    ended: Sender<Option<Ended>>,
}

/// One stream that waits; dropped, its token is no longer looked for.
struct Place {
    watched: Arc<Watched>,
    token: Uuid,
}

impl Tokens {
    /// Returns when a token is revoked or has expired: within a second, also when another process revoked it.
    pub fn ended(&self, token: Uuid) -> impl Future<Output = Ended> + Send + use<> {
        let watched = self.watched.clone();
        async move {
            let (place, mut receiver) = watched.join(token);
            let ended = receiver.wait_for(Option::is_some).await.map(|ended| *ended);
            drop(place);
            // The sender lives as long as the place.
            ended.ok().flatten().unwrap_or(Ended::Revoked)
        }
    }
}

impl Watched {
    pub(super) fn new(database: DatabaseConnection) -> Self {
        Self {
            database,
            tokens: Mutex::default(),
        }
    }

    fn join(self: Arc<Self>, token: Uuid) -> (Place, Receiver<Option<Ended>>) {
        let mut watching = self.lock();
        let entry = watching.entries.entry(token).or_insert_with(|| Entry {
            waiting: 0,
            ended: Sender::new(None),
        });
        entry.waiting += 1;
        let receiver = entry.ended.subscribe();
        if !watching.running {
            watching.running = true;
            tokio::spawn(self.clone().look_while_watched());
        }
        drop(watching);
        (Place { watched: self, token }, receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_while_watched(self: Arc<Self>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let tokens: Vec<Uuid> = {
                let mut watching = self.lock();
                if watching.entries.is_empty() {
                    watching.running = false;
                    return;
                }
                watching.entries.keys().copied().collect()
            };
            for some in tokens.chunks(AT_ONCE) {
                match self.ended_among(some).await {
                    Ok(ended) => self.tell(ended),
                    Err(error) => tracing::warn!(%error, "it could not be seen whether tokens were revoked"),
                }
            }
        }
    }

    async fn ended_among(&self, tokens: &[Uuid]) -> Result<Vec<(Uuid, Ended)>, DbErr> {
        let unexpired = Condition::any()
            .add(api_token::Column::ExpiresAt.is_null())
            .add(api_token::Column::ExpiresAt.gt(database::now()));
        let valid: Vec<Uuid> = api_token::Entity::among(tokens.iter().copied())
            .filter(api_token::Column::RevokedAt.is_null())
            .filter(unexpired)
            .select_only()
            .column(api_token::Column::Id)
            .into_tuple()
            .all(&self.database)
            .await?;
        let valid: HashSet<Uuid> = valid.into_iter().collect();
        let ended: Vec<Uuid> = tokens.iter().copied().filter(|token| !valid.contains(token)).collect();
        if ended.is_empty() {
            return Ok(Vec::new());
        }
        let rows = api_token::Entity::among(ended.iter().copied())
            .all(&self.database)
            .await?;
        let expired: HashSet<Uuid> = rows
            .into_iter()
            .filter(|row| row.revoked_at.is_none())
            .map(|row| row.id)
            .collect();
        let how = |token: Uuid| match expired.contains(&token) {
            true => Ended::Expired,
            false => Ended::Revoked,
        };
        Ok(ended.into_iter().map(|token| (token, how(token))).collect())
    }

    fn tell(&self, ended: Vec<(Uuid, Ended)>) {
        let watching = self.lock();
        for (token, how) in ended {
            if let Some(entry) = watching.entries.get(&token) {
                entry.ended.send_replace(Some(how));
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut watching = self.watched.lock();
        if let Some(entry) = watching.entries.get_mut(&self.token) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                watching.entries.remove(&self.token);
            }
        }
    }
}
