//! The work that goes on without being asked: writes down what was seen, tries connections that are due, lets calls
//! through again where they are held back, and warns of credentials that end.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use lineshaft_connect::context::CallContext;
use lineshaft_entities::{
    connection::{ActiveModel, Column, Entity, Model, Status},
    connection_event,
};
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::NullOrdering,
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{
    Engine, command,
    connections::Connection,
    database,
    events::{self, EventKind, NewEvent},
    links, mappings, registry, webhooks,
};

/// How often due connections are looked for, and how long what was seen waits at most for a look.
const TICK: Duration = Duration::from_secs(1);
/// Connections that are claimed at once.
const CLAIMED_AT_ONCE: u64 = 64;
/// Time that one trial has.
const TRIAL: Duration = Duration::from_secs(20);
/// How often credentials that end are looked for.
const EXPIRY_LOOK: Duration = Duration::from_secs(3600);
/// How often it is looked for what is no longer kept.
const RETENTION_LOOK: Duration = Duration::from_secs(3600);
/// How often expired codes and sign-ins are looked for.
const EXPIRED_LOOK: Duration = Duration::from_secs(60);
/// After work broke off, it begins again so much later.
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(1);

const USABLE: [Status; 4] = [Status::Pending, Status::Active, Status::Degraded, Status::Unreachable];

/// Tells work in the background that it is to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<()>);

/// One kind of work in the background. It goes on until it is told to stop.
pub(crate) type Work = fn(Arc<Engine>, Stop) -> BoxFuture<'static, ()>;

/// All work in the background, by its name in the log.
const WORKS: &[(&str, Work)] = &[
    ("watches", |engine, stop| keep_rows(engine, stop).boxed()),
    ("checks", |engine, stop| check_connections(engine, stop).boxed()),
    ("expiry", |engine, stop| warn_of_expiry(engine, stop).boxed()),
    ("writes", |engine, stop| command::work(engine, stop).boxed()),
    ("doubts", |engine, stop| command::settle_doubts(engine, stop).boxed()),
    ("discovery", |engine, stop| mappings::drift::work(engine, stop).boxed()),
    ("connectors", |engine, stop| registry::work(engine, stop).boxed()),
    ("webhooks", |engine, stop| deliver(engine, stop).boxed()),
    ("expired", |engine, stop| wipe_expired(engine, stop).boxed()),
    ("retention", |engine, stop| clear_away(engine, stop).boxed()),
];

impl Stop {
    /// Returns once it is time to end.
    pub async fn told(&mut self) {
        // An error says that the sender is gone, which means the same.
        while self.0.changed().await.is_ok() {}
    }

    /// Waits, and returns whether it is time to go on.
    pub async fn wait(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = self.told() => false,
            () = sleep(time) => true,
        }
    }
}

impl Engine {
    /// Does all work in the background until `stop` is done, and then writes down what was seen last.
    pub async fn run(self: &Arc<Self>, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(());
        let mut works = JoinSet::new();
        for (name, work) in WORKS {
            works.spawn(keep_going(self.clone(), name, *work, Stop(stopped.clone())));
        }
        drop(stopped);
        stop.await;
        drop(stopping);
        while works.join_next().await.is_some() {}
        self.writer.finish().await;
        self.settle_due().await;
        self.flush(true).await;
    }
}

/// Begins work again that broke off.
async fn keep_going(engine: Arc<Engine>, name: &'static str, work: Work, mut stop: Stop) {
    loop {
        let run = AssertUnwindSafe(work(engine.clone(), stop.clone())).catch_unwind();
        if run.await.is_ok() {
            return;
        }
        tracing::error!(work = name, "work in the background broke off and begins again");
        if !stop.wait(PAUSE_AFTER_PANIC).await {
            return;
        }
    }
}

async fn keep_rows(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.told() => return,
            () = engine.lifecycle.desk.rung() => {}
            () = sleep(TICK) => {}
        }
        engine.settle_due().await;
        engine.flush(false).await;
    }
}

async fn check_connections(engine: Arc<Engine>, mut stop: Stop) {
    if !engine.settings.health.probe {
        return stop.told().await;
    }
    while stop.wait(TICK).await {
        let now = database::now();
        tokio::select! {
            () = stop.told() => return,
            () = async {
                if let Err(error) = engine.check_due(now).await {
                    tracing::error!(%error, "the connections that are due could not be read");
                }
                engine.try_half_open(now).await;
            } => {}
        }
    }
}

impl Engine {
    /// Tries the connections that are due, each in one process only.
    pub(super) async fn check_due(&self, now: DateTime<Utc>) -> Result<usize, DbErr> {
        let due = Condition::any()
            .add(Column::NextCheckAt.lte(now))
            .add(Column::NextCheckAt.is_null());
        let rows = Entity::of_all()
            .filter(Column::Status.is_in(USABLE))
            .filter(due)
            .order_by_with_nulls(Column::NextCheckAt, sea_orm::Order::Asc, NullOrdering::First)
            .limit(CLAIMED_AT_ONCE)
            .all(&self.database)
            .await?;
        let mut claimed = Vec::new();
        for row in rows {
            let first = row.next_check_at.is_none();
            if self.claim(&row, now).await? && !first && needs_check(&row, now, self.settings.health.check_every) {
                claimed.push(Connection::new(row, None));
            }
        }
        let count = claimed.len();
        stream::iter(claimed)
            .for_each_concurrent(self.settings.health.parallel, |connection| async move {
                self.check(&connection, &CallContext::within(TRIAL, "check")).await;
            })
            .await;
        Ok(count)
    }

