//! Delivers what is due: claims, sends many at once, and writes down what came of it. Several processes may do so at
//! once. A process that is killed leaves its claims behind, which lapse, so that everything is delivered at least once.

use std::{collections::HashMap, fmt, pin::pin, sync::Arc, time::Duration};

use lineshaft_connect::transport::Wire;
use lineshaft_entities::webhook_endpoint;
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _};
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    Endpoints,
    attempt::{self, Job, Outcome},
    claims::{self, Load, Loads},
    secrets, settle,
};
use crate::database;

/// An attempt that takes longer is slow: it no longer keeps others of its kind from starting.
const SLOW: Duration = Duration::from_millis(250);
/// The wait when more is due than may be sent at once.
const CROWDED: Duration = Duration::from_millis(20);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Outcomes that are written down as one change.
const SETTLED_AT_ONCE: usize = 500;

/// Delivers what is in the outbox.
#[derive(Clone)]
pub struct Worker {
    endpoints: Endpoints,
    wire: Arc<dyn Wire>,
}

/// What is under way.
#[derive(Default)]
struct Work {
    tasks: JoinSet<Outcome>,
    flights: HashMap<task::Id, Flight>,
    /// Outcomes that are not written down yet.
    outcomes: Vec<Outcome>,
}

struct Flight {
    endpoint_id: Uuid,
    is_failing: bool,
    since: Instant,
}

/// Whether everything that is due was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claimed {
    All,
    AsMuchAsFits,
}

impl Worker {
    /// Makes a worker that sends over a wire, whose guard decides about addresses.
    #[must_use]
    pub fn new(endpoints: Endpoints, wire: Arc<dyn Wire>) -> Self {
        Self { endpoints, wire }
    }

    /// Delivers until told to stop; then what is under way is brought to its end. Dropped, it stops at once, and what
    /// was under way is sent again when its claims have lapsed.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut bell = self.endpoints.journal.listen();
        let mut work = Work::default();
        loop {
            let pause = match self.turn(&mut work).await {
                Ok(Claimed::All) => self.endpoints.settings.poll,
                Ok(Claimed::AsMuchAsFits) => CROWDED,
                Err(error) => {
                    tracing::warn!(%error, "deliveries to webhooks could not be claimed or written down, trying again");
                    PAUSE_AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stop => break,
                Some(done) = work.tasks.join_next_with_id(), if !work.tasks.is_empty() => work.land(done),
                // The journal lives as long as this worker, so the bell never fails.
                _ = bell.changed() => {}
                () = sleep(pause) => {}
            }
        }
        while let Some(done) = work.tasks.join_next_with_id().await {
            work.land(done);
        }
        if let Err(error) = self.settle(&mut work).await {
            tracing::warn!(%error, "the last deliveries to webhooks could not be written down; they are sent again");
        }
    }

    /// Writes down what came back and sends what is due.
    async fn turn(&self, work: &mut Work) -> Result<Claimed, DbErr> {
        while let Some(done) = work.tasks.try_join_next_with_id() {
            work.land(done);
        }
        self.settle(work).await?;
        let database = self.endpoints.journal.database();
        loop {
            let loads = work.loads();
            let now = database::now();
            let due = claims::due(database, now, &loads.full()).await?;
            let admitted = loads.admit(&due, self.endpoints.settings.concurrency);
            let is_all = u64::try_from(due.len()).is_ok_and(|count| count < claims::LOOKED_AT);
            if !admitted.is_empty() {
                let rows = claims::take(database, &admitted, now, self.endpoints.settings.lease).await?;
                self.launch(work, rows).await?;
            }
            match (is_all, admitted.len() < due.len()) {
                (true, false) => return Ok(Claimed::All),
                (true, true) => return Ok(Claimed::AsMuchAsFits),
                (false, _) if admitted.is_empty() => return Ok(Claimed::AsMuchAsFits),
                (false, _) => {}
            }
        }
    }

    async fn launch(
        &self,
        work: &mut Work,
        rows: Vec<lineshaft_entities::webhook_delivery::Model>,
    ) -> Result<(), DbErr> {
        let database = self.endpoints.journal.database();
        let ids: Vec<Uuid> = {
            let mut ids: Vec<Uuid> = rows.iter().map(|row| row.endpoint_id).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let endpoints = webhook_endpoint::Entity::of_all()
            .filter(webhook_endpoint::Column::Id.is_in(ids.iter().copied()))
            .all(database)
            .await?;
        let endpoints: HashMap<Uuid, webhook_endpoint::Model> =
            endpoints.into_iter().map(|endpoint| (endpoint.id, endpoint)).collect();
        let mut secrets = HashMap::new();
        for (id, opened) in secrets::valid(database, &self.endpoints.keys, &ids).await? {
            let opened = opened.map_err(|error| {
                tracing::error!(webhook.endpoint_id = %id, %error, "the secret of an endpoint cannot be opened");
                "the secret of the endpoint cannot be opened".to_owned()
            });
            secrets.insert(id, opened);
        }
        for row in rows {
            let Some(endpoint) = endpoints.get(&row.endpoint_id) else {
                continue;
            };
            let is_failing = endpoint.failing_since.is_some();
            let secrets = secrets.get(&endpoint.id).cloned();
            let secrets = secrets.unwrap_or_else(|| Err("the endpoint has no secret".to_owned()));
            let flight = Flight {
                endpoint_id: endpoint.id,
                is_failing,
                since: Instant::now(),
            };
            let job = Job {
                delivery: row,
                url: endpoint.url.clone(),
                secrets,
            };
            let sent = attempt::send(self.wire.clone(), job, self.endpoints.settings.timeout);
            let handle = work.tasks.spawn(sent);
            work.flights.insert(handle.id(), flight);
        }
        Ok(())
    }

    async fn settle(&self, work: &mut Work) -> Result<(), DbErr> {
        while !work.outcomes.is_empty() {
            let count = work.outcomes.len().min(SETTLED_AT_ONCE);
            let outcomes = work.outcomes.get(..count).unwrap_or_default();
            let journal = &self.endpoints.journal;
            let to_disable = settle::settle(journal, &self.endpoints.settings, outcomes).await?;
            work.outcomes.drain(..count);
            for which in to_disable {
                if let Err(error) = settle::disable(journal, &which).await {
                    tracing::warn!(%error, "a webhook endpoint could not be switched off; its next failure tries again");
                }
            }
        }
        Ok(())
    }
}

impl Work {
    fn land(&mut self, done: Result<(task::Id, Outcome), JoinError>) {
        match done {
            Ok((id, outcome)) => {
                self.flights.remove(&id);
                count(&outcome);
                self.outcomes.push(outcome);
            }
            Err(error) => {
                self.flights.remove(&error.id());
                tracing::error!(%error, "an attempt to deliver broke off");
            }
        }
    }

    fn loads(&self) -> Loads {
        let mut loads = Loads::default();
        for flight in self.flights.values() {
            let load: &mut Load = loads.by_endpoint.entry(flight.endpoint_id).or_default();
            load.count += 1;
            load.is_slow |= flight.is_failing || flight.since.elapsed() > SLOW;
            loads.total += 1;
        }
        loads
    }
}

fn count(outcome: &Outcome) {
    let name = match outcome.status() {
        _ if outcome.is_success() => "delivered",
        Some(_) => "refused",
        None => "unanswered",
    };
    metrics::counter!("lineshaft_webhook_attempts_total", "outcome" => name).increment(1);
    metrics::histogram!("lineshaft_webhook_attempt_seconds").record(outcome.duration.as_secs_f64());
}

impl fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Worker").finish_non_exhaustive()
    }
}
