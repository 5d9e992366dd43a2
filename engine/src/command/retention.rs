//! Sets keys free that were kept long enough, and clears old writes away.

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_entities::write_operation::{ActiveModel, Column, Entity, State};
use sea_orm::{ColumnTrait as _, DatabaseConnection, DbErr, QueryFilter as _, Set};

use super::Settings;

const ENDED: [State; 3] = [State::Succeeded, State::Failed, State::InDoubt];

/// Sets keys free and clears writes away that are older than they are kept. A write whose key is still kept stays.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep(database: &DatabaseConnection, settings: &Settings, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_of_all()
        .set(ActiveModel {
            idempotency_key: Set(None),
            ..Default::default()
        })
        .filter(Column::IdempotencyKey.is_not_null())
        .filter(Column::State.is_in(ENDED))
        .filter(Column::CreatedAt.lt(now - TimeDelta::days(settings.key_days.into())))
        .exec(database)
        .await?;
    Entity::delete_of_all()
        .filter(Column::State.is_in(ENDED))
        .filter(Column::IdempotencyKey.is_null())
        .filter(Column::CreatedAt.lt(now - TimeDelta::days(settings.keep_days.into())))
        .exec(database)
        .await
        .map(drop)
}
