//! The life of a connection. All changes of its state are written here, one compare-and-set at a time.

mod reason;

pub use reason::Reason;

use lineshaft_entities::connection::{ActiveModel, Column, Entity, Status};
use sea_orm::{ColumnTrait as _, DbErr, ExprTrait as _, QueryFilter as _, Set, sea_query::Expr};
use uuid::Uuid;

use crate::{database, events::journal::Change};

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
