//! Clears away finished deliveries that are older than they are kept.

use chrono::TimeDelta;
use lineshaft_entities::webhook_delivery::{Column, Entity, State};
use sea_orm::{ColumnTrait as _, DatabaseConnection, DbErr, QueryFilter as _, QuerySelect as _, QueryTrait as _};

use super::Settings;
use crate::{database, events::first_id_at};

/// Rows that are deleted in one go, so that others who write wait little.
const BATCH: u64 = 500;

/// Clears away the finished deliveries of all organizations that are older than they are kept, with their attempts, and
/// returns how many there were.
///
/// # Errors
/// When the database fails; what was cleared away until then is gone.
pub async fn sweep(database: &DatabaseConnection, settings: &Settings) -> Result<u64, DbErr> {
    let oldest = first_id_at(database::now() - TimeDelta::days(settings.keep_days.into()));
    let mut cleared = 0;
    loop {
        let batch = Entity::of_all()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.lt(oldest))
            .filter(Column::State.ne(State::Pending))
            .limit(BATCH)
            .into_query();
        let deleted = Entity::delete_of_all()
            .filter(Column::Id.in_subquery(batch))
            .exec(database)
            .await?
            .rows_affected;
        cleared += deleted;
        if deleted < BATCH {
            return Ok(cleared);
        }
    }
}
