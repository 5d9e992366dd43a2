//! Creates the connections, the links to the systems of the customers.

use sea_orm_migration::{prelude::*, schema::*};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connection")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid_null("customer_id"))
                    .col(text("connector"))
                    .col(text("name"))
                    .col(text("deployment"))
                    .col(json_binary("settings"))
                    .col(text("status"))
                    .col(text_null("status_reason"))
                    .col(timestamp_with_time_zone("status_since"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("disconnected_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("connection_organization")
                            .from("connection", "organization_id")
                            .to("organization", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("connection_customer")
                            .from("connection", ("organization_id", "customer_id"))
                            .to("customer", ("organization_id", "id")),
                    )
                    // Serves the ordered list and is what credentials and tokens point at.
                    .index(
                        Index::create()
                            .unique()
                            .name("connection_organization_id")
                            .col("organization_id")
                            .col("id"),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("connection_organization_customer", "customer_id"),
            ("connection_organization_connector", "connector"),
            ("connection_organization_status", "status"),
        ] {
            manager
                .create_index(
                    Index::create()
                        .name(name)
                        .table("connection")
                        .col("organization_id")
                        .col(column)
                        .col("id")
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("connection").to_owned()).await
    }
}
