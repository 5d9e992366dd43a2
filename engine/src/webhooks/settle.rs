//! Writes down what came of attempts: delivered, to be tried again, or given up; and switches off endpoints that are
//! gone or have failed for days.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use lineshaft_entities::{
    webhook_attempt,
    webhook_delivery::{ActiveModel, Column, Entity, State},
    webhook_endpoint,
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _, Set, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::{Error, Settings, TEST, attempt::Outcome, endpoints, schedule};
use crate::{
    audit::Act,
    database,
    events::{EventKind, Journal, NewEvent, journal::Change},
    origin::Origin,
};

const GONE: u16 = 410;
/// Statuses whose wish to wait goes for everything that is on its way to the endpoint.
const BUSY: [u16; 2] = [429, 503];

/// An endpoint to switch off.
#[derive(Debug)]
pub(super) struct ToDisable {
    organization_id: Uuid,
    endpoint_id: Uuid,
    reason: String,
}

/// Writes outcomes down as one change. Returns the endpoints that are to be switched off.
pub(super) async fn settle(
    journal: &Journal,
    settings: &Settings,
    outcomes: &[Outcome],
) -> Result<Vec<ToDisable>, DbErr> {
    let change = journal.begin().await?;
    // An endpoint that was removed meanwhile took its deliveries with it.
    let present: Vec<Uuid> = Entity::of_all()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(outcomes.iter().map(|outcome| outcome.delivery.id)))
        .lock_shared()
        .into_tuple()
        .all(change.transaction())
        .await?;
    let present: HashSet<Uuid> = present.into_iter().collect();
    let outcomes: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| present.contains(&outcome.delivery.id))
        .collect();
    if outcomes.is_empty() {
        return Ok(Vec::new());
    }
    webhook_attempt::Entity::insert_many(outcomes.iter().map(|outcome| attempt_row(outcome)))
        .exec_without_returning(change.transaction())
        .await?;
    let (taken, refused): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.into_iter().partition(|outcome| outcome.is_success());
    note_taken(&change, &taken).await?;
    for outcome in &refused {
        note_refused(&change, settings, outcome).await?;
    }
    let to_disable = note_failing(&change, settings, &taken, &refused).await?;
    change.commit().await?;
    Ok(to_disable)
}

async fn note_taken(change: &Change, taken: &[&Outcome]) -> Result<(), DbErr> {
    if taken.is_empty() {
        return Ok(());
    }
    Entity::update_of_all()
        .set(ActiveModel {
            state: Set(State::Delivered),
            next_attempt_at: Set(None),
            claimed_until: Set(None),
            finished_at: Set(Some(database::now())),
            ..Default::default()
        })
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.is_in(taken.iter().map(|outcome| outcome.delivery.id)))
        // One that was cancelled on its way was taken all the same.
        .filter(Column::State.is_in([State::Pending, State::Cancelled]))
        .exec(change.transaction())
        .await
        .map(drop)
}

async fn note_refused(change: &Change, settings: &Settings, outcome: &Outcome) -> Result<(), DbErr> {
    let delivery = &outcome.delivery;
    let now = database::now();
    let number = delivery.attempts + 1;
    let asked = outcome.answer.as_ref().ok().and_then(|answer| answer.asked);
    let is_last = delivery.kind == TEST || outcome.status() == Some(GONE);
    let wait = match is_last {
        true => None,
        false => schedule::wait(settings, number.unsigned_abs(), asked, fastrand::f64()),
    };
    let next = wait.map(|wait| now + TimeDelta::from_std(wait).unwrap_or_default());
    let row = ActiveModel {
        attempts: Set(number),
        state: Set(next.map_or(State::Failed, |_| State::Pending)),
        next_attempt_at: Set(next),
        claimed_until: Set(None),
        finished_at: Set(next.is_none().then_some(now)),
        ..Default::default()
    };
    // A claim that has lapsed may be another process's by now, whose outcome counts.
    Entity::update_for_organization(delivery.organization_id)
        .set(row)
        .filter(Column::Id.eq(delivery.id))
        .filter(Column::State.eq(State::Pending))
        .filter(Column::ClaimedUntil.eq(delivery.claimed_until))
        .exec(change.transaction())
        .await?;
    if let (Some(status), Some(asked)) = (outcome.status(), asked)
        && BUSY.contains(&status)
        && wait.is_some()
    {
        let until = now + TimeDelta::from_std(asked).unwrap_or_default().min(TimeDelta::days(1));
        Entity::update_for_organization(delivery.organization_id)
            .set(ActiveModel {
                next_attempt_at: Set(Some(until)),
                ..Default::default()
            })
            .filter(Column::EndpointId.eq(delivery.endpoint_id))
            .filter(Column::State.eq(State::Pending))
            .filter(Column::ClaimedUntil.is_null())
            .filter(Column::NextAttemptAt.lt(until))
            .exec(change.transaction())
            .await?;
    }
    Ok(())
}