    /// Takes one check over from all other processes, by setting when the next one is due.
    async fn claim(&self, row: &Model, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let unchanged = match row.next_check_at {
            Some(at) => Column::NextCheckAt.eq(at),
            None => Column::NextCheckAt.is_null(),
        };
        let claimed = Entity::update_of_all()
            .set(ActiveModel {
                next_check_at: Set(Some(now + self.pause_of(row, now))),
                ..Default::default()
            })
            .filter(Column::Id.eq(row.id))
            .filter(unchanged)
            .exec(&self.database)
            .await?;
        Ok(claimed.rows_affected > 0)
    }

    /// Returns how long after this check the next one is due.
    fn pause_of(&self, row: &Model, now: DateTime<Utc>) -> TimeDelta {
        let health = &self.settings.health;
        let is_idle = row
            .last_used_at
            .is_none_or(|used| now - used > delta(health.idle_check_every));
        let pause = match row.status {
            Status::Unreachable | Status::Pending => health.unreachable_check_every,
            _ if is_idle => health.idle_check_every,
            _ => health.check_every,
        };
        let factor = 1.0 + health.jitter * (fastrand::f64() * 2.0 - 1.0);
        delta(pause.mul_f64(factor.max(0.1)))
    }

    /// Tries connections whose calls are held back, once their breaker lets a try through.
    async fn try_half_open(&self, now: DateTime<Utc>) {
        let used_since = now - delta(self.settings.health.check_every);
        let watches = self.lifecycle.desk.half_open(now, used_since);
        stream::iter(watches)
            .for_each_concurrent(self.settings.health.parallel, |watch| async move {
                match self.connections.get(watch.organization_id, watch.id).await {
                    Ok(connection) => self.check(&connection, &CallContext::within(TRIAL, "check")).await,
                    Err(error) => tracing::debug!(%error, connection.id = %watch.id, "a connection could not be read"),
                }
            })
            .await;
    }

    /// Tells of credentials that end soon, once for each end.
    pub(super) async fn warn_of_ends(&self, now: DateTime<Utc>) -> Result<usize, DbErr> {
        let horizon = now + delta(self.settings.health.expiry_warning);
        let rows = Entity::of_all()
            .filter(Column::Status.is_in(USABLE))
            .filter(Column::CredentialsExpireAt.lte(horizon))
            .all(&self.database)
            .await?;
        let mut told = 0;
        for row in rows {
            told += usize::from(self.warn_of_end(row).await?);
        }
        Ok(told)
    }

    async fn warn_of_end(&self, row: Model) -> Result<bool, DbErr> {
        let mut change = self.journal.begin().await?;
        let locked = Entity::for_organization(row.organization_id)
            .filter(Column::Id.eq(row.id))
            .lock_exclusive()
            .one(change.transaction())
            .await?;
        let Some(row) = locked.filter(|locked| locked.credentials_expire_at == row.credentials_expire_at) else {
            return Ok(false);
        };
        let end = json!(row.credentials_expire_at);
        let last = connection_event::Entity::for_organization(row.organization_id)
            .filter(connection_event::Column::ConnectionId.eq(row.id))
            .filter(connection_event::Column::Kind.eq(EventKind::CredentialsExpiring.as_str()))
            .order_by_desc(connection_event::Column::Sequence)
            .limit(1)
            .one(change.transaction())
            .await?;
        if last.is_some_and(|last| last.data.get("expiresAt") == Some(&end)) {
            return Ok(false);
        }
        let connection = Connection::new(row, None);
        let told = super::told::Told {
            kind: EventKind::CredentialsExpiring,
            previous: connection.status,
            until: None,
        };
        let mut data = super::told::data(self, &connection, &told);
        if let Value::Object(data) = &mut data {
            data.insert("expiresAt".to_owned(), end);
        }
        let event = NewEvent {
            organization_id: connection.organization_id,
            connection_id: Some(connection.id),
            kind: told.kind,
            data,
        };
        change.tell(event).await?;
        change.commit().await?;
        Ok(true)
    }
}

async fn warn_of_expiry(engine: Arc<Engine>, mut stop: Stop) {
    let mut pause = TICK;
    while stop.wait(pause).await {
        pause = EXPIRY_LOOK;
        if let Err(error) = engine.warn_of_ends(database::now()).await {
            tracing::error!(%error, "the ends of credentials could not be read");
        }
    }
}

async fn deliver(engine: Arc<Engine>, mut stop: Stop) {
    engine.webhook_worker.run(async move { stop.told().await }).await;
}

/// Clears away what is older than it is kept.
/// Wipes what expired codes and sign-ins hold.
async fn wipe_expired(engine: Arc<Engine>, mut stop: Stop) {
    while stop.wait(EXPIRED_LOOK).await {
        if let Err(error) = links::sweep(&engine).await {
            tracing::error!(%error, "expired codes could not be wiped");
        }
    }
}

async fn clear_away(engine: Arc<Engine>, mut stop: Stop) {
    while stop.wait(RETENTION_LOOK).await {
        let (database, settings) = (&engine.database, &engine.settings);
        if let Err(error) = events::sweep(database, &settings.events).await {
            tracing::error!(%error, "old events could not be cleared away");
        }
        if let Err(error) = webhooks::sweep(database, &settings.webhooks).await {
            tracing::error!(%error, "old deliveries could not be cleared away");
        }
        if let Err(error) = command::sweep(database, &settings.writes, database::now()).await {
            tracing::error!(%error, "old writes could not be cleared away");
        }
    }
}

/// Returns whether a connection that is due has to be tried: callers who use it have tried it already.
fn needs_check(row: &Model, now: DateTime<Utc>, check_every: Duration) -> bool {
    let is_fresh = row
        .last_success_at
        .is_some_and(|success| now - success < delta(check_every) / 2);
    row.status != Status::Active || !is_fresh
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}
