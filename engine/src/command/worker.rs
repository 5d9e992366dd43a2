//! Takes over what processes that are gone left behind, and carries queued writes out, a few per connection at once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_connect::{Error, ErrorKind};
use lineshaft_entities::{
    connection::WriteMode,
    write_operation::{ActiveModel, Column, Entity, Mode, Model, State},
};
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    Set,
    sea_query::{Alias, Expr, Query},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    batch::skipped_ending,
    ending::{Ending, Guard},
    run::Order,
    stored::Opened,
    writer::Permit,
};
use crate::{Engine, connections, database, lifecycle::Stop};

/// How often it is looked for writes that are due.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);
/// Writes that are looked at in one go.
const LOOKED_AT: u64 = 200;
/// How often a queued write is begun anew whose process went away before anything was sent.
const BEGUN_ANEW: i32 = 3;

/// Does so until it is told to stop.
pub(crate) async fn work(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        tokio::select! {
            biased;
            () = stop.told() => return,
            () = engine.writer.rung() => {}
            () = sleep(TICK) => {}
        }
        let now = database::now();
        if let Err(error) = engine.take_over_writes(now).await {
            tracing::error!(%error, "writes that were left behind could not be taken over");
        }
        if let Err(error) = engine.begin_queued_writes(now).await {
            tracing::error!(%error, "queued writes could not be begun");
        }
    }
}

impl Engine {
    /// Takes over the writes whose process is gone. Nothing of them is sent again: where nothing was sent they end, or go
    /// back into the queue; else their outcome is unknown. Returns how many there were.
    pub(super) async fn take_over_writes(&self, now: DateTime<Utc>) -> Result<usize, DbErr> {
        let rows = Entity::of_all()
            .filter(Column::State.is_in([State::Running, State::Sending]))
            .filter(is_late(now))
            .order_by_asc(Column::OwnedUntil)
            .limit(LOOKED_AT)
            .all(&self.database)
            .await?;
        let mut taken = 0;
        for row in rows {
            taken += usize::from(self.take_over(&row, now).await?);
        }
        Ok(taken)
    }

    async fn take_over(&self, row: &Model, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let begins_anew = row.state == State::Running && row.mode == Mode::Async && row.look_ups < BEGUN_ANEW;
        let mut set = ActiveModel {
            owner: Set(Some(self.writer.owner)),
            owned_until: Set(Some(self.writer.owned_until(now))),
            ..Default::default()
        };
        if begins_anew {
            set.state = Set(State::Queued);
            set.owner = Set(None);
            set.owned_until = Set(None);
            set.due_at = Set(Some(now));
            set.look_ups = Set(row.look_ups + 1);
        }
        let taken = Entity::update_of_all()
            .set(set)
            .filter(Column::Id.eq(row.id))
            // Whoever had it may have gone on meanwhile: then it is no longer as it was.
            .filter(Column::State.eq(row.state))
            .filter(is_late(now))
            .exec(&self.database)
            .await?;
        if taken.rows_affected == 0 {
            return Ok(false);
        }
        tracing::warn!(write.id = %row.id, connection.id = %row.connection_id, state = ?row.state, "a write was taken over whose process is gone");
        if begins_anew {
            return Ok(true);
        }
        let ending = match row.state {
            State::Sending => {
                let error = Error::new(ErrorKind::Internal, "the server ended while the request was under way");
                Ending::in_doubt(&error, None)
            }
            _ => Ending::not_carried_out("INTERRUPTED", "the server ended before anything was sent"),
        };
        self.writer.finish_row(row, &ending, Guard::Owned).await?;
        Ok(true)
    }

    /// Begins queued writes that are due, as many as may run at once: one of each organization in turn, those first of
    /// whose writes the fewest run. Returns how many were begun.
    pub(super) async fn begin_queued_writes(self: &Arc<Self>, now: DateTime<Utc>) -> Result<usize, DbErr> {
        let Some(full) = self.writer.full() else {
            return Ok(0);
        };
        let mut lines = Vec::new();
        let mut is_all = true;
        for organization in self.organizations_in_queue(now, &full).await? {
            let rows = self.queued_writes(organization, now, &full).await?;
            is_all &= u64::try_from(rows.len()).is_ok_and(|seen| seen < LOOKED_AT);
            lines.push((self.writer.busy(organization), rows.into_iter()));
        }
        lines.sort_by_key(|(busy, _)| *busy);
        let mut begun = 0;
        while !lines.is_empty() && self.writer.full().is_some() {
            let mut left = Vec::with_capacity(lines.len());
            for (busy, mut rows) in lines {
                if self.begin_first(&mut rows).await? {
                    begun += 1;
                }
                if rows.len() > 0 {
                    left.push((busy, rows));
                }
            }
            lines = left;
        }
        // What was not looked at may be begun as well; other work comes in between.
        if begun > 0 && !is_all {
            self.writer.ring();
        }
        Ok(begun)
    }

