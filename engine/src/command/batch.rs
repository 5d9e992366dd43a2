//! Many writes in one request: independent ones at the same time, a few per connection; those of one record in order.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, future::join_all, stream};
use lineshaft_entities::write_operation::Mode;
use uuid::Uuid;

use super::{
    Outcome, WriteCommand, WriteError, WriteResult,
    claim::{ScopedKey, lane},
    ending::Ending,
};
use crate::{Engine, Session, origin::Origin};
use lineshaft_schema::Catalogue;

/// Most operations of one batch.
pub const MOST_IN_BATCH: usize = 100;

/// Many writes in one request.
#[derive(Clone, Debug)]
pub struct BatchCommand {
    /// The writes with their places in the request. Their own modes do not count.
    pub items: Vec<(usize, WriteCommand)>,
    /// A key for the whole: writes without a key of their own get one that is made of it and of their place.
    pub idempotency_key: Option<String>,
    /// What is done with them.
    pub mode: BatchMode,
}

/// What is done with the writes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchMode {
    /// The caller waits for them.
    Sync,
    /// They are queued.
    Async,
    /// They are checked and nothing is sent.
    DryRun,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Batch {
    /// Its identifier, which the log tells of each of its writes.
    pub id: Uuid,
    /// What came of each write, in the order of the request.
    pub results: Vec<Result<WriteResult, WriteError>>,
}

/// A write of a batch with its place.
struct Item {
    place: usize,
    command: WriteCommand,
    key: Option<ScopedKey>,
}

impl Engine {
    /// Carries out, queues or checks many writes. One that fails does not keep the others from being carried out, except
    /// later ones of the same record.
    ///
    /// # Errors
    /// When there are too many, or a key is malformed; then none is carried out.
    pub async fn write_batch(
        &self,
        session: &Session,
        batch: BatchCommand,
        origin: &Origin,
    ) -> Result<Batch, WriteError> {
        let count = batch.items.len();
        if count > MOST_IN_BATCH {
            return Err(WriteError::BatchTooLarge {
                count,
                most: MOST_IN_BATCH,
            });
        }
        let id = Uuid::now_v7();
        let mut items = Vec::with_capacity(count);
        for (place, mut command) in batch.items {
            let key = match (&command.idempotency_key, &batch.idempotency_key) {
                (Some(own), _) => Some(ScopedKey::new(session.visible, own, None)?),
                (None, Some(shared)) => Some(ScopedKey::new(session.visible, shared, Some(place))?),
                (None, None) => None,
            };
            command.mode = match batch.mode {
                BatchMode::Async => Mode::Async,
                BatchMode::Sync | BatchMode::DryRun => Mode::Sync,
            };
            items.push(Item { place, command, key });
        }
        let mut results = match batch.mode {
            BatchMode::Async => self.queue(session, items, id, origin).await,
            BatchMode::Sync | BatchMode::DryRun => {
                let of_connections = Self::by_connection(&session.model.catalogue, items)
                    .into_iter()
                    .map(|lanes| {
                        let width = self.writer.settings.batch_width.max(1);
                        let run = |lane| self.run_lane(session, lane, id, batch.mode, origin);
                        stream::iter(lanes).map(run).buffer_unordered(width).collect::<Vec<_>>()
                    });
                let results = join_all(of_connections).await;
                results.into_iter().flatten().flatten().collect()
            }
        };
        results.sort_by_key(|(place, _)| *place);
        Ok(Batch {
            id,
            results: results.into_iter().map(|(_, result)| result).collect(),
        })
    }

    /// Groups writes by connection, and those of each by what must not be written twice at once.
    fn by_connection(catalogue: &Catalogue, items: Vec<Item>) -> Vec<Vec<Vec<Item>>> {
        let mut connections: Vec<Vec<Vec<Item>>> = Vec::new();
        let mut places: HashMap<Uuid, usize> = HashMap::new();
        let mut lanes: HashMap<(Uuid, String), usize> = HashMap::new();
        for item in items {
            let id = item.command.connection_id;
            let at = *places.entry(id).or_insert_with(|| {
                connections.push(Vec::new());
                connections.len() - 1
            });
            let Some(connection) = connections.get_mut(at) else {
                continue;
            };
            let known =
                lane(catalogue, &item.command).map(|lane| *lanes.entry((id, lane)).or_insert_with(|| connection.len()));
            match known.and_then(|at| connection.get_mut(at)) {
                Some(lane) => lane.push(item),
                None => connection.push(vec![item]),
            }
        }
        connections
    }

    async fn run_lane(
        &self,
        session: &Session,
        lane: Vec<Item>,
        batch_id: Uuid,
        mode: BatchMode,
        origin: &Origin,
    ) -> Vec<(usize, Result<WriteResult, WriteError>)> {
        let mut results = Vec::with_capacity(lane.len());
        let mut stopped = false;
        for item in lane {
            let Item { place, command, key } = item;
            let result = match mode {
                BatchMode::DryRun => self.dry_run(session, command).await,
                _ if stopped => Ok(skipped()),
                _ => self.submit(session, command, key, Some(batch_id), origin).await,
            };
            let went_well = result
                .as_ref()
                .is_ok_and(|result| matches!(result.outcome, Outcome::Succeeded | Outcome::DryRun));
            stopped |= !went_well;
            results.push((place, result));
        }
        results
    }

    async fn queue(
        &self,
        session: &Session,
        items: Vec<Item>,
        batch_id: Uuid,
        origin: &Origin,
    ) -> Vec<(usize, Result<WriteResult, WriteError>)> {
        let mut results = Vec::with_capacity(items.len());
        let mut stopped: HashSet<(Uuid, String)> = HashSet::new();
        for Item { place, command, key } in items {
            let lane = lane(&session.model.catalogue, &command).map(|lane| (command.connection_id, lane));
            if lane.as_ref().is_some_and(|lane| stopped.contains(lane)) {
                results.push((place, Ok(skipped())));
                continue;
            }
            let result = self.submit(session, command, key, Some(batch_id), origin).await;
            if result.is_err() {
                stopped.extend(lane);
            }
            results.push((place, result));
        }
        results
    }
}

/// Returns how a write ends whose batch has failed on the same record before.
pub(super) fn skipped_ending() -> Ending {
    Ending::not_carried_out(
        "SKIPPED",
        "an earlier operation of the batch on the same record did not succeed; nothing was sent",
    )
}

fn skipped() -> WriteResult {
    WriteResult {
        operation: None,
        outcome: Outcome::Failed,
        key: None,
        record: None,
        user_errors: skipped_ending().user_errors,
        warnings: Vec::new(),
        requests: Vec::new(),
        replayed: false,
    }
}