/// Notes since when endpoints have been failing, or that they no longer are.
async fn note_failing(
    change: &Change,
    settings: &Settings,
    taken: &[&Outcome],
    refused: &[&Outcome],
) -> Result<Vec<ToDisable>, DbErr> {
    use webhook_endpoint::Column as Endpoint;
    let working: HashSet<Uuid> = taken.iter().map(|outcome| outcome.delivery.endpoint_id).collect();
    // A test tells its outcome to whoever asked for it, and speaks against nobody.
    let refused = refused.iter().filter(|outcome| outcome.delivery.kind != TEST);
    let failing: HashSet<Uuid> = refused.clone().map(|outcome| outcome.delivery.endpoint_id).collect();
    let failing: HashSet<Uuid> = failing.difference(&working).copied().collect();
    if !working.is_empty() {
        webhook_endpoint::Entity::update_of_all()
            .set(webhook_endpoint::ActiveModel {
                failing_since: Set(None),
                ..Default::default()
            })
            .filter(Endpoint::Id.is_in(working.iter().copied()))
            .filter(Endpoint::FailingSince.is_not_null())
            .exec(change.transaction())
            .await?;
    }
    let now = database::now();
    let mut too_long = Vec::new();
    if !failing.is_empty() {
        webhook_endpoint::Entity::update_of_all()
            .set(webhook_endpoint::ActiveModel {
                failing_since: Set(Some(now)),
                ..Default::default()
            })
            .filter(Endpoint::Id.is_in(failing.iter().copied()))
            .filter(Endpoint::FailingSince.is_null())
            .exec(change.transaction())
            .await?;
        too_long = webhook_endpoint::Entity::of_all()
            .filter(Endpoint::Id.is_in(failing.iter().copied()))
            .filter(Endpoint::Enabled.eq(true))
            .filter(Endpoint::FailingSince.lte(now - TimeDelta::days(settings.disable_after_days.into())))
            .all(change.transaction())
            .await?;
    }
    let mut to_disable: HashMap<Uuid, ToDisable> = HashMap::new();
    for endpoint in too_long {
        let disable = ToDisable {
            organization_id: endpoint.organization_id,
            endpoint_id: endpoint.id,
            reason: format!("nothing was delivered for {} days", settings.disable_after_days),
        };
        to_disable.insert(endpoint.id, disable);
    }
    for outcome in refused.filter(|outcome| outcome.status() == Some(GONE)) {
        let disable = ToDisable {
            organization_id: outcome.delivery.organization_id,
            endpoint_id: outcome.delivery.endpoint_id,
            reason: "the endpoint answered 410 Gone".to_owned(),
        };
        to_disable.insert(disable.endpoint_id, disable);
    }
    Ok(to_disable.into_values().collect())
}

/// Switches an endpoint off, cancels what is on its way to it and tells so.
pub(super) async fn disable(journal: &Journal, which: &ToDisable) -> Result<(), Error> {
    use webhook_endpoint::Column as Endpoint;
    let mut change = journal.begin().await?;
    let transaction = change.transaction();
    endpoints::lock(transaction, which.organization_id).await?;
    let now = database::now();
    let rows = webhook_endpoint::Entity::update_for_organization(which.organization_id)
        .set(webhook_endpoint::ActiveModel {
            enabled: Set(false),
            disabled_reason: Set(Some(which.reason.clone())),
            disabled_at: Set(Some(now)),
            updated_at: Set(now),
            ..Default::default()
        })
        .filter(Endpoint::Id.eq(which.endpoint_id))
        .filter(Endpoint::Enabled.eq(true))
        .exec_with_returning(transaction)
        .await?;
    let Some(endpoint) = rows.into_iter().next() else {
        return Ok(());
    };
    endpoints::cancel_pending(transaction, which.organization_id, which.endpoint_id, now).await?;
    let detail = json!({
        "endpointId": endpoint.id,
        "url": endpoint.url.split(['?', '#']).next(),
        "reason": which.reason,
        "failingSince": endpoint.failing_since,
    });
    let act = Act {
        action: "webhook.disable",
        target_id: Some(endpoint.id),
        detail: detail.clone(),
    };
    change.note(which.organization_id, &Origin::server(), act).await?;
    let event = NewEvent {
        organization_id: which.organization_id,
        connection_id: None,
        kind: EventKind::WebhookDisabled,
        data: detail,
    };
    change.tell(event).await?;
    change.commit().await?;
    tracing::warn!(webhook.endpoint_id = %which.endpoint_id, reason = which.reason, "switched a webhook endpoint off");
    Ok(())
}

fn attempt_row(outcome: &Outcome) -> webhook_attempt::ActiveModel {
    let (answer, error) = match &outcome.answer {
        Ok(answer) => (Some(answer), None),
        Err(error) => (None, Some(error.clone())),
    };
    webhook_attempt::ActiveModel {
        id: Set(Uuid::now_v7()),
        organization_id: Set(outcome.delivery.organization_id),
        delivery_id: Set(outcome.delivery.id),
        number: Set(outcome.delivery.attempts + 1),
        started_at: Set(outcome.started_at),
        duration_ms: Set(i32::try_from(outcome.duration.as_millis()).unwrap_or(i32::MAX)),
        status: Set(outcome.status().map(i32::from)),
        error: Set(error),
        request_headers: Set(outcome.request_headers.clone()),
        response_headers: Set(answer.map(|answer| answer.headers.clone())),
        response_body: Set(answer.map(|answer| answer.body.clone())),
    }
}
