//! The next version of a connection's row while it is worked out inside a change, with the events that tell it.
//!
//! The row is locked by whoever drafts. Locks are taken in one order everywhere: the connection, then its organization.

use chrono::{DateTime, Utc};
use lineshaft_entities::connection::{ActiveModel, Column, Entity, Model, Status};
use sea_orm::{ColumnTrait as _, DbErr, QueryFilter as _, QuerySelect as _, Set};
use uuid::Uuid;

use super::{
    Reason,
    entities::{self, Entities},
    machine::{Ailment, Signal, Snapshot, next},
    notes::{Facts, LIMITED_AGAIN},
    told::{self, Told},
};
use crate::{
    Engine,
    connections::{Connection, Deployment},
    credits, database,
    events::{EventKind, NewEvent, journal::Change},
};

/// The next version of a connection's row.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) row: Model,
    price: i64,
    now: DateTime<Utc>,
    stepped: bool,
    told: Vec<Told>,
    entities: Entities,
}

impl Draft {
    /// Locks a row and begins its next version.
    pub(super) async fn begin(
        engine: &Engine,
        change: &Change,
        organization_id: Uuid,
        connection_id: Uuid,
    ) -> Result<Option<Self>, DbErr> {
        let row = Entity::for_organization(organization_id)
            .filter(Column::Id.eq(connection_id))
            .lock_exclusive()
            .one(change.transaction())
            .await?;
        Ok(row.map(|row| Self {
            price: price(engine, &row.connector, row.deployment),
            now: database::now(),
            stepped: false,
            told: Vec::new(),
            entities: entities::parse(row.entity_health.as_ref()),
            row,
        }))
    }

    /// Takes facts over into the row.
    pub(super) fn note(&mut self, facts: &Facts) {
        let row = &mut self.row;
        row.last_success_at = row.last_success_at.max(facts.last_success_at);
        row.last_used_at = row.last_used_at.max(facts.last_used_at);
        if let Some(error) = &facts.last_error
            && row.last_error_at.is_none_or(|last| last <= error.at)
        {
            row.last_error_at = Some(error.at);
            row.last_error_code = Some(error.code.to_owned());
            row.last_error_message = Some(error.message.clone());
        }
        if row.circuit_open_until.is_some() && facts.circuit_open_until.is_some() {
            row.circuit_open_until = row.circuit_open_until.max(facts.circuit_open_until);
        }
        if facts.next_check_at.is_some() {
            row.next_check_at = facts.next_check_at;
        }
        if row.account.is_none() {
            row.account.clone_from(&facts.account);
        }
        if self.is_limited() {
            self.row.rate_limited_until = self.row.rate_limited_until.max(facts.rate_limited_until);
        }
        if !facts.entities.is_empty() {
            entities::merge(&mut self.entities, &facts.entities);
            self.row.entity_health = serde_json::to_value(&self.entities).ok();
        }
    }

    /// Follows a signal. Returns whether anything changed by it.
    pub(super) fn follow(&mut self, signal: &Signal, facts: &Facts) -> bool {
        let signal = match signal {
            Signal::Worked(_) => Signal::Worked(self.ailment(facts)),
            Signal::Vouched(_) => Signal::Vouched(self.ailment(facts)),
            Signal::Ails(_) => match self.ailment(facts) {
                Some(ailment) => Signal::Ails(ailment),
                None => return false,
            },
            other => other.clone(),
        };
        let Some(step) = next(&self.snapshot(), &signal) else {
            return false;
        };
        let previous = self.row.status;
        if step.to != previous || step.reason.map(Reason::as_str) != self.row.status_reason.as_deref() {
            if step.to != previous {
                self.row.status_since = self.now;
            }
            self.row.status = step.to;
            self.row.status_reason = step.reason.map(|reason| reason.as_str().to_owned());
            self.row.status_message.clone_from(&step.message);
        }
        for kind in step.events {
            match kind {
                EventKind::CircuitOpened => {
                    self.row.circuit_open_until = facts.circuit_open_until.or(Some(self.now));
                }
                EventKind::CircuitClosed => self.row.circuit_open_until = None,
                EventKind::RateLimited => {
                    self.row.rate_limited_until = facts.rate_limited_until.or(Some(self.now));
                }
                EventKind::Disconnected => {
                    self.row.disconnected_at = Some(self.now);
                    (self.row.next_check_at, self.row.circuit_open_until) = (None, None);
                }
                _ => {}
            }
            self.told.push(Told {
                kind,
                previous,
                until: match kind {
                    EventKind::CircuitOpened => self.row.circuit_open_until,
                    EventKind::RateLimited => self.row.rate_limited_until,
                    _ => None,
                },
            });
        }
        self.stepped = true;
        true
    }

