//! The work that looks at each connection from time to time, each look in one process only.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use lineshaft_connect::context::CallContext;
use lineshaft_entities::{
    connection,
    discovery_snapshot::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
    Set,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Engine,
    connections::{self, Status},
    database,
    lifecycle::Stop,
};

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(60);

/// Time that looking at one connection has.
const PATIENCE: Duration = Duration::from_secs(60);

/// How soon after it was added a connection is first looked at, at most.
const FIRST: Duration = Duration::from_secs(3600);

/// Connections that are read at once.
const READ_AT_ONCE: u64 = 16;

/// Connections that are looked at at the same time: one that does not answer holds none of the others back.
const AT_ONCE: usize = 8;

/// Connections that get their turn at once.
const NEW_AT_ONCE: u64 = 200;

const USABLE: [Status; 3] = [Status::Active, Status::Degraded, Status::Unreachable];

/// Looks at connections that are due until it is told to stop.
pub(crate) async fn work(engine: Arc<Engine>, mut stop: Stop) {
    if engine.settings.discovery.repeat.is_zero() {
        return stop.told().await;
    }
    while stop.wait(TICK).await {
        let now = database::now();
        tokio::select! {
            () = stop.told() => return,
            looked = engine.look_at_due(now) => {
                if let Err(error) = looked {
                    tracing::error!(%error, "the connections whose fields are due could not be read");
                }
            }
        }
    }
}

impl Engine {
    /// Looks at the connections that are due; returns how many.
    pub(in crate::mappings) async fn look_at_due(&self, now: DateTime<Utc>) -> Result<usize, DbErr> {
        self.give_turns(now).await?;
        let due = Entity::of_all()
            .filter(Column::Object.eq(""))
            .filter(Column::NextAt.lte(now))
            .order_by_asc(Column::NextAt)
            .limit(READ_AT_ONCE)
            .all(&self.database)
            .await?;
        let looks = due.into_iter().map(|row| self.claim_and_look(row, now));
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        looked.into_iter().sum()
    }

    /// Looks at a connection unless another process does; returns how many that were.
    async fn claim_and_look(&self, row: Model, now: DateTime<Utc>) -> Result<usize, DbErr> {
        if !self.claim_look(&row, now).await? {
            return Ok(0);
        }
        self.look_at(&row).await?;
        Ok(1)
    }

    /// Gives connections that have none a first turn.
    async fn give_turns(&self, now: DateTime<Utc>) -> Result<(), DbErr> {
        let have = Entity::of_all()
            .filter(Column::Object.eq(""))
            .select_only()
            .column(Column::ConnectionId)
            .into_query();
        let without = connection::Entity::of_all()
            .filter(connection::Column::Status.is_in(USABLE))
            .filter(connection::Column::Id.not_in_subquery(have))
            .limit(NEW_AT_ONCE)
            .all(&self.database)
            .await?;
        for row in without {
            let first = FIRST.min(self.settings.discovery.repeat).mul_f64(fastrand::f64());
            let turn = ActiveModel {
                id: Set(Uuid::now_v7()),
                organization_id: Set(row.organization_id),
                connection_id: Set(row.id),
                object: Set(String::new()),
                digest: Set(String::new()),
                fields: Set(json!({})),
                checked_at: Set(now),
                next_at: Set(Some(now + delta(first))),
            };
            Entity::insert(turn)
                .on_conflict_do_nothing_on([Column::ConnectionId, Column::Object])
                .exec_without_returning(&self.database)
                .await?;
        }
        Ok(())
    }

    /// Takes one look over from all other processes, by setting when the next one is due.
    async fn claim_look(&self, row: &Model, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let pause = self.settings.discovery.repeat.mul_f64(0.9 + 0.2 * fastrand::f64());
        let claimed = Entity::update_of_all()
            .set(ActiveModel {
                checked_at: Set(now),
                next_at: Set(Some(now + delta(pause))),
                ..Default::default()
            })
            .filter(Column::Id.eq(row.id))
            .filter(Column::NextAt.eq(row.next_at))
            .exec(&self.database)
            .await?;
        Ok(claimed.rows_affected > 0)
    }

    async fn look_at(&self, row: &Model) -> Result<(), DbErr> {
        let connection = match self.connections.get(row.organization_id, row.connection_id).await {
            Ok(connection) => connection,
            Err(connections::Error::Database(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        if !USABLE.contains(&connection.status) || self.refusal(&connection).is_some() {
            return Ok(());
        }
        let model = self.models.current(row.organization_id).await?;
        let connector = match self.pool.connector(&connection, &model) {
            Ok(connector) if !connector.health().credentials_refused => connector,
            _ => return Ok(()),
        };
        let context = CallContext::within(PATIENCE, "discovery");
        let check = self.look(&connection, &model, &connector, &context).await?;
        if !check.changes.is_empty() {
            tracing::info!(
                connection.id = %connection.id,
                changes = check.changes.len(),
                "fields that mappings read have changed in a system"
            );
        }
        Ok(())
    }
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}
