//! Decides which of the due deliveries are sent next, and claims them, so that no other process sends them meanwhile.
//!
//! Endpoints must not stand in each other's way: each has few attempts under way at once, a slow or failing one only
//! one, and failing ones never take all places.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::{
    webhook_delivery::{ActiveModel, Column, Entity, Model, State},
    webhook_endpoint,
};
use sea_orm::{
    ActiveEnum as _, ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, ExprTrait as _,
    FromQueryResult, JoinType, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::{Alias, Expr, Query},
};
use uuid::Uuid;

use super::TEST;

/// Attempts to one endpoint at once.
pub(super) const AT_ONCE: usize = 4;
/// Deliveries that are looked at in one go.
pub(super) const LOOKED_AT: u64 = 1000;

/// A due delivery.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: Uuid,
    pub(super) endpoint_id: Uuid,
    pub(super) failing_since: Option<DateTime<Utc>>,
}

/// What is under way to one endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Attempts.
    pub(super) count: usize,
    /// Whether one of them takes long, or the endpoint has been failing.
    pub(super) is_slow: bool,
}

/// What is under way to all endpoints.
#[derive(Clone, Debug, Default)]
pub(super) struct Loads {
    pub(super) total: usize,
    pub(super) by_endpoint: HashMap<Uuid, Load>,
}

impl Loads {
    /// Returns the endpoints that nothing more may be sent to now.
    pub(super) fn full(&self) -> Vec<Uuid> {
        let full = self
            .by_endpoint
            .iter()
            .filter(|(_, load)| load.is_slow || load.count >= AT_ONCE);
        full.map(|(id, _)| *id).collect()
    }

    /// Chooses from due deliveries those that may be sent now, given how many attempts there may be at once in all.
    pub(super) fn admit(mut self, candidates: &[Candidate], places: usize) -> Vec<Uuid> {
        let mut admitted = Vec::new();
        let mut left: Vec<&Candidate> = candidates.iter().collect();
        // The first attempts of all endpoints come before the second one of any.
        for round in 0..AT_ONCE {
            left.retain(|candidate| {
                let load = self.by_endpoint.entry(candidate.endpoint_id).or_default();
                let is_failing = candidate.failing_since.is_some();
                let most = if load.is_slow || is_failing { 1 } else { AT_ONCE };
                let share = if round == 0 && !is_failing { places } else { places / 2 };
                if load.count != round || load.count >= most || self.total >= share {
                    return true;
                }
                load.count += 1;
                self.total += 1;
                admitted.push(candidate.id);
                false
            });
        }
        admitted
    }
}

/// Returns deliveries that are due and free, the longest due first, except those to some endpoints.
pub(super) async fn due(
    database: &DatabaseConnection,
    now: DateTime<Utc>,
    except: &[Uuid],
) -> Result<Vec<Candidate>, DbErr> {
    let endpoint = Entity::belongs_to(webhook_endpoint::Entity)
        .from(Column::EndpointId)
        .to(webhook_endpoint::Column::Id)
        .into();
    let is_wanted = Condition::any()
        .add(webhook_endpoint::Column::Enabled.eq(true))
        .add(Column::Kind.eq(TEST));
    let mut query = Entity::of_all()
        .select_only()
        .column(Column::Id)
        .column(Column::EndpointId)
        .column(webhook_endpoint::Column::FailingSince)
        .join(JoinType::InnerJoin, endpoint)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::NextAttemptAt.lte(now))
        .filter(is_free(now))
        .filter(is_wanted)
        .filter(is_its_turn())
        .order_by_asc(Column::NextAttemptAt)
        .order_by_asc(Column::Id)
        .limit(LOOKED_AT);
    if !except.is_empty() {
        query = query.filter(Column::EndpointId.is_not_in(except.iter().copied()));
    }
    query.into_model().all(database).await
}

/// Claims deliveries for a time, and returns those that no other process was quicker to claim.
pub(super) async fn take(
    database: &DatabaseConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
    lease: std::time::Duration,
) -> Result<Vec<Model>, DbErr> {
    let until = now + TimeDelta::from_std(lease).unwrap_or_default();
    Entity::update_of_all()
        .set(ActiveModel {
            claimed_until: Set(Some(until)),
            ..Default::default()
        })
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::State.eq(State::Pending))
        .filter(is_free(now))
        .exec_with_returning(database)
        .await
}

fn is_free(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::ClaimedUntil.is_null())
        .add(Column::ClaimedUntil.lte(now))
}

/// Where an endpoint asks for order, only the earliest unfinished delivery of a connection may be sent.
fn is_its_turn() -> Condition {
    let earlier = Alias::new("earlier");
    let other = |column: Column| Expr::col((earlier.clone(), column));
    let mine = |column: Column| Expr::col((Entity, column));
    let is_before = Condition::any()
        .add(other(Column::Sequence).lt(mine(Column::Sequence)))
        .add(
            Condition::all()
                .add(other(Column::Sequence).eq(mine(Column::Sequence)))
                .add(other(Column::Id).lt(mine(Column::Id))),
        );
    let before = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, earlier.clone())
        .cond_where(
            Condition::all()
                .add(other(Column::EndpointId).eq(mine(Column::EndpointId)))
                .add(other(Column::ConnectionId).eq(mine(Column::ConnectionId)))
                .add(other(Column::State).eq(State::Pending.to_value()))
                .add(is_before),
        )
        .to_owned();
    Condition::any()
        .add(webhook_endpoint::Column::Ordered.eq(false))
        .add(Column::Sequence.is_null())
        .add(Expr::not_exists(before))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    fn endpoint(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn candidates(of: &[(u128, usize)], failing: bool) -> Vec<Candidate> {
        let each = of.iter().flat_map(|(endpoint, count)| vec![*endpoint; *count]);
        each.map(|number| Candidate {
            id: Uuid::now_v7(),
            endpoint_id: endpoint(number),
            failing_since: failing.then(Utc::now),
        })
        .collect()
    }

    #[test]
    fn an_endpoint_with_many_deliveries_takes_few_places() {
        let many = candidates(&[(1, 500), (2, 1), (3, 1)], false);
        let admitted = Loads::default().admit(&many, 100);
        assert_eq!(admitted.len(), AT_ONCE + 2);
        assert!(admitted[..3].contains(&many[501].id), "first attempts come first");
    }

    #[test]
    fn failing_and_slow_endpoints_have_one_attempt_at_once_and_half_of_the_places() {
        let failing = candidates(&[(1, 5), (2, 5)], true);
        assert_eq!(Loads::default().admit(&failing, 100).len(), 2);
        let many: Vec<(u128, usize)> = (1..=100).map(|number| (number, 1)).collect();
        assert_eq!(Loads::default().admit(&candidates(&many, true), 20).len(), 10);
        let mut loads = Loads::default();
        let slow = Load {
            count: 1,
            is_slow: true,
        };
        loads.by_endpoint.insert(endpoint(1), slow);
        assert_eq!(loads.full(), [endpoint(1)]);
        assert!(loads.admit(&candidates(&[(1, 5)], false), 100).is_empty());
    }

    #[test]
    fn further_attempts_leave_half_of_the_places_to_first_ones() {
        let mut loads = Loads {
            total: 10,
            ..Loads::default()
        };
        let busy = Load {
            count: 2,
            is_slow: false,
        };
        loads.by_endpoint.insert(endpoint(1), busy);
        let both = candidates(&[(1, 3), (2, 3)], false);
        let admitted = loads.admit(&both, 20);
        assert_eq!(admitted, [both[3].id], "the first one of the other endpoint");
    }
}
