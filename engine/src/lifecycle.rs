//! The life of a connection: its states, what leads from one to the next, and the only code that writes them.
//!
//! What happens on live connectors is noted in memory (`watch`, `notes`), judged without IO (`verdict`, `machine`) and
//! written with its events in one transaction (`draft`, `settle`). What people ask for goes the same way (`acts`).

pub mod machine;

pub(crate) mod told;
pub(crate) mod verdict;

mod acts;
mod diagnose;
mod diagnosis;
mod draft;
mod entities;
mod notes;
mod reason;
mod settle;
mod status;
mod watch;
mod worker;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use lineshaft_entities::connection::{ActiveModel, Column, Entity, Status};
use sea_orm::{ColumnTrait as _, DbErr, ExprTrait as _, QueryFilter as _, Set, sea_query::Expr};
use uuid::Uuid;

pub use acts::Error;
pub use diagnosis::{Diagnosis, Step, StepState};
pub use entities::{Entities, EntityHealth, EntityStatus};
pub use reason::Reason;
pub use status::{CircuitReport, CircuitState, EntityReport, Failure, RateLimitReport, StatusReport};
pub(crate) use watch::{Desk, Watch};
pub use worker::Stop;

use crate::{database, events::journal::Change};

/// How the health of connections is watched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether connections are tried without being asked.
    pub probe: bool,
    /// Time between two trials of a connection that is used.
    pub check_every: Duration,
    /// Time between two trials of a connection that nobody uses.
    pub idle_check_every: Duration,
    /// Time between two trials of a connection that does not work yet, or not any more.
    pub unreachable_check_every: Duration,
    /// Share by which these times vary, from 0 to 1.
    pub jitter: f64,
    /// Connections that are tried at the same time.
    pub parallel: usize,
    /// Share of faults, from 0 to 1, above which a connection counts as degraded.
    pub degraded_share: f64,
    /// How long before their end it is told that credentials end.
    pub expiry_warning: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            probe: true,
            check_every: Duration::from_secs(300),
            idle_check_every: Duration::from_secs(3600),
            unreachable_check_every: Duration::from_secs(30),
            jitter: 0.2,
            parallel: 8,
            degraded_share: 0.2,
            expiry_warning: Duration::from_secs(14 * 86_400),
        }
    }
}

/// Watches the connections that this process uses. Clones watch the same.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    pub(crate) desk: Arc<Desk>,
}

impl Lifecycle {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            desk: Arc::new(Desk::new(settings.degraded_share)),
        }
    }
}

/// A change of the state of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move<'a> {
    /// The states that it may be left from; in any other one nothing happens.
    pub from: &'a [Status],
    /// The new state.
    pub to: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// What more is to be told, for people.
    pub message: Option<&'a str>,
}

/// Moves a connection to another state, with other columns of its row. Returns whether this call did it: of many that
/// say the same at once, one is told `true`.
pub(crate) async fn apply(
    change: &Change,
    organization_id: Uuid,
    connection_id: Uuid,
    step: Move<'_>,
    beside: ActiveModel,
) -> Result<bool, DbErr> {
    let now = database::now();
    let from = step.from.iter().copied().filter(|from| *from != step.to);
    let updated = Entity::update_for_organization(organization_id)
        .set(ActiveModel {
            status: Set(step.to),
            status_reason: Set(step.reason.map(|reason| reason.as_str().to_owned())),
            status_message: Set(step.message.map(str::to_owned)),
            status_since: Set(now),
            updated_at: Set(now),
            ..beside
        })
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .filter(Column::Id.eq(connection_id))
        .filter(Column::Status.is_in(from))
        .exec(change.transaction())
        .await?;
    Ok(updated.rows_affected > 0)
}
