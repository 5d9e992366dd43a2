//! Creates the log of events and the ledger of credits, both only ever appended to.

use sea_orm_migration::{prelude::*, schema::*};

use crate::parts::{of_connection, of_organization};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connection_event")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(big_integer("position"))
                    .col(uuid_null("connection_id"))
                    .col(big_integer_null("sequence"))
                    .col(text("kind"))
                    .col(json_binary("data"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut of_organization("connection_event"))
                    .foreign_key(&mut of_connection("connection_event"))
                    // Positions are given out under a lock of the organization's row, so they appear in their order.
                    .index(
                        Index::create()
                            .unique()
                            .name("connection_event_position")
                            .col("organization_id")
                            .col("position"),
                    )
                    .index(
                        Index::create()
                            .unique()
                            .name("connection_event_sequence")
                            .col("connection_id")
                            .col("sequence"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("credit_entry")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid_null("connection_id"))
                    .col(text("kind"))
                    .col(big_integer("amount"))
                    .col(text_null("note"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut of_organization("credit_entry"))
                    .foreign_key(&mut of_connection("credit_entry"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("credit_entry_organization_id")
                    .table("credit_entry")
                    .col("organization_id")
                    .col("id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("credit_entry").to_owned())
            .await?;
        manager
            .drop_table(Table::drop().table("connection_event").to_owned())
            .await
    }
}
