//! Creates the versions of mappings that organizations change, and counts the changes of each organization.

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
                    .table("mapping_version")
                    .col(uuid("id").primary_key())
                    .col(uuid("organization_id"))
                    .col(text("scope"))
                    .col(integer("version"))
                    .col(text("connector"))
                    .col(uuid_null("customer_id"))
                    .col(uuid_null("connection_id"))
                    .col(json_binary("document"))
                    .col(text("author"))
                    .col(text_null("comment"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("superseded_at"))
                    .foreign_key(&mut of_organization("mapping_version"))
                    .foreign_key(&mut of_connection("mapping_version"))
                    .to_owned(),
            )
            .await?;
        // Of two who save the same next version one fails.
        manager
            .create_index(
                Index::create()
                    .name("mapping_version_scope_version")
                    .table("mapping_version")
                    .col("organization_id")
                    .col("scope")
                    .col("version")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("mapping_version_current")
                    .table("mapping_version")
                    .col("organization_id")
                    .col("scope")
                    .unique()
                    .and_where(Expr::cust("superseded_at IS NULL"))
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("organization")
                    .add_column(big_integer("mapping_revision").default(0))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("organization")
                    .drop_column("mapping_revision")
                    .to_owned(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table("mapping_version").to_owned())
            .await
    }
}