    /// Begins the first write of a line that may be begun. Returns whether there was one.
    async fn begin_first(self: &Arc<Self>, rows: &mut std::vec::IntoIter<Model>) -> Result<bool, DbErr> {
        for row in rows {
            let Some(permit) = self.writer.admit(row.organization_id, row.connection_id) else {
                continue;
            };
            if let Some(row) = self.writer.take_queued(row.id).await? {
                let engine = self.clone();
                self.writer
                    .spawn(async move { Box::pin(engine.carry_out_queued(row, permit)).await });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the organizations with writes that are due, those first that wait for the longest time.
    async fn organizations_in_queue(&self, now: DateTime<Utc>, except: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
        let query = Entity::of_all()
            .select_only()
            .column(Column::OrganizationId)
            .filter(is_due(now, except))
            .group_by(Column::OrganizationId)
            .order_by_asc(Column::CreatedAt.min());
        query.into_tuple().all(&self.database).await
    }

    async fn queued_writes(
        &self,
        organization: Uuid,
        now: DateTime<Utc>,
        except: &[Uuid],
    ) -> Result<Vec<Model>, DbErr> {
        turns(organization, now, except).all(&self.database).await
    }

    async fn carry_out_queued(&self, row: Model, permit: Permit) {
        match self.order_of(&row).await {
            Ok(order) => drop(self.writer.carry_out(order).await),
            Err(ending) => {
                if let Err(error) = self.writer.finish_row(&row, &ending, Guard::Owned).await {
                    tracing::error!(%error, write.id = %row.id, "the end of a queued write could not be written down");
                }
            }
        }
        drop(permit);
    }

    /// Returns what carries a queued write out, or how it ends because it can no longer be carried out.
    async fn order_of(&self, row: &Model) -> Result<Order, Ending> {
        let internal = |_| Ending::not_carried_out("INTERNAL", "the write could not be begun; nothing was sent");
        if self.batch_stopped(row).await.map_err(internal)? {
            return Err(skipped_ending());
        }
        let connection = match self.connections.get(row.organization_id, row.connection_id).await {
            Ok(connection) => connection,
            Err(connections::Error::NotFound(_)) => {
                return Err(Ending::not_carried_out(
                    "CONNECTION_NOT_FOUND",
                    "the connection was removed",
                ));
            }
            Err(error) => {
                tracing::error!(%error, write.id = %row.id, "the connection of a queued write could not be read");
                return Err(Ending::not_carried_out(
                    "INTERNAL",
                    "the connection could not be read; nothing was sent",
                ));
            }
        };
        if connection.write_mode == WriteMode::ReadOnly {
            let message = "the connection can only be read; nothing was sent";
            return Err(Ending::not_carried_out("CONNECTION_READ_ONLY", message));
        }
        if let Some(error) = self.refusal(&connection) {
            return Err(Ending::not_carried_out(error.code, error.message));
        }
        let model = self.models.current(row.organization_id).await.map_err(|error| {
            tracing::error!(%error, write.id = %row.id, "the mappings of a queued write could not be read");
            Ending::not_carried_out("INTERNAL", "the mappings could not be read; nothing was sent")
        })?;
        let target = self.target(&connection, &model);
        let target = target.map_err(|error| Ending::not_carried_out(error.code, error.message))?;
        let request = match self.writer.opened(row, &model.catalogue) {
            Opened::Whole(request) => *request,
            Opened::Gone => {
                let message = "the mappings have changed since: the input names a field that is no longer there; nothing was sent";
                return Err(Ending::not_carried_out("NOT_SUPPORTED", message));
            }
            Opened::Sealed => {
                return Err(Ending::not_carried_out("INTERNAL", "the stored input cannot be opened"));
            }
        };
        Ok(Order {
            row: row.clone(),
            request,
            target,
            catalogue: model.catalogue.clone(),
            simulated: connection.write_mode == WriteMode::Simulate,
        })
    }

    /// Returns whether an earlier write of the same batch to the same record did not succeed.
    async fn batch_stopped(&self, row: &Model) -> Result<bool, DbErr> {
        let (Some(batch), Some(lane)) = (row.batch_id, &row.lane) else {
            return Ok(false);
        };
        let earlier = Entity::for_organization(row.organization_id)
            .filter(Column::BatchId.eq(batch))
            .filter(Column::ConnectionId.eq(row.connection_id))
            .filter(Column::Lane.eq(lane))
            .filter(Column::Id.lt(row.id))
            .filter(Column::State.is_in([State::Failed, State::InDoubt]))
            .limit(1)
            .one(&self.database)
            .await?;
        Ok(earlier.is_some())
    }
}

fn is_late(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::OwnedUntil.is_null())
        .add(Column::OwnedUntil.lte(now))
}

/// Returns the query of the writes of an organization that may be begun.
pub(super) fn turns(organization: Uuid, now: DateTime<Utc>, except: &[Uuid]) -> Select<Entity> {
    Entity::for_organization(organization)
        .filter(is_due(now, except))
        .filter(is_its_turn())
        .order_by_asc(Column::Id)
        .limit(LOOKED_AT)
}

fn is_due(now: DateTime<Utc>, except: &[Uuid]) -> Condition {
    let due = Condition::all()
        .add(Column::State.eq(State::Queued))
        .add(Column::DueAt.lte(now));
    match except {
        [] => due,
        except => due.add(Column::ConnectionId.is_not_in(except.iter().copied())),
    }
}

/// Only the earliest write under way of what must not be written twice at once may be begun.
fn is_its_turn() -> Condition {
    let earlier = Alias::new("earlier");
    let other = |column: Column| Expr::col((earlier.clone(), column));
    let mine = |column: Column| Expr::col((Entity, column));
    let before = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, earlier.clone())
        .cond_where(
            Condition::all()
                .add(other(Column::ConnectionId).eq(mine(Column::ConnectionId)))
                .add(other(Column::Lane).eq(mine(Column::Lane)))
                // In the words of the index that serves this.
                .add(Expr::cust("earlier.state IN ('queued', 'running', 'sending')"))
                .add(other(Column::Id).lt(mine(Column::Id))),
        )
        .to_owned();
    Condition::any()
        .add(Column::Lane.is_null())
        .add(Expr::not_exists(before))
}
