//! Clears away events that are older than they are kept.

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::connection_event;
use sea_orm::{ColumnTrait as _, DatabaseConnection, DbErr, QueryFilter as _, QuerySelect as _, QueryTrait as _};
use uuid::Uuid;

use super::Settings;
use crate::database;

/// Rows that are deleted in one go, so that others who write wait little.
const BATCH: u64 = 500;

/// Clears away the events of all organizations that are older than they are kept, and returns how many there were.
///
/// # Errors
/// When the database fails; what was cleared away until then is gone.
pub async fn sweep(database: &DatabaseConnection, settings: &Settings) -> Result<u64, DbErr> {
    let oldest = first_id_at(database::now() - TimeDelta::days(settings.keep_days.into()));
    let mut cleared = 0;
    loop {
        let batch = connection_event::Entity::of_all()
            .select_only()
            .column(connection_event::Column::Id)
            .filter(connection_event::Column::Id.lt(oldest))
            .limit(BATCH)
            .into_query();
        let deleted = connection_event::Entity::delete_of_all()
            .filter(connection_event::Column::Id.in_subquery(batch))
            .exec(database)
            .await?
            .rows_affected;
        cleared += deleted;
        if deleted < BATCH {
            return Ok(cleared);
        }
    }
}

/// Returns the first identifier that a row made at a moment can have: identifiers begin with their time.
pub(crate) fn first_id_at(moment: DateTime<Utc>) -> Uuid {
    let milliseconds = u128::try_from(moment.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}
