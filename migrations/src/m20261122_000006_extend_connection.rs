//! Gives connections what their life needs: the last outcomes, the next check, their account, credits and events.

use sea_orm_migration::{prelude::*, schema::*};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// SQLite adds and drops one column a statement.
fn columns() -> [ColumnDef; 15] {
    [
        text_null("status_message"),
        timestamp_with_time_zone_null("last_success_at"),
        timestamp_with_time_zone_null("last_error_at"),
        text_null("last_error_code"),
        text_null("last_error_message"),
        timestamp_with_time_zone_null("last_used_at"),
        timestamp_with_time_zone_null("next_check_at"),
        timestamp_with_time_zone_null("credentials_expire_at"),
        timestamp_with_time_zone_null("circuit_open_until"),
        timestamp_with_time_zone_null("rate_limited_until"),
        json_binary_null("entity_health"),
        text_null("account"),
        big_integer("credits").default(0).to_owned(),
        big_integer("event_sequence").default(0).to_owned(),
        big_integer("revision").default(0).to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager
                .alter_table(Table::alter().table("connection").add_column(column).to_owned())
                .await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("connection_next_check")
                    .table("connection")
                    .col("next_check_at")
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("organization")
                    .add_column(big_integer("event_position").default(0))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("organization")
                    .drop_column("event_position")
                    .to_owned(),
            )
            .await?;
        manager
            .drop_index(
                Index::drop()
                    .name("connection_next_check")
                    .table("connection")
                    .to_owned(),
            )
            .await?;
        for column in columns() {
            let name = column.get_column_name();
            manager
                .alter_table(
                    Table::alter()
                        .table("connection")
                        .drop_column(Alias::new(name))
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
