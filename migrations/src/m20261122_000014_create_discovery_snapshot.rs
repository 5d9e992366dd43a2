//! Creates what was last seen of the fields that mappings read, and when each connection is looked at next.

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
                    .table("discovery_snapshot")
                    .col(uuid("id").primary_key())
                    .col(uuid("organization_id"))
                    .col(uuid("connection_id"))
                    .col(text("object"))
                    .col(text("digest"))
                    .col(json_binary("fields"))
                    .col(timestamp_with_time_zone("checked_at"))
                    .col(timestamp_with_time_zone_null("next_at"))
                    .foreign_key(&mut of_organization("discovery_snapshot"))
                    .foreign_key(&mut of_connection("discovery_snapshot"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("discovery_snapshot_object")
                    .table("discovery_snapshot")
                    .col("connection_id")
                    .col("object")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("discovery_snapshot_due")
                    .table("discovery_snapshot")
                    .col("next_at")
                    .and_where(Expr::cust("next_at IS NOT NULL"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("discovery_snapshot").to_owned())
            .await
    }
}