    /// Says that the credits do not suffice: it waits, and works as soon as there are enough.
    pub(super) fn wait_for_credits(&mut self, needed: i64, available: i64) {
        let reason = Reason::CreditsExhausted.as_str();
        let is_known = self.row.status == Status::Pending && self.row.status_reason.as_deref() == Some(reason);
        if self.row.status != Status::Pending {
            self.row.status_since = self.now;
        }
        self.row.status = Status::Pending;
        self.row.status_reason = Some(reason.to_owned());
        self.row.status_message = Some(format!(
            "the connection needs {needed} credits and {available} are available"
        ));
        self.stepped = !is_known;
    }

    /// Returns the credits that the drafted version needs and does not have yet.
    pub(super) fn unpaid(&self) -> Option<i64> {
        let activates = self.told.iter().any(|told| told.kind == EventKind::Activated);
        Some(self.price).filter(|price| activates && self.row.credits == 0 && *price > 0)
    }

    /// Writes the row, reserves the credits that it needs, and tells what happened. On `Exhausted` the change must be
    /// dropped.
    pub(super) async fn save(mut self, engine: &Engine, change: &mut Change) -> Result<Model, credits::Error> {
        let unpaid = self.unpaid();
        self.row.credits += unpaid.unwrap_or_default();
        if self.stepped {
            self.row.revision += 1;
            self.row.updated_at = self.now;
        }
        let row = &self.row;
        Entity::update_for_organization(row.organization_id)
            .set(ActiveModel {
                name: Set(row.name.clone()),
                settings: Set(row.settings.clone()),
                status: Set(row.status),
                status_reason: Set(row.status_reason.clone()),
                status_message: Set(row.status_message.clone()),
                status_since: Set(row.status_since),
                updated_at: Set(row.updated_at),
                disconnected_at: Set(row.disconnected_at),
                last_success_at: Set(row.last_success_at),
                last_error_at: Set(row.last_error_at),
                last_error_code: Set(row.last_error_code.clone()),
                last_error_message: Set(row.last_error_message.clone()),
                last_used_at: Set(row.last_used_at),
                next_check_at: Set(row.next_check_at),
                credentials_expire_at: Set(row.credentials_expire_at),
                circuit_open_until: Set(row.circuit_open_until),
                rate_limited_until: Set(row.rate_limited_until),
                entity_health: Set(row.entity_health.clone()),
                account: Set(row.account.clone()),
                credits: Set(row.credits),
                revision: Set(row.revision),
                ..Default::default()
            })
            .filter(Column::Id.eq(row.id))
            .exec(change.transaction())
            .await?;
        if let Some(price) = unpaid {
            credits::reserve(change, &engine.settings.credits, row.organization_id, row.id, price).await?;
        }
        if !self.told.is_empty() {
            let connection = Connection::new(self.row.clone(), None);
            for told in &self.told {
                let event = NewEvent {
                    organization_id: connection.organization_id,
                    connection_id: Some(connection.id),
                    kind: told.kind,
                    data: told::data(engine, &connection, told),
                };
                change.tell(event).await?;
            }
        }
        Ok(self.row)
    }

    /// Marks the row as changed besides its state.
    pub(super) const fn touch(&mut self) {
        self.stepped = true;
    }

    /// Returns whether the period lasts in which the system asks for fewer calls.
    fn is_limited(&self) -> bool {
        let until = self.row.rate_limited_until;
        until.is_some_and(|until| until + LIMITED_AGAIN > self.now)
    }

    fn snapshot(&self) -> Snapshot {
        let row = &self.row;
        Snapshot {
            status: row.status,
            reason: row.status_reason.as_deref().and_then(Reason::parse),
            circuit_open: row.circuit_open_until.is_some(),
            rate_limited: self.is_limited(),
            activated: row.credits > 0 || self.price == 0,
        }
    }

    /// Returns what does not work, if something does not.
    fn ailment(&self, facts: &Facts) -> Option<Ailment> {
        let lost: Vec<&str> = self
            .entities
            .iter()
            .filter(|(_, health)| health.is_lost())
            .map(|(name, _)| name.as_str())
            .collect();
        if lost.is_empty() {
            return facts.ailment.clone();
        }
        Some(Ailment {
            reason: Reason::PermissionDenied,
            message: format!("the account may no longer read: {}", lost.join(", ")),
        })
    }
}

/// Returns what a connection costs. One whose connector is not loaded costs the least.
pub(super) fn price(engine: &Engine, connector: &str, deployment: Deployment) -> i64 {
    let tier = engine.registry.get(connector).map_or(1, |kind| kind.manifest.tier);
    engine.settings.credits.price(tier, deployment)
}
