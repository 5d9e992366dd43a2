//! Settles writes whose outcome is unknown by looking at what the system has: later and later, and in the end not at all.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lineshaft_connect::{
    context::CallContext,
    write::{Act, Settled},
};
use lineshaft_entities::write_operation::{ActiveModel, Column, Entity, Model, State};
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set};

use super::{
    ending::{Ending, Guard},
    writer::delta,
};
use crate::{Engine, database, lifecycle::Stop};

const TICK: Duration = Duration::from_secs(1);
/// Writes that are looked up in one go.
const LOOKED_AT: u64 = 200;
/// What the log says of writes that were settled this way.
const LOOK_UP: &str = "look_up";

/// Does so until it is told to stop.
pub(crate) async fn settle_doubts(engine: Arc<Engine>, mut stop: Stop) {
    while stop.wait(TICK).await {
        tokio::select! {
            () = stop.told() => return,
            settled = engine.settle_due_writes(database::now()) => {
                if let Err(error) = settled {
                    tracing::error!(%error, "writes in doubt could not be looked up");
                }
            }
        }
    }
}

impl Engine {
    /// Looks up the writes that are due. Returns how many were settled.
    pub(super) async fn settle_due_writes(&self, now: DateTime<Utc>) -> Result<usize, DbErr> {
        let rows = Entity::of_all()
            .filter(Column::State.eq(State::InDoubt))
            .filter(Column::DueAt.lte(now))
            .order_by_asc(Column::DueAt)
            .limit(LOOKED_AT)
            .all(&self.database)
            .await?;
        let mut due = Vec::new();
        for row in rows {
            if self.claim_look_up(&row, now).await? {
                due.push(row);
            }
        }
        let settled = stream::iter(due)
            .map(|row| async move {
                let settled = self.look_up(&row, now).await;
                settled.unwrap_or_else(|error| {
                    tracing::error!(%error, write.id = %row.id, "the outcome of a write could not be written down");
                    false
                })
            })
            .buffer_unordered(self.writer.settings.workers.max(1))
            .filter(|settled| std::future::ready(*settled))
            .count();
        Ok(settled.await)
    }

    /// Takes one look-up over from all other processes, by setting when the next one is due.
    async fn claim_look_up(&self, row: &Model, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let settings = &self.writer.settings;
        let doublings = u32::try_from(row.look_ups + 1).unwrap_or(u32::MAX).min(24);
        let pause = settings.settle_after.saturating_mul(2_u32.saturating_pow(doublings));
        let next = now + delta(pause.min(settings.settle_longest));
        let last = left_at(row) + delta(settings.settle_for);
        let next = Some(next).filter(|next| *next <= last);
        let mut set = ActiveModel {
            look_ups: Set(row.look_ups + 1),
            due_at: Set(next),
            ..Default::default()
        };
        if next.is_none() {
            // This is the last look; after it the input serves nobody.
            set.key_id = Set(None);
            set.nonce = Set(None);
            set.ciphertext = Set(None);
        }
        let claimed = Entity::update_of_all()
            .set(set)
            .filter(Column::Id.eq(row.id))
            .filter(Column::State.eq(State::InDoubt))
            .filter(Column::LookUps.eq(row.look_ups))
            .exec(&self.database)
            .await?;
        Ok(claimed.rows_affected > 0)
    }

    async fn look_up(&self, row: &Model, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let model = match self.models.current(row.organization_id).await {
            Ok(model) => model,
            Err(error) => {
                tracing::warn!(%error, write.id = %row.id, "the mappings of a write in doubt could not be read");
                return Ok(false);
            }
        };
        let Some(request) = self.writer.open(row, &model.catalogue) else {
            return Ok(false);
        };
        let connection = match self.connections.get(row.organization_id, row.connection_id).await {
            Ok(connection) if self.refusal(&connection).is_none() => connection,
            Ok(_) => return Ok(false),
            Err(error) => {
                tracing::warn!(%error, write.id = %row.id, "the connection of a write in doubt could not be read");
                return Ok(false);
            }
        };
        let Ok(target) = self.target(&connection, &model) else {
            return Ok(false);
        };
        let id = row.request_id.clone().unwrap_or_else(|| row.id.to_string());
        let context = CallContext::within(self.writer.settings.timeout, id);
        let known = request.expected_version.clone();
        let (step, left_at) = (row.step.as_deref(), left_at(row));
        let settled = target.settle(&context, &request, step, left_at, known.as_deref()).await;
        let ending = match settled {
            Ok(Settled::Done(key)) => Ending::done(key, Vec::new()),
            Ok(Settled::NotDone) if self.may_still_come(row, &request.act, now) => {
                self.look_again(row, now).await?;
                return Ok(false);
            }
            Ok(Settled::NotDone) => Ending::not_carried_out("NOT_CARRIED_OUT", "the system did not carry it out"),
            Ok(Settled::Unknown) => return Ok(false),
            Err(error) => {
                tracing::debug!(%error, write.id = %row.id, "a write in doubt could not be looked up");
                return Ok(false);
            }
        };
        let settled = self
            .writer
            .finish_row(row, &ending.settled_by(LOOK_UP), Guard::InDoubt)
            .await?;
        Ok(settled.is_some())
    }

    /// Returns whether the system may still carry out what no look finds: it may work on a request for longer than we
    /// wait for it, and what finds records may lag behind. A second record or posting could not be taken back.
    fn may_still_come(&self, row: &Model, act: &Act, now: DateTime<Utc>) -> bool {
        let settings = &self.writer.settings;
        let is_over = now >= left_at(row) + delta(settings.not_done_after);
        let seen_before = row
            .none_found_at
            .is_some_and(|at| now >= at + delta(settings.settle_after));
        matches!(act, Act::Create | Act::Action(_)) && !(is_over && seen_before)
    }

    /// Notes that nothing was found, and looks again once that tells something.
    async fn look_again(&self, row: &Model, now: DateTime<Utc>) -> Result<(), DbErr> {
        let settings = &self.writer.settings;
        let first = row.none_found_at.unwrap_or(now);
        let telling = (left_at(row) + delta(settings.not_done_after)).max(first + delta(settings.settle_after));
        let looked_at = || {
            Entity::update_of_all()
                .filter(Column::Id.eq(row.id))
                .filter(Column::State.eq(State::InDoubt))
                .filter(Column::LookUps.eq(row.look_ups + 1))
        };
        let set = ActiveModel {
            none_found_at: Set(Some(first)),
            ..Default::default()
        };
        looked_at().set(set).exec(&self.database).await?;
        let set = ActiveModel {
            due_at: Set(Some(telling)),
            ..Default::default()
        };
        let later = looked_at().set(set).filter(Column::DueAt.gt(telling));
        later.exec(&self.database).await.map(drop)
    }
}

/// Returns when the last request left that may have changed something.
fn left_at(row: &Model) -> DateTime<Utc> {
    row.last_sent_at.or(row.sent_at).unwrap_or(row.created_at)
}
